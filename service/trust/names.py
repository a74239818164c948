"""Checks names: one that the source lacks in any spelling, and one of the source that is gone."""

import re
from collections.abc import Collection, Iterator, Sequence
from functools import lru_cache
from itertools import islice
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
    unknown = [word for word in output.words if word[0].isupper() and word not in known]
    return any(_may_be_name(word, language) for word in unknown)


def _may_lose(source: Passage, output: Passage) -> bool:
    """Whether ``source`` may have a sure name that ``output`` does not have as it is."""
    known, words, language = set(output.words), source.words, source.language
    unknown = [place for place, word in enumerate(words) if word[0].isupper() and word not in known]
    return any(
        _may_be_name(words[place], language)
        and (_is_listed(words[place]) or (place > 0 and _may_lead(words[place - 1], language)))
        for place in unknown
    )


def _may_lead(word: str, language: Language) -> bool:
    """Whether a capitalised word after this one may be a name for that reason."""
    return (word[0].isupper() and _may_be_name(word, language)) or _TITLE.search(word) is not None


def index(passage: Passage) -> Index:
    """The names of a text, for `added_names` of texts in its language."""
    return Index(passage.words, passage.language)


def added_names(source: Index, output: Passage) -> Iterator[Finding]:
    """Only the first half: names of ``output`` that the indexed source lacks.

    A lone English word that opens a sentence is a note: it may be a common word that no list has. So is an
    abbreviation, which the source may spell out (GOP), unless it came for one that is gone.
    """
    text = output.text
    for word in _candidates(output, known=source.texts):
        if not source.supports(word.text):
            lone = output.language == "en" and _opens(text, word) and not _NEXT_NAME.match(text, word.end)
            shortened = ABBREVIATION.fullmatch(word.text) is not None and source.abbreviations.issubset(output.words)
            severity = Severity.NOTE if lone or shortened else Severity.REVIEW
            message = f"the source has no {word.text}"
            yield Finding(Code.NAME_UNSUPPORTED, message, output=Span(word.start, word.end), severity=severity)


def _lost(source: Passage, output: Index) -> Iterator[Finding]:
    for word in _sure_names(source):
        if not output.supports(word.text):
            yield Finding(Code.NAME_MISSING, f"{word.text} is not in the output", source=Span(word.start, word.end))


def _sure_names(passage: Passage) -> Iterator[_Word]:
    """Candidates that are surely names: known ones, and those after a first name or a title ("Kanzlerin Merkel").

    Other capitals may be any noun's.
    """
    text, candidates = passage.text, set(_candidates(passage))
    before = _Word("", 0, 0)
    for match in _WORD.finditer(text):
        word = _Word(match[0], *match.span())
        if word in candidates:
            beside = text[before.end : word.start] == " " and (before in candidates or _TITLE.search(before.text))
            if beside or _is_listed(word.text):
                yield word
        before = word


def _is_listed(name: str) -> bool:
    return name in word_set("names") or name.removesuffix("s") in word_set("names")


def _is_shouted(words: Sequence[str]) -> bool:
    """Whether most words are capitals, as in headlines: then a capital says nothing."""
    long = [word for word in words if len(word) > LEAST_CHARS]
    return sum(map(str.isupper, long)) > _SHOUTED * len(long)


def _candidates(passage: Passage, known: Collection[str] = ()) -> Iterator[_Word]:
    """Words whose capital may be that of a name, but for the ``known``; none where nearly everything is in capitals."""
    if _is_shouted(passage.words):
        return
    text, language = passage.text, passage.language
    for match in islice((match for match in _WORD.finditer(text) if match[0][0].isupper()), _MOST_NAMES):
        # What is common wherever it stands needs no look at its place, which costs more than the rest.
        if match[0] not in known and _may_be_name(match[0], language):
            word = _Word(match[0], *match.span())
            if not _is_common(word.text, language, opens=_opens(text, word)):
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
