"""One article alone: the service's latency beside the time that CTranslate2 itself takes for the same sentences."""

import asyncio
from collections.abc import Sequence

from benchmarks.latency.finding import Finding
from benchmarks.latency.plan import Plan
from benchmarks.load import peers
from benchmarks.load.__main__ import WORK
from benchmarks.load.articles import Article, read
from benchmarks.load.system import Ceiling, Http, System
from benchmarks.load.weights import prepare

ARTICLES = 8
MOST = 1.1
# OpenMP's threads wait busily for 200 ms after their work, and would take the other system's cores.
PAUSE_S = 0.3


async def measure(plan: Plan) -> list[Finding]:
    """The ratio of both, one a round; articles take turns between them, so that a noisy moment hits both.

    The service is asked over HTTP with ``no-store``. Of CTranslate2 the model's calls alone count.
    """
    weights = prepare("embedded", WORK)
    *articles, warm_up = read(plan.data, ARTICLES + 1, plan.seed)
    raw, served = peers.ceiling(weights, batches=peers.SMALL_BATCHES), peers.depesche(weights)
    async with raw, served:
        await raw.warm_up([warm_up])
        await served.warm_up([warm_up] * 2)
        rounds = [await _round(raw, served, articles) for _ in range(plan.rounds)]
    raw_s, served_s = ([sum(one) for one in seconds] for seconds in zip(*rounds, strict=True))
    ratios = [mine / its for mine, its in zip(served_s, raw_s, strict=True)]
    beside = {"choice": raw.choice, "sentences": sum(len(article.sentences) for article in articles)}
    seconds = [
        Finding.of("alone", f"{ARTICLES} articles, {name}", "s", values)
        for name, values in (("CTranslate2 raw", raw_s), ("Depesche", served_s))
    ]
    return [Finding.of("alone", "one article: Depesche / CTranslate2 raw", "", ratios, MOST, **beside), *seconds]


async def _round(raw: Ceiling, served: Http, articles: Sequence[Article]) -> tuple[list[float], list[float]]:
    """Seconds of each article, in both."""
    systems: tuple[System, System] = (raw, served)
    found: tuple[list[float], list[float]] = ([], [])
    for article in articles:
        for system, seconds in zip(systems, found, strict=True):
            seconds.append((await system.round([article], 1)).seconds)
            await asyncio.sleep(PAUSE_S)
    return found
