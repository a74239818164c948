"""Tests of the cache in Redis (the shared tier) with a real server, with and without the cache in memory."""

import asyncio
import time
import zlib
from collections.abc import AsyncIterator

import pytest
from hypothesis import given
from hypothesis import strategies as st

from service.cache.memory import Memory
from service.cache.redis import (
    EXPIRING,
    KEY_PREFIX,
    LONGEST_TTL_S,
    MOST_ENTRY_BYTES,
    ROUND_TRIP_COMMANDS,
    Breaker,
    Found,
    Recovery,
    Shared,
    pack,
    unpack,
)
from service.cache.tiers import Cache
from service.events import CacheLooked, EntryUnopened, Event, SharedCacheFailed, SharedCacheRecovered
from tests.redis_server import RedisServer

A, B, C = (bytes([number]) * 32 for number in range(3))
TTL_S = 60.0
TIMEOUT_S = 30.0


def tier(url: str, events: list[Event], ttl_s: float = TTL_S) -> Shared:
    return Shared(url, ttl_s=ttl_s, timeout_s=TIMEOUT_S, breaker=Breaker(), listener=events.append)


def both(shared: Shared, events: list[Event], *, memory_bytes: int = 1 << 20) -> Cache:
    return Cache(Memory(max_bytes=memory_bytes, ttl_s=TTL_S), shared, listener=events.append)


def values(found: dict[bytes, Found]) -> dict[bytes, bytes]:
    return {key: entry.value for key, entry in found.items()}


@pytest.fixture
def events() -> list[Event]:
    return []


@pytest.fixture
async def shared(redis_server: RedisServer, events: list[Event]) -> AsyncIterator[Shared]:
    found = tier(redis_server.url, events)
    yield found
    await found.close()


async def test_entry_is_shared_between_processes(
    redis_server: RedisServer, shared: Shared, events: list[Event]
) -> None:
    await both(shared, events).put_many({A: b"a", B: b""}, started_s=time.monotonic())
    other = tier(redis_server.url, events)
    assert await both(other, events).get_many([A, B, C], task="t") == {A: b"a", B: b""}
    await other.close()
    assert events == [CacheLooked("t", asked=3, memory_hits=0, shared_hits=2)]


async def test_shared_hit_is_copied_to_memory(shared: Shared, events: list[Event]) -> None:
    await shared.put_many({A: b"a"}, {})
    cache = both(shared, events)
    await cache.get_many([A], task="t")
    await cache.get_many([A], task="t")
    assert events == [CacheLooked("t", 1, memory_hits=0, shared_hits=1), CacheLooked("t", 1, memory_hits=1)]


async def test_shared_tier_works_without_memory(shared: Shared, events: list[Event]) -> None:
    cache = both(shared, events, memory_bytes=0)
    await cache.put_many({A: b"a"}, started_s=time.monotonic())
    assert await cache.get_many([A], task="t") == {A: b"a"}
    assert cache.memory.stats.entries == 0


async def test_lookup_needs_at_most_one_command(redis_server: RedisServer, shared: Shared, events: list[Event]) -> None:
    cache = both(shared, events)
    await shared.put_many({A: b"a", B: b"b"}, {})
    with redis_server.client() as client:
        for _ in range(2):
            await cache.get_many([A, B], task="t")
            assert client.info("commandstats")["cmdstat_mget"]["calls"] == 1


async def test_many_entries_take_few_round_trips(
    redis_server: RedisServer, shared: Shared, events: list[Event]
) -> None:
    entries = {number.to_bytes(32, "big"): b"%d" % number for number in range(2 * ROUND_TRIP_COMMANDS + 1)}
    await shared.put_many(entries, {})
    assert values(await shared.get_many(list(entries))) == entries
    with redis_server.client() as client:
        assert client.info("commandstats")["cmdstat_mget"]["calls"] == 3
    assert not events


@pytest.mark.parametrize(("ttl_s", "kept_s"), [(TTL_S, TTL_S), (float("inf"), LONGEST_TTL_S), (1e300, LONGEST_TTL_S)])
async def test_redis_entries_have_expiry(
    redis_server: RedisServer, events: list[Event], ttl_s: float, kept_s: float
) -> None:
    shared = tier(redis_server.url, events, ttl_s)
    await shared.put_many({A: b"a", B: b"b"}, {})
    await shared.close()
    with redis_server.client() as client:
        for key in (A, B):
            assert kept_s - 30 < client.pttl(KEY_PREFIX + key) / 1000 <= kept_s


async def test_entry_is_missing_after_expiry(redis_server: RedisServer, events: list[Event]) -> None:
    shared = tier(redis_server.url, events, ttl_s=0.05)
    await shared.put_many({A: b"a"}, {})
    await asyncio.sleep(0.1)
    assert await shared.get_many([A]) == {}
    await shared.close()


async def test_values_are_compressed_under_prefixed_keys(redis_server: RedisServer, shared: Shared) -> None:
    await shared.put_many({A: b"word " * 1000}, {})
    with redis_server.client() as client:
        assert client.keys() == [KEY_PREFIX + A]
        assert client.strlen(KEY_PREFIX + A) < 200


async def test_oversized_entry_is_not_stored(shared: Shared, events: list[Event]) -> None:
    await shared.put_many({A: bytes(MOST_ENTRY_BYTES + 1), B: bytes(MOST_ENTRY_BYTES)}, {})
    assert (await shared.get_many([A, B])).keys() == {B}
    assert not events


@pytest.mark.parametrize(
    "foreign",
    [
        b"",
        EXPIRING,
        b"plain",
        EXPIRING + b"junk",
        EXPIRING + bytes(8) + b"junk",
        pack(b"damaged", 1)[:-1],
        pack(b"damaged", 1)[:-1] + b"\xff",
        b"x" + pack(b"other format", 1)[1:],
        EXPIRING + bytes(8) + zlib.compress(bytes(MOST_ENTRY_BYTES + 1)),
    ],
)
async def test_unreadable_value_is_a_counted_miss_and_deleted(
    redis_server: RedisServer, shared: Shared, events: list[Event], foreign: bytes
) -> None:
    await shared.put_many({B: b"b"}, {})
    with redis_server.client() as client:
        client.set(KEY_PREFIX + A, foreign)
        assert values(await shared.get_many([A, B])) == {B: b"b"}
        assert client.exists(KEY_PREFIX + A, KEY_PREFIX + B) == 1
    assert events == [EntryUnopened("unreadable")]


async def test_key_of_wrong_type_is_a_miss(redis_server: RedisServer, shared: Shared, events: list[Event]) -> None:
    with redis_server.client() as client:
        client.rpush(KEY_PREFIX + A, b"a", b"b")
    assert await shared.get_many([A]) == {}
    assert not events


async def test_restored_value_is_a_miss_after_its_expiry(
    redis_server: RedisServer, shared: Shared, events: list[Event]
) -> None:
    now_ms = int(time.time() * 1000)
    with redis_server.client() as client:
        client.set(KEY_PREFIX + A, pack(b"old", now_ms - 1))
        client.set(KEY_PREFIX + B, pack(b"new", now_ms + 60_000))
    assert values(await shared.get_many([A, B])) == {B: b"new"}
    assert not events


async def test_refused_credentials_are_reported_as_error(redis_server: RedisServer, events: list[Event]) -> None:
    shared = tier(redis_server.url.replace("//", "//:wrong@"), events)
    assert await shared.get_many([A]) == {}
    assert events == [SharedCacheFailed("error")]
    await shared.close()


async def test_memory_copy_expires_with_the_shared_entry(redis_server: RedisServer, events: list[Event]) -> None:
    passed_s = 0.0
    shared = Shared(redis_server.url, ttl_s=TTL_S, timeout_s=TIMEOUT_S, breaker=Breaker(), clock=lambda: passed_s)
    cache = Cache(Memory(max_bytes=1 << 20, ttl_s=TTL_S, clock=lambda: passed_s), shared, listener=events.append)
    await shared.put_many({A: b"a"}, {})
    passed_s = TTL_S - 10
    await cache.get_many([A], task="t")
    passed_s = TTL_S - 0.1
    assert cache.memory.get(A) == b"a"
    passed_s = TTL_S
    assert cache.memory.get(A) is None
    await shared.close()


@given(st.binary(max_size=200), st.integers(0, 2**40), st.integers(0, 2**40))
def test_packed_values_keep_remaining_time(value: bytes, ends_ms: int, now_ms: int) -> None:
    assert unpack(pack(value, ends_ms), now_ms) == Found(value, max(0, ends_ms - now_ms) / 1000)


@given(st.one_of(st.none(), st.integers(), st.text(), st.binary(), st.binary().map(lambda rest: EXPIRING + rest)))
def test_unpack_never_raises(stored: object) -> None:
    assert unpack(stored, 0) is None or isinstance(stored, bytes)


async def test_breaker_closes_without_traffic_when_redis_is_back(
    redis_server: RedisServer, events: list[Event], monkeypatch: pytest.MonkeyPatch
) -> None:
    breaker = Breaker(failures=1, pause_s=0.05)
    shared = Shared(redis_server.url, ttl_s=TTL_S, timeout_s=TIMEOUT_S, breaker=breaker, listener=events.append)
    with monkeypatch.context() as broken:
        broken.setattr(shared._redis, "mget", _unreachable)
        assert await shared.get_many([A]) == {}
    assert shared.blocked
    async with asyncio.timeout(TIMEOUT_S):
        while SharedCacheRecovered() not in events:  # noqa: ASYNC110 - events are only a list
            await asyncio.sleep(0.01)
    assert not shared.blocked
    await shared.close()


async def _unreachable(_keys: object) -> None:
    raise OSError


async def test_recovery_goes_on_until_redis_responds() -> None:
    breaker, answers, recovered = Breaker(failures=1, pause_s=0.01), iter([False, False, True]), asyncio.Event()

    async def probe() -> None:
        if next(answers):
            breaker.succeeded()

    breaker.failed()
    recovery = Recovery(breaker, probe, recovered.set)
    recovery.begin()
    recovery.begin()
    async with asyncio.timeout(TIMEOUT_S):
        await recovered.wait()
    assert breaker.state == "closed"
    assert next(answers, None) is None


async def test_memory_only_entry_never_reaches_redis(shared: Shared, events: list[Event]) -> None:
    cache = both(shared, events)
    await cache.put_many({A: b"a"}, {C: {A}}, started_s=time.monotonic(), memory_only=True)
    assert await cache.get_many([A], task="t") == {A: b"a"}
    assert await shared.get_many([A]) == {}
    assert await shared.tag_members([C]) == {}


async def test_memory_only_lookup_skips_redis(shared: Shared, events: list[Event]) -> None:
    await shared.put_many({A: b"a"}, {})
    cache = both(shared, events)
    assert await cache.get_many([A], task="t", memory_only=True) == {}
    assert await cache.get_many([A], task="t") == {A: b"a"}


async def test_tag_of_a_memory_only_entry_is_shared_by_a_later_write(shared: Shared, events: list[Event]) -> None:
    cache = both(shared, events)
    await cache.put_many({A: b"a"}, {C: {A}}, started_s=time.monotonic(), memory_only=True)
    await cache.put_many({B: b"b"}, {C: {B}}, started_s=time.monotonic())
    assert (await shared.tag_members([C]))[C] == {A, B}
