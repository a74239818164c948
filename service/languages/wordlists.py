"""Word lists under ``data``: one entry a line, ``#`` begins a comment line."""

from collections.abc import Mapping
from functools import cache
from pathlib import Path
from types import MappingProxyType

_DATA = Path(__file__).parent / "data"


@cache
def phrases(name: str) -> tuple[str, ...]:
    """The phrases of the list ``name`` in the file's order; read once a process, on first use."""
    lines = (line.strip() for line in (_DATA / f"{name}.txt").read_text(encoding="utf-8").splitlines())
    return tuple(line for line in lines if line and not line.startswith("#"))


@cache
def phrase_set(name: str) -> frozenset[str]:
    """The list ``name`` for look-ups where case matters."""
    return frozenset(phrases(name))


@cache
def folded_set(name: str) -> frozenset[str]:
    """The list ``name`` for look-ups where case does not matter; look up ``str.casefold()``."""
    return frozenset(phrase.casefold() for phrase in phrases(name))


@cache
def entries(name: str) -> tuple[str, ...]:
    """The lines of ``data/NAME.txt`` in the file's order; read once a process, on first use."""
    lines = (line.strip() for line in (_DATA / f"{name}.txt").read_text(encoding="utf-8").splitlines())
    return tuple(line for line in lines if line and not line.startswith("#"))


@cache
def word_set(name: str) -> frozenset[str]:
    """The list ``name`` of single words, several on a line."""
    return frozenset(word for line in entries(name) for word in line.split())


@cache
def pairs(name: str) -> Mapping[str, frozenset[str]]:
    """The list ``name`` of lines ``left = right, right``: what may stand on the right for what is on the left."""
    found: dict[str, frozenset[str]] = {}
    for line in entries(name):
        left, _, right = line.partition("=")
        words = frozenset(word.strip() for word in right.split(","))
        for key in left.split(","):
            found[key.strip()] = found.get(key.strip(), frozenset()) | words
    return MappingProxyType(found)
