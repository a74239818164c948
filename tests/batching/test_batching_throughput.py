"""The measured speed of an engine."""

import pytest

from service.batching.throughput import Throughput


def test_the_time_of_tokens_follows_the_speed_of_finished_batches() -> None:
    throughput = Throughput()
    throughput.add(tokens=200, seconds=2.0)
    throughput.add(tokens=200, seconds=2.0)
    assert throughput.time_s(50) == pytest.approx(0.5)


def test_recent_batches_count_most() -> None:
    throughput = Throughput()
    for _ in range(20):
        throughput.add(tokens=100, seconds=1.0)
    for _ in range(20):
        throughput.add(tokens=100, seconds=10.0)
    assert throughput.time_s(100) == pytest.approx(10.0, rel=0.05)


def test_nothing_is_claimed_before_the_first_batch() -> None:
    assert Throughput().time_s(10) is None
