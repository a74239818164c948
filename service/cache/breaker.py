"""The circuit breaker: what failed several times in a row is left alone for a while, then tried once."""

import time
from collections.abc import Callable
from typing import Literal

BreakerState = Literal["closed", "open", "half_open"]


class Breaker:
    """Opens after ``failures`` in a row. Then one call is let through every ``pause_s``, until one succeeds.

    A probe counts from when it was let through, so one that is never told of (its caller left) blocks nothing.
    ``clock`` counts seconds.
    """

    def __init__(self, *, failures: int = 5, pause_s: float = 5.0, clock: Callable[[], float] = time.monotonic) -> None:
        self._most_failures = failures
        self._pause_s = pause_s
        self._clock = clock
        self._failures = 0
        self._probe_at_s: float | None = None

    @property
    def state(self) -> BreakerState:
        """Open also while a probe is under way."""
        if self._probe_at_s is None:
            return "closed"
        return "open" if self._clock() < self._probe_at_s else "half_open"

    def allows(self) -> bool:
        """Whether to call now. A True while half open is the probe, and the next one is a pause away."""
        if self.state == "half_open":
            self._probe_at_s = self._clock() + self._pause_s
            return True
        return self.state == "closed"

    def succeeded(self) -> None:
        """A call was answered: closed, whatever was before."""
        self._failures = 0
        self._probe_at_s = None

    def failed(self) -> bool:
        """A call failed; True when that opened the breaker, False when it stays as it was."""
        if self._probe_at_s is not None:
            return False
        self._failures += 1
        if self._failures < self._most_failures:
            return False
        self._probe_at_s = self._clock() + self._pause_s
        return True
