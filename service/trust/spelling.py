"""One spelling for names as German and English write them: without accents, by what the letters sound like."""

import re
import unicodedata
from collections.abc import Iterable
from functools import lru_cache

_SOUNDS = (
    (re.compile("tsch|tch|cz|ch|č"), "c"),
    (re.compile("dsch|dj"), "j"),
    (re.compile("sch|sh|š"), "s"),
    (re.compile("ph"), "f"),
    (re.compile("th|dh"), "t"),
    (re.compile("kh|ck|k|q"), "c"),
    (re.compile("[vw]"), "v"),
    (re.compile("[yij]"), "i"),
    (re.compile("[zß]"), "s"),
    (re.compile("ae|oe|ue"), lambda match: match.group()[0]),
    (re.compile("x"), "cs"),
    (re.compile("h"), ""),
    (re.compile(r"(.)\1+"), r"\1"),
)
_MOST_CHARS = 60


def plain(word: str) -> str:
    """Lower case, without accents; ß is ss. Of a long word its beginning."""
    return _plain(word[:_MOST_CHARS])


def plains(words: Iterable[str]) -> set[str]:
    """All words as `plain` has them."""
    return {_plain(word[:_MOST_CHARS]) for word in words}


@lru_cache(maxsize=20_000)
def _plain(word: str) -> str:
    parted = unicodedata.normalize("NFKD", word.casefold())
    return "".join(char for char in parted if not unicodedata.combining(char)).replace("ł", "l").replace("ø", "o")


def sound(word: str) -> str:
    """The same for "Selenskyj" and "Zelenskyy", as far as letters can tell; for comparison alone."""
    return _sound(word[:_MOST_CHARS])


def sounds(words: Iterable[str]) -> set[str]:
    """All words as `sound` has them."""
    return {_sound(word[:_MOST_CHARS]) for word in words}


@lru_cache(maxsize=20_000)
def _sound(word: str) -> str:
    found = _plain(word)
    for pattern, letter in _SOUNDS:
        found = pattern.sub(letter, found)
    return found
