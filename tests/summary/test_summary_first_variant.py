"""Tests that the first variant of a summary does not depend on the number of requested variants."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from service.summarization.lengths import Length
from service.summarization.rewriting import Group, groups
from service.summarization.variants import Offer, choose, variants

SENTENCES = st.lists(st.text("abcdefgäöüß ,.?!„“1A", max_size=60), max_size=20)


def cores(found: list[Group]) -> list[tuple[tuple[int, ...], bool, bool]]:
    return [(group.members, group.spare, group.filler) for group in found]


@given(SENTENCES, st.integers(1, 6), st.integers(0, 3), st.integers(0, 8), st.integers(1, 4))
def test_further_variants_do_not_change_the_first(
    sentences: list[str], most: int, spares: int, fillers: int, further: int
) -> None:
    length = Length(max_sentences=most)
    alone = groups(sentences, headline=None, length=length, spares=spares, fillers=fillers)
    several = groups(sentences, headline=None, length=length, spares=spares, fillers=fillers, further=further)
    assert cores([group for group in several if group.in_first]) == cores(alone)


@given(SENTENCES, st.integers(1, 6), st.integers(0, 8), st.integers(0, 4))
def test_variants_repeat_no_sentence(sentences: list[str], most: int, fillers: int, further: int) -> None:
    found = groups(sentences, headline=None, length=Length(max_sentences=most), fillers=fillers, further=further)
    for usable in ([one for one in found if one.in_first], [one for one in found if one.in_further]):
        members = [number for group in usable for number in group.members]
        assert len(members) == len(set(members))


@pytest.mark.parametrize("spare", [False, True])
def test_first_variant_uses_no_offer_of_further_variants(spare: bool) -> None:  # noqa: FBT001 - a parameter of a test
    offers = [
        Offer(("Eins zwei.",), 0.5),
        Offer(("Drei vier.",), 0.9, spare=spare, in_first=False),
        Offer(("Fünf sechs.",), 0.4, filler=True, in_further=False),
    ]
    first = choose(offers, Length(max_words=4))
    assert first == [(0, 0), (2, 0)]
    assert variants(first, offers, Length(max_words=4), 2)[1:] == [[(0, 0), (1, 0)]]
