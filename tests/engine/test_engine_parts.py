"""How a call is split between replicas."""

import itertools

from hypothesis import given
from hypothesis import strategies as st

from service.engines.parts import parts

lengths = st.lists(st.integers(1, 80), max_size=70)
counts = st.integers(1, 8)


@given(lengths, counts)
def test_each_item_is_in_one_part_and_no_part_is_empty(sizes: list[int], count: int) -> None:
    split = parts(sizes, count)
    assert sorted(place for part in split for place in part) == list(range(len(sizes)))
    assert len(split) <= count
    assert all(split)


@given(lengths, counts)
def test_no_item_is_longer_than_one_of_a_part_before(sizes: list[int], count: int) -> None:
    split = parts(sizes, count)
    for before, after in itertools.pairwise(split):
        assert min(sizes[place] for place in before) >= max(sizes[place] for place in after)


def test_parts_have_about_equal_padded_tokens() -> None:
    sizes = list(range(8, 40))
    padded = [max(sizes[place] for place in part) * len(part) for part in parts(sizes, 2)]
    assert max(padded) < 1.1 * min(padded)


def test_items_of_one_length_are_shared_out_evenly() -> None:
    assert [len(part) for part in parts([7] * 12, 4)] == [3, 3, 3, 3]
