"""Tests of which sentences of an article are selected for the summary."""

import time

from hypothesis import given, settings
from hypothesis import strategies as st

from service.summarization.lengths import Length
from service.summarization.selection import opening, rank, select

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
SCENE = "Am frühen Morgen glänzt der Asphalt in der Sonne."


def test_opening_states_the_news_of_the_headline() -> None:
    assert opening([NEWS, SCENE], headline="Stadtrat beschließt Umbau")[0] == 0
    assert opening(["Bonn.", NEWS], headline="Stadtrat beschließt Umbau", barred={0}) == [1]
    assert opening([NEWS], headline=None) == [0]


def test_scene_question_or_dependent_sentence_is_no_opening() -> None:
    headline = "Stadtrat beschließt Umbau des Hallenbads"
    others = (
        SCENE,
        "Wer bezahlt den Umbau des Hallenbads in der Stadt?",
        "Er hat den Umbau des Hallenbads beschlossen.",
    )
    assert [opening([other, NEWS], headline=headline) for other in others] == [[]] * len(others)
    assert opening([], headline=headline) == []


def test_opening_is_selected_first() -> None:
    details = [f"Das Hallenbad und der Umbau des Hallenbads kosten {n} Millionen Euro." for n in range(2, 12)]
    found = select([NEWS, *details], budget=Length(max_sentences=1), headline="Umbau des Hallenbads kostet Millionen")
    assert found == [0]


def test_reported_speech_without_its_speaker_scores_less() -> None:
    others = ["Der Umbau des Bades kostet viel Geld.", "Die Stadt plant den Umbau des Bades."]
    stated = rank([*others, "Der Umbau des alten Bades ist eine gute Sache."])[2]
    reported = rank([*others, "Der Umbau des alten Bades sei eine gute Sache."])[2]
    assert reported < stated
