"""Checks that compare the names in a text with those in its source."""

import re
import unicodedata
from collections.abc import Collection, Iterator, Mapping, Sequence
from difflib import SequenceMatcher
from functools import cache, cached_property, lru_cache
from itertools import chain, groupby, islice
from typing import NamedTuple

from service.checks.base import Code, Finding, Passage, Severity
from service.domain import Span
from service.languages.base import Language, NameGrammar

_SOUNDS = (  # "sch" precedes "ch", which is part of it
    (re.compile("tsch|tch|cz|č"), "c"),
    (re.compile("dsch|dj"), "j"),
    (re.compile("sch|sh|š"), "s"),
    (re.compile("ch"), "c"),
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
_MOST_CHARS = 60  # only the first 60 characters of longer names are compared


@lru_cache(maxsize=20_000)
def plain(word: str) -> str:
    """Return the first 60 characters of a word in lower case, without accents, and with "ss" instead of "ß"."""
    parted = unicodedata.normalize("NFKD", word[:_MOST_CHARS].casefold())
    return "".join(char for char in parted if not unicodedata.combining(char)).replace("ł", "l").replace("ø", "o")


@lru_cache(maxsize=20_000)
def _sound(word: str) -> str:
    """Return a phonetic key of a word. Spellings such as "Selenskyj" and "Zelenskyy" have the same key."""
    found = plain(word)
    for pattern, letter in _SOUNDS:
        found = pattern.sub(letter, found)
    return found


_LEAST_CHARS = 3  # shorter words are not treated as names, and shorter phonetic keys must match exactly
_ABBREVIATION = re.compile(r"[A-ZÄÖÜ]{2,5}s?")
_LEAST_ROOT_CHARS = 4
_LIKE = 0.72


class Index:
    """An index of the words of ``passage``, in which names from another text can be looked up.

    ``names_in`` is the language of the other text.
    """

    def __init__(self, passage: Passage, names_in: Language) -> None:
        self.words = frozenset(passage.words)
        self._text = passage.text
        self._is_translated = passage.language is not names_in
        names = passage.language.names
        self._is_common = names.is_common if names is not None else _is_never_common
        self._exonyms = _exonyms(names_in, passage.language)

    @cached_property
    def abbreviations(self) -> set[str]:
        """The words that consist of two to five capital letters, with or without a final "s"."""
        return {word for word in self.words if _ABBREVIATION.fullmatch(word)}

    def abbreviations_in(self, words: Collection[str]) -> bool:
        """Return whether ``words``, the words of the other text, contain each abbreviation of the indexed text.

        Abbreviations in the list of exonyms (WM, World Cup) are not considered, because the other language may spell
        them out.
        """
        spelt_out = {own for others in self._exonyms.values() for own in others}
        return all(one in words or plain(one) in spelt_out for one in self.abbreviations)

    @cached_property
    def _plains(self) -> set[str]:
        return set(map(plain, self.words))

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

    @cached_property
    def _capital_runs(self) -> dict[str, set["_Runs"]]:
        """The capitalised words as runs of equal letters (see `_Runs`), by the letters of their first three runs."""
        found: dict[str, set[_Runs]] = {}
        for runs in (_runs(word) for word in self.words if word[0].isupper()):
            found.setdefault(_first_letters(runs), set()).add(runs)
        return found

    def supports(self, name: str) -> bool:
        """Return whether the indexed text contains ``name``.

        The text may contain the name in the same or a similar spelling, as part of a word, as an exonym (Munich for
        München), or as another word for the same people or country (Iraner, Iranians).
        """
        if name in self.words or (_ABBREVIATION.fullmatch(name) and name.removesuffix("s") in self.words):
            return True
        bare = plain(name)
        if bare in self._plains or self._has_exonym(bare, same=True):
            return True
        if bare in self._exonyms and not any(word[:2] == _sound(bare)[:2] for word in self._capital_sounds):
            return False  # only the listed words can correspond to it
        return self._has_like(_sound(name)) or not self._people.isdisjoint(_people(name))

    @cached_property
    def _people(self) -> set[str]:
        return {root for word in self.words if word[0].isupper() for root in _people(word)}

    def abbreviates(self, text: str, start: int, end: int) -> bool:
        """Return whether the indexed text abbreviates a name, or several words of it, to its initials, such as LA.

        The name is in ``text`` and consists of several words. The word from ``start`` to ``end`` is one of the
        abbreviated words.
        """
        name = next((one for one in _LONG_NAME.finditer(text) if one.start() <= start and end <= one.end()), None)
        if name is None:
            return False
        starts = [one.start() for one in _WORD.finditer(text, *name.span()) if one[0][0].isupper()]
        place = starts.index(start) if start in starts[:_MOST_NAME_WORDS] else 0
        parts = (
            "".join(text[n] for n in starts[first:last])
            for first in range(place + 1)
            for last in range(place + 1, len(starts[:_MOST_NAME_WORDS]) + 1)
        )
        return any(len(one) > 1 and one not in _HALF_DAYS and _abbreviation_of(one).search(self._text) for one in parts)

    def is_full_name(self, name: str, following: str) -> bool:
        """Return whether a translator may have added the first name ``name`` before ``following``, the next word.

        The indexed text must contain ``following``, but neither ``name`` nor a first name before ``following``. The
        result is False if ``following`` is a common word. It is also False for a summary, which must not add names.
        """
        if not self._is_translated or following not in self.words or self._is_common(following, False):  # noqa: FBT003 - opens no sentence
            return False
        before = re.findall(rf"(\w+)[ -]{re.escape(following)}(?!\w)", self._text)
        named = any(word[0].isupper() and not self._is_common(word, True) for word in before)  # noqa: FBT003
        return name not in self.words and not named

    def corrupts(self, name: str) -> bool:
        """Return whether ``name`` is a capitalised word of the indexed text with a letter repeated too often ("Bonnn").

        The result is False if this text contains ``name`` or an exonym of it, or if ``name`` is in capitals.
        """
        bare = plain(name)
        if name in self.words or bare in self._plains or name.isupper() or self._has_exonym(bare):
            return False
        runs = _runs(name)
        return any(_is_stretched(runs, known) for known in self._capital_runs.get(_first_letters(runs), ()))

    def misspells(self, name: str) -> str | None:
        """Return a name of the indexed text that ``name`` misspells by one or two letters, or None if there is none.

        Spellings that sound alike, and other forms of a name (Berlin, Berliner), do not count as misspellings. Only
        capitalised words with the same first letter and at least five letters are compared. Two letters may differ only
        if both names have at least seven letters. A capitalised word that may be a common word must have at least seven
        letters, and only one letter may differ. The result is None if ``name`` has fewer than five letters or is in
        capitals, or if the text contains it or an exonym of it.
        """
        bare = plain(name)
        if len(bare) < _LEAST_MISSPELT_CHARS or name.isupper() or bare in self._plains or self._has_exonym(bare):
            return None
        words = self._capitals.get(bare[0], ())
        near = [known for known in words if abs(len(known) - len(name)) <= _MOST_EDITS + _MOST_ENDING_CHARS]
        common = (known for known in near if self._is_common(known, False) and len(known) >= _LONG_NAME_CHARS)  # noqa: FBT003
        sure = (known for known in near if not self._is_common(known, False))  # noqa: FBT003 - opens no sentence
        return next(
            chain(
                (known for known in sure if any(_misspells(bare, form) for form in _base_forms(known))),
                (known for known in common if any(_misspells(bare, form, most=1) for form in _base_forms(known))),
            ),
            None,
        )

    def respells(self, name: str) -> str | None:
        """Return the word of the indexed text that sounds like ``name`` and has one letter more or less, or None.

        Such spellings (Philipp, Philip) are often correct. Only capitalised words with the same first letter and at
        least five letters are compared. The result is None if ``name`` has fewer than five letters or is in capitals,
        or if the text contains it or an exonym of it.
        """
        bare = plain(name)
        if len(bare) < _LEAST_MISSPELT_CHARS or name.isupper() or bare in self._plains or self._has_exonym(bare):
            return None
        near = (known for known in self._capitals.get(bare[0], ()) if abs(len(known) - len(name)) == 1)
        return next(
            (known for known in near if _edits(bare, plain(known)) == 1 and _sound(bare) == _sound(known)), None
        )

    @cached_property
    def _capitals(self) -> dict[str, list[str]]:
        """The capitalised words, grouped by their first letter in lower case and without accents.

        Words with fewer than five letters are left out.
        """
        found: dict[str, list[str]] = {}
        for word in sorted(self.words):
            if word[0].isupper() and len(word) >= _LEAST_MISSPELT_CHARS:
                found.setdefault(plain(word)[:1], []).append(word)
        return found

    def _has_exonym(self, bare: str, *, same: bool = False) -> bool:
        """Return whether a word of the indexed text contains an exonym of a name.

        ``bare`` is the name in lower case and without accents. It may be longer than the listed name. If the listed
        name has two letters, only an "s" may follow. An exonym of up to three letters must be at the start of the word.
        If ``same`` is True, names that both languages spell the same count as exonyms.
        """
        ends = range(_LEAST_CHARS if len(bare.removesuffix("s")) > _LEAST_CHARS - 1 else 2, len(bare) + 1)
        others = (other for end in ends for other in self._exonyms.get(bare[:end], ()) if same or other != bare[:end])
        return any((other if len(other) > _LEAST_CHARS else f" {other}") in self._joined for other in others)

    def _has_like(self, wanted: str) -> bool:
        if len(wanted) < _LEAST_CHARS:
            return wanted in self._sounds
        if wanted[: max(_LEAST_ROOT_CHARS, len(wanted) * 2 // 3)] in self._joined_sounds:  # inside a word
            return True
        if any(wanted[:end] in self._sounds for end in range(_LEAST_ROOT_CHARS + 1, len(wanted) + 1)):
            return True
        return any(_are_like(known, wanted) for known in self._capital_sounds if known[:1] == wanted[:1])


def _is_never_common(_word: str, _opens: bool) -> bool:  # noqa: FBT001 - the signature of `NameGrammar.is_common`
    return False


_LEAST_MISSPELT_CHARS = 5
_MOST_EDITS = 2
_LONG_NAME_CHARS = 7
_FORM_ENDING = re.compile(
    r"(?:s|es|e|en|ens|n|r|rs|rn|er|ern|in|a|o|i|y|ie|ia|ien|an|ians?|ans?|ers?|isch\w*|ish|ic|al|us|os|um|on)?"
)
_PEOPLE_ENDING = re.compile(r"(?:ians?|ans?|ern?|er(?:s|in|innen)|isch(?:e[nmrs]?)?|ish|ic)$")
_MOST_NAME_WORDS = 8
_HALF_DAYS = frozenset({"AM", "PM"})
_LONG_NAME = re.compile(r"[A-ZÄÖÜ][\w’'-]*(?:[ -](?:(?:of|and|the|und|der|de|la)\s)*[A-ZÄÖÜ][\w’'-]*)+")


@lru_cache(maxsize=20_000)
def _people(name: str) -> frozenset[str]:
    """Return the phonetic key of the root of a word for a people or country (Iran for Iraner and Iranians) as a set.

    The set is empty if the word has no ending of such words, or if the key has fewer than four letters.
    """
    root = _sound(_PEOPLE_ENDING.sub("", plain(name)))
    return frozenset({root}) if len(root) >= _LEAST_ROOT_CHARS and _PEOPLE_ENDING.search(plain(name)) else frozenset()


@lru_cache(maxsize=2_000)
def _abbreviation_of(initials: str) -> re.Pattern[str]:
    """Return a pattern for an abbreviation that consists of ``initials``, with or without full stops between them."""
    return re.compile(rf"(?<!\w){r'[.]?'.join(map(re.escape, initials[:_MOST_CHARS]))}(?!\w)")


@lru_cache(maxsize=20_000)
def _base_forms(known: str) -> tuple[str, ...]:
    """Return a name in lower case and without accents, with and without its ending (Keverns, Budapester).

    The ending is removed only if at least five letters remain.
    """
    bare = plain(known)
    base = _NAME_ENDING.sub("", bare)
    return (bare,) if base == bare or len(base) < _LEAST_MISSPELT_CHARS else (bare, base)


_NAME_ENDING = re.compile(r"(?:er[ns]?|s)$")


def _misspells(name: str, known: str, most: int = _MOST_EDITS) -> bool:
    """Return whether two different names, in lower case and without accents, differ by a few letters inside a word.

    If one of the names has fewer than seven letters, they may differ by one letter, and otherwise by ``most`` letters.
    Names that differ only in their endings count as forms of the same name. Names that sound alike count as two
    spellings of the same name. In both cases, the result is False.
    """
    shared = next((n for n, (one, other) in enumerate(zip(name, known, strict=False)) if one != other), None)
    shared = min(len(name), len(known)) if shared is None else shared
    if _FORM_ENDING.fullmatch(name[shared:]) and _FORM_ENDING.fullmatch(known[shared:]):
        return False
    most = 1 if min(len(name), len(known)) < _LONG_NAME_CHARS else most
    return _sound(name) != _sound(known) and _edits(name, known) <= most


_Runs = tuple[tuple[str, int], ...]
"""The runs of equal letters in a word, in order: each letter with the length of its run."""
_MOST_ENDING_CHARS = 2


def _runs(word: str) -> _Runs:
    return tuple((letter, len(list(same))) for letter, same in groupby(plain(word)))


def _first_letters(runs: _Runs) -> str:
    return "".join(letter for letter, _ in runs[:_LEAST_CHARS])


def _is_stretched(runs: _Runs, known: _Runs) -> bool:
    """Return whether a word has the same letters as the word ``known``, with at least one of them repeated more often.

    One of the two words may have a short ending that the other lacks. Each word must have at least three runs of equal
    letters (see `_Runs`).
    """
    if min(len(runs), len(known)) < _LEAST_CHARS or abs(len(runs) - len(known)) > _MOST_ENDING_CHARS:
        return False
    pairs = list(zip(runs, known, strict=False))
    same = all(one[0] == other[0] and one[1] >= other[1] for one, other in pairs)
    return same and any(one[1] > other[1] for one, other in pairs)


def _are_like(one: str, other: str) -> bool:
    """Return whether the similarity of the two strings is at least 0.72 (`SequenceMatcher.ratio`)."""
    most = 2 * min(len(one), len(other)) / (len(one) + len(other))
    return most >= _LIKE and SequenceMatcher(None, one, other).ratio() >= _LIKE


@cache
def _exonyms(names_in: Language, text_in: Language) -> Mapping[str, frozenset[str]]:
    """Map name prefixes in the language ``names_in`` to the prefixes that the same names may have in ``text_in``."""
    if text_in.code in names_in.exonyms:
        return names_in.exonyms[text_in.code]
    found: dict[str, frozenset[str]] = {}
    for own, others in text_in.exonyms.get(names_in.code, {}).items():
        for other in others:
            found[other] = found.get(other, frozenset()) | {own}
    return found


_WORD = re.compile(r"[^\W\d_]+")
_STARTS = re.compile(r"(?:^|[.!?:…–—|]\s?|[-•*]\s)[\s\"'„“”‚‘’»«(\[-]*$|[„“”\"»«‚‘(\[]$")
_FOLLOWING_NAME = re.compile(r" ([A-ZÄÖÜ][^\W\d_]+)")
_NEXT_NAME = re.compile(r"[ -][A-ZÄÖÜ]")
_BEFORE_CHARS = 6
_BEFORE_ADJECTIVE_CHARS = 12
_CONTRACTED = re.compile(r"['’]t\b")  # "Wouldn't", "Aren’t"
_MOST_NAMES = 200  # limits the running time, because each name is compared with every word of the other text
_CAPITALS_SHARE = 0.6
_TITLE_SHARE = 0.75
_LEAST_TITLE_WORDS = 4


class _Word(NamedTuple):
    text: str
    start: int
    end: int


def check_names(source: Passage, output: Passage) -> Iterator[Finding]:
    """Check that the names in ``output`` occur in ``source``, and that sure names of ``source`` occur in ``output``.

    A capitalised word may be a name unless it is a common word of its language. `_sure_names` states which words are
    certainly names. The spelling and the ending of a name may differ between the texts, and its exonym (Munich for
    München) may replace it. In ``output``, its initials (LA for Los Angeles) may also replace it. If the next word of
    ``source`` is a capitalised word that ``output`` contains, the missing name is probably a first name, so the finding
    has the severity ``note``. If a language has no name grammar, the names of its text are not checked.
    """
    yield from check_added_names(Index(source, output.language), output)
    index = Index(output, source.language)
    for word in _sure_names(source, output.language.code, index.words):
        if not index.supports(word.text) and not index.abbreviates(source.text, word.start, word.end):
            following = _FOLLOWING_NAME.match(source.text, word.end)
            severity = Severity.NOTE if following is not None and following[1] in index.words else Severity.REVIEW
            message = f"“{word.text}” does not appear in the translation"
            yield Finding(Code.NAME_MISSING, message, source=Span(word.start, word.end), severity=severity)


def check_added_names(source: Index, output: Passage) -> Iterator[Finding]:
    """Check that each name in ``output`` occurs in the indexed source.

    A finding requires a review, except in these cases:

    - A single word that opens a sentence, or a word of a text in title case, may be a common word. This applies if the
      name grammar sets ``opening_is_weak``, and the dictionary contains the word or the language has no dictionary.
    - The source may spell out an abbreviation (GOP). This applies if ``output`` contains all abbreviations of the
      source.
    - The word explains an abbreviation of the source, as in "DFB (German Football Association)", is an abbreviation of
      the words before it, or is a first name that the translator added to a name of the source.
    - The word may be a misspelling of a name of the source, but is in the dictionary.
    - The word is not in the dictionary, sounds like a name of the source, and differs from this name by one letter more
      or less.
    """
    text, grammar = output.text, output.language.names
    explained, titled = _explanations(source, text), _is_title_case(output.words)
    for word in _candidates(output, known=source.words):
        if source.corrupts(word.text):
            message = f"“{word.text}” appears to be a misspelling of a name in the source"
            yield Finding(Code.NAME_UNSUPPORTED, message, output=Span(word.start, word.end))
        elif (known := source.misspells(word.text)) is not None and _may_misspell(word.text, known, output):
            message = f"“{word.text}” is spelled differently in the source: {known}"
            severity = Severity.NOTE if _is_spelt(word.text, output.language) else Severity.REVIEW
            yield Finding(Code.NAME_UNSUPPORTED, message, output=Span(word.start, word.end), severity=severity)
        elif (known := source.respells(word.text)) is not None and not _is_spelt(word.text, output.language):
            message = f"“{word.text}” is spelled differently in the source: {known}"
            yield Finding(Code.NAME_UNSUPPORTED, message, output=Span(word.start, word.end), severity=Severity.NOTE)
        elif not source.supports(word.text):
            weak = grammar is not None and grammar.opening_is_weak
            lone = weak and opens_sentence(text, word.start) and not _NEXT_NAME.match(text, word.end)
            lone = (lone or (weak and titled)) and (
                output.language.spells is None or _is_spelt(word.text, output.language)
            )
            shortened = _ABBREVIATION.fullmatch(word.text) is not None and source.abbreviations_in(output.words)
            following = _FOLLOWING_NAME.match(text, word.end)
            completed = following is not None and source.is_full_name(word.text, following[1])
            spelt_out = completed or any(span.start <= word.start < span.end for span in explained)
            severity = Severity.NOTE if lone or shortened or spelt_out else Severity.REVIEW
            message = f"“{word.text}” does not appear in the source"
            yield Finding(Code.NAME_UNSUPPORTED, message, output=Span(word.start, word.end), severity=severity)


_EXPLAINED = re.compile(
    r"\b(?P<short>[A-ZÄÖÜ]{2,6})\s\((?P<long>[^()]{3,80})\)"
    r"|(?<![\w’'-])(?P<before>(?:[\w’'-]+\s){1,8})\((?P<after>[A-ZÄÖÜ]{2,6})\)"
)


def _explanations(source: Index, text: str) -> list[Span]:
    """Return the spans of ``text`` that may spell out an abbreviation of the source, before it or in brackets after it.

    Before it, up to eight words are included. An abbreviation in brackets that consists of the initials of the words
    before it (BamS) is included as well.
    """
    found = ((match, "long" if match["short"] else "before") for match in _EXPLAINED.finditer(text))
    spelt_out = [Span(*match.span(part)) for match, part in found if (match["short"] or match["after"]) in source.words]
    shortened = (match for match in _SHORTENED.finditer(text) if _are_initials(match["short"], match["words"].split()))
    return [*spelt_out, *(Span(*match.span("short")) for match in shortened)]


_SHORTENED = re.compile(r"(?<![\w’'-])(?P<words>(?:[\w’'-]+\s){2,8})\((?P<short>[A-ZÄÖÜ]\w{1,6})\)")


def _are_initials(short: str, words: Sequence[str]) -> bool:
    """Return whether ``short`` consists of the initials of the last of ``words`` or of the last capitalised ones."""
    names = [word for word in words if word[0].isupper()]
    return any("".join(word[0] for word in each[-len(short) :]).lower() == short.lower() for each in (words, names))


def _may_misspell(name: str, known: str, output: Passage) -> bool:
    """Return whether ``name`` may be a misspelling of ``known``, a name in the source.

    The dictionary also contains rare names. A word in it may be a misspelling only if the language has a list of
    frequent words that does not contain it, and ``output`` does not contain ``known``.
    """
    spells, knows = output.language.spells, output.language.knows
    if spells is None or not spells(name.lower()):
        return True
    return knows is not None and not knows(name.lower()) and known not in output.words


def _is_spelt(word: str, language: Language) -> bool:
    return language.spells is not None and language.spells(word.lower())


def find_names(passage: Passage, *, sure: str | None = None, common: bool = False) -> Iterator[Span]:
    """Yield the spans of the words in ``passage`` that may be names.

    If ``sure`` is set, it is the code of the other text's language, and only words that are certainly names are yielded
    (see `_sure_names`). If ``common`` is True, all capitalised words are yielded, and ``sure`` has no effect.
    """
    if common:
        yield from (Span(*match.span()) for match in _WORD.finditer(passage.text) if match[0][0].isupper())
        return
    found = _candidates(passage) if sure is None else _sure_names(passage, sure, ())
    yield from (Span(one.start, one.end) for one in found)


_LEAST_CHARS_FOR_TWO_EDITS = 6


def garbles(source: str, output: str, other: str) -> bool:
    """Return whether ``other`` misspells a name that ``output`` copies correctly from ``source``.

    ``output`` and ``other`` are two translations of ``source``. Every capitalised word with at least four letters
    counts as a name. It is misspelt if ``other`` lacks it, but contains a capitalised word that is not in ``output``
    and differs from it by one letter, or by up to two if it has at least six letters. A word that begins with the name,
    or with which the name begins, counts as a form of the name ("Berliner" for "Berlin"), unless it repeats a letter of
    the name too often.
    """
    kept, words = set(_WORD.findall(output)), set(_WORD.findall(other))
    names = [one for one in set(_WORD.findall(source)) & kept - words if one[0].isupper() and len(one) > _LEAST_CHARS]
    new = [word for word in words - kept if word[0].isupper()]
    return any(_is_misspelt(word, name) for name in names for word in new)


def _is_misspelt(word: str, name: str) -> bool:
    if word.startswith(name) or name.startswith(word):
        return _runs(word) != _runs(name) and _is_stretched(_runs(word), _runs(name))
    return _edits(word, name) <= (1 if len(name) < _LEAST_CHARS_FOR_TWO_EDITS else 2)


def _edits(one: str, other: str) -> int:
    """Return the edit distance of two words: the number of letters to insert, delete or replace (Levenshtein 1966).

    Only the first 60 letters of ``one`` are compared.
    """
    row = list(range(len(other) + 1))
    for number, letter in enumerate(one[:_MOST_CHARS], 1):
        before, row[0] = row[0], number
        for place, known in enumerate(other, 1):
            before, row[place] = row[place], min(row[place] + 1, row[place - 1] + 1, before + (letter != known))
    return row[-1]


def _sure_names(passage: Passage, target: str, known: Collection[str]) -> Iterator[_Word]:
    """Yield the words that are certainly names, except those in ``known``.

    Each of them may be a name (see `_candidates`). In addition, it directly follows another name or a title and rarely
    opens a sentence, or it is listed, with or without a final "s", as a name that has the same spelling in the language
    of the other text. ``target`` is the code of that language, and ``known`` contains the words of that text. The
    preceding name does not count if it is the genitive of a word in ``known`` ("Blairs Rede") or an adjective derived
    from a place name.
    """
    text, grammar, listed = passage.text, passage.language.names, passage.language.kept_names.get(target, frozenset())
    if grammar is None:
        return
    candidates = set(_candidates(passage))
    before = _Word("", 0, 0)
    for match in _WORD.finditer(text) if candidates else ():
        word = _Word(match[0], *match.span())
        if word in candidates and word.text not in known:
            follows = text[before.end : word.start] == " " and not grammar.is_common(word.text, True)  # noqa: FBT003 - a word that may open a sentence
            genitive = before.text.endswith("s") and before.text.removesuffix("s") in known  # "Blairs Rede"
            named = before in candidates and not genitive and not _is_adjective(before, text, grammar)
            titled = follows and (named or grammar.title.search(before.text) is not None)
            if titled or word.text in listed or word.text.removesuffix("s") in listed:
                yield word
        before = word


def _is_adjective(word: _Word, text: str, grammar: NameGrammar) -> bool:
    """Return whether a capitalised word is an adjective from a place name before a noun ("der Füchtorfer Landwirt")."""
    return grammar.adjective.search(text, max(0, word.start - _BEFORE_ADJECTIVE_CHARS), word.end) is not None


def are_capitals(words: Sequence[str]) -> bool:
    """Return whether more than 60% of the words with at least four letters are in capitals, as in some headlines.

    Capital letters then do not identify names.
    """
    long = [word for word in words if len(word) > _LEAST_CHARS]
    return sum(map(str.isupper, long)) > _CAPITALS_SHARE * len(long)


def _is_title_case(words: Sequence[str]) -> bool:
    """Return whether most words begin with a capital letter, as in English headlines.

    This means at least four words of four or more letters, of which more than 75% are capitalised.
    """
    long = [word for word in words if len(word) > _LEAST_CHARS]
    return len(long) >= _LEAST_TITLE_WORDS and sum(word[0].isupper() for word in long) > _TITLE_SHARE * len(long)


def _candidates(passage: Passage, known: Collection[str] = ()) -> Iterator[_Word]:
    """Yield the capitalised words that may be names, except those in ``known``.

    Only words with 3 to 60 letters among the first 200 capitalised words are examined. If most words are in capitals,
    or if the language has no name grammar, the function yields nothing.
    """
    grammar, text = passage.language.names, passage.text
    if grammar is None or are_capitals(passage.words):
        return
    for match in islice((match for match in _WORD.finditer(text) if match[0][0].isupper()), _MOST_NAMES):
        if match[0] in known or not _LEAST_CHARS <= len(match[0]) <= _MOST_CHARS or grammar.is_common(match[0], False):  # noqa: FBT003 - opens no sentence
            continue
        word = _Word(match[0], *match.span())
        contracted = word.text.endswith("n") and _CONTRACTED.match(text, word.end)
        if not contracted and not grammar.is_common(word.text, opens_sentence(text, word.start)):
            yield word


def opens_sentence(text: str, start: int) -> bool:
    """Return whether the word at offset ``start`` opens a sentence, a quotation or an item of a list.

    A word after a colon, a dash, a bar or an opening bracket also counts. At such a place, a capital letter does not
    identify a name.
    """
    before = text[max(0, start - _BEFORE_CHARS) : start]
    return not before or _STARTS.search(before) is not None
