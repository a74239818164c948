"""Tests of the circuit breaker with a manual clock."""

from itertools import pairwise

from hypothesis import given
from hypothesis import strategies as st

from service.cache.redis import Breaker

PAUSE_S = 5.0


class Clock:
    """A clock whose time, in seconds, is set by the test."""

    def __init__(self) -> None:
        self.now_s = 0.0

    def __call__(self) -> float:
        return self.now_s


def opened() -> tuple[Breaker, Clock]:
    clock = Clock()
    breaker = Breaker(failures=3, pause_s=PAUSE_S, clock=clock)
    assert [breaker.failed() for _ in range(3)] == [False, False, True]
    return breaker, clock


def test_breaker_opens_after_failures_in_a_row() -> None:
    breaker, _ = opened()
    assert breaker.state == "open"
    assert not breaker.allows()
    assert not breaker.failed()


def test_success_between_failures_keeps_breaker_closed() -> None:
    breaker = Breaker(failures=2, pause_s=PAUSE_S, clock=Clock())
    for _ in range(5):
        assert not breaker.failed()
        breaker.succeeded()
    assert breaker.state == "closed"
    assert breaker.allows()


def test_one_probe_is_allowed_after_the_pause() -> None:
    breaker, clock = opened()
    clock.now_s += PAUSE_S
    assert breaker.state == "half_open"
    assert [breaker.allows() for _ in range(3)] == [True, False, False]


def test_failed_probe_restarts_the_pause() -> None:
    breaker, clock = opened()
    clock.now_s += PAUSE_S
    assert breaker.allows()
    assert not breaker.failed()
    clock.now_s += PAUSE_S - 1
    assert not breaker.allows()
    clock.now_s += 1
    assert breaker.allows()


def test_probe_without_outcome_blocks_nothing() -> None:
    breaker, clock = opened()
    for _ in range(3):
        clock.now_s += PAUSE_S
        assert breaker.allows()


def test_successful_probe_closes_breaker_and_resets_count() -> None:
    breaker, clock = opened()
    clock.now_s += PAUSE_S
    assert breaker.allows()
    breaker.succeeded()
    assert breaker.state == "closed"
    assert [breaker.failed() for _ in range(3)] == [False, False, True]


@given(st.lists(st.tuples(st.floats(0, 2), st.sampled_from(["ask", "fail"])), max_size=60))
def test_probes_are_a_pause_apart(steps: list[tuple[float, str]]) -> None:
    breaker, clock = opened()
    probes_s = [clock.now_s]
    for seconds, step in steps:
        clock.now_s += seconds
        if step == "fail":
            breaker.failed()
        elif breaker.allows():
            probes_s.append(clock.now_s)
    assert all(later - earlier >= PAUSE_S - 1e-9 for earlier, later in pairwise(probes_s))
