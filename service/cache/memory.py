"""The memory tier of the cache: an LRU store of entries and tags with a size limit and expiry times."""

import sys
import time
from collections.abc import Callable
from dataclasses import dataclass

from cachetools import TLRUCache

KEY_BYTES = 32
# Estimated memory per entry in addition to its value. For the key, the expiry item, the size, a heap slot and slots in
# three dicts, CPython and cachetools allocate 345 to 420 bytes (measured with tracemalloc in CPython 3.11). Resident
# memory grows by more, because entries keep allocator pools alive. With 512 as this constant, it grew by 1.86 times the
# counted bytes for 2,500 articles of ten sentences.
ENTRY_OVERHEAD_BYTES = 1_024
TAG_LIVES = 2


@dataclass(frozen=True, slots=True)
class MemoryStats:
    """The size of the memory tier.

    ``bytes`` is the estimated size of all keys and values, including overhead. ``entries`` is the number of entries and
    tags.
    """

    bytes: int
    entries: int


@dataclass(frozen=True, slots=True)
class Tag:
    """A tag, which lists the entries used for one text, or the tags of the texts of one result.

    ``keys`` is the concatenation of the keys of these entries or tags. Until ``fresh_until_s`` on the clock of
    `Memory`, the tag in the shared tier is assumed to contain all of these keys.
    """

    keys: bytes
    fresh_until_s: float

    def members(self) -> set[bytes]:
        """Return the set of keys in the tag. Each key has ``KEY_BYTES`` bytes."""
        return {self.keys[at : at + KEY_BYTES] for at in range(0, len(self.keys), KEY_BYTES)}


Kept = bytes | Tag


def _kept_bytes(value: Kept) -> int:
    own = sys.getsizeof(value)
    if isinstance(value, Tag):
        own += sys.getsizeof(value.keys) + sys.getsizeof(value.fresh_until_s)
    return own + ENTRY_OVERHEAD_BYTES


class Memory:
    """An in-memory store for entries and tags under keys of ``KEY_BYTES`` bytes.

    ``max_bytes`` limits the total size of keys, values and overhead. An entry expires ``ttl_s`` seconds after `put`, or
    earlier if a shorter lifetime is passed to `put`. A tag lives ``TAG_LIVES`` times as long, so that it outlives the
    entries of its text. ``clock`` returns seconds. Use the store only from the event loop.
    """

    def __init__(self, *, max_bytes: int, ttl_s: float, clock: Callable[[], float] = time.monotonic) -> None:
        self.ttl_s = ttl_s
        self.clock = clock
        self.max_bytes = max_bytes
        self._life_s = ttl_s  # lifetime of the value that `put` is storing
        self._kept: TLRUCache[bytes, Kept] = TLRUCache(
            max_bytes, lambda _key, _value, now_s: now_s + self._life_s, timer=clock, getsizeof=_kept_bytes
        )

    def get(self, key: bytes) -> bytes | None:
        """Return the entry under ``key``, or None if there is none. The entry is marked as recently used."""
        value = self._kept.get(key)
        return value if isinstance(value, bytes) else None

    def tag(self, key: bytes) -> Tag | None:
        """Return the tag under ``key``, or None if there is none. The tag is marked as recently used."""
        value = self._kept.get(key)
        return value if isinstance(value, Tag) else None

    def put(self, key: bytes, value: Kept, *, most_s: float | None = None) -> bool:
        """Store ``value`` under ``key``, and return whether it was stored.

        An old value under ``key`` is always deleted. The least recently used values are evicted if necessary. A value
        that is larger than the whole store is not stored. If ``most_s`` is not None, the value expires after at most
        ``most_s`` seconds.

        Raises:
            ValueError: the key does not have ``KEY_BYTES`` bytes, so its size would be counted incorrectly.
        """
        if len(key) != KEY_BYTES:
            raise ValueError(f"a key must have {KEY_BYTES} bytes, not {len(key)}")
        self.purge(key)  # an old value must not outlive a new one that is too large to store
        if _kept_bytes(value) > self.max_bytes:
            return False
        life_s = self.ttl_s * TAG_LIVES if isinstance(value, Tag) else self.ttl_s
        self._life_s = life_s if most_s is None else min(life_s, most_s)
        self._kept[key] = value
        return True

    def purge(self, key: bytes) -> bool:
        """Delete the value under ``key``, if there is one.

        Return True if the value was an entry, and False if it was a tag or did not exist.
        """
        try:
            return isinstance(self._kept.pop(key), bytes)
        except KeyError:  # the key was never stored, or its value has expired
            return False

    def clear(self) -> int:
        """Delete everything, and return the number of deleted entries, excluding tags."""
        entries = sum(self.get(key) is not None for key in list(self._kept))
        self._kept.clear()
        return entries

    @property
    def stats(self) -> MemoryStats:
        """The current size of the store, excluding expired values."""
        return MemoryStats(int(self._kept.currsize), len(self._kept))
