"""A scenario in which Redis is killed, restarted, paused and resumed under load.

The responses and the metrics are recorded. The memory tier of the cache is turned off, so every cache hit comes from
Redis.
"""

import asyncio
import tempfile
import time
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from pathlib import Path

from benchmarks.server import free_port
from tests.chaos.cluster import Process, process
from tests.chaos.traffic import Answers, Traffic, traffic
from tests.redis_server import RedisServer

PASSED_OVER = "depesche_shared_cache_passed_over"
HITS = "depesche_cache_lookups_total{task=translation,tier=shared}"
FAILURES = "depesche_shared_cache_failures_total"
PATIENCE_S = 180.0
# On a busy machine, a working Redis needs more time to answer than in production.
REDIS_TIMEOUT_MS = "1000"


class Unseen(Exception):
    """An error that is raised if the metrics do not reach the expected state in time."""


@dataclass(frozen=True, slots=True)
class Phase:
    """The record of one phase of the scenario, that is, of one state of Redis.

    The record contains the number of requests, the number of cache hits in Redis, and whether the circuit breaker was
    open at the end.
    """

    name: str
    requests: int
    shared_hits: int
    blocked: bool


@dataclass(frozen=True, slots=True)
class Outage:
    """The record of the whole scenario: the responses, the phases, and the failures that the metrics counted."""

    answers: Answers
    phases: tuple[Phase, ...]
    failures: dict[str, int]


async def break_redis(requests: int, clients: int) -> Outage:
    """Run all phases with ``clients`` concurrent callers and at least ``requests`` requests in each phase.

    Raises:
        Unseen: the circuit breaker did not open, or did not close again.
        SystemExit: the service did not become ready.
    """
    with tempfile.TemporaryDirectory(prefix="depesche-redis-") as folder:
        redis = RedisServer(Path(folder))
        redis.start()
        try:
            async with (
                process(free_port(), redis.url, cache_bytes="0", redis_timeout_ms=REDIS_TIMEOUT_MS) as real,
                traffic(f"http://127.0.0.1:{real.port}", clients) as load,
            ):
                return await _phases(redis, real, load, requests)
        finally:
            redis.kill()


async def _phases(redis: RedisServer, real: Process, load: Traffic, requests: int) -> Outage:
    def phase(name: str, change: Callable[[], None], *, blocked: bool) -> Awaitable[Phase]:
        return _phase(name, change, real, load, requests, blocked=blocked)

    phases = [
        await phase("up", lambda: None, blocked=False),
        await phase("killed", redis.kill, blocked=True),
        await phase("restored", redis.start, blocked=False),
        await phase("paused", redis.pause, blocked=True),
        await phase("resumed", redis.resume, blocked=False),
    ]
    samples = await real.samples()
    failures = {name: int(value) for name, value in samples.items() if name.startswith(FAILURES)}
    load.end()
    return Outage(load.answers, tuple(phases), failures)


async def _phase(
    name: str, change: Callable[[], None], real: Process, load: Traffic, requests: int, *, blocked: bool
) -> Phase:
    """Call ``change`` to change the state of Redis, and return the record of at least ``requests`` requests after it.

    The record starts when the circuit breaker is open (if ``blocked`` is True) or closed.
    """
    await asyncio.to_thread(change)
    await _until_passed_over(real, wanted=blocked)
    before, asked = (await real.samples()).get(HITS, 0.0), load.requests
    await load.more(requests)
    after = await real.samples()
    hits = int(after.get(HITS, 0.0) - before)
    return Phase(name, load.requests - asked, hits, bool(after[PASSED_OVER]))


async def _until_passed_over(real: Process, *, wanted: bool) -> None:
    end_s = time.monotonic() + PATIENCE_S
    while bool((await real.samples())[PASSED_OVER]) is not wanted:
        if time.monotonic() > end_s:
            raise Unseen(f"{PASSED_OVER} was not {wanted:d} after {PATIENCE_S} s")
        await asyncio.sleep(0.1)
