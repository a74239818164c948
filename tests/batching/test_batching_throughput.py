"""Tests of the measured throughput of an engine."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from service.generation.scheduler import Throughput

batches = st.lists(st.tuples(st.integers(1, 2_000), st.integers(1, 50)), min_size=1, max_size=30)


def measured(*rates: tuple[int, float], had_backlog: bool = True) -> Throughput:
    throughput = Throughput()
    for tokens, seconds in rates:
        throughput.add(tokens, seconds, had_backlog=had_backlog)
    return throughput


def test_estimate_follows_finished_batches() -> None:
    assert measured((200, 2.0), (200, 2.0)).backlog_s(50) == pytest.approx(0.5)


def test_recent_batches_have_more_weight() -> None:
    throughput = measured(*[(100, 1.0)] * 20, *[(100, 10.0)] * 20)
    assert throughput.backlog_s(100) == pytest.approx(10.0, rel=0.05)


def test_no_estimate_before_first_batch() -> None:
    assert Throughput().time_s(10) is None
    assert Throughput().backlog_s(10) is None


def test_batches_without_backlog_give_no_backlog_estimate() -> None:
    throughput = measured((10, 1.0), had_backlog=False)
    assert throughput.backlog_s(10) is None
    assert throughput.time_s(10) == pytest.approx(1.0)


def test_backlog_estimate_ignores_small_batches() -> None:
    throughput = measured((1_000, 1.0))
    for _ in range(50):
        throughput.add(10, 0.5, had_backlog=False)
    assert throughput.time_s(1_000) == throughput.backlog_s(1_000) == pytest.approx(1.0)


@given(batches, st.integers(0, 10**6))
def test_estimate_is_between_fastest_and_slowest_batch(rates: list[tuple[int, int]], tokens: int) -> None:
    estimate_s = measured(*rates).backlog_s(tokens)
    alone_s = [tokens * seconds / of for of, seconds in rates]
    assert estimate_s is not None
    assert min(alone_s) * 0.999 <= estimate_s <= max(alone_s) * 1.001
