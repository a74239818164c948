"""The interface of a language, and the registry that finds language packages by their code.

A language is a package ``service/languages/CODE`` that defines ``LANGUAGE``. Its data files are in its own folder.
A field that a language leaves empty switches off what needs it: a check without its grammar does not run.
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
"""A pattern that matches nowhere."""


class ParsedNumber(NamedTuple):
    """What a number word says.

    ``values`` are the numbers that it may mean, ``hints`` further numbers that it supports in the other text. A word
    that is not ``certain`` ("one") may be something other than a number.
    """

    values: frozenset[Fraction]
    hints: frozenset[Fraction]
    certain: bool


Token = re.Match[str]
"""A word or a numeral of a text; of a numeral, group 1 is set."""


def no_number(_word: str) -> ParsedNumber | None:
    """A reader of number words that knows none."""
    return None


def no_scale(_word: str) -> Fraction | None:
    """A reader of scale words that knows none."""
    return None


def no_extension(_text: str, _tokens: Sequence[Token], place: int, part: ParsedNumber) -> tuple[ParsedNumber, int]:
    """Number words of which each is a number of its own."""
    return part, place + 1


@dataclass(frozen=True, slots=True, eq=False)
class NumberGrammar:
    """How numbers are written.

    Attributes:
        group: the separator of thousands; spaces and apostrophes are separators in every language.
        point: the decimal separator.
        point_may_group: "1,500" with one point and three digits may also mean 1500, as the other language writes it.
        read: the number that a single word says (None: none).
        scale: the factor by which a word multiplies the number before it (None: the word is no scale).
        extend: the number that the word at a place and the words after it say together, and the place after them.
        touching_scales: scales, in lower case, that count only directly after a numeral ("5m").
        half_more: the words after a number that add one half.
        half_of: two words, in lower case, between which and a scale no number is missing ("half a million").
        range_words: a pattern of the words between the two numbers of a range.
        decade_after: what follows a year, or its last two digits, where a decade is meant.
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
"""The dates in figures that every language reads; their day, month and year are the groups d, m, y and iso_d …"""


@dataclass(frozen=True, slots=True, eq=False)
class DateGrammar:
    """How dates and times of day are written.

    Attributes:
        date: dates with a day or a year: `NUMERIC_DATE`, and groups ``day``, ``month``, ``year`` and, where the month
            has no day, ``alone`` and ``of``; where the month comes first, ``us_m``, ``us_d`` and ``us_y``.
        lone_month: month names with ``full`` or ``short``; ``more`` is set where the month is a part of another word.
        months: the number of each month by its name or abbreviation, in lower case, without a full stop.
        plain_months: months, in lower case, that are also other words ("may").
        before_month: the end of a text after which a plain month is a month.
        weekday: names of weekdays, ``w`` without and ``rest`` with what follows in the word.
        weekdays: the number of each ``w`` in lower case; 0 is Monday.
        day_parts: what may follow a weekday in a word that still names the day ("Freitagabend").
        short_day: abbreviated weekdays.
        short_days: the number of each abbreviated weekday by its first two letters, in lower case.
        month_may_lead: "5.4.2018" may be the fourth of May; "5/4/2018" may be so in every language.
        clock: times of day, with ``h`` and ``min`` or ``h2`` and ``min2``, ``mark`` and, after the mark, ``after``.
        named_time: names of ``noon`` and ``midnight``.
        half_days: the marks of a clock begin with "a" before noon and with "p" after noon.
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
    """A date in figures: 1 to 31, 1 to 12, and four digits (None: no year)."""

    day: int
    month: int
    year: str | None


class WrittenTime(NamedTuple):
    """A time of day: hour 0 to 24 and two digits of minutes."""

    hour: int
    minute: str


class WrittenAmount(NamedTuple):
    """A compound such as "Elf-Milliarden-Euro": digits with a decimal point, a power of ten and a key of a unit."""

    digits: str
    scale: int
    unit: str


class WrittenNumber(NamedTuple):
    """A number in figures: its groups of digits before the decimal separator, and the digits after it."""

    groups: tuple[str, ...]
    decimals: str


WrittenValue = WrittenDate | WrittenTime | WrittenAmount | WrittenNumber


class WrittenNumeral(NamedTuple):
    """A numeral at ``span`` that other languages write in another way."""

    span: Span
    value: WrittenValue


@dataclass(frozen=True, slots=True, eq=False)
class NegationGrammar:
    """Negations as patterns for a text in lower case.

    Attributes:
        sure: those that a translation keeps.
        plain: all negations.
        any: all words that may deny, plain negations included.
    """

    sure: re.Pattern[str]
    plain: re.Pattern[str]
    any: re.Pattern[str]


@dataclass(frozen=True, slots=True, eq=False)
class NameGrammar:
    """Which capitalised words are names.

    Attributes:
        is_common: whether a capitalised word is no name; the second argument says whether it opens a sentence.
        title: the end of a word after which a capitalised word is a name ("Kanzlerin").
        opening_is_weak: a single capitalised word that opens a sentence may be a common word that no list has.
    """

    is_common: Callable[[str, bool], bool]
    title: re.Pattern[str] = NEVER
    opening_is_weak: bool = False


@dataclass(frozen=True, slots=True, eq=False)
class UnitGrammar:
    """Units of measure.

    Attributes:
        forms: for the key of a unit, which all languages share, its words and signs in lower case.
        whole_words: the words are whole ones, and not beginnings of words.
        scale_words: a pattern of the words between a number and its unit ("million").
    """

    forms: Mapping[str, tuple[str, ...]]
    whole_words: bool
    scale_words: str


class Inflection(Protocol):
    """How forms of a word are found, and told from other words."""

    def folded(self, word: str) -> str:
        """``word`` without what a form may change besides its ending: case, and the vowels that a plural changes."""
        ...

    def stems(self, word: str) -> set[str]:
        """Keys of which a word and each of its forms have one in common."""
        ...

    def related(self, word: str) -> set[str]:
        """The same for a word that other words of its term precede, which may have more forms."""
        ...

    def is_form(self, word: str, term: str, *, last: bool) -> bool:
        """Whether ``word`` is a form of ``term``; ``last``: ``term`` is the last word of its phrase."""
        ...


class ExactForms:
    """The inflection of a language that gives none: a word has one form, with or without a capital."""

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
    """Where sentences begin, beyond what the general splitter knows.

    Attributes:
        splitter: the code under which ``sentencex`` knows the language, or one whose rules fit.
        continues: whether the sentence of a text that begins at an offset continues after a boundary that the
            splitter found; arguments: text, start, boundary.
        missing: the offsets at which sentences begin that the splitter overlooks, in no order.
        quoted: quotations, and single quotation marks, that the splitter has to see in its own marks.
        clause: the place at which a long sentence is best divided after ";", ":" and a dash.
        unfinished: the end of a line that does not end a sentence.
        open_word: the end of a line that breaks off within a phrase.
        broken_word: the hyphen and the line end within a word that was broken at the end of a line.
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
    """What summaries need to know of words; all lists are in lower case.

    Attributes:
        function_words: words without a meaning of their own.
        dangling_openings: first words of a sentence that only the sentence before explains.
        finite_verbs: finite verb forms that no ending shows.
        subordinators: words that begin a subordinate clause.
        stem: the stem of a word, equal for its forms.
        chars_per_word: the average length of a word of news text and the space after it.
    """

    function_words: frozenset[str]
    dangling_openings: frozenset[str]
    finite_verbs: frozenset[str]
    subordinators: frozenset[str]
    stem: Callable[[str], str]
    chars_per_word: float


Weight = Literal["sure", "context", "doubt"]
"""How sure a line is boilerplate: ``sure`` anywhere; ``context`` next to other boilerplate or above the text; ``doubt``
is never removed, only reported."""


@dataclass(frozen=True, slots=True, eq=False)
class PageGrammar:
    """What pages of news sites have around an article. Phrases of ``folded`` lists are in `str.casefold`.

    Attributes:
        verb: a word that shows that a long line is a sentence.
        roots: names of the first page in a breadcrumb trail.
        sections: names of sections.
        headings: for the reason of a removal, the headings (folded) over a block that is removed for it.
        announcing: the reasons whose headings may also have a colon and the block on their own line.
        controls: labels of buttons and links (folded).
        agencies: news agencies (folded), and ``agency_break`` what separates them in a credit.
        boilerplate: beginnings of sentences of consent boxes, paywalls and newsletters.
        lines: patterns of whole lines, in the order in which they are tried, with the reason and the weight.
        copyright: a whole line that claims a copyright.
        bare_names: a whole line of names of persons.
        byline_start: the beginning of a byline.
        photo_credit: a whole line that credits a picture.
        dateline: the beginning of a report with its place and agency.
        meta_end: a byline, a time or buttons at the end of a paragraph.
        photo_ends: patterns of a picture's credit at the end of a paragraph.
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
    """The usual length of a translation: of 100 sentences by human translators, 99 are within these bounds.

    ``steps`` are numbers of source characters. ``shortest`` and ``longest`` are output characters per source character,
    one below each step and one above the last.
    """

    steps: tuple[int, ...]
    shortest: tuple[float, ...]
    longest: tuple[float, ...]


def _empty() -> Mapping[str, frozenset[str]]:
    return MappingProxyType({})


@dataclass(frozen=True, slots=True, eq=False)
class Language:
    """All that the service knows of one language.

    Attributes:
        code: ISO 639-1, in lower case.
        name: the English name.
        regions: further codes that mean the same language ("de-at"), with an English name where they are listed as
            languages to translate into (empty: they are not).
        warm_up: a short sentence, translated when a model starts.
        probe: a sentence of usual length, with which the speed of an engine is measured.
        sentences: where sentences begin.
        marker_words: frequent words, in lower case, that no neighbouring language shares; they identify the language.
        kickers: names of sections and acronyms that pages put before a headline without a space.
        inflection: the forms of words.
        numbers, dates, negation, names, units: the grammars of the checks; None: the check does not run.
        frequent_words: words that show that a part of a translation was left in this language.
        knows: whether a word belongs to the language (None: it cannot be said).
        doubled_words: words, in lower case, that writers say twice in a row.
        clauses_meet: a word on both sides of a comma, where two clauses meet; group 1 is the word.
        find_numerals: the numerals of a text that other languages write in another way.
        write_numeral: how the language writes such a numeral: the preferred form and other accepted ones; None: not.
        exonyms: for the code of another language, what that language calls a name: beginnings of words in plain lower
            case, of this language on the left.
        kept_names: for the code of another language, names that it writes in the same way.
        length_ratios: for the code of a target language, the usual length of translations into it.
        page: what pages have around an article; by default nothing is removed.
        summary: what summaries need.
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


def codes() -> tuple[str, ...]:
    """The codes of all languages, sorted: the packages on the search path of ``service.languages``."""
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
