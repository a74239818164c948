"""The memory tier: least recently used entries and tags, bounded in bytes, each for a limited time."""

import sys
import time
from collections.abc import Callable
from dataclasses import dataclass

from cachetools import TLRUCache

KEY_BYTES = 32
# What an entry takes beside its value. CPython and cachetools keep 345 to 420 bytes (tracemalloc, CPython 3.11): the
# key, an item with its expiry, the size, a slot in a heap, slots in three dicts, the most just after these have grown.
# Resident memory grows by more, since entries keep pools alive that the objects of passing requests have left: by 1.86
# times what was counted with 512, in 2,500 articles of ten sentences.
ENTRY_OVERHEAD_BYTES = 1_024
TAG_LIVES = 2


@dataclass(frozen=True, slots=True)
class MemoryStats:
    """How full the tier is; ``entries`` counts tags, too."""

    bytes: int
    entries: int


@dataclass(frozen=True, slots=True)
class Tag:
    """The keys, one after the other, of what one text or one result led to.

    Until ``fresh_until_s`` (on the tier's clock) all tiers are known to hold this tag with these keys.
    """

    keys: bytes
    fresh_until_s: float

    def members(self) -> set[bytes]:
        """The keys, each of ``KEY_BYTES``."""
        return {self.keys[at : at + KEY_BYTES] for at in range(0, len(self.keys), KEY_BYTES)}


Kept = bytes | Tag


def _kept_bytes(value: Kept) -> int:
    own = sys.getsizeof(value)
    if isinstance(value, Tag):
        own += sys.getsizeof(value.keys) + sys.getsizeof(value.fresh_until_s)
    return own + ENTRY_OVERHEAD_BYTES


class Memory:
    """Entries and tags under keys of ``KEY_BYTES``; used from the event loop only.

    ``max_bytes`` bounds all that they take: keys, values and bookkeeping. An entry ends ``ttl_s`` after it was put, or
    sooner where ``put`` says so. A tag lives ``TAG_LIVES`` times as long, so that it outlasts the entries of its text.
    ``clock`` counts seconds.
    """

    def __init__(self, *, max_bytes: int, ttl_s: float, clock: Callable[[], float] = time.monotonic) -> None:
        self.ttl_s = ttl_s
        self.clock = clock
        self._max_bytes = max_bytes
        self._life_s = ttl_s  # of what is being put
        self._kept: TLRUCache[bytes, Kept] = TLRUCache(
            max_bytes, lambda _key, _value, now_s: now_s + self._life_s, timer=clock, getsizeof=_kept_bytes
        )

    def get(self, key: bytes) -> bytes | None:
        """The entry, which counts as used now, or None."""
        value = self._kept.get(key)
        return value if isinstance(value, bytes) else None

    def tag(self, key: bytes) -> Tag | None:
        """The tag, which counts as used now, or None."""
        value = self._kept.get(key)
        return value if isinstance(value, Tag) else None

    def put(self, key: bytes, value: Kept, *, most_s: float | None = None) -> bool:
        """Keep ``value``, for ``most_s`` at most, at the cost of what was not used for longest.

        False if it alone is over the bound. Raises ValueError: the key is not ``KEY_BYTES`` long, so its size would be
        counted wrongly.
        """
        if len(key) != KEY_BYTES:
            raise ValueError(f"a key has {KEY_BYTES} bytes, this one {len(key)}")
        self.purge(key)  # an old value must not outlive a new one that is too large to keep
        if _kept_bytes(value) > self._max_bytes:
            return False
        life_s = self.ttl_s * TAG_LIVES if isinstance(value, Tag) else self.ttl_s
        self._life_s = life_s if most_s is None else min(life_s, most_s)
        self._kept[key] = value
        return True

    def purge(self, key: bytes) -> bool:
        """Forget what is there; True when that was an entry."""
        try:
            return isinstance(self._kept.pop(key), bytes)
        except KeyError:  # also what ends in this very moment
            return False

    def clear(self) -> int:
        """Forget everything; how many entries there were, tags not counted."""
        entries = sum(self.get(key) is not None for key in list(self._kept))
        self._kept.clear()
        return entries

    @property
    def stats(self) -> MemoryStats:
        """The numbers of this moment; what has expired is not counted."""
        return MemoryStats(int(self._kept.currsize), len(self._kept))
