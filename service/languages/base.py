"""The interface of a language, and the registry that finds language packages by their code.

A language is a package ``service/languages/CODE`` that defines ``LANGUAGE``. Its data files are in its own folder.
If a language leaves a field empty, the features that need this field are off. For example, a check without its grammar
does not run.
"""

import re
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from fractions import Fraction
from functools import cache
from importlib import import_module
from pkgutil import iter_modules
from types import MappingProxyType
from typing import Literal, NamedTuple, Protocol

import service.languages
from service.domain import Span
from service.errors import ModelError

NEVER = re.compile(r"(?!)")
"""A pattern that never matches."""


class ParsedNumber(NamedTuple):
    """The meaning of a number word.

    ``values`` are the numbers that the word may mean. ``hints`` are further numbers that it supports in the other text.
    A word that is not ``certain`` ("one") may be something other than a number.
    """

    values: frozenset[Fraction]
    hints: frozenset[Fraction]
    certain: bool


Token = re.Match[str]
"""A match of a word or numeral in a text. Group 1 is set if it is a numeral."""


def no_number(_word: str) -> ParsedNumber | None:
    """The default reader of number words; it knows no number word."""
    return None


def no_scale(_word: str) -> Fraction | None:
    """The default reader of scale words; it knows no scale word."""
    return None


def no_extension(_text: str, _tokens: Sequence[Token], place: int, part: ParsedNumber) -> tuple[ParsedNumber, int]:
    """The default for `NumberGrammar.extend`: each number word is a separate number."""
    return part, place + 1


@dataclass(frozen=True, slots=True, eq=False)
class NumberGrammar:
    """How numbers are written.

    Attributes:
        group: the separator of thousands; spaces and apostrophes are separators in every language.
        point: the decimal separator.
        point_may_group: "1,500" with one point and three digits may also mean 1500, as in the other language.
        read: returns the number that a single word means (None: the word is no number).
        scale: returns the factor by which a word multiplies the number before it (None: the word is no scale).
        extend: returns the number that the word at a place forms with the words after it, and the next place.
        touching_scales: scales, in lower case, that count only directly after a numeral ("5m").
        half_more: the words after a number that add one half.
        half_of: two words, in lower case, that form a number with the scale after them ("half a million").
        range_words: a pattern of the words between the two numbers of a range.
        decade_after: the ending of a year, or of its last two digits, that makes it a decade.
    """

    group: str
    point: str
    point_may_group: bool = False
    read: Callable[[str], ParsedNumber | None] = no_number
    scale: Callable[[str], Fraction | None] = no_scale
    extend: Callable[[str, Sequence[Token], int, ParsedNumber], tuple[ParsedNumber, int]] = no_extension
    touching_scales: frozenset[str] = frozenset()
    half_more: re.Pattern[str] = NEVER
    half_of: tuple[str, str] | None = None
    range_words: str = "(?!)"
    decade_after: re.Pattern[str] = NEVER


YEAR = r"(?:1[0-9]|20)\d\d"
NUMERIC_DATE = (
    rf"\b(?P<d>\d{{1,2}})(?P<sep>[./])\s?(?P<m>\d{{1,2}})(?P=sep)\s?(?P<y>{YEAR}|\d\d)?(?!\d)"
    rf"|\b(?P<iso_y>{YEAR})-(?P<iso_m>\d\d)-(?P<iso_d>\d\d)\b"
)
"""A pattern of numeric dates for all languages, with the groups d, m and y or, for ISO 8601, iso_d, iso_m and iso_y."""


@dataclass(frozen=True, slots=True, eq=False)
class DateGrammar:
    """How dates and times of day are written.

    Attributes:
        date: dates with a day or a year: `NUMERIC_DATE`, and the groups ``day``, ``month``, ``year``. A month without
            a day has the groups ``alone`` and ``of``. A month before its day has ``us_m``, ``us_d`` and ``us_y``.
        lone_month: month names as ``full`` or ``short``; ``more`` is set if the month is a part of another word.
        months: the number of each month by its name or abbreviation, in lower case, without a full stop.
        plain_months: months, in lower case, that are also other words ("may").
        before_month: words before one of the ``plain_months`` that show that it is a month.
        weekday: names of weekdays: ``w`` is the name, ``rest`` the rest of the word.
        weekdays: the number of each ``w`` in lower case; 0 is Monday.
        day_parts: endings after a weekday in a word that still names the day ("Freitagabend").
        short_day: abbreviated weekdays.
        short_days: the number of each abbreviated weekday by its first two letters, in lower case.
        month_may_lead: "5.4.2018" may be the fourth of May; "5/4/2018" may be the fourth of May in every language.
        clock: times of day: groups ``h`` and ``min`` or ``h2`` and ``min2``, ``mark``, and ``after`` for minutes that
            follow the mark.
        named_time: names of ``noon`` and ``midnight``.
        half_days: the mark of a time begins with "a" before noon and with "p" after noon.
    """

    date: re.Pattern[str]
    lone_month: re.Pattern[str]
    months: Mapping[str, int]
    weekday: re.Pattern[str]
    weekdays: Mapping[str, int]
    clock: re.Pattern[str]
    plain_months: frozenset[str] = frozenset()
    before_month: re.Pattern[str] = NEVER
    day_parts: tuple[str, ...] = ()
    short_day: re.Pattern[str] = NEVER
    short_days: Mapping[str, int] = field(default_factory=dict)
    month_may_lead: bool = False
    named_time: re.Pattern[str] = NEVER
    half_days: bool = False


class WrittenDate(NamedTuple):
    """A numeric date: day 1 to 31, month 1 to 12, and four digits of the year (None: no year)."""

    day: int
    month: int
    year: str | None


class WrittenTime(NamedTuple):
    """A time of day: hour 0 to 24 and two digits of minutes."""

    hour: int
    minute: str


class WrittenAmount(NamedTuple):
    """A compound such as "Elf-Milliarden-Euro": digits with a decimal point, a power of ten and a unit key."""

    digits: str
    scale: int
    unit: str


class WrittenNumber(NamedTuple):
    """A numeral: the groups of digits before the decimal separator, and the digits after it."""

    groups: tuple[str, ...]
    decimals: str


WrittenValue = WrittenDate | WrittenTime | WrittenAmount | WrittenNumber


class WrittenNumeral(NamedTuple):
    """A numeral at ``span`` that other languages write differently."""

    span: Span
    value: WrittenValue


@dataclass(frozen=True, slots=True, eq=False)
class NegationGrammar:
    """Patterns of negations for a text in lower case.

    Attributes:
        sure: negations that a translation keeps.
        plain: all negations.
        any: all words that can express a negation, including ``plain``.
    """

    sure: re.Pattern[str]
    plain: re.Pattern[str]
    any: re.Pattern[str]


@dataclass(frozen=True, slots=True, eq=False)
class NameGrammar:
    """Which capitalised words are names.

    Attributes:
        is_common: returns whether a capitalised word is not a name; the second argument: whether it opens a sentence.
        title: the ending of a title ("Kanzlerin"); a capitalised word after a title is a name.
        opening_is_weak: a single capitalised word that opens a sentence may be a common word that is in no list.
    """

    is_common: Callable[[str, bool], bool]
    title: re.Pattern[str] = NEVER
    opening_is_weak: bool = False


@dataclass(frozen=True, slots=True, eq=False)
class UnitGrammar:
    """Units of measure.

    Attributes:
        forms: the words and signs of each unit, in lower case; all languages use the same unit keys.
        whole_words: the forms are whole words; otherwise they are beginnings of words.
        scale_words: a pattern of the words between a number and its unit ("million").
    """

    forms: Mapping[str, tuple[str, ...]]
    whole_words: bool
    scale_words: str


class Inflection(Protocol):
    """The inflection of words: finds the forms of a word."""

    def folded(self, word: str) -> str:
        """``word`` without its case and without umlauts, which inflection may change in addition to the ending."""
        ...

    def stems(self, word: str) -> set[str]:
        """Index keys of a word. A word shares at least one key with each of its forms."""
        ...

    def related(self, word: str) -> set[str]:
        """Like `stems`, for a word that is not the first word of its term; such a word may have more forms."""
        ...

    def is_form(self, word: str, term: str, *, last: bool) -> bool:
        """Whether ``word`` is a form of ``term``. ``last``: ``term`` is the last word of its phrase."""
        ...


class ExactForms:
    """The default inflection: a word has one form, which may be capitalised."""

    def folded(self, word: str) -> str:
        return word.casefold()

    def stems(self, word: str) -> set[str]:
        return {word.casefold()}

    def related(self, word: str) -> set[str]:
        return self.stems(word)

    def is_form(self, word: str, term: str, *, last: bool) -> bool:
        del last
        return word == term or (term[:1].islower() and word == term[0].upper() + term[1:])


def _never_continues(_text: str, _start: int, _boundary: int) -> bool:
    return False


def _none_missing(_text: str) -> Iterator[int]:
    return iter(())


@dataclass(frozen=True, slots=True, eq=False)
class SentenceGrammar:
    """Sentence boundaries that the general splitter does not know.

    Attributes:
        splitter: the ``sentencex`` code of the language, or of a language with similar rules.
        continues: returns whether the sentence continues after a boundary that the splitter found; arguments: the
            text, the start of the sentence, the boundary.
        missing: returns the offsets of sentence starts that the splitter does not find, in any order.
        quoted: quotations and single quotation marks to replace by marks that the splitter knows.
        clause: the preferred place to split a long sentence, after ";", ":" and a dash.
        unfinished: the end of a line that does not end a sentence.
        open_word: the end of a line that breaks inside a phrase.
        broken_word: the hyphen and the line end inside a word that continues on the next line.
    """

    splitter: str
    continues: Callable[[str, int, int], bool] = _never_continues
    missing: Callable[[str], Iterator[int]] = _none_missing
    quoted: re.Pattern[str] = NEVER
    clause: re.Pattern[str] = NEVER
    unfinished: re.Pattern[str] = re.compile(r"[,;-]$")
    open_word: re.Pattern[str] = NEVER
    broken_word: re.Pattern[str] = NEVER


@dataclass(frozen=True, slots=True, eq=False)
class SummaryGrammar:
    """Word lists for summaries, in lower case.

    Attributes:
        function_words: words with a grammatical function only, such as articles and prepositions.
        dangling_openings: first words of a sentence that refer to the sentence before.
        finite_verbs: finite verb forms that cannot be recognised by their endings.
        subordinators: words that begin a subordinate clause.
        stem: returns the stem of a word; all forms of a word have the same stem.
        chars_per_word: the average length of a word of news text and the space after it.
    """

    function_words: frozenset[str]
    dangling_openings: frozenset[str]
    finite_verbs: frozenset[str]
    subordinators: frozenset[str]
    stem: Callable[[str], str]
    chars_per_word: float


Weight = Literal["sure", "context", "doubt"]
"""The degree of certainty that a line is boilerplate.

A ``sure`` line is always removed. A ``context`` line is removed above the text, below it, or next to other boilerplate.
A ``doubt`` line is only reported.
"""


@dataclass(frozen=True, slots=True, eq=False)
class PageGrammar:
    """Boilerplate of news pages around an article. Lists marked as folded contain results of `str.casefold`.

    Attributes:
        verb: a word that shows that a long line is a sentence.
        roots: names of the first page in a breadcrumb trail.
        sections: names of sections.
        headings: for each reason of a removal, the headings (folded) of blocks that are removed.
        announcing: the reasons whose headings may have a colon and their block on the same line.
        controls: labels of buttons and links (folded).
        agencies: news agencies (folded); ``agency_break`` separates them in a credit.
        boilerplate: beginnings of sentences of consent boxes, paywalls and newsletters.
        lines: patterns of whole lines with reason and weight, in the order of their use.
        copyright: a whole line with a copyright notice.
        bare_names: a whole line of names of persons.
        byline_start: the beginning of a byline.
        photo_credit: a whole line with the credit of a picture.
        dateline: the beginning of a report with its place and agency.
        meta_end: a byline, a time or buttons at the end of a paragraph.
        photo_ends: patterns of a picture credit at the end of a paragraph.
        source_end: a credit of a picture or of the report at the end of a paragraph.
    """

    verb: re.Pattern[str] = NEVER
    roots: frozenset[str] = frozenset()
    sections: frozenset[str] = frozenset()
    headings: Mapping[str, frozenset[str]] = field(default_factory=dict)
    announcing: frozenset[str] = frozenset()
    controls: frozenset[str] = frozenset()
    agencies: frozenset[str] = frozenset()
    agency_break: re.Pattern[str] = NEVER
    boilerplate: tuple[str, ...] = ()
    lines: tuple[tuple[re.Pattern[str], str, Weight], ...] = ()
    copyright: re.Pattern[str] = NEVER
    bare_names: re.Pattern[str] = NEVER
    byline_start: str | None = None
    photo_credit: re.Pattern[str] = NEVER
    dateline: re.Pattern[str] = NEVER
    meta_end: re.Pattern[str] = NEVER
    photo_ends: tuple[re.Pattern[str], ...] = ()
    source_end: re.Pattern[str] = NEVER


@dataclass(frozen=True, slots=True, eq=False)
class LengthRatio:
    """The usual length of a translation. 99 of 100 sentences of human translators are within these bounds.

    ``steps`` are numbers of source characters. ``shortest`` and ``longest`` are output characters per source character:
    one value below each step, and one above the last step.
    """

    steps: tuple[int, ...]
    shortest: tuple[float, ...]
    longest: tuple[float, ...]


def _empty() -> Mapping[str, frozenset[str]]:
    return MappingProxyType({})


@dataclass(frozen=True, slots=True, eq=False)
class Language:
    """Everything that the service knows about a language.

    Attributes:
        code: ISO 639-1, in lower case.
        name: the English name.
        regions: further codes of the language ("de-at"), with an English name if they are listed as target languages
            (an empty string: they are not listed).
        warm_up: a short sentence, translated when a model starts.
        probe: a sentence of usual length for measurements of engine speed.
        sentences: the sentence boundaries.
        marker_words: frequent words, in lower case, that no neighbouring language has; they identify the language.
        kickers: names of sections and acronyms that pages put before a headline without a space.
        inflection: the forms of words.
        numbers, dates, negation, names, units: the grammars of the checks; None: the check does not run.
        frequent_words: words that show that a part of a translation is still in this language.
        knows: returns whether a word belongs to the language (None: the language has no word list).
        doubled_words: words, in lower case, that may occur twice in a row.
        clauses_meet: a word before and after a comma between two clauses; group 1 is the word.
        find_numerals: returns the numerals of a text that other languages write differently.
        write_numeral: returns the preferred form of such a numeral and other accepted forms, or None.
        exonyms: for the code of another language, the names that this language calls differently: beginnings of words
            in plain lower case, mapped from this language to the other.
        kept_names: for the code of another language, names with the same spelling in that language.
        length_ratios: for the code of a target language, the usual length of translations into it.
        page: boilerplate of news pages; the default removes nothing.
        summary: word lists for summaries; None: the language has no summaries.
    """

    code: str
    name: str
    warm_up: str
    probe: str
    sentences: SentenceGrammar
    regions: Mapping[str, str] = field(default_factory=dict)
    marker_words: frozenset[str] = frozenset()
    kickers: tuple[str, ...] = ()
    inflection: Inflection = field(default_factory=ExactForms)
    numbers: NumberGrammar | None = None
    dates: DateGrammar | None = None
    negation: NegationGrammar | None = None
    names: NameGrammar | None = None
    units: UnitGrammar | None = None
    frequent_words: frozenset[str] = frozenset()
    knows: Callable[[str], bool] | None = None
    doubled_words: frozenset[str] = frozenset()
    clauses_meet: re.Pattern[str] = NEVER
    find_numerals: Callable[[str], list[WrittenNumeral]] | None = None
    write_numeral: Callable[[WrittenValue], tuple[str, tuple[str, ...]] | None] | None = None
    exonyms: Mapping[str, Mapping[str, frozenset[str]]] = field(default_factory=dict)
    kept_names: Mapping[str, frozenset[str]] = field(default_factory=_empty)
    length_ratios: Mapping[str, LengthRatio] = field(default_factory=dict)
    page: PageGrammar = field(default_factory=PageGrammar)
    summary: SummaryGrammar | None = None


class LanguagePair(NamedTuple):
    """The language of the source texts, and the language of their translations."""

    source: Language
    target: Language

    @classmethod
    def of(cls, source: str, target: str) -> "LanguagePair":
        """The pair of the languages with these codes; raises `ModelError` as `language` does."""
        return cls(language(source), language(target))


def codes() -> tuple[str, ...]:
    """The sorted codes of all languages. Each package on the search path of ``service.languages`` is a language."""
    return tuple(sorted(module.name for module in iter_modules(service.languages.__path__) if module.ispkg))


@cache
def language(code: str) -> Language:
    """The language with this code.

    Raises:
        ModelError: no language package has this code.
    """
    if code not in codes():
        raise ModelError(f"there is no language {code!r}; the service knows {', '.join(codes())}")
    found: Language = import_module(f"service.languages.{code}").LANGUAGE
    return found
