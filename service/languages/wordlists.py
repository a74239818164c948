"""Word lists, which are text files with one entry per line and comments that begin with ``#``."""

from collections.abc import Mapping
from pathlib import Path
from types import MappingProxyType


class WordLists:
    """The word lists in a folder, each in a file ``NAME.txt``.

    The lists are not cached: each method call reads a file.
    """

    def __init__(self, folder: Path) -> None:
        self._folder = folder

    def lines(self, name: str) -> tuple[str, ...]:
        """Return the entries of a list in the order of the file.

        Raises:
            OSError: the file cannot be read.
        """
        lines = (line.strip() for line in (self._folder / f"{name}.txt").read_text(encoding="utf-8").splitlines())
        return tuple(line for line in lines if line and not line.startswith("#"))

    def phrases(self, name: str) -> frozenset[str]:
        """Return the entries of a list as a set, for case-sensitive look-ups."""
        return frozenset(self.lines(name))

    def folded(self, name: str) -> frozenset[str]:
        """Return the case-folded entries of a list as a set, for case-insensitive look-ups with `str.casefold`."""
        return frozenset(line.casefold() for line in self.lines(name))

    def words(self, name: str) -> frozenset[str]:
        """Return the individual words of a list that contains several words on each line."""
        return frozenset(word for line in self.lines(name) for word in line.split())

    def pairs(self, name: str) -> Mapping[str, frozenset[str]]:
        """Return a mapping of keys to values from a list with lines like ``key, key = value, value``."""
        found: dict[str, frozenset[str]] = {}
        for line in self.lines(name):
            left, _, right = line.partition(" = ")
            values = frozenset(value.strip() for value in right.split(","))
            for key in left.split(","):
                found[key.strip()] = found.get(key.strip(), frozenset()) | values
        return MappingProxyType(found)

    def forms(self, name: str) -> Mapping[str, tuple[str, ...]]:
        """Return a mapping of keys to forms, in their order, from a list with lines like ``key = form, form``."""
        rows = (line.partition(" = ") for line in self.lines(name))
        return MappingProxyType({key: tuple(forms.split(", ")) for key, _, forms in rows})
