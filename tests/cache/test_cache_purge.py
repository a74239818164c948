"""Tests of purges: all entries of a text or result are deleted from both tiers of the cache.

They are deleted even while other work is running.
"""

import asyncio
import time
from collections.abc import AsyncIterator, Mapping

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from service.cache.memory import ENTRY_OVERHEAD_BYTES, Memory, Tag
from service.cache.redis import KEY_PREFIX, TAG_PREFIX, Breaker, Shared
from service.cache.tiers import BRIEF_S, Cache, Purged
from tests.redis_server import RedisServer

A, B, C, D = (bytes([number]) * 32 for number in range(4))
TEXT, OTHER, RESULT = (b"T" + bytes([number]) * 31 for number in range(3))
TTL_S = 60.0


class Clock:
    def __init__(self) -> None:
        self.now_s = 0.0

    def __call__(self) -> float:
        return self.now_s


def alone(clock: Clock | None = None, max_bytes: int = 1 << 20) -> Cache:
    return Cache(Memory(max_bytes=max_bytes, ttl_s=TTL_S, clock=clock or Clock()))


async def put(cache: Cache, keys: str, tags: Mapping[bytes, set[bytes]]) -> None:
    """Store an entry for each letter in ``keys``. Each letter names one of the cache keys of the tests.

    ``tags`` maps each tag to the cache keys that are added to it.
    """
    named = {"A": A, "B": B, "C": C, "D": D}
    await cache.put_many({named[key]: b"value" for key in keys}, tags, started_s=time.monotonic())


async def found(cache: Cache) -> set[bytes]:
    return set(await cache.get_many([A, B, C, D], task="t"))


async def test_purge_deletes_only_entries_of_the_text() -> None:
    cache = alone()
    await put(cache, "ABC", {TEXT: {A, B}, OTHER: {C}})
    assert await cache.purge([TEXT]) == Purged(memory=2, shared=None)
    assert await found(cache) == {C}


async def test_brief_entry_expires_before_others() -> None:
    clock = Clock()
    cache = Cache(Memory(max_bytes=1 << 20, ttl_s=10 * BRIEF_S, clock=clock))
    await cache.put_many({A: b"a"}, {TEXT: {A}}, started_s=time.monotonic(), memory_only=True)
    await put(cache, "B", {TEXT: {B}})
    clock.now_s = BRIEF_S - 1
    assert await found(cache) == {A, B}
    clock.now_s = BRIEF_S + 1
    assert await found(cache) == {B}


async def test_forgotten_result_is_gone_from_memory() -> None:
    cache = alone()
    await put(cache, "AB", {TEXT: {A, B}, RESULT: {TEXT}})
    await put(cache, "C", {OTHER: {C}})
    assert await cache.forget([RESULT]) == 2
    assert await found(cache) == {C}
    assert await cache.forget([RESULT]) == 0


async def test_purge_deletes_entries_shared_with_other_texts() -> None:
    cache = alone()
    await put(cache, "A", {OTHER: {A}})
    await put(cache, "B", {TEXT: {A, B}})
    assert await cache.purge([TEXT]) == Purged(memory=2, shared=None)
    assert await found(cache) == set()


async def test_purge_of_result_deletes_its_texts_and_entries() -> None:
    cache = alone()
    await put(cache, "AB", {TEXT: {A}, OTHER: {B}, RESULT: {TEXT, OTHER}})
    await put(cache, "C", {TEXT: {C}})
    assert await cache.purge([RESULT]) == Purged(memory=3, shared=None)
    assert cache.memory.stats.entries == 0


async def test_second_purge_deletes_nothing() -> None:
    cache = alone()
    await put(cache, "A", {TEXT: {A}})
    await cache.purge([TEXT])
    assert await cache.purge([TEXT]) == Purged(memory=0, shared=None)


async def test_only_work_after_a_purge_is_stored() -> None:
    cache, started_s = alone(), time.monotonic()
    await cache.purge([TEXT])
    await cache.put_many({A: b"a"}, {TEXT: {A}}, started_s=started_s)
    assert cache.memory.stats.entries == 0
    await put(cache, "A", {TEXT: {A}})
    assert await found(cache) == {A}


async def test_clear_deletes_everything() -> None:
    cache = alone()
    await put(cache, "ABC", {TEXT: {A, B}})
    assert await cache.clear() == Purged(memory=3, shared=None)
    assert cache.memory.stats.entries == 0


async def test_tag_outlives_every_entry_of_its_text() -> None:
    clock = Clock()
    cache = alone(clock)
    await put(cache, "", {TEXT: {A}})
    clock.now_s = TTL_S - 1
    await put(cache, "A", {OTHER: {A}})
    await put(cache, "", {TEXT: {A}})  # already stored
    clock.now_s = 2 * TTL_S - 2
    assert await found(cache) == {A}
    assert (await cache.purge([TEXT])).memory == 1


async def test_eviction_takes_entries_before_their_tag() -> None:
    cache = alone(max_bytes=20 * (ENTRY_OVERHEAD_BYTES + 200))
    for number in range(200):
        text, keys = b"T" + number.to_bytes(31, "big"), [bytes([k]) + number.to_bytes(31, "big") for k in range(4)]
        await cache.put_many(dict.fromkeys(keys, b"v" * 99), {text: set(keys)}, started_s=time.monotonic())
        for old in range(number + 1):
            there = any(cache.memory.get(bytes([k]) + old.to_bytes(31, "big")) for k in range(4))
            assert not there or cache.memory.tag(b"T" + old.to_bytes(31, "big")) is not None


keys = st.sampled_from([A, B, C, D])
steps = st.lists(
    st.one_of(
        st.tuples(st.just("ask"), st.sampled_from([TEXT, OTHER]), st.sets(keys, min_size=1)),
        st.tuples(st.just("purge"), st.sampled_from([TEXT, OTHER]), st.just(set())),
        st.tuples(st.just("wait"), st.sampled_from([TEXT, OTHER]), st.just(set())),
    ),
    max_size=30,
)


@settings(deadline=None)
@given(steps)
async def test_purge_leaves_no_entry_of_the_text(
    history: list[tuple[str, bytes, set[bytes]]],
) -> None:
    clock = Clock()
    cache, written, answered = alone(clock), dict[bytes, int](), dict[tuple[bytes, bytes], int]()
    for number, (what, text, asked) in enumerate(history):
        if what == "wait":
            clock.now_s += TTL_S / 3
        elif what == "ask":
            there = await cache.get_many(asked, task="t")
            new = asked - there.keys()
            await cache.put_many(dict.fromkeys(new, b"value"), {text: asked}, started_s=time.monotonic())
            written |= dict.fromkeys(new, number)
            answered |= {(text, key): number for key in asked}
        else:
            before = await found(cache)
            gone = await cache.purge([text])
            left = await found(cache)
            assert gone.memory == len(before - left)
            assert all((text, key) in answered for key in before - left)
            assert all(answered.get((text, key), -1) < written[key] for key in left)


@pytest.fixture
async def shared(redis_server: RedisServer) -> AsyncIterator[Shared]:
    tier = Shared(redis_server.url, ttl_s=TTL_S, timeout_s=5.0, breaker=Breaker())
    yield tier
    await tier.close()


def over(shared: Shared) -> Cache:
    return Cache(Memory(max_bytes=1 << 20, ttl_s=TTL_S), shared)


async def test_purge_counts_deletions_of_both_tiers(redis_server: RedisServer, shared: Shared) -> None:
    cache = over(shared)
    await put(cache, "ABC", {TEXT: {A, B}, OTHER: {C}, RESULT: {TEXT}})
    cache.memory.purge(A)
    assert await cache.purge([RESULT]) == Purged(memory=1, shared=2)
    assert await found(cache) == {C}
    with redis_server.client() as client:
        assert set(client.keys()) == {KEY_PREFIX + C, TAG_PREFIX + OTHER}


async def test_another_process_purges_by_redis_tags(shared: Shared) -> None:
    await put(over(shared), "ABC", {TEXT: {A, B}, OTHER: {C}, RESULT: {TEXT, OTHER}})
    assert await over(shared).purge([RESULT]) == Purged(memory=0, shared=3)


async def test_keys_known_only_to_memory_are_purged_in_redis(redis_server: RedisServer, shared: Shared) -> None:
    cache = over(shared)
    await put(cache, "AB", {TEXT: {A, B}, RESULT: {TEXT}})
    with redis_server.client() as client:
        client.delete(TAG_PREFIX + TEXT, TAG_PREFIX + RESULT)
        assert await cache.purge([RESULT]) == Purged(memory=2, shared=2)
        assert client.keys() == []


async def test_redis_tag_lives_twice_as_long(redis_server: RedisServer, shared: Shared) -> None:
    await put(over(shared), "A", {TEXT: {A}})
    with redis_server.client() as client:
        assert TTL_S < client.pttl(TAG_PREFIX + TEXT) / 1000 <= 2 * TTL_S


async def commands(redis_server: RedisServer) -> int:
    with redis_server.client() as client:
        return int(client.info("stats")["total_commands_processed"])


async def test_known_tag_is_not_written_again(redis_server: RedisServer, shared: Shared) -> None:
    cache = over(shared)
    await put(cache, "AB", {TEXT: {A, B}})
    before = await commands(redis_server)
    await put(cache, "", {TEXT: {A, B}})
    await put(cache, "", {TEXT: {B}})
    assert await commands(redis_server) - before == 1  # the INFO command itself
    await put(cache, "", {TEXT: {A, C}})
    with redis_server.client() as client:
        assert client.smembers(TAG_PREFIX + TEXT) == {A, B, C}


async def test_unwritten_tag_is_written_by_next_request(redis_server: RedisServer, shared: Shared) -> None:
    cache = over(shared)
    redis_server.kill()
    await put(cache, "A", {TEXT: {A}})
    redis_server.start()
    await put(cache, "B", {TEXT: {B}})
    with redis_server.client() as client:
        assert client.smembers(TAG_PREFIX + TEXT) == {A, B}


async def test_purge_waits_for_running_writes(shared: Shared, redis_server: RedisServer) -> None:
    for _ in range(20):
        cache = over(shared)
        writing = asyncio.create_task(put(cache, "ABCD", {TEXT: {A, B, C, D}}))
        await asyncio.sleep(0)
        await cache.purge([TEXT])
        await writing
        assert await found(cache) == set()
        with redis_server.client() as client:
            assert client.keys() == []


async def test_reads_during_purge_are_not_stored_in_memory(shared: Shared) -> None:
    for _ in range(20):
        cache = over(shared)
        await put(over(shared), "A", {TEXT: {A}})
        reading = asyncio.create_task(cache.get_many([A], task="t"))
        await asyncio.sleep(0)
        await cache.purge([TEXT])
        await reading
        assert cache.memory.get(A) is None


async def test_clear_leaves_foreign_keys(redis_server: RedisServer, shared: Shared) -> None:
    cache = over(shared)
    await put(cache, "ABC", {TEXT: {A, B, C}})
    with redis_server.client() as client:
        client.mset({f"other:{number}": "1" for number in range(3_000)})
        assert await cache.clear() == Purged(memory=3, shared=3)
        assert client.dbsize() == 3_000


def test_tag_members_are_its_keys() -> None:
    assert Tag(A + B, 0.0).members() == {A, B}
