"""The memory tier: least recently used entries, bounded in bytes, each for a limited time."""

import sys
import time
from collections.abc import Callable
from dataclasses import dataclass

from cachetools import TTLCache

KEY_BYTES = 32
# What CPython and cachetools keep for an entry beside its value: the key, a link with its expiry, the size, and slots
# in three dicts. tracemalloc measured 320 to 416 on CPython 3.11, the most just after the dicts have grown.
ENTRY_OVERHEAD_BYTES = 448


@dataclass(frozen=True, slots=True)
class MemoryStats:
    """How full the tier is, and how often it had what was asked for since it was made."""

    bytes: int
    entries: int
    hits: int
    misses: int


def _entry_bytes(value: bytes) -> int:
    return sys.getsizeof(value) + ENTRY_OVERHEAD_BYTES


class Memory:
    """Entries under keys of ``KEY_BYTES``; used from the event loop only.

    ``max_bytes`` bounds all that the entries take: keys, values and bookkeeping. An entry ends ``ttl_s`` after it was
    put; ``clock`` counts seconds.
    """

    def __init__(self, *, max_bytes: int, ttl_s: float, clock: Callable[[], float] = time.monotonic) -> None:
        self._max_bytes = max_bytes
        self._entries: TTLCache[bytes, bytes] = TTLCache(max_bytes, ttl_s, timer=clock, getsizeof=_entry_bytes)
        self._hits = 0
        self._misses = 0

    def get(self, key: bytes) -> bytes | None:
        """The value, which counts as used now, or None."""
        value = self._entries.get(key)
        if value is None:
            self._misses += 1
        else:
            self._hits += 1
        return value

    def put(self, key: bytes, value: bytes) -> bool:
        """Keep ``value``, at the cost of what was not used for longest; False if it alone is over the bound.

        Raises:
            ValueError: the key is not ``KEY_BYTES`` long, so its size would be counted wrongly.
        """
        if len(key) != KEY_BYTES:
            raise ValueError(f"a key has {KEY_BYTES} bytes, this one {len(key)}")
        self.purge(key)  # an old value must not outlive a new one that is too large to keep
        if _entry_bytes(value) > self._max_bytes:
            return False
        self._entries[key] = value
        return True

    def purge(self, key: bytes) -> bool:
        """Forget the entry; False when there was none."""
        return self._entries.pop(key, None) is not None

    @property
    def stats(self) -> MemoryStats:
        """The numbers of this moment; what has expired is not counted."""
        return MemoryStats(int(self._entries.currsize), len(self._entries), self._hits, self._misses)
