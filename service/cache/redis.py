"""The shared tier: entries in Redis, for all processes that use the same one; a Redis that fails is only a miss."""

import asyncio
import contextlib
import zlib
from collections.abc import Awaitable, Callable, Collection, Mapping
from functools import partial
from itertools import islice
from typing import Any

from redis.asyncio import Redis
from redis.asyncio.retry import Retry
from redis.backoff import NoBackoff
from redis.exceptions import AuthenticationError, BusyLoadingError, RedisError
from redis.exceptions import ConnectionError as RedisConnectionError
from redis.exceptions import TimeoutError as RedisTimeoutError

from service.cache.breaker import Breaker
from service.events import Listener, SharedCacheFailed, SharedFailure, ignore

KEY_PREFIX = b"depesche:"
ZLIB = b"z"  # the first byte of a value: how the rest is written
FASTEST = 1
MOST_ENTRY_BYTES = 1 << 20
# A round trip of this many entries stays well inside the timeout, which Python's own work for them counts towards.
TRIP_ENTRIES = 128
MOST_CONNECTIONS = 32
LONGEST_TTL_S = 10 * 365 * 86_400.0


class Shared:
    """Entries under their keys, each for ``ttl_s``. No method raises when Redis is slow, gone or answers nonsense.

    Every round trip takes ``timeout_s`` at most, connecting and waiting for a connection included; the first that fails
    ends the call. Each failure is told to ``listener``. Nothing is connected before the first call.

    Raises:
        ValueError: ``url`` is none of Redis (redis://, rediss://, unix://).
    """

    def __init__(
        self, url: str, *, ttl_s: float, timeout_s: float, breaker: Breaker, listener: Listener = ignore
    ) -> None:
        self._ttl_ms = max(1, int(min(ttl_s, LONGEST_TTL_S) * 1000))
        self._timeout_s = timeout_s
        self._breaker = breaker
        self._listener = listener
        self._turns = asyncio.Semaphore(MOST_CONNECTIONS)
        self._redis: Redis = Redis.from_url(
            url, socket_timeout=timeout_s, socket_connect_timeout=timeout_s, retry=Retry(NoBackoff(), 0)
        )

    @property
    def passed_over(self) -> bool:
        """Whether the breaker keeps calls from Redis."""
        return self._breaker.state != "closed"

    async def get_many(self, keys: Collection[bytes]) -> dict[bytes, bytes]:
        """The entries that there are and can be read; one round trip for up to ``TRIP_ENTRIES``."""
        found: dict[bytes, bytes] = {}
        for some in _trips(keys):
            answers = await self._ask(partial(self._redis.mget, [KEY_PREFIX + key for key in some]), len(some))
            if answers is None:
                break
            values = ((key, unpack(answer)) for key, answer in zip(some, answers, strict=True))
            found |= {key: value for key, value in values if value is not None}
        return found

    async def put_many(self, entries: Mapping[bytes, bytes]) -> None:
        """Keep the entries, save those over ``MOST_ENTRY_BYTES``; one round trip for up to ``TRIP_ENTRIES``."""
        for some in _trips([key for key, value in entries.items() if len(value) <= MOST_ENTRY_BYTES]):
            packed = {KEY_PREFIX + key: pack(entries[key]) for key in some}
            answers = await self._ask(partial(self._set, packed), len(some))
            if answers is None:
                break

    async def purge(self, keys: Collection[bytes]) -> set[bytes]:
        """Forget the entries; those that there were. Redis is asked even while the breaker is open."""
        gone: set[bytes] = set()
        for some in _trips(keys):
            answers = await self._ask(partial(self._unlink, some), len(some), always=True)
            if answers is None:
                break
            gone |= {key for key, answer in zip(some, answers, strict=True) if answer == 1}
        return gone

    async def close(self) -> None:
        """Close the connections."""
        with contextlib.suppress(RedisError, OSError, TimeoutError):
            await self._redis.aclose()

    async def _set(self, packed: Mapping[bytes, bytes]) -> Any:
        pipeline = self._redis.pipeline(transaction=False)
        for key, value in packed.items():
            pipeline.set(key, value, px=self._ttl_ms)
        return await pipeline.execute(raise_on_error=False)

    async def _unlink(self, keys: Collection[bytes]) -> Any:
        pipeline = self._redis.pipeline(transaction=False)
        for key in keys:
            pipeline.unlink(KEY_PREFIX + key)
        return await pipeline.execute(raise_on_error=False)

    async def _ask(
        self, question: Callable[[], Awaitable[Any]], answers: int, *, always: bool = False
    ) -> list[Any] | None:
        """So many answers, or None when there are not: then it was told why."""
        if not always and not self._breaker.allows():
            self._listener(SharedCacheFailed("open"))
            return None
        try:
            async with asyncio.timeout(self._timeout_s), self._turns:
                answered = await question()
        except Exception as error:  # noqa: BLE001 - the parser fails in many ways on what is no answer of Redis
            self._fail(reason_of(error))
            return None
        if not isinstance(answered, list) or len(answered) != answers:
            self._fail("error")
            return None
        if any(isinstance(answer, RedisError) for answer in answered):
            # Full, or read-only: it answers in time, so reading goes on; the breaker takes it as neither good nor bad.
            self._listener(SharedCacheFailed("error"))
        else:
            self._breaker.succeeded()
        return answered

    def _fail(self, reason: SharedFailure) -> None:
        self._listener(SharedCacheFailed(reason, opened=self._breaker.failed()))


def pack(value: bytes) -> bytes:
    """``value`` as Redis keeps it: one byte that names the format, then zlib's."""
    return ZLIB + zlib.compress(value, FASTEST)


def unpack(stored: object) -> bytes | None:
    """What ``pack`` was given; None for all else: no value, another format, damaged, over ``MOST_ENTRY_BYTES``."""
    if not isinstance(stored, bytes) or not stored.startswith(ZLIB):
        return None
    unzip = zlib.decompressobj()
    try:
        value = unzip.decompress(stored[1:], MOST_ENTRY_BYTES + 1)
    except zlib.error:
        return None
    return value if unzip.eof and len(value) <= MOST_ENTRY_BYTES else None


def reason_of(error: Exception) -> SharedFailure:
    """The kind of a failure; refused credentials and a Redis that still loads are errors, though it was reached."""
    match error:
        case TimeoutError() | RedisTimeoutError():
            return "timeout"
        case AuthenticationError() | BusyLoadingError():
            return "error"
        case RedisConnectionError() | OSError():
            return "unreachable"
        case _:
            return "error"


def _trips(keys: Collection[bytes]) -> list[list[bytes]]:
    """The distinct keys, by round trip."""
    distinct = iter(dict.fromkeys(keys))
    return list(iter(lambda: list(islice(distinct, TRIP_ENTRIES)), []))
