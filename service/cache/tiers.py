"""The two-tier cache, which searches memory first and then the shared tier."""

import asyncio
import time
from collections.abc import AsyncIterator, Collection, Iterable, Mapping
from collections.abc import Set as AbstractSet
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass
from typing import Any

from cachetools import TTLCache

from service.cache.memory import Memory, Tag
from service.cache.redis import PurgeIncomplete, Shared
from service.events import CacheLooked, EntryUnopened, Listener, ignore

MOST_DOCUMENTS = 256
DOCUMENT_CHARS = 2_000_000
DOCUMENT_TTL_S = 600.0
BRIEF_S = 1_800.0
"""The maximum lifetime, in seconds, of an entry that must stay in the memory of the process."""
# The assumed memory of a result per character of its text. Most results take about two bytes per character, but results
# with short sentences take more.
BYTES_A_CHAR = 16


@dataclass(frozen=True, slots=True)
class Purged:
    """The number of entries that were purged from each tier. ``shared`` is None if there is no shared tier."""

    memory: int
    shared: int | None


class Documents:
    """An in-memory cache of whole results, so that a repeated request does not look up each sentence.

    The keys are computed by `result_key`. The total number of characters is limited. Results expire, and the least
    recently used results are evicted first.
    """

    def __init__(self, memory: Memory) -> None:
        """Create a cache with a size and a lifetime that do not exceed those of ``memory``."""
        self._max_chars = min(DOCUMENT_CHARS, memory.max_bytes // BYTES_A_CHAR)
        self._chars = 0  # size of the result that `put` is storing
        ttl_s = min(DOCUMENT_TTL_S, memory.ttl_s)
        self._kept: TTLCache[str, Any] = TTLCache(
            self._max_chars, ttl_s, timer=memory.clock, getsizeof=lambda _: self._chars
        )

    def get(self, result_key: str) -> Any:
        """Return the result under ``result_key``, or None if there is none."""
        return self._kept.get(result_key)

    def put(self, result_key: str, result: Any, chars: int) -> None:
        """Store a result of ``chars`` characters, unless the result is larger than the whole cache.

        A short result counts as `DOCUMENT_CHARS` / `MOST_DOCUMENTS` characters.
        """
        self._chars = max(chars, DOCUMENT_CHARS // MOST_DOCUMENTS)
        if self._chars <= self._max_chars:
            self._kept[result_key] = result

    def clear(self) -> None:
        """Delete all results."""
        self._kept.clear()


class Cache:
    """A cache with a memory tier and an optional shared tier.

    The keys of entries are computed by `entry_key`, and the keys of tags by `tag_key`. A lookup searches memory first
    and then the shared tier. Entries from the shared tier are copied to memory for their remaining lifetime.

    Each submitted text has a tag that lists every entry used for the text, even if the entry was written for another
    text. The tag of a result lists the tags of its texts. Tags are written and read after their entries, so that the
    memory tier evicts the entries first.
    """

    def __init__(self, memory: Memory, shared: Shared | None = None, *, listener: Listener = ignore) -> None:
        self.memory = memory
        self.documents = Documents(memory)
        self._shared = shared
        self._listener = listener
        self._purges = 0
        self._purged_s = self._shared_purged_s = float("-inf")
        self._writing: set[asyncio.Future[None]] = set()

    async def get_many(self, keys: Collection[bytes], *, task: str, memory_only: bool = False) -> dict[bytes, bytes]:
        """Return the entries that exist under ``keys``. ``task`` is a metric label.

        If ``keys`` contains a key several times, the key is looked up only once. If ``memory_only`` is True, the shared
        tier is not searched.
        """
        distinct = dict.fromkeys(keys)
        found = {key: value for key in distinct if (value := self.memory.get(key)) is not None}
        missing = [] if memory_only else [key for key in distinct if key not in found]
        shared = await self._get_shared(missing)
        self._listener(CacheLooked(task, asked=len(distinct), memory_hits=len(found), shared_hits=len(shared)))
        return found | shared

    async def _get_shared(self, missing: Collection[bytes]) -> dict[bytes, bytes]:
        if self._shared is None or not missing:
            return {}
        asked_s = time.monotonic()
        found = await self._shared.get_many(missing)
        if self.may_store(asked_s):
            for key, entry in found.items():
                self.memory.put(key, entry.value, most_s=entry.left_s)
        return {key: entry.value for key, entry in found.items()}

    def put_document(self, result_key: str, result: Any, *, chars: int, started_s: float) -> None:
        """Store a whole result of ``chars`` characters.

        ``started_s`` (monotonic clock) is the time when the work for the result started. If a purge is running or has
        ended since then, the result is not stored.
        """
        if self.may_store(started_s):
            self.documents.put(result_key, result, chars)

    async def put_many(
        self,
        entries: Mapping[bytes, bytes],
        tags: Mapping[bytes, AbstractSet[bytes]] | None = None,
        *,
        started_s: float,
        memory_only: bool = False,
    ) -> None:
        """Store ``entries``, and add keys to tags.

        ``tags`` maps the key of each tag to the keys of the entries or tags that the tag must list. Keys that the tag
        is known to list in both tiers are not written again, unless they are also in ``entries``.

        ``started_s`` (monotonic clock) is the time when the work for the entries started. If a purge is running or has
        ended since then, nothing is stored, because the work may have used purged content. An entry that exceeds the
        size limit of a tier is not stored in that tier.

        If ``memory_only`` is True, nothing is written to the shared tier, and the entries expire after at most
        `BRIEF_S` seconds. A tag that is only in memory counts as different from the tag in the shared tier.
        """
        new_members = {tag: new for tag, keys in (tags or {}).items() if (new := self._new_members(tag, keys, entries))}
        if not (entries or new_members) or not self.may_store(started_s):
            return
        for key, value in entries.items():
            self.memory.put(key, value, most_s=BRIEF_S if memory_only else None)
        for tag, keys in new_members.items():
            self._put_tag(tag, keys, fresh=self._shared is None)
        if (
            self._shared is not None
            and not memory_only
            and await self._write_shared(self._shared, entries, new_members)
            and self.may_store(started_s)
        ):
            for tag, keys in new_members.items():
                self._put_tag(tag, keys, fresh=True)

    async def put_result(
        self, store: Shared, key: bytes, value: bytes, tags: Collection[bytes], *, started_s: float
    ) -> bool:
        """Store ``value`` in ``store``, another store in the same Redis server, and return whether this succeeded.

        The value is added to ``tags``, so that a purge of these tags deletes it. ``started_s`` (monotonic clock) is the
        time when the work for the value started. If a purge is running or a purge of the shared tier has ended since
        then, nothing is stored. Without a shared tier, nothing is stored either.
        """
        if self._shared is None or not self._may_share(started_s):
            return False
        if tags and not await self._write_shared(self._shared, {}, {tag: [key] for tag in tags}):
            return False
        return self._may_share(started_s) and await self._write_shared(store, {key: value}, {})

    async def drop(self, keys: Collection[bytes]) -> None:
        """Delete the entries under ``keys``, which could not be decoded, and emit an event for each of them.

        If the shared tier is unreachable, the entries remain there.
        """
        self._delete(keys)
        for _ in keys:
            self._listener(EntryUnopened("unreadable"))
        if self._shared is not None and keys:
            with suppress(PurgeIncomplete):
                await self._shared.purge(keys, {})

    def may_store(self, started_s: float) -> bool:
        """Return whether the results of work that started at ``started_s`` (monotonic clock) may be stored.

        They may not be stored if a purge is running or has ended since then.
        """
        return not self._purges and self._purged_s < started_s

    def _may_share(self, started_s: float) -> bool:
        return not self._purges and self._shared_purged_s < started_s

    def _new_members(self, tag: bytes, keys: AbstractSet[bytes], entries: Mapping[bytes, bytes]) -> set[bytes]:
        """Return the keys to write to ``tag``: those of ``keys`` that the tag lacks or whose entries are being written.

        If the tag in memory may differ from the tag in the shared tier, return the members of the tag and all of
        ``keys``.
        """
        known = self.memory.tag(tag)
        if known is None:
            return set(keys)
        if known.fresh_until_s <= self.memory.clock():
            return known.members().union(keys)
        return (keys & entries.keys()) | (keys - known.members())

    def _put_tag(self, tag: bytes, keys: Collection[bytes], *, fresh: bool) -> None:
        known = self.memory.tag(tag)
        everything = keys if known is None else known.members().union(keys)
        fresh_until_s = self.memory.clock() + self.memory.ttl_s if fresh else 0.0
        self.memory.put(tag, Tag(b"".join(everything), fresh_until_s))

    async def _write_shared(
        self, shared: Shared, entries: Mapping[bytes, bytes], tags: Mapping[bytes, Collection[bytes]]
    ) -> bool:
        """Write ``entries`` and ``tags`` to the shared tier, and return whether all writes succeeded.

        A purge waits until these writes are done.
        """
        writing = asyncio.get_running_loop().create_future()
        self._writing.add(writing)
        try:
            return await shared.put_many(entries, tags)
        finally:
            self._writing.discard(writing)
            writing.set_result(None)

    async def purge(self, tags: Collection[bytes]) -> Purged:
        """Delete all entries that belong to ``tags`` from both tiers.

        ``tags`` contains keys that `tag_key` returned for texts or results.

        Raises:
            PurgeIncomplete: the shared tier did not respond. The entries that the tags in memory list have been deleted
                from memory, but the tags are kept for a retry.
        """
        async with self._purge():
            found = self._with_members(tags)
            try:
                shared_count = None if self._shared is None else await self._purge_shared(self._shared, found)
            except PurgeIncomplete:
                self._delete(key for key in found if self.memory.tag(key) is None)
                raise
            return Purged(self._delete(found), shared_count)

    async def forget(self, tags: Collection[bytes]) -> int:
        """Delete the entries that belong to ``tags`` from memory, and return the number of deleted entries.

        The shared tier is not changed.
        """
        async with self._purge(shared=False):
            return self._delete(self._with_members(tags))

    async def _purge_shared(self, shared: Shared, found: set[bytes]) -> int:
        """Delete the entries and tags in ``found`` and all their members from the shared tier.

        The members are added to ``found``, so that the caller can delete them from memory as well. Return the number of
        deleted entries. The shared tier is purged before memory, because reads copy its entries to memory.
        """
        tags = await shared.tag_members(found)
        found |= self._with_members(found.union(*tags.values()))
        return await shared.purge(found, tags)

    async def clear(self) -> Purged:
        """Delete everything from both tiers.

        Raises:
            PurgeIncomplete: the shared tier did not respond. The memory tier has been emptied.
        """
        async with self._purge():
            try:
                shared = None if self._shared is None else await self._shared.clear()
            finally:
                memory = self.memory.clear()
            return Purged(memory, shared)

    @asynccontextmanager
    async def _purge(self, *, shared: bool = True) -> AsyncIterator[None]:
        """Block all writes during a purge, and afterwards the writes of work that started before the purge ended.

        The purge starts when the writes that are already running have ended. ``shared`` states whether it includes the
        shared tier.
        """
        self._purges += 1
        self.documents.clear()
        try:
            if self._writing:
                await asyncio.wait(set(self._writing))
            yield
        finally:
            self._purges -= 1
            self._purged_s = time.monotonic()
            if shared:
                self._shared_purged_s = self._purged_s

    def _with_members(self, tags: Collection[bytes]) -> set[bytes]:
        """Return ``tags`` and the keys of their direct and indirect members, as far as the tags are in memory.

        Two steps are enough. The first step finds the tags of the texts of a result, and the second finds the entries
        of these texts.
        """
        found = set(tags)
        for _ in range(2):
            found |= {key for tag in found if (kept := self.memory.tag(tag)) is not None for key in kept.members()}
        return found

    def _delete(self, keys: Iterable[bytes]) -> int:
        return sum(self.memory.purge(key) for key in list(keys))

    @property
    def shared_blocked(self) -> bool:
        """True if there is a shared tier and the circuit breaker is blocking it."""
        return self._shared is not None and self._shared.blocked

    async def close(self) -> None:
        """Close the connections of the shared tier."""
        if self._shared is not None:
            await self._shared.close()
