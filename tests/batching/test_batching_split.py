"""Tests of splitting a batch across replicas."""

from hypothesis import given
from hypothesis import strategies as st

from service.generation.engines.base import filler, padded_length
from service.generation.scheduler import LEAST_CALL_SOURCES, split_across_replicas

ROOMY = {"room": 1_000, "token_budget": 1_000_000}

lengths = st.lists(st.integers(1, 80), max_size=70)
counts = st.integers(1, 8)


@given(lengths, counts)
def test_split_puts_each_item_into_one_nonempty_call(sizes: list[int], count: int) -> None:
    split = split_across_replicas(sizes, count, **ROOMY)
    assert sorted(place for call in split for place in call) == list(range(len(sizes)))
    assert all(split)


@given(lengths, counts)
def test_call_has_one_padded_length(sizes: list[int], count: int) -> None:
    assert all(
        len({padded_length(sizes[place]) for place in call}) == 1
        for call in split_across_replicas(sizes, count, **ROOMY)
    )


@given(lengths, counts)
def test_split_calls_are_few_and_large(sizes: list[int], count: int) -> None:
    of_length: dict[int, list[int]] = {}
    for call in split_across_replicas(sizes, count, **ROOMY):
        of_length.setdefault(padded_length(sizes[call[0]]), []).append(len(call))
    assert all(len(found) <= count for found in of_length.values())
    assert all(min(found) >= LEAST_CALL_SOURCES for found in of_length.values() if len(found) > 1)


def test_one_replica_gets_one_call_per_padded_length() -> None:
    assert [len(call) for call in split_across_replicas([*range(1, 33)], 1, **ROOMY)] == [16, 16]


def test_large_group_is_split_evenly() -> None:
    assert [len(call) for call in split_across_replicas([7] * 32, 4, **ROOMY)] == [8, 8, 8, 8]


def test_each_split_call_gets_a_source_of_padded_length() -> None:
    sizes = [16, *range(1, 16), 16]
    assert [filler([sizes[place] for place in call]) for call in split_across_replicas(sizes, 2, **ROOMY)] == [[], []]


def test_largest_call_comes_first() -> None:
    assert split_across_replicas([40, 40, *[10] * 20, *[20] * 7], 1, **ROOMY) == [
        [*range(2, 22)],
        [*range(22, 29)],
        [0, 1],
    ]


@given(lengths, counts, st.integers(1, 20), st.integers(1, 500))
def test_call_stays_within_limits_unless_single(sizes: list[int], count: int, room: int, budget: int) -> None:
    for call in split_across_replicas(sizes, count, room=room, token_budget=budget):
        longest = max(sizes[place] for place in call)
        assert len(call) == 1 or (len(call) <= room and longest * len(call) <= budget)
