"""Tests of the cache in Redis (the shared tier) while Redis is dead, paused, full or replaced by a faulty server.

Calls must end in bounded time without an error, and the cache must use Redis again after its recovery.
"""

import asyncio
import time
from collections.abc import AsyncIterator, Callable, Coroutine, Iterator
from contextlib import asynccontextmanager, contextmanager
from functools import partial
from typing import Any

import pytest
from fastapi.testclient import TestClient

from service.app import create_app
from service.cache import entries
from service.cache.memory import Memory
from service.cache.redis import Breaker, Shared
from service.cache.tiers import Cache
from service.events import Event, SharedCacheFailed
from service.settings import Settings
from tests.conftest import wait_until_ready
from tests.fake_engine import FakeEngine
from tests.redis_server import RedisServer, free_port

A, B = (bytes([number]) * 32 for number in range(2))
TIMEOUT_S = 0.3
FAILURES = 3
PAUSE_S = 0.2
MOST_TRIES = 300
# Long enough that no deadline passes on a busy machine.
PATIENT_S = 30.0


class Rig:
    """A cache without a memory tier, so every call goes to the shared tier in Redis."""

    def __init__(self, url: str, timeout_s: float) -> None:
        self.events: list[Event] = []
        self._stopped_s: float | None = None
        breaker = Breaker(failures=FAILURES, pause_s=PAUSE_S, clock=self._now_s)
        self.shared = Shared(url, ttl_s=60.0, timeout_s=timeout_s, breaker=breaker, listener=self.events.append)
        self.cache = Cache(Memory(max_bytes=0, ttl_s=60.0), self.shared)

    def _now_s(self) -> float:
        return time.monotonic() if self._stopped_s is None else self._stopped_s

    @contextmanager
    def between_probes(self) -> Iterator[None]:
        """Stop the clock of the circuit breaker in a ``with`` block, so an open breaker allows no call as a probe."""
        self._stopped_s = time.monotonic()
        yield
        self._stopped_s = None

    async def look(self) -> dict[bytes, bytes]:
        """Return the values that are stored under the keys ``A`` and ``B``. A key without a value is left out."""
        return await self.cache.get_many([A, B], task="t")

    async def works(self) -> bool:
        """Store a value, and return whether the cache then contains it."""
        await self.cache.put_many({A: b"a"}, started_s=time.monotonic())
        return await self.look() == {A: b"a"}

    async def recovers(self) -> None:
        """Wait until the shared tier works again, and fail if it does not."""
        for _ in range(MOST_TRIES):
            if await self.works():
                break
            await asyncio.sleep(PAUSE_S / 2)
        assert await self.works()
        assert not self.shared.blocked

    @property
    def reasons(self) -> set[str]:
        """Return the reasons of all calls that have failed since this property was last read."""
        found: set[str] = {event.reason for event in self.events if isinstance(event, SharedCacheFailed)}
        self.events.clear()
        return found


@asynccontextmanager
async def rig_at(url: str, timeout_s: float = TIMEOUT_S) -> AsyncIterator[Rig]:
    rig = Rig(url, timeout_s)
    try:
        yield rig
    finally:
        await rig.shared.close()


async def calls_are_only_misses(rig: Rig) -> None:
    """Assert that the cache finds nothing, and that all calls end in bounded time without an error.

    Lookups and writes are called one after the other, and lookups also concurrently. The circuit breaker must open
    exactly once.
    """
    with rig.between_probes():
        async with asyncio.timeout(PATIENT_S):
            for _ in range(10):
                assert await rig.look() == {}
                await rig.cache.put_many({A: b"a"}, started_s=time.monotonic())
            assert await asyncio.gather(*(rig.look() for _ in range(20))) == [{}] * 20
        assert rig.shared.blocked
    assert [event.opened for event in rig.events if isinstance(event, SharedCacheFailed)].count(True) == 1


def assert_reached(rig: Rig, calls: int) -> None:
    """Assert that only the first ``calls`` calls were sent to Redis.

    The open circuit breaker must refuse all others.
    """
    told = [event.reason == "open" for event in rig.events if isinstance(event, SharedCacheFailed)]
    assert told == [False] * calls + [True] * (len(told) - calls)
    assert len(told) == 40


async def test_killed_redis_is_a_miss(redis_server: RedisServer) -> None:
    async with rig_at(redis_server.url, PATIENT_S) as rig:
        assert await rig.works()
        redis_server.kill()
        await calls_are_only_misses(rig)
        assert_reached(rig, FAILURES)
        assert rig.reasons == {"unreachable", "open"}
        redis_server.start()
        await rig.recovers()


async def test_paused_redis_is_a_miss(redis_server: RedisServer) -> None:
    async with rig_at(redis_server.url) as rig:
        await rig.recovers()  # a busy machine may need more time than the timeout of this rig
        rig.events.clear()
        redis_server.pause()
        await calls_are_only_misses(rig)
        assert_reached(rig, FAILURES)
        assert rig.reasons == {"timeout", "open"}
        redis_server.resume()
        await rig.recovers()


async def test_redis_killed_during_work_raises_nothing(redis_server: RedisServer) -> None:
    async with rig_at(redis_server.url, PATIENT_S) as rig:
        working = [asyncio.create_task(rig.works()) for _ in range(200)]
        await asyncio.wait(working, return_when=asyncio.FIRST_COMPLETED)
        redis_server.kill()
        async with asyncio.timeout(PATIENT_S):
            await asyncio.gather(*working)


async def test_full_redis_is_still_read(redis_server: RedisServer) -> None:
    async with rig_at(redis_server.url, PATIENT_S) as rig:
        assert await rig.works()
        with redis_server.client() as client:
            client.config_set("maxmemory-policy", "noeviction")
            client.config_set("maxmemory", "1")
            for _ in range(2 * FAILURES):
                await rig.cache.put_many({B: b"b"}, started_s=time.monotonic())
                assert await rig.look() == {A: b"a"}
            assert rig.reasons == {"error"}
            client.config_set("maxmemory", "0")
        await rig.cache.put_many({B: b"b"}, started_s=time.monotonic())
        assert await rig.look() == {A: b"a", B: b"b"}


async def test_cancelled_calls_leak_no_connection(redis_server: RedisServer) -> None:
    async with rig_at(redis_server.url, PATIENT_S) as rig:
        for _ in range(5):
            leaving = [asyncio.create_task(rig.works()) for _ in range(20)]
            await asyncio.wait(leaving, return_when=asyncio.FIRST_COMPLETED)
            for task in leaving:
                task.cancel()
            await asyncio.gather(*leaving, return_exceptions=True)
        assert await rig.works()
        assert not rig.reasons


Answer = Callable[[bytes], bytes]


@asynccontextmanager
async def answering(answer: Answer) -> AsyncIterator[str]:
    """Start a fake Redis server and yield its URL.

    ``answer`` returns the reply to the bytes that the server received. After an empty reply, the server closes the
    connection.
    """

    async def talk(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        while (asked := await reader.read(1 << 16)) and (answered := answer(asked)):
            writer.write(answered)
            await writer.drain()
        writer.close()

    conversations: set[asyncio.Task[None]] = set()

    def accept(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        conversations.add(asyncio.create_task(_unless_hung_up(talk(reader, writer))))

    server = await asyncio.start_server(accept, "127.0.0.1", 0)
    try:
        yield f"redis://127.0.0.1:{server.sockets[0].getsockname()[1]}"
    finally:
        server.close()
        await asyncio.gather(*conversations)


async def _unless_hung_up(talk: Coroutine[Any, Any, None]) -> None:
    try:
        await talk
    except ConnectionError:
        return


GARBAGE = [
    b"",
    b"HTTP/1.1 400 Bad Request\r\n\r\n",
    b"\x00\xff" * 100,
    b"+OK\r\n" * 3,
    b"$five\r\n",
    b"$-7\r\n",
    b"$5\r\nto",
    b"$99999999999\r\nx",
    b"*1000000000\r\n",
    b"*1\r\n$1\r\na\r\n",
    b"*" * 5000,
    b"*1\r\n" * 3000 + b"$1\r\na\r\n",
    b":12\r\n",
    b"-ERR no such thing\r\n",
]


@pytest.mark.parametrize("garbage", GARBAGE, ids=range(len(GARBAGE)))
async def test_garbage_reply_is_a_miss(garbage: bytes) -> None:
    async with answering(lambda _: garbage) as url, rig_at(url) as rig:
        await calls_are_only_misses(rig)


@pytest.mark.parametrize("garbage", GARBAGE, ids=range(len(GARBAGE)))
async def test_garbage_after_handshake_is_a_miss(garbage: bytes) -> None:
    def answer(asked: bytes) -> bytes:
        return b"+OK\r\n" * asked.count(b"SETINFO") or garbage

    async with answering(answer) as url, rig_at(url) as rig:
        async with asyncio.timeout(PATIENT_S):
            for _ in range(10):
                assert await rig.look() == {}
                await rig.cache.put_many({A: b"a"}, started_s=time.monotonic())
        assert rig.reasons


def test_requests_succeed_without_redis(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("service.generation.local.load_engine", lambda *_, **__: FakeEngine())
    settings = Settings(redis_url=f"redis://:p4ssw0rd@127.0.0.1:{free_port()}", cache_seal_key="none")
    assert "p4ssw0rd" not in repr(settings)
    with TestClient(create_app(settings)) as client:
        wait_until_ready(client)
        for number in range(8):
            assert client.post("/v1/translate", json={"text": f"Zug {number} fährt heute nicht."}).status_code == 200
        metrics = client.get("/metrics").text.splitlines()
    assert "depesche_shared_cache_passed_over 1.0" in metrics
    for reason in ("unreachable", "open"):
        assert any(line.startswith(f'depesche_shared_cache_failures_total{{reason="{reason}"}}') for line in metrics)


def test_redis_serves_a_second_process(redis_server: RedisServer, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("service.generation.local.load_engine", lambda *_, **__: FakeEngine())
    settings = Settings(redis_url=redis_server.url, redis_timeout_ms=5_000, cache_seal_key="none")
    cached = []
    for _ in range(2):
        with TestClient(create_app(settings)) as client:
            wait_until_ready(client)
            answer = client.post("/v1/translate", json={"text": "Der Zug fährt heute nicht."}).json()
            cached.append(answer["translations"][0]["cached"]["sentences"])
    assert cached == [0, 1]
    assert 'depesche_cache_lookups_total{task="translation",tier="shared"} 1.0' in client.get("/metrics").text


def test_versions_with_different_entries_share_a_redis(
    redis_server: RedisServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Check that, during an update, both versions use the cache, and that either purges the entries of both."""
    monkeypatch.setattr("service.generation.local.load_engine", lambda *_, **__: FakeEngine())
    settings = Settings(redis_url=redis_server.url, redis_timeout_ms=5_000, cache_seal_key="none", cache_bytes=0)
    text = "Der Zug fährt heute nicht."

    def cached(entry_format: int, *, purged: bool = False) -> tuple[int, int | None]:
        """Run a version with this format of entries, and return how many sentences it finds and how many it purges."""
        monkeypatch.setattr(entries, "ENTRY_FORMAT", entry_format)
        entries._head.cache_clear()
        app = create_app(settings)
        with TestClient(app) as client:
            wait_until_ready(client)
            answer = client.post("/v1/translate", json={"text": text}).json()
            assert client.portal is not None
            purge = partial(app.state.runtime.newsroom.purge, texts=[text] if purged else ["Unbekannt."])
            deleted = client.portal.call(purge).shared
        return answer["translations"][0]["cached"]["sentences"], deleted

    assert [cached(1), cached(2)] == [(0, 0), (0, 0)]
    assert [cached(1), cached(2)] == [(1, 0), (1, 0)]
    assert cached(2, purged=True) == (1, 2)
    assert [cached(1), cached(2)] == [(0, 0), (0, 0)]
    entries._head.cache_clear()
