"""The cache's tiers in the simulation: which articles a process's memory and the shared store hold, oldest use out."""

from collections import OrderedDict
from typing import Literal

Tier = Literal["memory", "shared", "none"]


class Store:
    """Articles up to ``most``, of which the least recently used leaves first; None: no bound."""

    def __init__(self, most: int | None = None) -> None:
        self._most = most
        self._kept: OrderedDict[int, None] = OrderedDict()

    def __len__(self) -> int:
        return len(self._kept)

    def has(self, article: int) -> bool:
        """Whether it is there; it counts as used now."""
        if article not in self._kept:
            return False
        self._kept.move_to_end(article)
        return True

    def put(self, article: int) -> None:
        """Keep it, at the cost of what was not used for longest."""
        self._kept[article] = None
        self._kept.move_to_end(article)
        if self._most is not None and len(self._kept) > self._most:
            self._kept.popitem(last=False)


class Tiers:
    """One process's memory before the store that all share; no store: ``shared`` is None."""

    def __init__(self, memory: Store, shared: Store | None) -> None:
        self._memory = memory
        self._shared = shared

    def look_up(self, article: int) -> Tier:
        """The tier that has it; what the shared one has is in memory afterwards."""
        if self._memory.has(article):
            return "memory"
        if self._shared is not None and self._shared.has(article):
            self._memory.put(article)
            return "shared"
        return "none"

    def put(self, article: int) -> None:
        """Keep it in both."""
        self._memory.put(article)
        if self._shared is not None:
            self._shared.put(article)
