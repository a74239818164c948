"""What was made of recent texts: the same article comes again and again, and most of it is the same work each time."""

from collections.abc import Callable, Hashable
from hashlib import sha256
from threading import Lock
from typing import Generic, TypeVar

from cachetools import LRUCache

MOST_REMEMBERED_CHARS = 40_000
"""Longer texts are made anew each time: what is kept of one is many times its size."""
MOST_KEPT_CHARS = 2_000_000
"""Characters of texts of which one `Recent` keeps what was made."""
T = TypeVar("T")
_Key = tuple[bytes, Hashable]


class Recent(Generic[T]):
    """Results of a pure function of texts, never None, the least recently used forgotten first; any thread may ask.

    There are ``entries`` at most, of `MOST_KEPT_CHARS` characters of texts together.
    Kept under digests, so that no text is held for its own sake, and given up by ``forget`` when a story is withdrawn.
    """

    def __init__(self, entries: int) -> None:
        # Each counts as its characters, and as a share of the whole at least: so both are bounded by one number.
        self._least_chars = MOST_KEPT_CHARS // entries
        self._results: LRUCache[_Key, tuple[int, T]] = LRUCache(MOST_KEPT_CHARS, lambda kept: kept[0])
        self._lock = Lock()

    def find(self, texts: tuple[str, ...], kind: Hashable) -> T | None:
        """The result for ``texts``, None where it is not there; ``kind`` is what else it depends on."""
        return self._find(_key(texts, kind))

    def _find(self, key: _Key) -> T | None:
        with self._lock:
            kept = self._results.get(key)
        return None if kept is None else kept[1]

    def get(self, texts: tuple[str, ...], kind: Hashable, make: Callable[[], T], *, keep: bool = True) -> T:
        """The result for ``texts``, made where it is not there. Without ``keep`` nothing of it stays."""
        key = _key(texts, kind)
        if (found := self._find(key)) is not None:
            return found
        made = make()
        chars = max(self._least_chars, sum(map(len, texts)))
        if keep and chars <= MOST_KEPT_CHARS:
            with self._lock:
                self._results[key] = chars, made
        return made

    def forget(self) -> None:
        """Forget everything."""
        with self._lock:
            self._results.clear()


def _key(texts: tuple[str, ...], kind: Hashable) -> _Key:
    lengths = " ".join(str(len(text)) for text in texts)
    return sha256("\n".join((lengths, *texts)).encode("utf-8", "surrogatepass")).digest(), kind
