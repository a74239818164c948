"""The check of names against the source."""

import re
import unicodedata
from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from difflib import SequenceMatcher
from functools import cache, cached_property, lru_cache
from itertools import islice
from typing import NamedTuple

from service.checks.base import Code, Finding, Language, Passage, Severity
from service.domain import Span
from service.languages.wordlists import pairs, word_set

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
_MOST_SPELLING_CHARS = 60


def plain(word: str) -> str:
    """Lower case, without accents; ß is ss. Of a long word its beginning."""
    return _plain(word[:_MOST_SPELLING_CHARS])


def plains(words: Iterable[str]) -> set[str]:
    """All words as `plain` has them."""
    return {_plain(word[:_MOST_SPELLING_CHARS]) for word in words}


@lru_cache(maxsize=20_000)
def _plain(word: str) -> str:
    parted = unicodedata.normalize("NFKD", word.casefold())
    return "".join(char for char in parted if not unicodedata.combining(char)).replace("ł", "l").replace("ø", "o")


def sound(word: str) -> str:
    """The same for "Selenskyj" and "Zelenskyy", as far as letters can tell; for comparison alone."""
    return _sound(word[:_MOST_SPELLING_CHARS])


def sounds(words: Iterable[str]) -> set[str]:
    """All words as `sound` has them."""
    return {_sound(word[:_MOST_SPELLING_CHARS]) for word in words}


@lru_cache(maxsize=20_000)
def _sound(word: str) -> str:
    found = _plain(word)
    for pattern, letter in _SOUNDS:
        found = pattern.sub(letter, found)
    return found


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
