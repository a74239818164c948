"""The clients: a closed loop that measures throughput, an open loop that measures latency at a given rate."""

import asyncio
import itertools
import random
from collections.abc import AsyncIterator, Awaitable, Callable, Sequence
from dataclasses import dataclass

from benchmarks.load.articles import Article

Ask = Callable[[Article], Awaitable[int]]


@dataclass(frozen=True, slots=True)
class Load:
    """What a loop did: its wall time, one latency an article, and the characters of all answers."""

    seconds: float
    latencies_s: tuple[float, ...]
    chars: int


async def closed_loop(ask: Ask, articles: Sequence[Article], clients: int) -> Load:
    """That many clients, each asking for its next article as soon as it has an answer.

    Raises:
        ExceptionGroup: a request failed; the others are cancelled.
    """
    waiting = iter(articles)
    done: list[tuple[float, int]] = []

    async def client() -> None:
        # All clients draw from one iterator: every article is asked for once.
        done.extend([await _timed(ask, article, _now_s()) for article in waiting])

    start_s = _now_s()
    async with asyncio.TaskGroup() as group:
        for _ in range(clients):
            group.create_task(client())
    return _load(done, start_s)


async def open_loop(ask: Ask, articles: Sequence[Article], rate_per_s: float, seed: int) -> Load:
    """Poisson arrivals at ``rate_per_s``, whether or not earlier ones are answered.

    Latency counts from the scheduled time, not from when the request got out: a stalled server's delay is told in full.

    Raises:
        ExceptionGroup: a request failed; the others are cancelled.
    """
    start_s = _now_s()
    async with asyncio.TaskGroup() as group:
        tasks = [
            group.create_task(_timed(ask, article, due_s))
            async for article, due_s in _arrivals(articles, start_s, rate_per_s, seed)
        ]
    return _load([task.result() for task in tasks], start_s)


async def _arrivals(
    articles: Sequence[Article], start_s: float, rate_per_s: float, seed: int
) -> AsyncIterator[tuple[Article, float]]:
    rng = random.Random(seed)
    gaps_s = (rng.expovariate(rate_per_s) for _ in articles)
    for article, after_s in zip(articles, itertools.accumulate(gaps_s), strict=True):
        due_s = start_s + after_s
        await asyncio.sleep(max(0.0, due_s - _now_s()))
        yield article, due_s


async def _timed(ask: Ask, article: Article, from_s: float) -> tuple[float, int]:
    chars = await ask(article)
    return _now_s() - from_s, chars


def _load(done: Sequence[tuple[float, int]], start_s: float) -> Load:
    return Load(_now_s() - start_s, tuple(latency_s for latency_s, _ in done), sum(chars for _, chars in done))


def _now_s() -> float:
    return asyncio.get_running_loop().time()
