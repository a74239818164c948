"""What the simulation says beyond the measured runs: hits over many replicas, and latency as a process fills."""

import statistics
from collections.abc import Iterator
from dataclasses import replace
from typing import Any

from benchmarks.scale.demand import Demands
from benchmarks.scale.simulation import Cluster, closed_loop, open_loop
from benchmarks.scale.traffic import arrivals_s, zipf

REPLICAS = (1, 2, 4, 8, 16, 32)
LOADS = (0.3, 0.5, 0.6, 0.7, 0.8, 0.9)
REQUESTS = 1_500
CATALOGUE = 1_000
CLIENTS_A_PROCESS = 2
POD_CORES = 2.0


def hits_by_replicas(demands: Demands, exponent: float, seed: int) -> list[dict[str, Any]]:
    """Parts of the sentences by tier, for each number of replicas (on ``POD_CORES`` each), with Redis and without."""
    order = zipf(REQUESTS, CATALOGUE, exponent, seed)
    rows: list[dict[str, Any]] = []
    for replicas in REPLICAS:
        row: dict[str, Any] = {"replicas": replicas}
        for name, redis in (("redis", True), ("alone", False)):
            cluster = Cluster(replicas, POD_CORES * replicas, redis=redis)
            done = closed_loop(cluster, elsewhere(demands), order, CLIENTS_A_PROCESS * replicas, seed)
            row[name] = {tier: round(done.share(tier), 3) for tier in ("memory", "shared", "none")}
        rows.append(row)
    return rows


def latency_by_load(demands: Demands, seed: int) -> Iterator[dict[str, float]]:
    """Latency of new articles at one process on ``POD_CORES``, by the part of what it can do that comes (Poisson)."""
    most_per_s = new_per_s(demands, POD_CORES)
    for load in LOADS:
        times_s = arrivals_s(REQUESTS, load * most_per_s, seed)
        done = open_loop(Cluster(1, POD_CORES, redis=False), elsewhere(demands), range(REQUESTS), times_s, seed)
        cuts = statistics.quantiles(done.latencies_s, n=100, method="inclusive")
        found = {f"p{at}_s": round(cuts[at - 1], 3) for at in (50, 95, 99)}
        yield {"load": load, "articles_per_s": round(load * most_per_s, 3), **found}


def new_per_s(demands: Demands, cores: float) -> float:
    """New articles a second at which a process's busiest thread, or all ``cores``, would have no pause.

    Without what batches save.
    """
    each = [(one.text_s, one.translation_s, one.summary_s) for one in demands.misses]
    threads: list[float] = [statistics.mean(one) for one in zip(*each, strict=True)]
    return min(cores / sum(threads), 1.0 / max(threads))


def elsewhere(demands: Demands) -> Demands:
    """The same with clients and Redis on machines of their own."""
    return replace(demands, outside_s=0.0)
