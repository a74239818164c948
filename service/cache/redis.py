"""The Redis tier of the cache, with its circuit breaker and its value format."""

import asyncio
import contextlib
import time
import zlib
from collections.abc import Awaitable, Callable, Collection, Iterator, Mapping, Sequence
from functools import partial
from typing import Any, Literal, NamedTuple, TypeVar

from redis.asyncio import Redis
from redis.asyncio.retry import Retry
from redis.backoff import NoBackoff
from redis.exceptions import AuthenticationError, BusyLoadingError, RedisError
from redis.exceptions import ConnectionError as RedisConnectionError
from redis.exceptions import TimeoutError as RedisTimeoutError

from service.cache.memory import KEY_BYTES, TAG_LIVES
from service.cache.seal import Seal
from service.errors import Unavailable
from service.events import EntryUnopened, Listener, SharedCacheFailed, SharedFailure, ignore

BreakerState = Literal["closed", "open", "half_open"]


class Breaker:
    """Opens after ``failures`` in a row. Then one call is let through every ``pause_s``, until one succeeds.

    A probe counts from when it was let through, so one that is never told of (its caller left) blocks nothing.
    ``clock`` counts seconds.
    """

    def __init__(self, *, failures: int = 5, pause_s: float = 5.0, clock: Callable[[], float] = time.monotonic) -> None:
        self._most_failures = failures
        self._pause_s = pause_s
        self._clock = clock
        self._failures = 0
        self._probe_at_s: float | None = None

    @property
    def state(self) -> BreakerState:
        """Open also while a probe is under way."""
        if self._probe_at_s is None:
            return "closed"
        return "open" if self._clock() < self._probe_at_s else "half_open"

    def allows(self) -> bool:
        """Whether to call now. A True while half open is the probe, and the next one is a pause away."""
        if self.state == "half_open":
            self._probe_at_s = self._clock() + self._pause_s
            return True
        return self.state == "closed"

    def succeeded(self) -> None:
        """A call was answered: closed, whatever was before."""
        self._failures = 0
        self._probe_at_s = None

    def failed(self) -> bool:
        """A call failed; True when that opened the breaker, False when it stays as it was."""
        if self._probe_at_s is not None:
            return False
        self._failures += 1
        if self._failures < self._most_failures:
            return False
        self._probe_at_s = self._clock() + self._pause_s
        return True


ENDING = b"e"  # the first byte of a value: how the rest is written
SEALED = b"s"  # the first byte of one that is sealed
END_BYTES = 8
FASTEST = 1
MOST_ENTRY_BYTES = 1 << 20


class Found(NamedTuple):
    """An entry, and for how long it may still be used."""

    value: bytes
    left_s: float


def pack(value: bytes, ends_ms: int) -> bytes:
    """``value`` as Redis keeps it: a byte that names the format, when it ends (Unix time), zlib's bytes."""
    return ENDING + ends_ms.to_bytes(END_BYTES, "big") + zlib.compress(value, FASTEST)


def unpack(stored: object, now_ms: int) -> Found | None:
    """What ``pack`` was given; None for all else: no value, another format, damaged, over ``MOST_ENTRY_BYTES``."""
    if not isinstance(stored, bytes) or not stored.startswith(ENDING):
        return None
    unzip = zlib.decompressobj()
    try:
        value = unzip.decompress(stored[len(ENDING) + END_BYTES :], MOST_ENTRY_BYTES + 1)
    except zlib.error:
        return None
    if not unzip.eof or len(value) > MOST_ENTRY_BYTES:
        return None
    ends_ms = int.from_bytes(stored[len(ENDING) :][:END_BYTES], "big")
    return Found(value, max(0, ends_ms - now_ms) / 1000)


KEY_PREFIX = b"depesche:"
TAG_PREFIX = b"depesche:tag:"
# A round trip of this many stays well inside the timeout, which Python's own work for them counts towards.
TRIP_COMMANDS = 128
SCAN_COUNT = 1_000
MOST_CONNECTIONS = 32
LONGEST_TTL_S = 10 * 365 * 86_400.0


Command = tuple[Any, ...]
ANSWERS: dict[str, type] = {"SMEMBERS": set, "UNLINK": int, "SREM": int, "SCAN": tuple}
T = TypeVar("T")


class PurgeIncomplete(Unavailable):
    """The shared tier was not reached, or refused: it may still hold what was to be purged."""

    code = "purge_incomplete"


class Shared:
    """Entries and tags under their keys, each for ``ttl_s`` (tags for ``TAG_LIVES`` as long).

    Reading and writing never raise when Redis is slow, gone or answers nonsense; purging does.

    Every round trip takes ``timeout_s`` at most, connecting and waiting for a connection included; the first that fails
    ends the call. Each failure is told to ``listener``. With a ``seal`` values are sealed, and what does not open is
    none. Nothing is connected before the first call. ``clock`` is wall time, which the processes that share a Redis
    should agree on within a small part of ``ttl_s``.

    Raises:
        ValueError: ``url`` is none of Redis (redis://, rediss://, unix://).
    """

    def __init__(
        self,
        url: str,
        *,
        ttl_s: float,
        timeout_s: float,
        breaker: Breaker,
        seal: Seal | None = None,
        listener: Listener = ignore,
        clock: Callable[[], float] = time.time,
    ) -> None:
        self._ttl_ms = max(1, int(min(ttl_s, LONGEST_TTL_S) * 1000))
        self._timeout_s = timeout_s
        self._breaker = breaker
        self._seal = seal
        self._listener = listener
        self._clock = clock
        self._turns = asyncio.Semaphore(MOST_CONNECTIONS)
        self._redis: Redis = Redis.from_url(
            url, socket_timeout=timeout_s, socket_connect_timeout=timeout_s, retry=Retry(NoBackoff(), 0)
        )

    @property
    def passed_over(self) -> bool:
        """Whether the breaker keeps calls from Redis."""
        return self._breaker.state != "closed"

    async def get_many(self, keys: Collection[bytes]) -> dict[bytes, Found]:
        """The entries that there are and can be read; one round trip for up to ``TRIP_COMMANDS``."""
        found: dict[bytes, Found] = {}
        for some in _trips(list(dict.fromkeys(keys))):
            answers = await self._ask(partial(self._redis.mget, [KEY_PREFIX + key for key in some]), len(some))
            if answers is None:
                break
            values = ((key, self._opened(key, answer)) for key, answer in zip(some, answers, strict=True))
            found |= {key: value for key, value in values if value is not None}
        return found

    def _opened(self, key: bytes, answer: object) -> Found | None:
        if self._seal is None or not isinstance(answer, bytes):
            return unpack(answer, self._now_ms())
        sealed = answer.startswith(SEALED)
        opened = self._seal.open(answer[len(SEALED) :], KEY_PREFIX + key) if sealed else None
        if opened is None:
            self._listener(EntryUnopened("seal" if sealed else "unsealed"))
        return unpack(opened, self._now_ms())

    def _packed(self, key: bytes, value: bytes) -> bytes:
        packed = pack(value, self._now_ms() + self._ttl_ms)
        return packed if self._seal is None else SEALED + self._seal.close(packed, KEY_PREFIX + key)

    async def put_many(self, entries: Mapping[bytes, bytes], tags: Mapping[bytes, Collection[bytes]]) -> bool:
        """Keep the entries, save those over ``MOST_ENTRY_BYTES``, and add keys to tags; whether all of it is there.

        One round trip for up to ``TRIP_COMMANDS``. The tags go first: no entry is ever there without its own.
        """
        commands: list[Command] = []
        for tag, keys in tags.items():
            # A tag outlasts whatever its text was answered with.
            commands += [("SADD", TAG_PREFIX + tag, *keys), ("PEXPIRE", TAG_PREFIX + tag, self._ttl_ms * TAG_LIVES)]
        for key, value in entries.items():
            if len(value) <= MOST_ENTRY_BYTES:
                commands.append(("SET", KEY_PREFIX + key, self._packed(key, value), "PX", self._ttl_ms))
        for some in _trips(commands):
            answers = await self._ask(partial(self._run, some), len(some))
            if answers is None or any(isinstance(answer, RedisError) for answer in answers):
                return False
        return True

    async def led_to(self, tags: Collection[bytes]) -> dict[bytes, set[bytes]]:
        """What is under those of ``tags`` that are some, and, one step further, under what is there.

        Raises:
            PurgeIncomplete: Redis did not answer as it should. It is asked even while the breaker is open.
        """
        found: dict[bytes, set[bytes]] = {}
        asked: list[bytes] = list(tags)
        for _ in range(2):
            answers = await self._insist([("SMEMBERS", TAG_PREFIX + tag) for tag in asked])
            step = {tag: set(answer) for tag, answer in zip(asked, answers, strict=True) if answer}
            found |= step
            asked = list(set().union(*step.values()) - set(asked))
        return found

    async def purge(self, keys: Collection[bytes], tags: Mapping[bytes, Collection[bytes]]) -> int:
        """Forget the entries, then take these keys off the tags; how many entries there were.

        What was added to a tag meanwhile stays. Raises PurgeIncomplete as in ``led_to``.
        """
        gone: list[int] = await self._insist([("UNLINK", KEY_PREFIX + key) for key in keys])
        await self._insist([("SREM", TAG_PREFIX + tag, *members) for tag, members in tags.items()])
        return sum(gone)

    async def clear(self) -> int:
        """Forget everything of this service; how many entries there were. Raises PurgeIncomplete as in ``led_to``."""
        cursor: int = 0
        entries: int = 0
        while True:
            ((cursor, keys),) = await self._insist([("SCAN", cursor, "MATCH", KEY_PREFIX + b"*", "COUNT", SCAN_COUNT)])
            tags = [key for key in keys if len(key) == len(TAG_PREFIX) + KEY_BYTES and key.startswith(TAG_PREFIX)]
            entries += sum(await self._insist([("UNLINK", key) for key in set(keys).difference(tags)]))
            await self._insist([("UNLINK", key) for key in tags])
            if not cursor:
                return entries

    async def close(self) -> None:
        """Close the connections."""
        with contextlib.suppress(RedisError, OSError, TimeoutError):
            await self._redis.aclose()

    async def _run(self, commands: Sequence[Command]) -> Any:
        pipeline = self._redis.pipeline(transaction=False)
        for command in commands:
            pipeline.execute_command(*command)
        return await pipeline.execute(raise_on_error=False)

    async def _insist(self, commands: Sequence[Command]) -> list[Any]:
        """The answers of all commands, of the kind that each should give."""
        answers: list[Any] = []
        for some in _trips(commands):
            answered = await self._ask(partial(self._run, some), len(some), always=True)
            kinds = [ANSWERS[command[0]] for command in some]
            if answered is None or not all(map(isinstance, answered, kinds)):
                raise PurgeIncomplete("the shared cache was not reached, so it may still hold what was to be purged")
            answers += answered
        return answers

    def _now_ms(self) -> int:
        return int(self._clock() * 1000)

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


def _trips(commands: Sequence[T]) -> Iterator[Sequence[T]]:
    """The commands, by round trip."""
    return (commands[at : at + TRIP_COMMANDS] for at in range(0, len(commands), TRIP_COMMANDS))
