"""Memory of the server process, which many different articles must not make grow beyond the cache's bound."""

import asyncio
from collections.abc import Coroutine, Sequence
from itertools import islice
from typing import Any

from benchmarks.latency.finding import Finding
from benchmarks.latency.plan import Plan
from benchmarks.latency.prose import short
from benchmarks.latency.subject import sample, subject
from benchmarks.load.articles import Article
from benchmarks.load.clients import closed_loop
from benchmarks.load.server import Server
from benchmarks.soak.memory import resident_mib

CACHE_BYTES = 16 * 2**20
SENTENCES = 10
STEPS = 12
MOST_PERCENT = 5.0
MIB = 2**20
LOOK_S = 0.1


async def measure(plan: Plan) -> list[Finding]:
    """The growth of resident memory from a sixth of the articles to the last: of 3,000, from the 500th.

    Of each step its highest figure counts: the process gives back now and then what it freed, and takes it again.
    """
    step = max(1, plan.memory_articles // STEPS)
    articles = short(SENTENCES)
    resident: list[float] = []
    async with subject(cache_bytes=str(CACHE_BYTES)) as server:
        for _ in range(STEPS):
            load = closed_loop(lambda article: _ask(server, article), list(islice(articles, step)), plan.clients)
            resident.append(await _highest_mib(server.pid, load))
        cached = await sample(server, "depesche_cache_memory_bytes") / MIB
    beside = {"resident_mib": [round(one, 1) for one in resident], "cache_mib": round(cached, 1)}
    what = f"highest resident memory to {STEPS * step} articles / to {2 * step}: growth"
    return [
        Finding.of("memory", what, "%", [growth_percent(resident)], MOST_PERCENT, **beside),
        Finding.of("memory", f"highest resident memory to {STEPS * step} articles", "MiB", [resident[-1]]),
    ]


def growth_percent(steps: Sequence[float]) -> float:
    """How much more there is after the last step than after the second."""
    return 100 * (steps[-1] / steps[1] - 1)


async def _highest_mib(pid: int, load: Coroutine[Any, Any, object]) -> float:
    """Do the load; the most resident memory of the process meanwhile."""
    task = asyncio.ensure_future(load)
    highest = 0.0
    while not task.done():
        highest = max(highest, resident_mib(pid))
        await asyncio.wait({task}, timeout=LOOK_S)
    task.result()
    return highest


async def _ask(server: Server, article: Article) -> int:
    answer = await server.post("/v1/translate", {"text": article.text}, {})
    return len(answer["translations"][0]["text"])
