"""Tests of the memory tier of the cache: byte limit, eviction of the least recently used entries, and expiry."""

import os
import tracemalloc

import pytest
from hypothesis import given
from hypothesis import strategies as st

from service.cache.memory import ENTRY_OVERHEAD_BYTES, Memory, Tag


class Clock:
    def __init__(self) -> None:
        self.now_s = 0.0

    def __call__(self) -> float:
        return self.now_s


def key(number: int) -> bytes:
    return number.to_bytes(32, "big")


def roomy(clock: Clock | None = None, max_bytes: int = 1 << 20) -> Memory:
    return Memory(max_bytes=max_bytes, ttl_s=60.0, clock=clock or Clock())


def test_get_returns_stored_value() -> None:
    memory = roomy()
    assert memory.put(key(1), b"value")
    assert memory.get(key(1)) == b"value"


def test_entry_expires() -> None:
    clock = Clock()
    memory = roomy(clock)
    memory.put(key(1), b"value")
    clock.now_s = 59.9
    assert memory.get(key(1)) == b"value"
    clock.now_s = 60.0
    assert memory.get(key(1)) is None
    assert (memory.stats.entries, memory.stats.bytes) == (0, 0)


def test_least_recently_used_is_evicted_first() -> None:
    memory = roomy(max_bytes=3 * (ENTRY_OVERHEAD_BYTES + 50))
    for number in range(3):
        memory.put(key(number), b"v")
    memory.get(key(0))
    memory.put(key(3), b"v")
    assert [memory.get(key(number)) is not None for number in range(4)] == [True, False, True, True]


def test_oversized_value_is_refused_and_deletes_the_old_one() -> None:
    memory = roomy(max_bytes=2_000)
    memory.put(key(1), b"old")
    assert not memory.put(key(1), bytes(2_000))
    assert memory.get(key(1)) is None


def test_key_of_wrong_length_is_refused() -> None:
    with pytest.raises(ValueError, match="32 bytes"):
        roomy().put(b"short", b"value")


def test_purged_entry_is_missing() -> None:
    memory = roomy()
    memory.put(key(1), b"value")
    assert (memory.purge(key(1)), memory.purge(key(1))) == (True, False)
    assert memory.get(key(1)) is None


def test_empty_value_is_a_hit() -> None:
    memory = roomy()
    memory.put(key(1), b"")
    assert memory.get(key(1)) == b""


def test_entry_with_shorter_lifetime_expires_earlier() -> None:
    clock = Clock()
    memory = roomy(clock)
    memory.put(key(1), b"short", most_s=5.0)
    memory.put(key(2), b"long", most_s=1e9)
    clock.now_s = 5.0
    assert (memory.get(key(1)), memory.get(key(2))) == (None, b"long")
    clock.now_s = 60.0
    assert memory.get(key(2)) is None


def test_entry_without_remaining_time_is_not_stored() -> None:
    memory = roomy()
    memory.put(key(1), b"old")
    memory.put(key(1), b"new", most_s=0.0)
    assert memory.get(key(1)) is None


def test_tag_outlives_its_entries() -> None:
    clock = Clock()
    memory = roomy(clock)
    memory.put(key(1), b"value")
    memory.put(key(9), Tag(key(1), 60.0))
    clock.now_s = 60.0
    assert (memory.get(key(1)), memory.tag(key(9))) == (None, Tag(key(1), 60.0))
    clock.now_s = 120.0
    assert memory.tag(key(9)) is None


def test_tags_and_entries_are_separate() -> None:
    memory = roomy()
    memory.put(key(1), b"value")
    memory.put(key(9), Tag(key(1) + key(2), 0.0))
    assert (memory.tag(key(1)), memory.get(key(9))) == (None, None)
    assert Tag(key(1) + key(2), 0.0).members() == {key(1), key(2)}
    assert (memory.purge(key(9)), memory.tag(key(9))) == (False, None)


def test_clear_counts_entries_without_tags() -> None:
    memory = roomy()
    memory.put(key(1), b"value")
    memory.put(key(2), b"value")
    memory.put(key(9), Tag(key(1), 0.0))
    assert memory.clear() == 2
    assert (memory.stats.entries, memory.stats.bytes) == (0, 0)


@given(st.lists(st.tuples(st.integers(0, 9), st.integers(0, 3_000), st.floats(0, 30)), max_size=60))
def test_size_limit_holds_and_values_are_correct(puts: list[tuple[int, int, float]]) -> None:
    clock = Clock()
    memory, last = roomy(clock, max_bytes=8_000), dict[int, bytes]()
    for number, size, passed_s in puts:
        clock.now_s += passed_s
        last[number] = os.urandom(size)
        memory.put(key(number), last[number])
        assert memory.stats.bytes <= 8_000
        assert all(memory.get(key(one)) in {None, value} for one, value in last.items())


@pytest.mark.parametrize("entries", [1_000, 5_500, 11_000])
@pytest.mark.parametrize("kind", ["entry", "tag"])
def test_counted_bytes_cover_real_memory(entries: int, kind: str) -> None:
    memory = roomy(max_bytes=1 << 30)
    tracemalloc.start()
    try:
        for number in range(entries):
            value = os.urandom(320)
            memory.put(os.urandom(32), value if kind == "entry" else Tag(value, number + 0.5))
        taken_bytes, _ = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()
    assert (
        1.5 * taken_bytes <= memory.stats.bytes <= 2.2 * taken_bytes
    )  # the rest allows for pools of the memory allocator
