"""Tests of cache lookups for several keys at a time."""

import time

from service.cache.memory import Memory
from service.cache.tiers import Cache
from service.events import CacheLooked, Event

A, B, C = (bytes([number]) * 32 for number in range(3))


def cache(events: list[Event] | None = None) -> Cache:
    memory = Memory(max_bytes=1 << 16, ttl_s=60.0, clock=lambda: 0.0)
    return Cache(memory, listener=(events if events is not None else []).append)


async def test_get_many_returns_existing_entries() -> None:
    store = cache()
    await store.put_many({A: b"a", B: b"b"}, started_s=time.monotonic())
    assert await store.get_many([C, B, A], task="translate") == {A: b"a", B: b"b"}


async def test_lookup_event_counts_distinct_keys() -> None:
    events: list[Event] = []
    store = cache(events)
    await store.put_many({A: b"a"}, started_s=time.monotonic())
    await store.get_many([A, A, B], task="translate")
    assert events == [CacheLooked("translate", asked=2, memory_hits=1)]
