"""Checks names: one that the source lacks in any spelling, and one of the source that is gone."""

import re
from collections.abc import Iterator, Mapping, Sequence
from difflib import SequenceMatcher
from functools import cache, cached_property, lru_cache
from itertools import islice
from typing import NamedTuple

from service.trust.facts import Language
from service.trust.findings import Code, Finding, Severity
from service.trust.lexicon import pairs, word_set
from service.trust.spelling import plain, sound
from service.types import Span

_WORD = re.compile(r"[^\W\d_]+")
_STARTS = re.compile(r"(?:^|[.!?:…–—|]\s?|[-•*]\s)[\s\"'„“”‚‘’»«(\[-]*$|[„“”\"»«‚‘(\[]$")
_NEXT_NAME = re.compile(r"[ -][A-ZÄÖÜ]")
_BEFORE_CHARS = 6
_LEAST_CHARS, _MOST_CHARS = 3, 60
_MOST_NAMES = 200  # a text with more capitals is no sentence, and each is held against every word of the other
_LIKE = 0.72
_ABBREVIATION = re.compile(r"[A-ZÄÖÜ]{2,5}s?")
_LEAST_COMPOUND_CHARS, _LEAST_ROOT_CHARS = 4, 4
_NOUN = re.compile(
    r"(?:ung|heit|keit|schaft|tion|nis|ismus|innen|isten|ieren|tät|ung(?:en|s)|jährigen?r?|iker)$|^Jährige"
)
_TITLE = re.compile(
    r"(?:präsident|minister|kanzler|chef|trainer|sprecher|herrn?|frau|meister|professor|senator|leiter|direktor|könig"
    r"|vorsitzender?|vorsitzenden|anwalt|autor|regisseur|sänger|spieler|stürmer|papst|prinz|stadt|firma|konzern)(?:in|s)?$",
    re.IGNORECASE,
)
_SHOUTED = 0.6
_OPENING_ENDS = ("ing", "ed", "ly", "ies")
_SUFFIXES = ("'s", "s", "es", "ed", "ing", "er", "ers", "ly", "al", "ness", "ies", "ment")


class _Word(NamedTuple):
    text: str
    start: int
    end: int


def names(source: str, output: str, languages: tuple[Language, Language]) -> Iterator[Finding]:
    """Capitalised words of ``output`` without a counterpart in ``source``, and names of ``source`` that are gone.

    Common words are known from lists; spelling, endings and exonyms (München, Munich) may differ.
    """
    there, written = _words(source), _words(output)
    yield from _added(Index(there, languages[1]), output, written, languages[1])
    found = Index(written, languages[0])
    for word in _sure_names(source, there, languages[0]):
        if not found.supports(word.text):
            yield Finding(Code.NAME_MISSING, f"{word.text} is not in the output", source=Span(word.start, word.end))


def index(text: str, language: Language) -> "Index":
    """The names of ``text``, for `added_names` of texts in ``language``."""
    return Index(_words(text), language)


def added_names(source: "Index", output: str, language: Language) -> Iterator[Finding]:
    """Only the first half: names of ``output`` that the indexed source lacks.

    A lone English word that opens a sentence is a note: it may be a common word that no list has. So is an
    abbreviation, which the source may spell out (GOP), unless it came for one that is gone.
    """
    yield from _added(source, output, _words(output), language)


def _added(source: "Index", output: str, words: Sequence[_Word], language: Language) -> Iterator[Finding]:
    replaced = not source.abbreviations <= {word.text for word in words}
    for word in _candidates(output, words, language):
        if not source.supports(word.text):
            lone = language == "en" and _opens(output, word) and not _NEXT_NAME.match(output, word.end)
            shortened = _ABBREVIATION.fullmatch(word.text) is not None and not replaced
            severity = Severity.NOTE if lone or shortened else Severity.REVIEW
            message = f"the source has no {word.text}"
            yield Finding(Code.NAME_UNSUPPORTED, message, output=Span(word.start, word.end), severity=severity)


def _sure_names(text: str, words: Sequence[_Word], language: Language) -> Iterator[_Word]:
    """Candidates that are surely names: known ones, and those after a first name or a title ("Kanzlerin Merkel").

    Other capitals may be any noun's.
    """
    candidates = set(_candidates(text, words, language))
    before = _Word("", 0, 0)
    for word in words:
        if word in candidates:
            beside = text[before.end : word.start] == " " and (before in candidates or _TITLE.search(before.text))
            if beside or word.text in word_set("names") or word.text.removesuffix("s") in word_set("names"):
                yield word
        before = word


def _words(text: str) -> list[_Word]:
    return [_Word(match[0], match.start(), match.end()) for match in _WORD.finditer(text)]


def _is_shouted(words: Sequence[_Word]) -> bool:
    """Whether most words are capitals, as in headlines: then a capital says nothing."""
    long = [word.text for word in words if len(word.text) > _LEAST_CHARS]
    return sum(word.isupper() for word in long) > _SHOUTED * len(long)


def _candidates(text: str, words: Sequence[_Word], language: Language) -> Iterator[_Word]:
    """Words whose capital may be that of a name; none where nearly everything is in capitals."""
    if _is_shouted(words):
        return
    for word in islice((word for word in words if word.text[0].isupper()), _MOST_NAMES):
        fits = _LEAST_CHARS <= len(word.text) <= _MOST_CHARS
        # What is common wherever it stands needs no look at its place, which costs more than the rest.
        if fits and not (_is_common(word.text, language, False) or _is_common(word.text, language, _opens(text, word))):  # noqa: FBT003 - a key of the cache
            yield word


def _opens(text: str, word: _Word) -> bool:
    """Whether the word opens a sentence or a quotation, where any word has a capital."""
    before = text[max(0, word.start - _BEFORE_CHARS) : word.start]
    return not before or _STARTS.search(before) is not None


@lru_cache(maxsize=20_000)
def _is_common(word: str, language: Language, opens: bool) -> bool:  # noqa: FBT001 - a key of the cache
    if language == "en":
        lower = word.lower()
        stems = {lower, *(lower.removesuffix(end) for end in _SUFFIXES)}
        listed = any(stem in word_set(name) for name in ("english_words", "english_capitals") for stem in stems)
        return listed or (opens and lower.endswith(_OPENING_ENDS))
    if word in word_set("german_names") or word.removesuffix("s") in word_set("german_names"):
        return False
    return word.isupper() or (opens and word.lower() in word_set("german_openers")) or _is_noun(word)


def _is_noun(word: str) -> bool:
    """Whether the word or the end of the compound is a known noun, or it ends as only nouns do."""
    nouns = word_set("german_nouns")
    ends = (word[start:].capitalize() for start in range(1, len(word) - _LEAST_COMPOUND_CHARS + 1))
    return _NOUN.search(word) is not None or word in nouns or any(end in nouns for end in ends)


class Index:
    """The words of a text, for the question whether it has a name of another one, which is in ``language``."""

    def __init__(self, words: Sequence[_Word], language: Language) -> None:
        self._words = words
        self._exonyms = _exonyms(language)

    @cached_property
    def abbreviations(self) -> set[str]:
        """The words in capitals."""
        return {word.text for word in self._words if _ABBREVIATION.fullmatch(word.text)}

    @cached_property
    def _texts(self) -> set[str]:
        return {word.text for word in self._words}

    @cached_property
    def _plain(self) -> set[str]:
        return {plain(word.text) for word in self._words}

    @cached_property
    def _sounds(self) -> set[str]:
        return {sound(word.text) for word in self._words}

    @cached_property
    def _capital(self) -> set[str]:
        return {sound(word.text) for word in self._words if word.text[0].isupper()}

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
        return any((other if len(other) > _LEAST_CHARS else f" {other}") in self._joined for other in others)

    def _has_like(self, wanted: str) -> bool:
        if len(wanted) < _LEAST_CHARS:
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
