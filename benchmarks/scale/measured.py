"""Measured runs: a closed loop through nginx to some of the processes, from empty caches, and what it cost them."""

import asyncio
import os
import time
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from benchmarks.load.articles import Article
from benchmarks.load.clients import closed_loop
from benchmarks.load.server import Server
from benchmarks.scale.caches import Tier
from benchmarks.scale.calibration import CPU
from benchmarks.scale.cluster import Process, Running, proxy
from benchmarks.scale.simulation import Outcome
from service.cores import available_cores

TIERS: tuple[Tier, ...] = ("memory", "shared", "none")
RESIDENT = "process_resident_memory_bytes"
CACHED = "depesche_cache_memory_bytes"


@dataclass(frozen=True, slots=True)
class Costs:
    """What a run cost: core seconds of all processes, the memory of the largest, and Redis's own figures.

    ``distinct`` articles were kept; ``cached_bytes`` is what the fullest memory tier holds. ``free_cores`` are those
    that other programs left: the machine's, less what they used meanwhile.
    """

    requests: int
    distinct: int
    core_s: float
    resident_bytes: float
    cached_bytes: float
    redis: dict[str, float]
    free_cores: float


async def run(
    cluster: Running, processes: int, articles: Sequence[Article], order: Sequence[int], clients: int
) -> tuple[Outcome, Costs]:
    """The articles in that order by ``clients`` at once, over the first ``processes``; caches are empty before."""
    await cluster.forget()
    used = cluster.processes[:processes]
    async with proxy(used) as server:
        before, redis_before = await _samples(used), await cluster.store.figures()
        client_s, busy_s = time.process_time(), busy_core_s()
        load = await closed_loop(lambda one: _ask(server, one), [articles[number] for number in order], clients)
        client_s, busy_s = time.process_time() - client_s, busy_core_s() - busy_s
        after, redis_after = await _samples(used), await cluster.store.figures()
    looked: dict[str, float] = {tier: _grown(before, after, _lookups(tier)) for tier in TIERS}
    core_s = _grown(before, after, CPU)
    redis = {name: redis_after[name] - redis_before[name] for name in redis_after}
    others_s = max(0.0, busy_s - core_s - client_s - redis["core_s"])
    costs = Costs(
        requests=len(order),
        distinct=len(set(order)),
        core_s=core_s,
        resident_bytes=max(one[RESIDENT] for one in after),
        cached_bytes=max(one[CACHED] for one in after),
        redis=redis,
        free_cores=available_cores() - others_s / load.seconds,
    )
    return Outcome(load.seconds, load.latencies_s, looked), costs


def busy_core_s(stat: Path = Path("/proc/stat")) -> float:
    """Core seconds that all programs of the machine, and of its host in its place, have used (proc(5): ``cpu``)."""
    user, nice, system, _idle, _iowait, irq, softirq, steal, *_ = map(int, stat.read_text("ascii").split()[1:11])
    return (user + nice + system + irq + softirq + steal) / os.sysconf("SC_CLK_TCK")


def _lookups(tier: str) -> str:
    return f"depesche_cache_lookups_total{{task=translation,tier={tier}}}"


async def _samples(processes: Sequence[Process]) -> list[dict[str, float]]:
    return list(await asyncio.gather(*(process.samples() for process in processes)))


def _grown(before: Sequence[dict[str, float]], after: Sequence[dict[str, float]], name: str) -> float:
    return sum(new.get(name, 0.0) - old.get(name, 0.0) for old, new in zip(before, after, strict=True))


async def _ask(server: Server, article: Article) -> int:
    answer = await server.post("/v1/articles", {"body": article.text}, {})
    return len(answer["translation"]["text"]) + len(answer["summary"]["text"])
