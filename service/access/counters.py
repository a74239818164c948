"""Counters of the rate limits: in Redis for all processes, in memory where there is none or while it fails."""

import asyncio
import contextlib
import math
import time
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from typing import Any, TypeVar

from cachetools import TLRUCache
from redis.asyncio import ConnectionPool, Redis
from redis.asyncio.retry import Retry
from redis.backoff import NoBackoff
from redis.exceptions import RedisError

from service.cache.breaker import Breaker
from service.cache.redis import reason_of
from service.events import Listener, RateStoreFailed, ignore

# Outside the prefix of the cache, whose purge of everything must not forget what was used.
KEY_PREFIX = "depesche-rate"
MS_A_S = 1000
T = TypeVar("T")
# Some 30 MB: who calls from more addresses than this makes the service forget those that were quiet longest.
MOST_WINDOWS = 100_000

# Windows of one key end at least their length of a second or more apart, so that half a second tells two of them apart
# whatever clocks round. Each script sees one moment.
_ADD = """
local left = redis.call('pttl', KEYS[1])
local count = redis.call('incrby', KEYS[1], ARGV[2])
if left < 0 then
  left = tonumber(ARGV[1])
  redis.call('pexpire', KEYS[1], left)
end
local now = redis.call('time')
return {count, left, now[1] * 1000 + math.floor(now[2] / 1000) + left}
"""
_GIVE_BACK = """
local count = tonumber(redis.call('get', KEYS[1]) or '0')
local left = redis.call('pttl', KEYS[1])
local now = redis.call('time')
local ends = now[1] * 1000 + math.floor(now[2] / 1000) + left
if left >= 0 and count > 0 and math.abs(ends - tonumber(ARGV[1])) < 500 then
  redis.call('decrby', KEYS[1], math.min(count, tonumber(ARGV[2])))
end
return 0
"""


@dataclass(frozen=True, slots=True)
class Charge:
    """What was counted: ``amount`` in the window that ``ends_ms`` tells apart, in Redis (``shared``) or in memory."""

    key: str
    amount: int
    ends_ms: int
    shared: bool


@dataclass(frozen=True, slots=True)
class Counted:
    """The sum of a window after ``charge``, and whole seconds until it begins anew."""

    count: int
    reset_s: int
    charge: Charge


class Counters:
    """Counts in windows that begin with their first use. A Redis that fails costs no request.

    Meanwhile each process counts by itself, so that the limits of n processes are up to n times as wide. Each
    failure is told to ``listener``; after several in a row Redis is left alone for a while.

    Raises:
        ValueError: ``redis_url`` is none of Redis.
    """

    def __init__(self, redis_url: str | None, *, timeout_s: float, listener: Listener = ignore) -> None:
        self._memory = Windows()
        self._pool: ConnectionPool | None = None
        self._shared: _SharedWindows | None = None
        if redis_url is not None:
            self._pool = ConnectionPool.from_url(
                redis_url, socket_timeout=timeout_s, socket_connect_timeout=timeout_s, retry=Retry(NoBackoff(), 0)
            )
            self._shared = _SharedWindows(Redis(connection_pool=self._pool))
        self._timeout_s = timeout_s
        self._listener = listener
        self._breaker = Breaker()

    async def add(self, key: str, window_s: int, amount: int) -> Counted:
        """Add ``amount`` to the window of ``key``, which begins now where there is none."""
        shared = self._shared
        if shared is not None:
            counted = await self._asked(lambda: shared.add(key, window_s, amount))
            if counted is not None:
                return counted
        return self._memory.add(key, window_s, amount)

    async def give_back(self, charge: Charge) -> None:
        """Take a charge off again, where it was made; once its window has ended there is nothing to take it off."""
        shared = self._shared
        if not charge.shared:
            self._memory.give_back(charge)
        elif shared is not None:
            await self._asked(lambda: shared.give_back(charge))

    async def _asked(self, ask: Callable[[], Awaitable[T]]) -> T | None:
        """What Redis says; None where it fails or is left alone."""
        if not self._breaker.allows():
            self._listener(RateStoreFailed("open"))
            return None
        try:
            async with asyncio.timeout(self._timeout_s):
                found = await ask()
        except (RedisError, OSError, TimeoutError) as error:
            self._listener(RateStoreFailed(reason_of(error), opened=self._breaker.failed()))
            return None
        self._breaker.succeeded()
        return found

    async def close(self) -> None:
        """Close the connections."""
        if self._pool is not None:
            with contextlib.suppress(RedisError, OSError, TimeoutError):
                await self._pool.aclose()


@dataclass(slots=True)
class _Window:
    count: int
    ends_ms: int


def _now_ms() -> int:
    return time.monotonic_ns() // 1_000_000


def _ends_ms(_key: str, window: _Window, _now: float) -> float:
    return window.ends_ms


class Windows:
    """Windows of this process, at most ``most``: past that the one that was used least recently is forgotten."""

    def __init__(self, most: int = MOST_WINDOWS) -> None:
        self._windows: TLRUCache[str, _Window] = TLRUCache(most, _ends_ms, timer=_now_ms)

    def __len__(self) -> int:
        """How many windows have not ended."""
        self._windows.expire()
        return len(self._windows)

    def add(self, key: str, window_s: int, amount: int) -> Counted:
        """As `Counters.add`."""
        window = self._windows.get(key)
        if window is None:
            window = self._windows[key] = _Window(0, _now_ms() + window_s * MS_A_S)
        window.count += amount
        charge = Charge(key, amount, window.ends_ms, shared=False)
        return Counted(window.count, _whole_s(window.ends_ms - _now_ms(), window_s), charge)

    def give_back(self, charge: Charge) -> None:
        """As `Counters.give_back`."""
        window = self._windows.get(charge.key)
        if window is not None and window.ends_ms == charge.ends_ms:
            window.count = max(0, window.count - charge.amount)


class _SharedWindows:
    """Windows in Redis."""

    def __init__(self, redis: Redis) -> None:
        self._add = redis.register_script(_ADD)
        self._give_back = redis.register_script(_GIVE_BACK)

    async def add(self, key: str, window_s: int, amount: int) -> Counted:
        answer: Any = await self._add([f"{KEY_PREFIX}:{key}"], [window_s * MS_A_S, amount])
        count, left_ms, ends_ms = map(int, answer)
        return Counted(count, _whole_s(left_ms, window_s), Charge(key, amount, ends_ms, shared=True))

    async def give_back(self, charge: Charge) -> None:
        await self._give_back([f"{KEY_PREFIX}:{charge.key}"], [charge.ends_ms, charge.amount])


def _whole_s(left_ms: int, window_s: int) -> int:
    return min(window_s, max(1, math.ceil(left_ms / MS_A_S)))
