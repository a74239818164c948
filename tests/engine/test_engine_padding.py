"""Tests of padding: sources are grouped by padded length, and filler inputs have that length."""

from hypothesis import given
from hypothesis import strategies as st

from service.generation.engines.base import LEAST_STEP_TOKENS, by_padded_length, filler, padded_length

LENGTHS = st.lists(st.integers(1, 200), min_size=1, max_size=40)


@given(LENGTHS)
def test_each_source_is_in_one_group(lengths: list[int]) -> None:
    groups = by_padded_length(lengths)
    assert sorted(place for group in groups for place in group) == list(range(len(lengths)))
    assert [len({padded_length(lengths[place]) for place in group}) for group in groups] == [1] * len(groups)


@given(st.integers(1, 2_000))
def test_padded_length_is_whole_cache_lines_with_limited_padding(length: int) -> None:
    assert padded_length(length) % LEAST_STEP_TOKENS == 0
    assert 0 <= padded_length(length) - length < max(LEAST_STEP_TOKENS, length / 2)


def test_padded_length_is_monotonic() -> None:
    assert sorted({padded_length(length) for length in range(1, 257)}) == [16, 32, 48, 64, 96, 128, 192, 256]


@given(LENGTHS)
def test_filler_has_the_padded_length(lengths: list[int]) -> None:
    for group in by_padded_length(lengths):
        of_group = [lengths[place] for place in group]
        fillers = filler(of_group)
        assert max(*of_group, *map(len, fillers), 0) == padded_length(of_group[0])
        assert len(fillers) == (padded_length(of_group[0]) not in of_group)
