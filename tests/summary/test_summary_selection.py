"""Extractive selection: what it prefers, what it keeps out, and what always holds."""

import time

from hypothesis import given, settings
from hypothesis import strategies as st

from service.summarization.lengths import Length
from service.summarization.selection import rank, select

SENTENCES = st.lists(st.text("abcdefgäöüß ,.?!„“1A", max_size=60), max_size=12)


def test_scores_lie_between_nothing_and_one_and_the_best_is_one(article: list[str]) -> None:
    scores = rank(article)
    assert max(scores) == 1.0
    assert min(scores) >= 0.0


def test_subheadings_questions_and_bare_quotations_are_disliked(article: list[str]) -> None:
    scores = rank(article)
    order = sorted(range(len(article)), key=lambda number: -scores[number])
    assert {3, 6, 7}.isdisjoint(order[:8])


def test_a_leaning_sentence_scores_less_than_the_same_with_a_noun() -> None:
    others = ["Der Umbau des Bades kostet viel Geld.", "Die Stadt plant den Umbau des Bades."]
    with_noun = rank([*others, "Die Arbeiten am Umbau des Bades beginnen bald."])[2]
    with_pronoun = rank([*others, "Diese Arbeiten am Umbau des Bades beginnen bald."])[2]
    assert with_pronoun < with_noun


def test_the_headline_lifts_what_it_speaks_of(article: list[str]) -> None:
    assert rank(article, headline="Schwimmverein fürchtet um Mitglieder")[10] > rank(article)[10]


def test_the_same_thing_is_not_said_twice() -> None:
    sentences = [
        "Der Zug aus Hamburg entgleiste am Morgen bei Celle.",
        "Der Zug aus Hamburg ist am Morgen bei Celle entgleist.",
        "Nach Angaben der Polizei wurde bei dem Zugunglück niemand verletzt.",
        "Auf der Strecke wird noch bis Freitag gearbeitet.",
    ]
    assert select(sentences, budget=Length(max_sentences=2)) in ([0, 2], [0, 3])


def test_an_article_shorter_than_the_length_is_given_whole(article: list[str]) -> None:
    assert select(article, budget=Length(max_words=1_000)) == list(range(len(article)))


def test_a_barred_sentence_is_not_chosen(article: list[str]) -> None:
    best = select(article, budget=Length(max_words=40))
    assert not set(best) & set(select(article, budget=Length(max_words=40), barred=best))
    assert select(article, budget=Length(max_words=1_000), barred=[0, 5]) == [1, 2, 3, 4, *range(6, len(article))]


def test_no_sentence_is_cut_where_none_fits(article: list[str]) -> None:
    assert select(article, budget=Length(max_words=1)) == []


def test_four_hundred_sentences_take_under_two_seconds_of_the_processor(article: list[str]) -> None:
    many = [f"{sentence[:-1]} im Ort {number}." for number in range(25) for sentence in article]
    start = time.process_time()
    select(many, budget=Length(max_words=200))
    assert time.process_time() - start < 2  # measured: 0.03 s


@settings(max_examples=60, deadline=None)
@given(SENTENCES, st.integers(1, 40))
def test_a_selection_is_in_order_fits_and_is_the_same_each_time(sentences: list[str], limit: int) -> None:
    length = Length(max_words=limit)
    chosen = select(sentences, budget=length)
    assert chosen == sorted(set(chosen)) == select(sentences, budget=length)
    assert length.fits([sentences[number] for number in chosen])
