"""Tests of which sentences of an article are selected for the summary."""

import time

from hypothesis import given, settings
from hypothesis import strategies as st

from service.summarization.lengths import Length
from service.summarization.selection import rank, select

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
