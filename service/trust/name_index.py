"""The words of a text, in every spelling, for the question whether it has a name of another text."""

import re
from collections.abc import Mapping, Sequence
from difflib import SequenceMatcher
from functools import cache, cached_property, lru_cache

from service.trust.facts import Language
from service.trust.lexicon import pairs
from service.trust.spelling import plain, plains, sound, sounds

LEAST_CHARS = 3
"""A shorter word is no name, and one so short is like another only where it is the same."""
ABBREVIATION = re.compile(r"[A-ZÄÖÜ]{2,5}s?")
_LEAST_ROOT_CHARS = 4
_LIKE = 0.72


class Index:
    """The words of a text, for the question whether it has a name of another one, which is in ``language``.

    ``texts`` are the words as they stand.
    """

    def __init__(self, words: Sequence[str], language: Language) -> None:
        self.texts = frozenset(words)
        self._language = language

    @cached_property
    def abbreviations(self) -> set[str]:
        """The words in capitals."""
        return {word for word in self.texts if ABBREVIATION.fullmatch(word)}

    @cached_property
    def _plain(self) -> set[str]:
        return plains(self.texts)

    @cached_property
    def _joined(self) -> str:
        return " ".join(("", *self._plain))

    @cached_property
    def _sounds(self) -> set[str]:
        return sounds(self.texts)

    @cached_property
    def _heard(self) -> str:
        return "\n".join(self._sounds)

    @cached_property
    def _capital(self) -> set[str]:
        return sounds(word for word in self.texts if word[0].isupper())

    def supports(self, name: str) -> bool:
        """Whether the text has ``name``: in this or a like spelling, as a part of a word, or as an exonym."""
        if name in self.texts:  # as most are: no other spelling need be thought of
            return True
        bare = plain(name)
        return bare in self._plain or self._has_exonym(bare) or self._has_like(sound(name))

    def _has_exonym(self, bare: str) -> bool:
        return any(other in self._joined for other in _other_names(bare, self._language))

    def _has_like(self, wanted: str) -> bool:
        if len(wanted) < LEAST_CHARS:
            return wanted in self._sounds
        if wanted[: max(_LEAST_ROOT_CHARS, len(wanted) * 2 // 3)] in self._heard:  # its root, within a word
            return True
        if any(wanted[:end] in self._sounds for end in range(_LEAST_ROOT_CHARS + 1, len(wanted) + 1)):
            return True
        return any(_are_like(known, wanted) for known in self._capital if known[:1] == wanted[:1])


def _are_like(one: str, other: str) -> bool:
    """Whether most letters of both are the same, in the same order; lengths alone may tell that they are not."""
    most = 2 * min(len(one), len(other)) / (len(one) + len(other))
    return most >= _LIKE and SequenceMatcher(None, one, other).ratio() >= _LIKE


@lru_cache(maxsize=20_000)
def _other_names(bare: str, language: Language) -> tuple[str, ...]:
    """What to look for in the plain words of the other language; a short one has to begin a word."""
    exonyms = _exonyms(language)
    others = (other for end in range(2, len(bare) + 1) for other in exonyms.get(bare[:end], ()))
    return tuple(other if len(other) > LEAST_CHARS else f" {other}" for other in others)


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
