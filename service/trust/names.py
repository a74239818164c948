"""Checks names: one that the source lacks in any spelling, and one of the source that is gone."""

import re
from collections.abc import Iterator, Sequence
from functools import lru_cache
from itertools import islice, pairwise
from typing import NamedTuple

from service.trust.facts import Language
from service.trust.findings import Code, Finding, Severity
from service.trust.lexicon import word_set
from service.trust.name_index import ABBREVIATION, LEAST_CHARS, Index
from service.trust.passage import Passage
from service.types import Span

_WORD = re.compile(r"[^\W\d_]+")
_STARTS = re.compile(r"(?:^|[.!?:…–—|]\s?|[-•*]\s)[\s\"'„“”‚‘’»«(\[-]*$|[„“”\"»«‚‘(\[]$")
_NEXT_NAME = re.compile(r"[ -][A-ZÄÖÜ]")
_BEFORE_CHARS = 6
_MOST_CHARS = 60
_MOST_NAMES = 200  # a text with more capitals is no sentence, and each is held against every word of the other
_LEAST_COMPOUND_CHARS = 4
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


def names(source: Passage, output: Passage) -> Iterator[Finding]:
    """Capitalised words of ``output`` without a counterpart in ``source``, and names of ``source`` that are gone.

    Common words are known from lists; spelling, endings and exonyms (München, Munich) may differ.
    """
    if _may_add(source, output):
        yield from added_names(Index(source.words, output.language), output)
    if _may_lose(source, output):
        yield from _lost(source, Index(output.words, source.language))


def _may_add(source: Passage, output: Passage) -> bool:
    """Whether any word of ``output`` may be a candidate that ``source`` does not have as it is; seldom there is one."""
    known, language = set(source.words), output.language
    return any(word[0].isupper() and word not in known and _may_be_name(word, language) for word in output.words)


def _may_lose(source: Passage, output: Passage) -> bool:
    """Whether ``source`` may have a sure name that ``output`` does not have as it is."""
    known, language = set(output.words), source.language
    return any(
        word[0].isupper()
        and word not in known
        and _may_be_name(word, language)
        and (_is_listed(word) or _may_lead(before, language))
        for before, word in pairwise(("", *source.words))
    )


def _may_lead(word: str, language: Language) -> bool:
    """Whether a capitalised word after this one may be a name for that reason."""
    return (word[:1].isupper() and _may_be_name(word, language)) or _TITLE.search(word) is not None


def index(passage: Passage) -> Index:
    """The names of a text, for `added_names` of texts in its language."""
    return Index(passage.words, passage.language)


def added_names(source: Index, output: Passage) -> Iterator[Finding]:
    """Only the first half: names of ``output`` that the indexed source lacks.

    A lone English word that opens a sentence is a note: it may be a common word that no list has. So is an
    abbreviation, which the source may spell out (GOP), unless it came for one that is gone.
    """
    words, text = _words(output.text), output.text
    replaced = not source.abbreviations.issubset(output.words)
    for word in _candidates(text, words, output.language):
        if not source.supports(word.text):
            lone = output.language == "en" and _opens(text, word) and not _NEXT_NAME.match(text, word.end)
            shortened = ABBREVIATION.fullmatch(word.text) is not None and not replaced
            severity = Severity.NOTE if lone or shortened else Severity.REVIEW
            message = f"the source has no {word.text}"
            yield Finding(Code.NAME_UNSUPPORTED, message, output=Span(word.start, word.end), severity=severity)


def _lost(source: Passage, output: Index) -> Iterator[Finding]:
    for word in _sure_names(source.text, source.language):
        if not output.supports(word.text):
            yield Finding(Code.NAME_MISSING, f"{word.text} is not in the output", source=Span(word.start, word.end))


def _sure_names(text: str, language: Language) -> Iterator[_Word]:
    """Candidates that are surely names: known ones, and those after a first name or a title ("Kanzlerin Merkel").

    Other capitals may be any noun's.
    """
    words = _words(text)
    candidates = set(_candidates(text, words, language))
    before = _Word("", 0, 0)
    for word in words:
        if word in candidates:
            beside = text[before.end : word.start] == " " and (before in candidates or _TITLE.search(before.text))
            if beside or _is_listed(word.text):
                yield word
        before = word


def _is_listed(name: str) -> bool:
    return name in word_set("names") or name.removesuffix("s") in word_set("names")


def _words(text: str) -> list[_Word]:
    return [_Word(match[0], *match.span()) for match in _WORD.finditer(text)]


def _is_shouted(words: Sequence[_Word]) -> bool:
    """Whether most words are capitals, as in headlines: then a capital says nothing."""
    long = [word.text for word in words if len(word.text) > LEAST_CHARS]
    return sum(word.isupper() for word in long) > _SHOUTED * len(long)


def _candidates(text: str, words: Sequence[_Word], language: Language) -> Iterator[_Word]:
    """Words whose capital may be that of a name; none where nearly everything is in capitals."""
    if _is_shouted(words):
        return
    for word in islice((word for word in words if word.text[0].isupper()), _MOST_NAMES):
        # What is common wherever it stands needs no look at its place, which costs more than the rest.
        if _may_be_name(word.text, language) and not _is_common(word.text, language, opens=_opens(text, word)):
            yield word


def _may_be_name(word: str, language: Language) -> bool:
    """Whether a capitalised word is neither too short nor too long for a name, and not common wherever it stands."""
    return LEAST_CHARS <= len(word) <= _MOST_CHARS and not _is_common(word, language, opens=False)


def _opens(text: str, word: _Word) -> bool:
    """Whether the word opens a sentence or a quotation, where any word has a capital."""
    before = text[max(0, word.start - _BEFORE_CHARS) : word.start]
    return not before or _STARTS.search(before) is not None


@lru_cache(maxsize=20_000)
def _is_common(word: str, language: Language, *, opens: bool) -> bool:
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
