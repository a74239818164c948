"""The door of this room: many entries at once, whatever the tiers below."""

from collections.abc import Collection, Mapping

from service.cache.memory import Memory
from service.events import CacheLooked, Listener, ignore


class Cache:
    """Entries as bytes under keys of ``cache_key``. Asynchronous, because a shared tier is over a network."""

    def __init__(self, memory: Memory, *, listener: Listener = ignore) -> None:
        self.memory = memory
        self._listener = listener

    async def get_many(self, keys: Collection[bytes], *, task: str) -> dict[bytes, bytes]:
        """The entries that there are; a key that repeats is looked up once. ``task`` is for the metrics."""
        distinct = dict.fromkeys(keys)
        found = {key: value for key in distinct if (value := self.memory.get(key)) is not None}
        self._listener(CacheLooked(task, asked=len(distinct), memory_hits=len(found)))
        return found

    async def put_many(self, entries: Mapping[bytes, bytes]) -> None:
        """Keep the entries; one that alone is larger than a tier is not kept there."""
        for key, value in entries.items():
            self.memory.put(key, value)

    async def purge(self, keys: Collection[bytes]) -> int:
        """Forget the entries; how many there were."""
        return sum(self.memory.purge(key) for key in dict.fromkeys(keys))
