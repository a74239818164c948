"""Reads the phrase lists under ``data``: one phrase a line, ``#`` begins a comment line."""

from functools import cache
from pathlib import Path

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
