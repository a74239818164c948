"""Stations that share some cores, event by event: servers with a queue, and threads that many take turns on."""

import math
from collections import deque
from collections.abc import Callable, Sequence

Start = Callable[[Sequence[int]], float]
Done = Callable[[Sequence[int]], None]
LEAST_S = 1e-12


class Queued:
    """One server with a queue in order of arrival.

    A turn takes up to ``most`` requests: ``start`` gives its work in seconds of one core, ``done`` hears of its end.
    """

    def __init__(self, start: Start, done: Done, *, most: int = 1) -> None:
        self._start = start
        self._done = done
        self._most = most
        self._waiting: deque[int] = deque()
        self._served: list[int] = []
        self.left_s = math.inf  # infinite while it is idle

    @property
    def busy(self) -> bool:
        """Whether it wants a core."""
        return bool(self._served)

    def add(self, request: int) -> None:
        """Put it at the end of the queue; an idle server takes it at once."""
        self._waiting.append(request)
        if not self.busy:
            self._take()

    def spend(self, core_s: float) -> None:
        """Work off so much."""
        self.left_s -= core_s

    def finish(self) -> None:
        """End the turn and begin the next, before anyone hears of it."""
        done, self._served, self.left_s = self._served, [], math.inf
        self._take()
        self._done(done)

    def _take(self) -> None:
        if self._waiting:
            self._served = [self._waiting.popleft() for _ in range(min(self._most, len(self._waiting)))]
            self.left_s = self._start(self._served)


class Shared:
    """One thread that all its requests take turns on, each getting the same: an event loop, seen from afar.

    ``start`` gives a request's work in seconds of one core, ``done`` hears of its end.
    """

    def __init__(self, start: Start, done: Done) -> None:
        self._start = start
        self._done = done
        self._left_s: dict[int, float] = {}

    @property
    def busy(self) -> bool:
        """Whether it wants a core."""
        return bool(self._left_s)

    @property
    def left_s(self) -> float:
        """Work until the next request is done."""
        return min(self._left_s.values(), default=math.inf) * len(self._left_s)

    def add(self, request: int) -> None:
        """Begin with it at once."""
        self._left_s[request] = self._start([request])

    def spend(self, core_s: float) -> None:
        """Work off so much, of each request the same."""
        part_s = core_s / len(self._left_s)
        self._left_s = {request: left_s - part_s for request, left_s in self._left_s.items()}

    def finish(self) -> None:
        """Let go of those that are done."""
        done = [request for request, left_s in self._left_s.items() if left_s <= LEAST_S]
        for request in done:
            del self._left_s[request]
        for request in done:
            self._done([request])


Station = Queued | Shared


class Machine:
    """Stations on ``cores`` cores: of n busy ones each gets min(1, cores / n) of a core."""

    def __init__(self, cores: float, stations: Sequence[Station]) -> None:
        self._cores = cores
        self._stations = stations
        self.now_s = 0.0

    def advance(self, until_s: float) -> None:
        """Go to the next end of a turn, or to ``until_s`` where none comes before it.

        Raises:
            ValueError: nothing is busy, and there is no ``until_s`` to go to.
        """
        busy = [station for station in self._stations if station.busy]
        if not busy and math.isinf(until_s):
            raise ValueError("nothing is busy, and nothing is to come")
        rate = min(1.0, self._cores / len(busy)) if busy else 1.0
        step_s = min([until_s - self.now_s, *(station.left_s / rate for station in busy)])
        self.now_s += step_s
        for station in busy:
            station.spend(step_s * rate)
        for station in busy:
            if station.left_s <= LEAST_S:
                station.finish()
