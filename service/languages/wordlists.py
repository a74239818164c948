"""The reader of word lists, which are text files with one entry per line. Lines that begin with ``#`` are comments."""

import re
from collections.abc import Mapping
from pathlib import Path
from types import MappingProxyType

from service.languages.base import OppositeWords, Pole


class WordLists:
    """The word lists in a folder. The list with the name NAME is in the file ``NAME.txt``.

    The lists are not cached, so each method call reads a file.
    """

    def __init__(self, folder: Path) -> None:
        self._folder = folder

    def lines(self, name: str) -> tuple[str, ...]:
        """Return the entries of the list ``name`` in the order of the file.

        Raises:
            OSError: the file cannot be read.
        """
        lines = (line.strip() for line in (self._folder / f"{name}.txt").read_text(encoding="utf-8").splitlines())
        return tuple(line for line in lines if line and not line.startswith("#"))

    def phrases(self, name: str) -> frozenset[str]:
        """Return the entries of the list ``name`` as a set, for case-sensitive look-ups."""
        return frozenset(self.lines(name))

    def folded(self, name: str) -> frozenset[str]:
        """Return the case-folded entries of the list ``name`` as a set. Look-ups must use `str.casefold`."""
        return frozenset(line.casefold() for line in self.lines(name))

    def words(self, name: str) -> frozenset[str]:
        """Return the words of the list ``name`` as a set. Each line of the list contains one or more words."""
        return frozenset(word for line in self.lines(name) for word in line.split())

    def pairs(self, name: str) -> Mapping[str, frozenset[str]]:
        """Return a mapping of keys to sets of values.

        The lines of the list ``name`` have the form ``key, key = value, value``. If a key occurs in several lines, it
        gets all their values.
        """
        found: dict[str, frozenset[str]] = {}
        for line in self.lines(name):
            left, _, right = line.partition(" = ")
            values = frozenset(value.strip() for value in right.split(","))
            for key in left.split(","):
                found[key.strip()] = found.get(key.strip(), frozenset()) | values
        return MappingProxyType(found)

    def forms(self, name: str) -> Mapping[str, tuple[str, ...]]:
        """Return a mapping of keys to forms in the order of the file.

        The lines of the list ``name`` have the form ``key = form, form``.
        """
        rows = (line.partition(" = ") for line in self.lines(name))
        return MappingProxyType({key: tuple(forms.split(", ")) for key, _, forms in rows})

    def opposites(self, name: str, phrases: str) -> OppositeWords:
        """Return the words with opposite meanings.

        The lines of the list ``name`` have the form ``axis meaning = word, word``. ``beginning*`` matches all words
        with this beginning, ``*ending`` matches all words with this ending, and ``verb ~ particle`` is a separable
        verb. ``phrases`` is the name of the list of patterns for set phrases whose words do not have these meanings.
        """
        words: dict[str, set[Pole]] = {}
        beginnings: dict[str, set[Pole]] = {}
        endings: dict[str, set[Pole]] = {}
        separated: dict[str, set[tuple[str, Pole]]] = {}
        for key, forms in self.forms(name).items():
            pole = Pole(*key.split(" "))
            for form in forms:
                verb, _, particle = form.partition(" ~ ")
                if particle:
                    separated.setdefault(verb, set()).add((particle, pole))
                elif form.startswith("*"):
                    endings.setdefault(form[1:], set()).add(pole)
                elif form.endswith("*"):
                    beginnings.setdefault(form[:-1], set()).add(pole)
                else:
                    words.setdefault(form, set()).add(pole)
        tables = (words, beginnings, endings)
        whole, starts, ends = ({key: tuple(sorted(poles)) for key, poles in found.items()} for found in tables)
        verbs = {key: tuple(sorted(pairs)) for key, pairs in separated.items()}
        set_phrases = re.compile(rf"(?<!\w)(?:{'|'.join(self.lines(phrases))})(?!\w)")
        return OppositeWords(whole, starts, ends, verbs, set_phrases)
