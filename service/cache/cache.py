"""The door of this room: many entries at once, whatever the tiers below."""

from collections.abc import Collection, Mapping

from service.cache.memory import Memory
from service.cache.redis import Shared
from service.events import CacheLooked, Listener, ignore


class Cache:
    """Entries as bytes under keys of ``cache_key``. Asynchronous, because a shared tier is over a network.

    Memory is asked first, ``shared`` for what is missing there. What it had is kept in memory for a whole life of its
    own, so an entry may be up to two lives old.
    """

    def __init__(self, memory: Memory, shared: Shared | None = None, *, listener: Listener = ignore) -> None:
        self.memory = memory
        self._shared = shared
        self._listener = listener

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
        found = await self._shared.get_many(missing)
        self._remember(found)
        return found

    async def put_many(self, entries: Mapping[bytes, bytes]) -> None:
        """Keep the entries; one that alone is larger than a tier is not kept there."""
        self._remember(entries)
        if self._shared is not None:
            await self._shared.put_many(entries)

    def _remember(self, entries: Mapping[bytes, bytes]) -> None:
        for key, value in entries.items():
            self.memory.put(key, value)

    async def purge(self, keys: Collection[bytes]) -> int:
        """Forget the entries in both tiers; how many there were, one in both counted once.

        The shared tier first: what it has would come back into memory.
        """
        shared = set() if self._shared is None else await self._shared.purge(keys)
        return len(shared | {key for key in keys if self.memory.purge(key)})

    @property
    def shared_passed_over(self) -> bool:
        """Whether there is a shared tier that is not asked now."""
        return self._shared is not None and self._shared.passed_over

    async def close(self) -> None:
        """Close the connections of the shared tier; the entries stay."""
        if self._shared is not None:
            await self._shared.close()
