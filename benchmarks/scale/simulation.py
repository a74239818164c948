"""The simulation: requests through clients, a proxy, processes with queues and caches, and shared cores. Pure, seeded.

Every request first costs its work outside the service. The proxy gives it to the process with the fewest open requests
(nginx's least_conn). There it shares Python's one thread, is looked up (memory, the shared tier, the same article in
flight), and, if all miss, waits for both engines side by side, each of which takes what waits as one batch.
"""

import math
import random
from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from benchmarks.scale.caches import Store, Tier, Tiers
from benchmarks.scale.demand import Demands, Miss
from benchmarks.scale.stations import Machine, Queued, Shared, Station


@dataclass(frozen=True, slots=True)
class Cluster:
    """What is simulated: ``processes`` on ``cores`` that they share with the clients.

    ``redis``: whether there is a shared tier. ``memory_articles`` is what a process's memory holds; None: no bound.
    """

    processes: int
    cores: float
    redis: bool = True
    memory_articles: int | None = None


@dataclass(frozen=True, slots=True)
class Outcome:
    """What a run did, simulated or measured; ``looked`` counts sentences by the tier that had them."""

    seconds: float
    latencies_s: tuple[float, ...]
    looked: dict[str, float]

    @property
    def per_s(self) -> float:
        """Articles a second."""
        return len(self.latencies_s) / self.seconds

    def share(self, tier: Tier) -> float:
        """The part of the lookups that this tier had."""
        return self.looked.get(tier, 0.0) / (sum(self.looked.values()) or 1.0)


def closed_loop(cluster: Cluster, demands: Demands, articles: Sequence[int], clients: int, seed: int) -> Outcome:
    """So many clients, each asking for the next article as soon as it has its answer."""
    return _Simulation(cluster, demands, seed, closed=True).run(articles, [0.0] * min(clients, len(articles)))


def open_loop(
    cluster: Cluster, demands: Demands, articles: Sequence[int], arrivals_s: Sequence[float], seed: int
) -> Outcome:
    """One request for each article at its time, whether or not earlier ones are answered.

    Raises:
        ValueError: there is not one time for each article.
    """
    if len(articles) != len(arrivals_s):
        raise ValueError(f"{len(articles)} articles come at {len(arrivals_s)} times")
    return _Simulation(cluster, demands, seed, closed=False).run(articles, arrivals_s)


@dataclass(slots=True)
class _Request:
    article: int
    begun_s: float
    open_engines: int = 0


class _Process:
    """One process: Python's thread, two engines, the tiers, and who waits for which article in flight."""

    def __init__(self, simulation: "_Simulation", tiers: Tiers) -> None:
        self.open = 0
        self._of = simulation
        self._tiers = tiers
        self._flight: dict[int, list[int]] = {}
        self._missed: dict[int, Miss] = {}
        self._follow: set[int] = set()
        most = simulation.demands.batch_articles
        self._text = Shared(self._begin, self._think)
        self._translation = Queued(lambda batch: self._batch_s("translation_s", batch), self._land, most=most)
        self._summary = Queued(lambda batch: self._batch_s("summary_s", batch), self._land, most=most)

    @property
    def stations(self) -> tuple[Station, ...]:
        """What wants cores."""
        return self._text, self._translation, self._summary

    def take(self, request: int) -> None:
        """A request that the proxy gives to this process."""
        self.open += 1
        self._text.add(request)

    def _begin(self, turn: Sequence[int]) -> float:
        """Look the article up; Python's work for it."""
        (request,) = turn
        of, article = self._of, self._of.requests[request].article
        tier = self._tiers.look_up(article)
        of.count(article, tier)
        if tier != "none":
            return of.rng.choice(of.demands.memory_s if tier == "memory" else of.demands.shared_s)
        if article in self._flight:
            self._follow.add(request)
            return of.rng.choice(of.demands.memory_s)
        self._flight[article] = []
        self._missed[request] = of.profile(article)
        return self._missed[request].text_s

    def _think(self, turn: Sequence[int]) -> None:
        """Python's work is done: on to the engines, to wait for who leads, or to the answer."""
        (request,) = turn
        article = self._of.requests[request].article
        if request in self._missed:
            self._of.requests[request].open_engines = 2
            self._translation.add(request)
            self._summary.add(request)
        elif request in self._follow and article in self._flight:
            self._flight[article].append(request)
        else:
            self._answer([request])

    def _batch_s(self, what: str, batch: Sequence[int]) -> float:
        return self._of.demands.batch_s([getattr(self._missed[request], what) for request in batch])

    def _land(self, batch: Sequence[int]) -> None:
        for request in batch:
            one = self._of.requests[request]
            one.open_engines -= 1
            if not one.open_engines:
                del self._missed[request]
                self._tiers.put(one.article)
                self._answer([request, *self._flight.pop(one.article)])

    def _answer(self, requests: Iterable[int]) -> None:
        for request in requests:
            self.open -= 1
            self._of.answered(request)


class _Simulation:
    def __init__(self, cluster: Cluster, demands: Demands, seed: int, *, closed: bool) -> None:
        self.demands = demands
        self._closed = closed
        self.rng = random.Random(seed)
        self.requests: list[_Request] = []
        self._profiles: dict[int, Miss] = {}
        self._looked: Counter[str] = Counter()
        self._latencies_s: list[float] = []
        self._outside = Queued(lambda _: demands.outside_s, self._route)
        shared = Store() if cluster.redis else None
        tiers = [Tiers(Store(cluster.memory_articles), shared) for _ in range(cluster.processes)]
        self._processes = [_Process(self, one) for one in tiers]
        stations: list[Station] = [
            self._outside,
            *(station for process in self._processes for station in process.stations),
        ]
        self._machine = Machine(cluster.cores, stations)

    def run(self, articles: Sequence[int], starts_s: Sequence[float]) -> Outcome:
        """One request at each of ``starts_s``; in a closed loop each further one when an earlier one is answered."""
        self._coming = iter(articles)
        starts = iter(starts_s)
        next_s = next(starts, math.inf)
        while len(self._latencies_s) < len(articles):
            while next_s <= self._machine.now_s:
                self._next()
                next_s = next(starts, math.inf)
            self._machine.advance(next_s)
        return Outcome(self._machine.now_s, tuple(self._latencies_s), dict(self._looked))

    def _next(self) -> None:
        article = next(self._coming, None)
        if article is not None:
            self.requests.append(_Request(article, self._machine.now_s))
            self._outside.add(len(self.requests) - 1)

    def _route(self, turn: Sequence[int]) -> None:
        """To the process with the fewest open requests; among equals in turn."""
        for request in turn:
            least = min(self._processes, key=lambda process: process.open)
            self._processes.remove(least)
            self._processes.append(least)
            least.take(request)

    def profile(self, article: int) -> Miss:
        """What this article costs, one of the measured ones, the same whenever it is asked for."""
        if article not in self._profiles:
            self._profiles[article] = self.rng.choice(self.demands.misses)
        return self._profiles[article]

    def count(self, article: int, tier: Tier) -> None:
        """A lookup of the article's sentences."""
        self._looked[tier] += self.profile(article).sentences

    def answered(self, request: int) -> None:
        """A request has its answer; in a closed loop its client asks for the next."""
        self._latencies_s.append(self._machine.now_s - self.requests[request].begun_s)
        if self._closed:
            self._next()
