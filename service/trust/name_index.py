"""The words of a text, in every spelling, for the question whether it has a name of another text."""

import re
from collections.abc import Mapping, Sequence
from difflib import SequenceMatcher
from functools import cache, cached_property

from service.trust.facts import Language
from service.trust.lexicon import pairs
from service.trust.spelling import plain, sound

LEAST_CHARS = 3
"""A shorter word is no name, and one so short is like another only where it is the same."""
ABBREVIATION = re.compile(r"[A-ZÄÖÜ]{2,5}s?")
_LEAST_ROOT_CHARS = 4
_LIKE = 0.72


class Index:
    """The words of a text, for the question whether it has a name of another one, which is in ``language``."""

    def __init__(self, words: Sequence[str], language: Language) -> None:
        self._words = words
        self._exonyms = _exonyms(language)

    @cached_property
    def abbreviations(self) -> set[str]:
        """The words in capitals."""
        return {word for word in self._words if ABBREVIATION.fullmatch(word)}

    @cached_property
    def _texts(self) -> set[str]:
        return set(self._words)

    @cached_property
    def _plain(self) -> set[str]:
        return {plain(word) for word in self._words}

    @cached_property
    def _sounds(self) -> set[str]:
        return {sound(word) for word in self._words}

    @cached_property
    def _capital(self) -> set[str]:
        return {sound(word) for word in self._words if word[0].isupper()}

    @cached_property
    def _joined(self) -> str:
        return " ".join(("", *self._plain))

    def supports(self, name: str) -> bool:
        """Whether the text has ``name``: in this or a like spelling, as a part of a word, or as an exonym."""
        if name in self._texts:  # as most are: no other spelling need be thought of
            return True
        bare = plain(name)
        return bare in self._plain or self._has_exonym(bare) or self._has_like(sound(name))

    def _has_exonym(self, bare: str) -> bool:
        others = (other for end in range(2, len(bare) + 1) for other in self._exonyms.get(bare[:end], ()))
        return any((other if len(other) > LEAST_CHARS else f" {other}") in self._joined for other in others)

    def _has_like(self, wanted: str) -> bool:
        if len(wanted) < LEAST_CHARS:
            return wanted in self._sounds
        root = wanted[: max(_LEAST_ROOT_CHARS, len(wanted) * 2 // 3)]
        if any(known.startswith(root) or root in known for known in self._sounds):
            return True
        if any(len(known) > _LEAST_ROOT_CHARS and wanted.startswith(known) for known in self._sounds):
            return True
        return any(
            known[:1] == wanted[:1] and SequenceMatcher(None, known, wanted).ratio() >= _LIKE for known in self._capital
        )


@cache
def _exonyms(language: Language) -> Mapping[str, frozenset[str]]:
    """For the beginnings of words in ``language``, what the other language may say."""
    german = pairs("exonyms")
    if language == "de":
        return german
    found: dict[str, frozenset[str]] = {}
    for left, rights in german.items():
        for right in rights:
            found[right] = found.get(right, frozenset()) | {left}
    return found
