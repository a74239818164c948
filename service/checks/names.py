"""The check of names against the source."""

import re
import unicodedata
from collections.abc import Collection, Iterator, Mapping, Sequence
from difflib import SequenceMatcher
from functools import cache, cached_property, lru_cache
from itertools import islice
from typing import NamedTuple

from service.checks.base import Code, Finding, Passage, Severity
from service.domain import Span
from service.languages.base import Language

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
_MOST_CHARS = 60  # longer names are compared by their first 60 characters


@lru_cache(maxsize=20_000)
def _plain(word: str) -> str:
    """The first characters of a word in lower case, without accents; ß becomes ss."""
    parted = unicodedata.normalize("NFKD", word[:_MOST_CHARS].casefold())
    return "".join(char for char in parted if not unicodedata.combining(char)).replace("ł", "l").replace("ø", "o")


@lru_cache(maxsize=20_000)
def _sound(word: str) -> str:
    """A phonetic key of a word; "Selenskyj" and "Zelenskyy" have the same key."""
    found = _plain(word)
    for pattern, letter in _SOUNDS:
        found = pattern.sub(letter, found)
    return found


_LEAST_CHARS = 3  # shorter words are no names and need an exact match
_ABBREVIATION = re.compile(r"[A-ZÄÖÜ]{2,5}s?")
_LEAST_ROOT_CHARS = 4
_LIKE = 0.72


class Index:
    """An index of the words of a text for look-ups of names from another text.

    ``names_in`` is the language of the other text.
    """

    def __init__(self, passage: Passage, names_in: Language) -> None:
        self.words = frozenset(passage.words)
        self._exonyms = _exonyms(names_in, passage.language)

    @cached_property
    def abbreviations(self) -> set[str]:
        """The words in capitals."""
        return {word for word in self.words if _ABBREVIATION.fullmatch(word)}

    @cached_property
    def _plains(self) -> set[str]:
        return set(map(_plain, self.words))

    @cached_property
    def _joined(self) -> str:
        return " ".join(("", *self._plains))

    @cached_property
    def _sounds(self) -> set[str]:
        return set(map(_sound, self.words))

    @cached_property
    def _joined_sounds(self) -> str:
        return "\n".join(self._sounds)

    @cached_property
    def _capital_sounds(self) -> set[str]:
        return {_sound(word) for word in self.words if word[0].isupper()}

    def supports(self, name: str) -> bool:
        """Whether the text has ``name``: in the same or a similar spelling, as a part of a word, or as an exonym."""
        if name in self.words:
            return True
        bare = _plain(name)
        return bare in self._plains or self._has_exonym(bare) or self._has_like(_sound(name))

    def _has_exonym(self, bare: str) -> bool:
        """Whether a word of the text contains an exonym of the name. A short exonym must begin the word."""
        others = (other for end in range(2, len(bare) + 1) for other in self._exonyms.get(bare[:end], ()))
        return any((other if len(other) > _LEAST_CHARS else f" {other}") in self._joined for other in others)

    def _has_like(self, wanted: str) -> bool:
        if len(wanted) < _LEAST_CHARS:
            return wanted in self._sounds
        if wanted[: max(_LEAST_ROOT_CHARS, len(wanted) * 2 // 3)] in self._joined_sounds:  # the root inside a word
            return True
        if any(wanted[:end] in self._sounds for end in range(_LEAST_ROOT_CHARS + 1, len(wanted) + 1)):
            return True
        return any(_are_like(known, wanted) for known in self._capital_sounds if known[:1] == wanted[:1])


def _are_like(one: str, other: str) -> bool:
    """Whether most letters of both are equal, in the same order."""
    most = 2 * min(len(one), len(other)) / (len(one) + len(other))
    return most >= _LIKE and SequenceMatcher(None, one, other).ratio() >= _LIKE


@cache
def _exonyms(names_in: Language, text_in: Language) -> Mapping[str, frozenset[str]]:
    """For beginnings of words in ``names_in``, the names that ``text_in`` may use."""
    if text_in.code in names_in.exonyms:
        return names_in.exonyms[text_in.code]
    found: dict[str, frozenset[str]] = {}
    for own, others in text_in.exonyms.get(names_in.code, {}).items():
        for other in others:
            found[other] = found.get(other, frozenset()) | {own}
    return found


_WORD = re.compile(r"[^\W\d_]+")
_STARTS = re.compile(r"(?:^|[.!?:…–—|]\s?|[-•*]\s)[\s\"'„“”‚‘’»«(\[-]*$|[„“”\"»«‚‘(\[]$")
_NEXT_NAME = re.compile(r"[ -][A-ZÄÖÜ]")
_BEFORE_CHARS = 6
_MOST_NAMES = 200  # limits the time, because each name is compared with every word of the other text
_CAPITALS_SHARE = 0.6


class _Word(NamedTuple):
    text: str
    start: int
    end: int


def check_names(source: Passage, output: Passage) -> Iterator[Finding]:
    """Check that each name of ``output`` has a counterpart in ``source``, and the reverse.

    A name is a capitalised word that is in no list of common words. Spelling, endings and exonyms (München, Munich) may
    differ. Both languages must have a name grammar.
    """
    yield from check_added_names(Index(source, output.language), output)
    index = Index(output, source.language)
    for word in _sure_names(source, output.language.code, index.words):
        if not index.supports(word.text):
            yield Finding(Code.NAME_MISSING, f"{word.text} is not in the output", source=Span(word.start, word.end))


def check_added_names(source: Index, output: Passage) -> Iterator[Finding]:
    """The first half of `check_names`: check that the indexed source has each name of ``output``.

    A finding about a single word that opens a sentence is a note if the language says so. A finding about an
    abbreviation, which the source may spell out (GOP), is a note unless the output lacks an abbreviation of the source.
    """
    text, grammar = output.text, output.language.names
    for word in _candidates(output, known=source.words):
        if not source.supports(word.text):
            weak = grammar is not None and grammar.opening_is_weak
            lone = weak and _opens(text, word) and not _NEXT_NAME.match(text, word.end)
            shortened = _ABBREVIATION.fullmatch(word.text) is not None and source.abbreviations.issubset(output.words)
            severity = Severity.NOTE if lone or shortened else Severity.REVIEW
            message = f"{word.text} is not in the source"
            yield Finding(Code.NAME_UNSUPPORTED, message, output=Span(word.start, word.end), severity=severity)


def _sure_names(passage: Passage, target: str, known: Collection[str]) -> Iterator[_Word]:
    """Words that are surely names and not ``known``: listed ones, and those after a first name or a title.

    ``target`` is the code of the language that lists the names which it writes in the same way.
    """
    text, grammar, listed = passage.text, passage.language.names, passage.language.kept_names.get(target, frozenset())
    if grammar is None:
        return
    candidates = set(_candidates(passage))
    before = _Word("", 0, 0)
    for match in _WORD.finditer(text) if candidates else ():
        word = _Word(match[0], *match.span())
        if word in candidates and word.text not in known:
            follows = text[before.end : word.start] == " "
            titled = follows and (before in candidates or grammar.title.search(before.text) is not None)
            if titled or word.text in listed or word.text.removesuffix("s") in listed:
                yield word
        before = word


def _are_capitals(words: Sequence[str]) -> bool:
    """Whether most words are in capitals, as in some headlines. Then a capital does not identify a name."""
    long = [word for word in words if len(word) > _LEAST_CHARS]
    return sum(map(str.isupper, long)) > _CAPITALS_SHARE * len(long)


def _candidates(passage: Passage, known: Collection[str] = ()) -> Iterator[_Word]:
    """The capitalised words that may be names, without ``known`` ones; none if most words are in capitals."""
    grammar, text = passage.language.names, passage.text
    if grammar is None or _are_capitals(passage.words):
        return
    for match in islice((match for match in _WORD.finditer(text) if match[0][0].isupper()), _MOST_NAMES):
        if match[0] in known or not _LEAST_CHARS <= len(match[0]) <= _MOST_CHARS or grammar.is_common(match[0], False):  # noqa: FBT003 - opens no sentence
            continue
        word = _Word(match[0], *match.span())
        if not grammar.is_common(word.text, _opens(text, word)):
            yield word


def _opens(text: str, word: _Word) -> bool:
    """Whether the word opens a sentence or a quotation, so that its capital does not identify a name."""
    before = text[max(0, word.start - _BEFORE_CHARS) : word.start]
    return not before or _STARTS.search(before) is not None
