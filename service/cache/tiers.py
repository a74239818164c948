"""The cache: the memory tier, then the shared tier."""

import asyncio
import time
from collections.abc import AsyncIterator, Callable, Collection, Iterable, Mapping
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


@dataclass(frozen=True, slots=True)
class Purged:
    """How many entries were forgotten, by tier; ``shared`` is None where there is no shared tier."""

    memory: int
    shared: int | None


class Documents:
    """Whole results of this process by ``result_key``: a document that is asked for often is not made again.

    Bounded by the characters that the caller counts for each, the least recently used forgotten first, and in time.
    """

    def __init__(self, clock: Callable[[], float]) -> None:
        self._chars = 0  # of what is being put
        self._kept: TTLCache[str, Any] = TTLCache(
            DOCUMENT_CHARS, DOCUMENT_TTL_S, timer=clock, getsizeof=lambda _: self._chars
        )

    def get(self, result_key: str) -> Any:
        """The result, or None."""
        return self._kept.get(result_key)

    def put(self, result_key: str, result: Any, chars: int) -> None:
        """Keep a result of so many characters; one that alone is over the bound is not kept."""
        self._chars = max(chars, DOCUMENT_CHARS // MOST_DOCUMENTS)
        if self._chars <= DOCUMENT_CHARS:
            self._kept[result_key] = result

    def clear(self) -> None:
        """Forget everything."""
        self._kept.clear()


class Cache:
    """Entries as bytes under keys of ``entry_key``, tags under keys of ``tag_key``.

    Memory is asked first, ``shared`` for what is missing there; what it had is kept in memory for the rest of its life.
    A text's tag names the entries that the text was answered with, whoever asked first for them; a result's tag names
    the tags of its texts. A tag is put after its entries and used whenever they are: so the memory tier's bound takes
    it after those entries that no other text uses.
    """

    def __init__(self, memory: Memory, shared: Shared | None = None, *, listener: Listener = ignore) -> None:
        self.memory = memory
        self.documents = Documents(memory.clock)
        self._shared = shared
        self._listener = listener
        self._purges = 0
        self._purged_s = float("-inf")
        self._writing: set[asyncio.Future[None]] = set()

    async def get_many(self, keys: Collection[bytes], *, task: str) -> dict[bytes, bytes]:
        """The entries that there are; a key that repeats is looked up once. ``task`` is for the metrics."""
        distinct = dict.fromkeys(keys)
        found = {key: value for key in distinct if (value := self.memory.get(key)) is not None}
        shared = await self._look_further([key for key in distinct if key not in found])
        self._listener(CacheLooked(task, asked=len(distinct), memory_hits=len(found), shared_hits=len(shared)))
        return found | shared

    async def _look_further(self, missing: Collection[bytes]) -> dict[bytes, bytes]:
        if self._shared is None or not missing:
            return {}
        asked_s = time.monotonic()
        found = await self._shared.get_many(missing)
        if self.may_keep(asked_s):
            for key, entry in found.items():
                self.memory.put(key, entry.value, most_s=entry.left_s)
        return {key: entry.value for key, entry in found.items()}

    def keep_document(self, result_key: str, result: Any, *, chars: int, begun_s: float) -> None:
        """Keep a whole result of so many characters, unless it was ``begun_s`` before a purge ended."""
        if self.may_keep(begun_s):
            self.documents.put(result_key, result, chars)

    async def put_many(
        self, entries: Mapping[bytes, bytes], tags: Mapping[bytes, AbstractSet[bytes]] | None = None, *, begun_s: float
    ) -> None:
        """Keep the entries, and under each of ``tags`` that its keys came from there.

        Nothing is written that is known to be there: tags whose entries were all found cost no round trip. Nothing is
        kept for work that was ``begun_s`` (on the monotonic clock) before a purge ended: it may be what was purged. An
        entry that alone is larger than a tier is not kept there.
        """
        news = {tag: new for tag, keys in (tags or {}).items() if (new := self._news(tag, keys, entries))}
        if not (entries or news) or not self.may_keep(begun_s):
            return
        for key, value in entries.items():
            self.memory.put(key, value)
        for tag, keys in news.items():
            self._note(tag, keys, fresh=self._shared is None)
        if self._shared is not None and await self._written(self._shared, entries, news) and self.may_keep(begun_s):
            for tag, keys in news.items():
                self._note(tag, keys, fresh=True)

    async def drop(self, keys: Collection[bytes]) -> None:
        """Delete and count entries that cannot be read. A shared tier that does not answer keeps them as misses."""
        self._forget(keys)
        for _ in keys:
            self._listener(EntryUnopened("unreadable"))
        if self._shared is not None and keys:
            with suppress(PurgeIncomplete):
                await self._shared.purge(keys, {})

    def may_keep(self, begun_s: float) -> bool:
        """Whether what was ``begun_s`` may be kept: no purge has come since, nor is one under way."""
        return not self._purges and self._purged_s < begun_s

    def _news(self, tag: bytes, keys: AbstractSet[bytes], entries: Mapping[bytes, bytes]) -> set[bytes]:
        """What is to be written under ``tag``: keys that are not known to be there, those of entries written anew."""
        known = self.memory.tag(tag)
        if known is None:
            return set(keys)
        if known.fresh_until_s <= self.memory.clock():
            return known.members().union(keys)
        return (keys & entries.keys()) | (keys - known.members())

    def _note(self, tag: bytes, keys: Collection[bytes], *, fresh: bool) -> None:
        known = self.memory.tag(tag)
        everything = keys if known is None else known.members().union(keys)
        fresh_until_s = self.memory.clock() + self.memory.ttl_s if fresh else 0.0
        self.memory.put(tag, Tag(b"".join(everything), fresh_until_s))

    async def _written(
        self, shared: Shared, entries: Mapping[bytes, bytes], tags: Mapping[bytes, Collection[bytes]]
    ) -> bool:
        """Write to the shared tier, in sight of purges; whether all of it is there now."""
        writing = asyncio.get_running_loop().create_future()
        self._writing.add(writing)
        try:
            return await shared.put_many(entries, tags)
        finally:
            self._writing.discard(writing)
            writing.set_result(None)

    async def purge(self, tags: Collection[bytes]) -> Purged:
        """Forget what the texts or results of these tags were answered with, in both tiers.

        Raises:
            PurgeIncomplete: the shared tier was not reached. Memory has forgotten what it knew, but keeps the tags, so
                that another try finds as much as this one.
        """
        async with self._purge():
            found = self._led_to(tags)
            try:
                gone = None if self._shared is None else await self._purge_shared(self._shared, found)
            except PurgeIncomplete:
                self._forget(key for key in found if self.memory.tag(key) is None)
                raise
            return Purged(self._forget(found), gone)

    async def _purge_shared(self, shared: Shared, found: set[bytes]) -> int:
        """Purge the shared tier before memory, where its entries would come back; adds to ``found``."""
        tags = await shared.led_to(found)
        found |= self._led_to(found.union(*tags.values()))
        return await shared.purge(found, tags)

    async def clear(self) -> Purged:
        """Forget everything.

        Raises:
            PurgeIncomplete: the shared tier was not reached; memory is empty.
        """
        async with self._purge():
            try:
                shared = None if self._shared is None else await self._shared.clear()
            finally:
                memory = self.memory.clear()
            return Purged(memory, shared)

    @asynccontextmanager
    async def _purge(self) -> AsyncIterator[None]:
        """Meanwhile nothing is kept, nor later what was begun before its end; what is being written is waited for."""
        self._purges += 1
        self.documents.clear()
        try:
            if self._writing:
                await asyncio.wait(set(self._writing))
            yield
        finally:
            self._purges -= 1
            self._purged_s = time.monotonic()

    def _led_to(self, tags: Collection[bytes]) -> set[bytes]:
        """The tags and what memory knows under them: from results to texts to entries in two steps."""
        found = set(tags)
        for _ in range(2):
            found |= {key for tag in found if (kept := self.memory.tag(tag)) is not None for key in kept.members()}
        return found

    def _forget(self, keys: Iterable[bytes]) -> int:
        return sum(self.memory.purge(key) for key in list(keys))

    @property
    def shared_passed_over(self) -> bool:
        """Whether there is a shared tier that is not asked now."""
        return self._shared is not None and self._shared.passed_over

    async def close(self) -> None:
        """Close the connections of the shared tier; the entries stay."""
        if self._shared is not None:
            await self._shared.close()
