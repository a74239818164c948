"""Tests of summary variants: the choice of the first variant, and the differences between variants."""

from hypothesis import given, settings
from hypothesis import strategies as st

from service.summarization.lengths import Length
from service.summarization.variants import Offer, choose, variants

ONE = ("Eins zwei drei.", "Drei zwei eins.")
TWO = ("Vier fünf sechs.",)
THREE = ("Sieben acht neun.",)
OFFERS = st.lists(
    st.builds(
        Offer,
        st.lists(st.text("abc .", min_size=1, max_size=20), min_size=1, max_size=3).map(tuple),
        st.floats(0, 1),
        st.booleans(),
        st.booleans(),
    ),
    max_size=6,
)


def test_weakest_sentence_is_dropped_if_too_long() -> None:
    offers = [Offer(ONE, 0.5), Offer(TWO, 0.1), Offer(THREE, 0.9)]
    assert choose(offers, Length(max_words=6)) == [(0, 0), (2, 0)]


def test_shorter_wording_replaces_one_that_does_not_fit() -> None:
    offers = [Offer(("Eins zwei drei vier fünf sechs.", "Eins zwei."), 0.5)]
    assert choose(offers, Length(max_words=3)) == [(0, 1)]


def test_spare_uses_remaining_room() -> None:
    offers = [Offer(("Eins zwei drei vier.",), 0.5), Offer(TWO, 0.9, spare=True)]
    assert choose(offers, Length(max_words=8)) == [(0, 0), (1, 0)]
    assert choose(offers, Length(max_words=6)) == [(0, 0)]
    assert choose(offers, Length(max_words=3)) == [(1, 0)]


def test_fillers_come_after_rewritings() -> None:
    offers = [Offer(ONE, 0.2), Offer(TWO, 1.0, filler=True), Offer(THREE, 0.1, spare=True)]
    first = choose(offers, Length(max_words=6))
    assert first == [(0, 0), (2, 0)]
    assert choose(offers, Length(max_words=9)) == [(0, 0), (1, 0), (2, 0)]
    assert variants(first, offers, Length(max_words=6), 2) == [first, [(0, 1), (2, 0)]]


def test_short_wordings_win_if_sentences_are_missing() -> None:
    offers = [Offer(("Eins zwei drei vier fünf sechs.",), 1.0), Offer(TWO, 0.5), Offer(THREE, 0.4)]
    assert choose(offers, Length(max_words=8)) == [(0, 0)]
    assert choose(offers, Length(max_words=8, min_sentences=2)) == [(1, 0), (2, 0)]


def test_variant_differs_in_wording_or_sentence() -> None:
    offers = [Offer(ONE, 1.0), Offer(TWO, 0.9)]
    made = variants([(0, 0)], offers, Length(max_sentences=1), 3)
    assert made == [[(0, 0)], [(0, 1)], [(1, 0)]]


def test_equal_words_are_no_variant() -> None:
    offers = [Offer(("Eins, zwei, drei.", "Eins zwei drei."), 1.0)]
    assert variants([(0, 0)], offers, Length(), 5) == [[(0, 0)]]


def test_part_of_earlier_variant_is_no_variant() -> None:
    offers = [Offer(ONE[:1], 1.0), Offer(TWO, 0.9)]
    assert variants([(0, 0), (1, 0)], offers, Length(), 5) == [[(0, 0), (1, 0)]]


@settings(max_examples=80, deadline=None)
@given(OFFERS, st.integers(1, 40))
def test_chosen_summary_has_no_room_for_unused_offers(offers: list[Offer], limit: int) -> None:
    length = Length(max_chars=limit)
    found = dict(choose(offers, length))
    texts = [offers[number].wordings[rank] for number, rank in found.items()]
    unused = [offer for number, offer in enumerate(offers) if number not in found]
    assert not any(length.fits([*texts, written]) for offer in unused for written in offer.wordings)


@settings(max_examples=80, deadline=None)
@given(OFFERS, st.integers(1, 40), st.integers(1, 5), st.integers(0, 3))
def test_variants_fit_differ_and_start_with_the_chosen_one(
    offers: list[Offer], limit: int, count: int, least: int
) -> None:
    length = Length(max_chars=limit, min_sentences=least)
    first = choose(offers, length)
    made = variants(first, offers, length, count)
    texts = [[offers[number].wordings[rank] for number, rank in one] for one in made]
    assert made[0] == first
    assert len(made) <= count
    assert all(length.fits(text) for text in texts)
    assert len({" ".join(text) for text in texts}) == len(texts)
    assert all(one == sorted(one) and len({number for number, _ in one}) == len(one) for one in made)
