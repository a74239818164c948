"""Tests of which sentences of an article are selected for the summary."""

import time

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from service.summarization.lengths import Length
from service.summarization.selection import opening, predecessors, rank, select

SENTENCES = st.lists(st.text("abcdefgäöüß ,.?!„“1A", max_size=60), max_size=12)


def test_scores_are_from_zero_to_one(article: list[str]) -> None:
    scores = rank(article)
    assert max(scores) == 1.0
    assert min(scores) >= 0.0


def test_subheadings_questions_and_quotations_score_less(article: list[str]) -> None:
    scores = rank(article)
    order = sorted(range(len(article)), key=lambda number: -scores[number])
    assert {3, 6, 7}.isdisjoint(order[:8])


def test_dependent_sentence_scores_less() -> None:
    others = ["Der Umbau des Bades kostet viel Geld.", "Die Stadt plant den Umbau des Bades."]
    with_noun = rank([*others, "Die Arbeiten am Umbau des Bades beginnen bald."])[2]
    with_pronoun = rank([*others, "Diese Arbeiten am Umbau des Bades beginnen bald."])[2]
    assert with_pronoun < with_noun


def test_headline_raises_related_sentences(article: list[str]) -> None:
    assert rank(article, headline="Schwimmverein fürchtet um Mitglieder")[10] > rank(article)[10]


def test_redundant_sentence_is_not_selected() -> None:
    sentences = [
        "Der Zug aus Hamburg entgleiste am Morgen bei Celle.",
        "Der Zug aus Hamburg ist am Morgen bei Celle entgleist.",
        "Nach Angaben der Polizei wurde bei dem Zugunglück niemand verletzt.",
        "Auf der Strecke wird noch bis Freitag gearbeitet.",
    ]
    assert select(sentences, budget=Length(max_sentences=2)) in ([0, 2], [0, 3])


def test_short_article_is_returned_whole(article: list[str]) -> None:
    assert select(article, budget=Length(max_words=1_000)) == list(range(len(article)))


def test_barred_sentence_is_not_selected(article: list[str]) -> None:
    best = select(article, budget=Length(max_words=40))
    assert not set(best) & set(select(article, budget=Length(max_words=40), barred=best))
    assert select(article, budget=Length(max_words=1_000), barred=[0, 5]) == [1, 2, 3, 4, *range(6, len(article))]


def test_selection_is_empty_if_no_sentence_fits(article: list[str]) -> None:
    assert select(article, budget=Length(max_words=1)) == []


def test_four_hundred_sentences_take_under_two_seconds(article: list[str]) -> None:
    many = [f"{sentence[:-1]} im Ort {number}." for number in range(25) for sentence in article]
    start = time.process_time()
    select(many, budget=Length(max_words=200))
    assert time.process_time() - start < 2  # measured: 0.03 s


@settings(max_examples=60, deadline=None)
@given(SENTENCES, st.integers(1, 40))
def test_selection_is_ordered_fitting_and_deterministic(sentences: list[str], limit: int) -> None:
    length = Length(max_words=limit)
    chosen = select(sentences, budget=length)
    assert chosen == sorted(set(chosen)) == select(sentences, budget=length)
    assert length.fits([sentences[number] for number in chosen])


NEWS = "Der Stadtrat hat den Umbau des Hallenbads beschlossen."
OTHER = "Die Arbeiten kosten nach Schätzung der Stadt zwölf Millionen Euro."
SCENE = "Am frühen Morgen glänzt der Asphalt in der Sonne."


def test_opening_states_the_news_of_the_headline() -> None:
    assert opening([NEWS, SCENE], headline="Stadtrat beschließt Umbau")[0] == 0
    assert opening(["Bonn.", NEWS], headline="Stadtrat beschließt Umbau", barred={0}) == [1]
    assert opening([NEWS], headline=None) == [0]


HEADLINE = "Stadtrat beschließt Umbau des Hallenbads"


def test_opening_begins_behind_a_question_or_a_scene() -> None:
    scene = [f"Ein {kind} Vogel sitzt am Morgen auf dem Dach." for kind in ("bunter", "kleiner", "junger", "alter")]
    assert opening(["Wer bezahlt den Umbau des Hallenbads in der Stadt?", NEWS], headline=HEADLINE) == [1]
    assert opening([*scene, NEWS], headline=HEADLINE) == [4]
    assert opening([], headline=HEADLINE) == []


def test_short_scene_is_kept_before_the_news() -> None:
    assert opening([SCENE, NEWS], headline=HEADLINE) == [0, 1]


def test_first_sentence_stays_first_even_if_it_is_long() -> None:
    long = f"Am Montag begann der Umbau {'und der Ausbau ' * 20}in der Stadt."
    assert opening([long, NEWS], headline=HEADLINE)[0] == 0


@pytest.mark.parametrize(
    "sentence",
    [
        "„Der Umbau ist teuer, aber wir brauchen das Bad“, sagte sie.",
        "In der Bildergalerie können Sie den Umbau sehen.",
        "Wer soll das alles bezahlen?",
        NEWS,
    ],
)
def test_sentence_that_adds_little_gives_way_to_the_next_one(sentence: str) -> None:
    assert opening([NEWS, sentence, OTHER], headline=HEADLINE) == [0, 2]


def test_quotation_stays_if_the_next_sentence_refers_to_it() -> None:
    quotation = "„Der Umbau ist teuer, aber wir brauchen das Bad“, sagte Müller."
    assert opening([NEWS, quotation, "Er hatte den Plan vorgelegt."], headline=HEADLINE) == [0, 1, 2]


def test_sentence_with_a_known_noun_needs_its_predecessor() -> None:
    sentences = [
        NEWS,
        OTHER,
        "Der Baubeginn ist im Mai.",
        "Ein Institut prüfte den Plan.",
        "Das Institut lobte den Plan.",
    ]
    assert predecessors(sentences, headline=HEADLINE) == {4: 3}


def test_sentence_is_not_selected_without_its_predecessor() -> None:
    long = f"Das Institut Müller {'lobte den Plan und ' * 8}schwieg."
    sentences = [NEWS, long, "Es stellte dann weitere Fragen zum Plan."]
    assert select(sentences, budget=Length(max_words=20), headline=HEADLINE) == [0]


def test_opening_is_selected_first() -> None:
    details = [f"Das Hallenbad und der Umbau des Hallenbads kosten {n} Millionen Euro." for n in range(2, 12)]
    found = select([NEWS, *details], budget=Length(max_sentences=1), headline="Umbau des Hallenbads kostet Millionen")
    assert found == [0]


def test_reported_speech_without_its_speaker_scores_less() -> None:
    others = ["Der Umbau des Bades kostet viel Geld.", "Die Stadt plant den Umbau des Bades."]
    stated = rank([*others, "Der Umbau des alten Bades ist eine gute Sache."])[2]
    reported = rank([*others, "Der Umbau des alten Bades sei eine gute Sache."])[2]
    assert reported < stated
