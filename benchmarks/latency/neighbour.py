"""Fifty short articles beside one of 200,000 characters: what its company costs them."""

import asyncio
import time
from collections.abc import Sequence

from benchmarks.latency.finding import Finding, quantile
from benchmarks.latency.plan import Plan
from benchmarks.latency.prose import as_cut, long
from benchmarks.latency.subject import TRANSLATOR, sample, subject
from benchmarks.load.articles import Article, read
from benchmarks.load.server import Server
from benchmarks.load.system import NO_STORE

SHORT_ARTICLES = 50
SENTENCES = 5
LONG_CHARS = 200_000
MOST = 3.0
QUIET_S = 0.05


async def measure(plan: Plan) -> list[Finding]:
    """The ratio of the short ones' 95th percentiles, beside the long one and alone, one a round.

    All are asked for at once, the long one first. It is left as soon as the short ones are answered.
    """
    articles = _short_articles(plan)
    text = long(LONG_CHARS)
    alone_s: list[float] = []
    beside_s: list[float] = []
    async with subject() as server:
        await _p95_s(server, articles)
        for _ in range(plan.rounds):
            alone_s.append(await _p95_s(server, articles))
            leaving = asyncio.create_task(server.post("/v1/translate", {"text": text}, NO_STORE))
            await asyncio.sleep(0)
            beside_s.append(await _p95_s(server, articles))
            leaving.cancel()
            await asyncio.gather(leaving, return_exceptions=True)
            await _quiet(server)
    ratios = [beside / alone for beside, alone in zip(beside_s, alone_s, strict=True)]
    what = f"p95 of {SHORT_ARTICLES} short articles"
    return [
        Finding.of("neighbour", f"{what}: beside one of {LONG_CHARS:,} characters / alone", "", ratios, MOST),
        Finding.of("neighbour", f"{what}, alone", "s", alone_s),
        Finding.of("neighbour", f"{what}, beside the long one", "s", beside_s),
    ]


def _short_articles(plan: Plan) -> list[Article]:
    """Articles of ``SENTENCES`` sentences of the news."""
    pool = [s for article in read(plan.data, SHORT_ARTICLES, plan.seed) for s in article.sentences]
    cut = (as_cut(pool[at : at + SENTENCES]) for at in range(0, len(pool), SENTENCES))
    return [article for article in cut if article is not None][:SHORT_ARTICLES]


async def _p95_s(server: Server, articles: Sequence[Article]) -> float:
    async def timed(article: Article) -> float:
        started_s = time.perf_counter()
        await server.post("/v1/translate", {"text": article.text}, NO_STORE)
        return time.perf_counter() - started_s

    return quantile(await asyncio.gather(*map(timed, articles)), 95)


async def _quiet(server: Server) -> None:
    """Until nothing is left of the long article: its caller has left and the engine is done with what it had."""
    while await _busy(server):  # noqa: ASYNC110 - another process's state can only be polled
        await asyncio.sleep(QUIET_S)
    await server.post("/v1/translate", {"text": "Der Zug fährt heute nicht."}, NO_STORE)


async def _busy(server: Server) -> bool:
    waiting = await sample(server, f'depesche_queue_sentences{{model="{TRANSLATOR}"}}')
    return waiting > 0 or await sample(server, "depesche_http_requests_in_progress") > 1
