"""The shared tier of the cache in Redis, with a circuit breaker and the format of the stored values."""

import asyncio
import contextlib
import time
import zlib
from collections.abc import Awaitable, Callable, Collection, Iterator, Mapping, Sequence
from functools import partial
from typing import Any, Literal, NamedTuple, ParamSpec, TypeVar

from redis.asyncio import Redis
from redis.asyncio.retry import Retry
from redis.backoff import NoBackoff
from redis.exceptions import AuthenticationError, BusyLoadingError, RedisError
from redis.exceptions import ConnectionError as RedisConnectionError
from redis.exceptions import TimeoutError as RedisTimeoutError

from service.cache.memory import KEY_BYTES, TAG_LIVES
from service.cache.seal import Seal
from service.errors import Unavailable
from service.events import (
    EntryUnopened,
    Listener,
    SharedCacheFailed,
    SharedCacheRecovered,
    SharedFailure,
    Unopened,
    ignore,
)

BreakerState = Literal["closed", "open", "half_open"]


class Breaker:
    """A circuit breaker, which opens after ``failures`` consecutive failed calls and then blocks calls.

    While open, the breaker allows one call as a probe every ``pause_s`` seconds until a call succeeds. A pause starts
    when the breaker opens and whenever a probe is allowed. A probe that has no outcome, because its caller was
    cancelled, therefore does not block later probes. ``clock`` returns seconds.
    """

    def __init__(self, *, failures: int = 5, pause_s: float = 5.0, clock: Callable[[], float] = time.monotonic) -> None:
        self._most_failures = failures
        self.pause_s = pause_s
        self._clock = clock
        self._failures = 0
        self._probe_at_s: float | None = None

    @property
    def state(self) -> BreakerState:
        """The current state.

        While the breaker is open, the state is "open" during a pause and "half_open" after it.
        """
        if self._probe_at_s is None:
            return "closed"
        return "open" if self._clock() < self._probe_at_s else "half_open"

    def allows(self) -> bool:
        """Return whether a call may start now.

        In the state "half_open", the call is a probe, and the next pause starts.
        """
        if self.state == "half_open":
            self._probe_at_s = self._clock() + self.pause_s
            return True
        return self.state == "closed"

    def succeeded(self) -> None:
        """Record a successful call and close the breaker."""
        self._failures = 0
        self._probe_at_s = None

    def open(self) -> None:
        """Open the breaker without waiting for further failures, for example after a failed check at startup."""
        self._probe_at_s = self._clock() + self.pause_s

    def failed(self) -> bool:
        """Record a failed call, and return whether it opened the breaker."""
        if self._probe_at_s is not None:
            return False
        self._failures += 1
        if self._failures < self._most_failures:
            return False
        self._probe_at_s = self._clock() + self.pause_s
        return True


class Recovery:
    """A background task that closes an open circuit breaker when Redis responds again, even if there is no traffic.

    ``probe`` sends one command to Redis. It must record the outcome in ``breaker`` and raise no exception.
    ``on_recovered`` is called after the breaker has been closed by a probe or by another call.
    """

    def __init__(
        self, breaker: Breaker, probe: Callable[[], Awaitable[object]], on_recovered: Callable[[], None]
    ) -> None:
        self._breaker = breaker
        self._probe = probe
        self._on_recovered = on_recovered
        self._task: asyncio.Task[None] | None = None

    def begin(self) -> None:
        """Start the task, unless it is already running."""
        if self._task is None or self._task.done():
            self._task = asyncio.get_running_loop().create_task(self._run(), name="redis recovery")

    async def _run(self) -> None:
        while True:
            await asyncio.sleep(self._breaker.pause_s)
            if self._breaker.state == "closed":
                break
            if self._breaker.allows():
                await self._probe()
        self._on_recovered()

    def stop(self) -> None:
        """Stop the task."""
        if self._task is not None:
            self._task.cancel()


EXPIRING = b"e"  # first byte of a value that includes its expiry time
SEALED = b"s"  # first byte of an encrypted value
END_BYTES = 8
FASTEST = 1
MOST_ENTRY_BYTES = 1 << 20


class Found(NamedTuple):
    """An entry that was read from Redis, with its remaining lifetime in seconds."""

    value: bytes
    left_s: float


def pack(value: bytes, ends_ms: int) -> bytes:
    """Encode ``value`` for storage: a format byte, the expiry time in Unix milliseconds, and the compressed value."""
    return EXPIRING + ends_ms.to_bytes(END_BYTES, "big") + zlib.compress(value, FASTEST)


def unpack(stored: object, now_ms: int, most_bytes: int = MOST_ENTRY_BYTES) -> Found | None:
    """Decode a value that `pack` encoded, and return it with its remaining lifetime at ``now_ms`` (Unix milliseconds).

    Return None if ``stored`` is None, has another format or is damaged, or if the value has more than ``most_bytes``
    bytes.
    """
    if not isinstance(stored, bytes) or not stored.startswith(EXPIRING):
        return None
    unzip = zlib.decompressobj()
    try:
        value = unzip.decompress(stored[len(EXPIRING) + END_BYTES :], most_bytes + 1)
    except zlib.error:
        return None
    if not unzip.eof or len(value) > most_bytes:
        return None
    ends_ms = int.from_bytes(stored[len(EXPIRING) :][:END_BYTES], "big")
    return Found(value, max(0, ends_ms - now_ms) / 1000)


ON_LOOP_BYTES = 16_384
"""The maximum total size, in bytes, of values that are packed or unpacked on the event loop.

Larger values are packed and unpacked in a thread. Malicious values of this size expand to about 16 MiB.
"""
KEY_PREFIX = b"depesche:"
TAG_PREFIX = b"depesche:tag:"
# A round trip with this many commands stays well within the timeout, which also covers the time that Python needs.
ROUND_TRIP_COMMANDS = 128
SCAN_COUNT = 1_000
MOST_CONNECTIONS = 32
LONGEST_TTL_S = 10 * 365 * 86_400.0


Command = tuple[Any, ...]
ANSWERS: dict[str, type] = {"SMEMBERS": set, "UNLINK": int, "SREM": int, "SCAN": tuple}
T = TypeVar("T")
P = ParamSpec("P")


class PurgeIncomplete(Unavailable):
    """The shared tier did not complete a purge, and may still contain some of the entries."""

    code = "purge_incomplete"


class SharedUnavailable(Unavailable):
    """The shared tier did not respond to a read."""


class Shared:
    """The shared tier of the cache, which stores entries and tags in Redis.

    Entries expire after ``ttl_s`` seconds, but at most `LONGEST_TTL_S`, and tags after ``TAG_LIVES`` times as long.
    Entries that are larger than ``most_entry_bytes`` are neither stored nor read. If Redis is slow, is unreachable or
    sends malformed responses, purges raise `PurgeIncomplete`, and `read` raises `SharedUnavailable`. `get_many`,
    `put_many` and `delete` raise no exception.

    Each round trip takes at most ``timeout_s`` seconds, including the time to connect. A call ends after its first
    failed round trip, and ``listener`` receives an event for each failure. If ``seal`` is set, values are encrypted,
    and a value that cannot be decrypted counts as missing. The first call opens the connection. ``clock`` returns
    wall-clock time in seconds. The clocks of all processes that share a Redis server must agree within a small fraction
    of ``ttl_s``.

    Raises:
        ValueError: the scheme of ``url`` is not redis://, rediss:// or unix://.
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
        most_entry_bytes: int = MOST_ENTRY_BYTES,
    ) -> None:
        self._most_entry_bytes = most_entry_bytes
        self._ttl_ms = max(1, int(min(ttl_s, LONGEST_TTL_S) * 1000))
        self._timeout_s = timeout_s
        self._breaker = breaker
        self._seal = seal
        self._listener = listener
        self._clock = clock
        self._recovery = Recovery(
            breaker,
            lambda: self._round_trip(partial(self._run, [("PING",)]), 1, always=True),
            lambda: listener(SharedCacheRecovered()),
        )
        self._connections = asyncio.Semaphore(MOST_CONNECTIONS)
        self._redis: Redis = Redis.from_url(
            url, socket_timeout=timeout_s, socket_connect_timeout=timeout_s, retry=Retry(NoBackoff(), 0)
        )

    @property
    def blocked(self) -> bool:
        """True if the circuit breaker is blocking calls to Redis."""
        return self._breaker.state != "closed"

    async def get_many(self, keys: Collection[bytes]) -> dict[bytes, Found]:
        """Return the readable entries under ``keys``. One round trip reads up to ``ROUND_TRIP_COMMANDS`` keys.

        A value that cannot be read is deleted and reported to the listener.
        """
        found: dict[bytes, Found] = {}
        unreadable: list[bytes] = []
        for some in _round_trips(list(dict.fromkeys(keys))):
            answers = await self._round_trip(partial(self._redis.mget, [KEY_PREFIX + key for key in some]), len(some))
            if answers is None:
                break
            opened = await self._opened(some, answers)
            found |= {key: one for key, one in opened.items() if isinstance(one, Found)}
            unreadable += [key for key in opened if key not in found]
        for some in _round_trips(unreadable):
            await self._round_trip(partial(self._run, [("UNLINK", KEY_PREFIX + key) for key in some]), len(some))
        return found

    async def _opened(self, keys: Sequence[bytes], answers: Sequence[object]) -> "dict[bytes, Found | Unopened]":
        """Return the entries in ``answers``, the values that Redis returned for ``keys``.

        Missing values are left out, and so are expired values, which somebody may have restored.

        A value that cannot be read is replaced by the reason, which is reported to the listener.
        """
        stored = {key: answer for key, answer in zip(keys, answers, strict=True) if answer is not None}
        size = sum(len(answer) for answer in stored.values() if isinstance(answer, bytes))
        opened = await _off_loop(size, lambda: {key: self._open(key, stored[key]) for key in stored})
        for one in opened.values():
            if not isinstance(one, Found):
                self._listener(EntryUnopened(one))
        return {key: one for key, one in opened.items() if not (isinstance(one, Found) and one.left_s <= 0)}

    def _open(self, key: bytes, stored: object) -> "Found | Unopened":
        opened = stored
        if self._seal is not None and isinstance(stored, bytes):
            if not stored.startswith(SEALED):
                return "unsealed"
            opened = self._seal.open(stored[len(SEALED) :], KEY_PREFIX + key)
            if opened is None:
                return "seal"
        return unpack(opened, self._now_ms(), self._most_entry_bytes) or "unreadable"

    def _packed(self, commands: Sequence[Command]) -> list[Command]:
        """Return ``commands`` with the value of each ``("SET", key, value)`` packed and encrypted."""
        return [self._set(*command[1:]) if command[0] == "SET" else command for command in commands]

    def _set(self, key: bytes, value: bytes) -> Command:
        packed = pack(value, self._now_ms() + self._ttl_ms)
        stored = packed if self._seal is None else SEALED + self._seal.close(packed, KEY_PREFIX + key)
        return ("SET", KEY_PREFIX + key, stored, "PX", self._ttl_ms)

    async def put_many(self, entries: Mapping[bytes, bytes], tags: Mapping[bytes, Collection[bytes]]) -> bool:
        """Store ``entries``, and return whether all writes succeeded.

        ``tags`` maps each tag to the keys that are added to it. Tags are written first, so that no entry lacks its tag.
        Entries larger than the limit are not stored. One round trip contains up to ``ROUND_TRIP_COMMANDS`` commands.
        """
        commands: list[Command] = []
        for tag, keys in tags.items():
            # A tag must outlive all entries of its text.
            commands += [("SADD", TAG_PREFIX + tag, *keys), ("PEXPIRE", TAG_PREFIX + tag, self._ttl_ms * TAG_LIVES)]
        small = {key: value for key, value in entries.items() if len(value) <= self._most_entry_bytes}
        commands += [("SET", key, value) for key, value in small.items()]
        size = sum(map(len, small.values()))
        for some in _round_trips(commands):
            packed = await _off_loop(size, self._packed, some)
            answers = await self._round_trip(partial(self._run, packed), len(packed))
            if answers is None or any(isinstance(answer, RedisError) for answer in answers):
                return False
        return True

    async def read(self, key: bytes) -> bytes | None:
        """Return the readable entry under ``key``, or None if there is none.

        The command is sent even if the circuit breaker is open.

        Raises:
            SharedUnavailable: Redis did not respond, or its response is malformed.
        """
        fetch = partial(self._redis.mget, [KEY_PREFIX + key])
        answers = await self._round_trip(fetch, 1, always=True)
        if answers is None:
            raise SharedUnavailable("the shared cache did not respond; try again later")
        found = (await self._opened([key], answers)).get(key)
        return found.value if isinstance(found, Found) else None

    async def delete(self, key: bytes) -> bool:
        """Delete the entry under ``key``, and return whether Redis responded.

        The command is sent even if the circuit breaker is open.
        """
        return await self._round_trip(partial(self._run, [("UNLINK", KEY_PREFIX + key)]), 1, always=True) is not None

    async def tag_members(self, tags: Collection[bytes]) -> dict[bytes, set[bytes]]:
        """Return the members of each of ``tags``, and the members of each member that is itself a tag.

        The commands are sent even if the circuit breaker is open.

        Raises:
            PurgeIncomplete: Redis did not respond, or its response is an error or malformed.
        """
        found: dict[bytes, set[bytes]] = {}
        asked: list[bytes] = list(tags)
        for _ in range(2):
            answers = await self._run_all([("SMEMBERS", TAG_PREFIX + tag) for tag in asked])
            step = {tag: set(answer) for tag, answer in zip(asked, answers, strict=True) if answer}
            found |= step
            asked = list(set().union(*step.values()) - set(asked))
        return found

    async def purge(self, keys: Collection[bytes], tags: Mapping[bytes, Collection[bytes]]) -> int:
        """Delete the entries under ``keys``, and return the number of deleted entries.

        ``tags`` maps each tag to the members that are removed from it. Members that other processes have added to a tag
        since `tag_members` was called remain in the tag.

        Raises:
            PurgeIncomplete: Redis did not respond, or its response is an error or malformed. Some of the entries may
                already be deleted.
        """
        deleted: list[int] = await self._run_all([("UNLINK", KEY_PREFIX + key) for key in keys])
        await self._run_all([("SREM", TAG_PREFIX + tag, *members) for tag, members in tags.items()])
        return sum(deleted)

    async def clear(self) -> int:
        """Delete all keys of this service, and return the number of deleted entries. Deleted tags are not counted.

        Raises:
            PurgeIncomplete: Redis did not respond, or its response is an error or malformed. Some of the entries may
                already be deleted.
        """
        cursor: int = 0
        entries: int = 0
        while True:
            ((cursor, keys),) = await self._run_all([("SCAN", cursor, "MATCH", KEY_PREFIX + b"*", "COUNT", SCAN_COUNT)])
            tags = [key for key in keys if len(key) == len(TAG_PREFIX) + KEY_BYTES and key.startswith(TAG_PREFIX)]
            entries += sum(await self._run_all([("UNLINK", key) for key in set(keys).difference(tags)]))
            await self._run_all([("UNLINK", key) for key in tags])
            if not cursor:
                return entries

    async def close(self) -> None:
        """Stop the recovery task and close the connections."""
        self._recovery.stop()
        with contextlib.suppress(RedisError, OSError, TimeoutError):
            await self._redis.aclose()

    async def _run(self, commands: Sequence[Command]) -> Any:
        pipeline = self._redis.pipeline(transaction=False)
        for command in commands:
            pipeline.execute_command(*command)
        return await pipeline.execute(raise_on_error=False)

    async def _run_all(self, commands: Sequence[Command]) -> list[Any]:
        """Run all commands, even if the circuit breaker is open, and return their responses.

        Raises:
            PurgeIncomplete: Redis did not respond, or a response has the wrong type.
        """
        answers: list[Any] = []
        for some in _round_trips(commands):
            answered = await self._round_trip(partial(self._run, some), len(some), always=True)
            kinds = [ANSWERS[command[0]] for command in some]
            if answered is None or not all(map(isinstance, answered, kinds)):
                raise PurgeIncomplete(
                    "the shared cache did not respond and may still contain some of the entries; repeat the purge"
                )
            answers += answered
        return answers

    def _now_ms(self) -> int:
        return int(self._clock() * 1000)

    async def _round_trip(
        self, commands: Callable[[], Awaitable[Any]], answers: int, *, always: bool = False
    ) -> list[Any] | None:
        """Run ``commands`` in one round trip, and return their responses, or None if the round trip failed.

        ``answers`` is the expected number of responses. Each failure is reported to the listener. If ``always`` is
        True, the commands are sent even if the circuit breaker is open.
        """
        if not always and not self._breaker.allows():
            self._listener(SharedCacheFailed("open"))
            return None
        try:
            async with asyncio.timeout(self._timeout_s), self._connections:
                answered = await commands()
        except Exception as error:  # noqa: BLE001 - the parser raises many types of errors for malformed answers
            self._fail(reason_of(error))
            return None
        if not isinstance(answered, list) or len(answered) != answers:
            self._fail("error")
            return None
        if any(isinstance(answer, RedisError) for answer in answered):
            # Redis responds, but is full or read-only. Reads still work, so this counts as neither a success nor a
            # failure.
            self._listener(SharedCacheFailed("error"))
        else:
            self._breaker.succeeded()
        return answered

    def _fail(self, reason: SharedFailure) -> None:
        opened = self._breaker.failed()
        self._listener(SharedCacheFailed(reason, opened=opened))
        if opened:
            self._recovery.begin()


def reason_of(error: Exception) -> SharedFailure:
    """Return the reason that a failure event reports for an exception from the Redis client.

    The reason is "error" for every exception that is neither a timeout nor a failed connection. It is also "error" if
    Redis rejected the credentials or is still loading its data.
    """
    match error:
        case TimeoutError() | RedisTimeoutError():
            return "timeout"
        case AuthenticationError() | BusyLoadingError():
            return "error"
        case RedisConnectionError() | OSError():
            return "unreachable"
        case _:
            return "error"


def _round_trips(commands: Sequence[T]) -> Iterator[Sequence[T]]:
    """Split a sequence of keys or commands into one part for each round trip."""
    return (commands[at : at + ROUND_TRIP_COMMANDS] for at in range(0, len(commands), ROUND_TRIP_COMMANDS))


async def _off_loop(size: int, work: Callable[P, T], *args: P.args, **kwargs: P.kwargs) -> T:
    """Call ``work``, which processes ``size`` bytes, on the event loop or, above `ON_LOOP_BYTES`, in a thread."""
    return work(*args, **kwargs) if size <= ON_LOOP_BYTES else await asyncio.to_thread(work, *args, **kwargs)
