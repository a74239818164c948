"""Counters of the rate limits: in Redis for all processes, in memory where there is none or while it fails."""

import asyncio
import contextlib
import math
import time
from typing import Any

from limits.aio.storage import MemoryStorage, RedisStorage
from redis.asyncio import ConnectionPool
from redis.asyncio.retry import Retry
from redis.backoff import NoBackoff
from redis.exceptions import RedisError

from service.cache.breaker import Breaker
from service.cache.redis import reason_of
from service.events import Listener, RateStoreFailed, ignore

# Outside the prefix of the cache, whose purge of everything must not forget what was used.
KEY_PREFIX = "depesche-rate"
HALF_S = 0.5  # Redis gives the time that is left in whole seconds, rounded


class Counters:
    """Counts in windows that begin with their first use. A Redis that fails costs no request.

    Meanwhile each process counts by itself, so that the limits of n processes are up to n times as wide. Each
    failure is told to ``listener``; after several in a row Redis is left alone for a while.

    Raises:
        ValueError: ``redis_url`` is none of Redis.
    """

    def __init__(self, redis_url: str | None, *, timeout_s: float, listener: Listener = ignore) -> None:
        self._memory = MemoryStorage()
        self._pool: ConnectionPool | None = None
        self._redis: RedisStorage | None = None
        if redis_url is not None:
            self._pool = ConnectionPool.from_url(
                redis_url, socket_timeout=timeout_s, socket_connect_timeout=timeout_s, retry=Retry(NoBackoff(), 0)
            )
            pool: Any = self._pool  # which the library hands to redis-py, whatever its types say
            self._redis = RedisStorage(
                "async+redis://", implementation="redispy", key_prefix=KEY_PREFIX, connection_pool=pool
            )
        self._timeout_s = timeout_s
        self._listener = listener
        self._breaker = Breaker()

    async def add(self, key: str, window_s: int, amount: int) -> tuple[int, int]:
        """Add ``amount``, less than nothing to give it back; the sum now, and whole seconds until it begins anew."""
        if self._redis is not None and self._breaker.allows():
            try:
                async with asyncio.timeout(self._timeout_s):
                    counted = await _counted(self._redis, key, window_s, amount, late_s=HALF_S)
            except (RedisError, OSError, TimeoutError) as error:
                self._listener(RateStoreFailed(reason_of(error), opened=self._breaker.failed()))
            else:
                self._breaker.succeeded()
                return counted
        elif self._redis is not None:
            self._listener(RateStoreFailed("open"))
        return await _counted(self._memory, key, window_s, amount)

    async def close(self) -> None:
        """Close the connections."""
        if self._pool is not None:
            with contextlib.suppress(RedisError, OSError, TimeoutError):
                await self._pool.aclose()


async def _counted(
    storage: MemoryStorage | RedisStorage, key: str, window_s: int, amount: int, *, late_s: float = 0.0
) -> tuple[int, int]:
    count = await storage.incr(key, window_s, amount)
    left_s = await storage.get_expiry(key) - time.time() + late_s
    return count, min(window_s, max(1, math.ceil(left_s)))
