"""The interface of a language package, and functions that find the package for a language code.

A language package is a folder ``service/languages/CODE`` that defines ``LANGUAGE`` and contains the data files of the
language. If a field of ``LANGUAGE`` is empty, the features that need it are disabled. For example, a check does not run
without its grammar.
"""

import re
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from fractions import Fraction
from functools import cache
from importlib import import_module
from pkgutil import iter_modules
from types import MappingProxyType
from typing import NamedTuple, Protocol

import service.languages
from service.domain import Span
from service.errors import ModelError
from service.languages.house_style import HouseStyle, StyleRule
from service.languages.page import NEVER, PageGrammar


class ParsedNumber(NamedTuple):
    """The meaning of a numeral or a number word.

    ``values`` contains the numbers that the word may mean. ``hints`` contains further numbers that the word's
    translation may contain. ``certain`` is False if the word may not be a number at all ("one").
    """

    values: frozenset[Fraction]
    hints: frozenset[Fraction]
    certain: bool


Token = re.Match[str]
"""A match of a word or numeral in a text. Group 1 is set if it is a numeral."""


def no_number(_word: str) -> ParsedNumber | None:
    """Return None, so that no word counts as a number word. This is the default for `NumberGrammar.read`."""
    return None


def no_scale(_word: str) -> Fraction | None:
    """Return None, so that no word counts as a scale word. This is the default for `NumberGrammar.scale`."""
    return None


def no_extension(_text: str, _tokens: Sequence[Token], place: int, part: ParsedNumber) -> tuple[ParsedNumber, int]:
    """Return ``part`` unchanged, and the index of the next token. This is the default for `NumberGrammar.extend`."""
    return part, place + 1


@dataclass(frozen=True, slots=True, eq=False)
class NumberGrammar:
    """The rules for writing numbers.

    Attributes:
        group: the thousands separator. Spaces and apostrophes are also accepted in every language.
        point: the decimal separator.
        point_may_group: whether ``point`` may also be a thousands separator if exactly three digits follow, because
            texts also use the notation of other languages ("1,500" for 1500).
        read: returns the number that a single word means, or None if it is not a number word.
        scale: returns the factor by which a word multiplies the number before it, or None if it is not a scale word.
        extend: returns the number that the word at an index forms together with the words after it, and the index of
            the first word after the number.
        touching_scales: scale words, in lower case, that count only directly after a numeral ("5m").
        half_more: a pattern for words after a number that add one half of its scale ("two million and a half").
        half_of: two words, in lower case, that form a number together with the scale word after them ("half a
            million").
        range_words: a pattern for the words between the two numbers of a range.
        decade_after: a pattern for the ending that turns a year, or its last two digits, into a decade.
        phrases: a pattern for phrases whose numbers a translation need not keep ("24/7").
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
    phrases: re.Pattern[str] = NEVER


YEAR = r"(?:1[0-9]|20)\d\d"
NUMERIC_DATE = (
    rf"(?<!\d\.)\b(?P<d>\d{{1,2}})(?P<sep>[./])\s?(?P<m>\d{{1,2}})(?P=sep)\s?(?P<y>{YEAR}|\d\d)?(?!\d)"
    rf"|\b(?P<iso_y>{YEAR})-(?P<iso_m>\d\d)-(?P<iso_d>\d\d)\b"
)
"""A pattern for numeric dates in all languages. Groups: d, sep, m and y or, for ISO 8601, iso_d, iso_m and iso_y."""


@dataclass(frozen=True, slots=True, eq=False)
class DateGrammar:
    """The rules for writing dates and times of day.

    Attributes:
        date: a pattern for dates with a day or a year. It includes `NUMERIC_DATE` and contains the groups ``day``,
            ``month`` and ``year``. A month without a day is in the group ``alone``, and its year is in ``of``. If the
            month precedes the day, the groups are ``us_m``, ``us_d`` and ``us_y``.
        lone_month: a pattern for a month name, which is in the group ``full`` or, if abbreviated, in ``short``. The
            group ``more`` is not empty if the month is part of another word.
        months: maps the names and abbreviations of months, in lower case and without a full stop, to their numbers.
        plain_months: the names of months, in lower case, that are also other words ("may").
        before_month: a pattern for words that identify a following word from ``plain_months`` as a month.
        weekday: a pattern for weekdays, with the name in group ``w`` and the rest of the word in group ``rest``.
        weekdays: maps the content of group ``w``, in lower case, to the number of the day, from 0 (Monday) to 6.
        day_parts: words for parts of the day that can follow a weekday in a compound ("abend" in "Freitagabend").
        night_before: a pattern for words before a weekday that mean the night before it ("in der Nacht zum Sonntag"). A
            translation may name either day.
        dotted: whether a date may consist of a day and a month with full stops ("7.4.").
        short_day: a pattern for abbreviated weekdays.
        short_days: maps the first two letters of abbreviated weekdays, in lower case, to the number of the day.
        month_may_lead: whether "5.4.2018" may mean 4 May. "5/4/2018" may mean 4 May in every language.
        clock: a pattern for times of day. The hour is in group ``h`` or ``h2``, and the minutes are in ``min`` or
            ``min2``. The group ``mark`` contains a word such as "Uhr" or "pm". The pattern may also define ``after``
            for minutes that follow this word, and ``to_h`` and ``to_min`` for the end of a range ("22 bis 4.30 Uhr").
        named_time: a pattern for names of times. The group ``noon`` is set for noon, and ``midnight`` for midnight.
        full_day: whether the language uses the 24-hour clock. "8 Uhr" is then in the morning. If the text contains a
            word that ``later_half`` matches, the time may also be in the evening.
        later_half: a pattern for words that place a time in the second half of the day ("abends").
        half_days: whether a ``mark`` that starts with "a" or "p" means a time before or after noon ("am", "pm").
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
    night_before: re.Pattern[str] = NEVER
    dotted: bool = False
    short_day: re.Pattern[str] = NEVER
    short_days: Mapping[str, int] = field(default_factory=dict)
    month_may_lead: bool = False
    named_time: re.Pattern[str] = NEVER
    full_day: bool = False
    later_half: re.Pattern[str] = NEVER
    half_days: bool = False


class WrittenDate(NamedTuple):
    """A numeric date.

    ``day`` is from 1 to 31, and ``month`` is from 1 to 12. ``year`` has four digits, or is None if the date has no
    year.
    """

    day: int
    month: int
    year: str | None


class WrittenTime(NamedTuple):
    """A time of day. ``hour`` is from 0 to 24, and ``minute`` consists of two digits."""

    hour: int
    minute: str


class WrittenAmount(NamedTuple):
    """An amount that is written as a compound, such as "Elf-Milliarden-Euro".

    ``digits`` is the number with a decimal point, ``scale`` is a power of ten, and ``unit`` is the name of a unit.
    """

    digits: str
    scale: int
    unit: str


class WrittenNumber(NamedTuple):
    """A numeral.

    ``groups`` contains the groups of digits before the decimal separator, and ``decimals`` contains the digits after
    it.
    """

    groups: tuple[str, ...]
    decimals: str


WrittenValue = WrittenDate | WrittenTime | WrittenAmount | WrittenNumber


class WrittenNumeral(NamedTuple):
    """A numeral that other languages write differently. ``span`` is the position of the numeral in the text."""

    span: Span
    value: WrittenValue


@dataclass(frozen=True, slots=True, eq=False)
class NegationGrammar:
    """Patterns that find negations in lower-case text.

    Attributes:
        sure: negations that a translation always keeps.
        plain: all negations, including those that a translation may drop.
        any: all negations, and other words that may correspond to a negation in the other language ("kaum").
    """

    sure: re.Pattern[str]
    plain: re.Pattern[str]
    any: re.Pattern[str]


@dataclass(frozen=True, slots=True, eq=False)
class NameGrammar:
    """Rules that identify names among capitalised words.

    Attributes:
        is_common: returns whether a capitalised word is a common word and not a name. The second argument is True if
            the word is the first word of a sentence.
        title: a pattern for the ending of a title ("Kanzlerin"). A capitalised word after a title is a name.
        adjective: a pattern for an adjective that begins with a capital letter, with the word before it. The noun after
            it is not a name ("der Füchtorfer Landwirt").
        place: a pattern for the endings of nouns that are names of streets and buildings ("Gartenstraße").
        indefinite: a pattern for an indefinite article before a noun.
        before_noun: a pattern for an article, a preposition with an article, or an adjective before a noun.
        after_noun: a pattern for a plural verb or a participle after a noun that opens a sentence.
        genitive: a pattern for a name in the genitive before a noun ("Bidens erste Rede"), with the groups ``name``,
            ``adjective`` and ``noun``.
        opening_is_weak: whether a capitalised word that opens a sentence may be common although no list contains it.
    """

    is_common: Callable[[str, bool], bool]
    title: re.Pattern[str] = NEVER
    adjective: re.Pattern[str] = NEVER
    place: re.Pattern[str] = NEVER
    indefinite: re.Pattern[str] = NEVER
    before_noun: re.Pattern[str] = NEVER
    after_noun: re.Pattern[str] = NEVER
    genitive: re.Pattern[str] = NEVER
    opening_is_weak: bool = False


@dataclass(frozen=True, slots=True, eq=False)
class UnitGrammar:
    """Units of measure.

    Attributes:
        forms: the words and signs for each unit, in lower case. All languages use the same unit keys.
        whole_words: whether the forms are whole words. If False, forms with more than four characters may be the
            beginnings of words.
        scale_words: a pattern for words between a number and its unit ("million").
        qualifier: a pattern for an adjective directly before a unit, in lower case ("Czech crowns", "metric tons").
    """

    forms: Mapping[str, tuple[str, ...]]
    whole_words: bool
    scale_words: str
    qualifier: str = "(?!)"


class Pole(NamedTuple):
    """A meaning ("rise") on an axis of opposite meanings ("change"). The names are the same in all languages."""

    axis: str
    meaning: str


@dataclass(frozen=True, slots=True, eq=False)
class OppositeWords:
    """Words with opposite meanings. All words are in lower case.

    Attributes:
        words: maps a word to its meanings on the axes (see `Pole`).
        beginnings: maps the beginnings of words to their meanings.
        endings: maps the endings of words to their meanings.
        separated: maps a verb form to (particle, meaning) pairs. The verb has this meaning if the clause ends with the
            particle ("gab ... nach").
        phrases: a pattern for set phrases whose words do not have these meanings ("nach Angaben").
    """

    words: Mapping[str, tuple[Pole, ...]] = field(default_factory=dict)
    beginnings: Mapping[str, tuple[Pole, ...]] = field(default_factory=dict)
    endings: Mapping[str, tuple[Pole, ...]] = field(default_factory=dict)
    separated: Mapping[str, tuple[tuple[str, Pole], ...]] = field(default_factory=dict)
    phrases: re.Pattern[str] = NEVER


class Inflection(Protocol):
    """The inflection rules of a language, which determine whether a word is a form of another word."""

    def folded(self, word: str) -> str:
        """Return ``word`` in lower case and without umlauts, because an ending may add or remove an umlaut."""
        ...

    def stems(self, word: str) -> set[str]:
        """Return the keys under which a word is indexed. All forms of the same word have at least one key in common."""
        ...

    def related(self, word: str) -> set[str]:
        """Return the keys under which a word is indexed if it is not the first word of a term.

        The keys include those from `stems`. There may be further keys, because a later word of a term may have more
        forms.
        """
        ...

    def is_form(self, word: str, term: str, *, last: bool) -> bool:
        """Return whether ``word`` is a form of ``term``, which is a single word of a phrase.

        ``last`` is True if ``term`` is the last word of the phrase.
        """
        ...


class ExactForms:
    """The default inflection rules. A word has only one form, except that its first letter may be capitalised."""

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
    """Rules for sentence boundaries that supplement the general sentence splitter.

    Attributes:
        splitter: the ``sentencex`` code of the language, or of a language with similar rules.
        continues: returns whether the sentence continues after a boundary that the splitter found. The arguments are
            the text, the start of the sentence and the boundary.
        missing: yields, in any order, the offsets of sentence starts that the splitter does not find.
        quoted: a pattern for quotations and single quotation marks. The quotation marks are replaced with those that
            the splitter recognises.
        clause: a pattern for commas between clauses. A long sentence is split preferably at a semicolon, a colon or a
            dash, then at such a comma, and then at any other comma.
        unfinished: a pattern for the end of a line that does not end a sentence.
        open_word: a pattern for the end of a line that stops in the middle of a phrase.
        broken_word: a pattern for a hyphen and a line break inside a word.
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
    """Word lists, patterns and functions for summaries. All words except those in ``times`` are in lower case.

    Attributes:
        function_words: words with only a grammatical function, such as articles and prepositions.
        dangling_openings: words that, at the start of a sentence, refer to the previous sentence.
        finite_verbs: finite verb forms that cannot be recognised by their endings.
        subordinators: words that begin a subordinate clause.
        conjunctions: subordinators that never begin a main clause.
        dangling_words: words that refer to the previous sentence if they are the second or third word of a sentence.
        times: nouns of time. Before one of them, a dangling word does not refer to the previous sentence ("in diesem
            Jahr").
        articles: articles that can replace a noun.
        quantifiers: words before a demonstrative and a noun ("viele dieser Orte"). Such a phrase does not refer to the
            previous sentence.
        reported: a pattern for verbs in reported speech.
        first_person: a pattern for pronouns of the first person.
        attribution: a pattern for words that name the source of a statement ("sagte").
        complement: a pattern for the beginning of a clause that completes the clause before it (", dass").
        references: a pattern for sentences that refer to the previous sentence, besides those with the words above.
        replacing: a pattern for sentences in which a pronoun after the verb replaces a noun of an earlier sentence.
        announcing: a pattern for sentences that announce a list or an explanation that follows.
        report_end: a pattern for the verb of speaking after a quotation.
        quoted_report: a pattern for any word with the ending of a verb after a quotation.
        superlative: a pattern for the end of a superlative, which can look like a verb.
        adverbs: adverbs with the ending of a verb.
        prepositions: prepositions that can precede a relative pronoun.
        relatives: relative pronouns that can follow a preposition.
        infinitives: infinitives that do not end a subordinate clause alone.
        linking: conjunctions after which a sentence needs a subject.
        contrasting: a pattern for a comma and the conjunction of a second main clause.
        place: a pattern for the place with which a report begins.
        misspelt: a pattern for misspelt words, which `reword` corrects.
        label: a pattern for the name of a speaker with which a paragraph begins.
        stem: returns the stem of a word, which is the same for all of its forms.
        chars_per_word: the average length of a word in news text, including the space after it.
        error: returns a description of a grammatical error in a sentence, or None if it finds none. The description is
            a predicate for a message, such as "has an article in a wrong form". If this attribute is None, no such
            error is found.
        reword: returns another wording of a sentence with the same content, or None if it finds none. If this attribute
            is None, no sentence is reworded.
    """

    function_words: frozenset[str]
    dangling_openings: frozenset[str]
    finite_verbs: frozenset[str]
    subordinators: frozenset[str]
    stem: Callable[[str], str]
    chars_per_word: float
    conjunctions: frozenset[str] = frozenset()
    dangling_words: frozenset[str] = frozenset()
    times: frozenset[str] = frozenset()
    articles: frozenset[str] = frozenset()
    quantifiers: frozenset[str] = frozenset()
    attribution: re.Pattern[str] = NEVER
    reported: re.Pattern[str] = NEVER
    first_person: re.Pattern[str] = NEVER
    complement: re.Pattern[str] = NEVER
    references: re.Pattern[str] = NEVER
    replacing: re.Pattern[str] = NEVER
    announcing: re.Pattern[str] = NEVER
    report_end: re.Pattern[str] = NEVER
    quoted_report: re.Pattern[str] = NEVER
    superlative: re.Pattern[str] = NEVER
    adverbs: frozenset[str] = frozenset()
    prepositions: frozenset[str] = frozenset()
    relatives: frozenset[str] = frozenset()
    infinitives: frozenset[str] = frozenset()
    linking: frozenset[str] = frozenset()
    contrasting: re.Pattern[str] = NEVER
    place: re.Pattern[str] = NEVER
    misspelt: re.Pattern[str] = NEVER
    label: re.Pattern[str] = NEVER
    error: Callable[[str], str | None] | None = None
    reword: Callable[[str], str | None] | None = None


@dataclass(frozen=True, slots=True, eq=False)
class LengthRatio:
    """The usual length of translations, as limits that 99% of human translations of sentences satisfy.

    ``shortest`` and ``longest`` contain the limits for each range of source lengths, in output characters per source
    character. ``steps`` contains the boundaries between these ranges, in source characters. A boundary belongs to the
    range above it.
    """

    steps: tuple[int, ...]
    shortest: tuple[float, ...]
    longest: tuple[float, ...]


def no_forms(_term: str) -> tuple[str, ...]:
    """Return an empty tuple. This is the default for `Language.forms`."""
    return ()


def _empty() -> Mapping[str, frozenset[str]]:
    return MappingProxyType({})


@dataclass(frozen=True, slots=True, eq=False)
class Language:
    """All data and rules that the service uses for a language.

    Attributes:
        code: the ISO 639-1 code, in lower case.
        name: the English name.
        regions: maps regional codes of the language ("de-at") to English names. A code with the name "" is accepted,
            but is not in the list of languages.
        warm_up: a short sentence that is translated when a model starts.
        probe: a sentence of average length for measuring the speed of an engine.
        sentences: the rules for sentence boundaries.
        marker_words: frequent words, in lower case, that do not occur in languages with similar words.
        kickers: names of sections, and acronyms, that web pages put before a headline without a space.
        inflection: the rules for the forms of words.
        forms: returns further forms that a term may have in a translation into the language.
        numbers, dates, negation, names, units: the grammars for the checks. If one is None, its check does not run.
        frequent_words: words that, in a translation, show that a part is still in this language.
        knows: returns whether the list of frequent words contains a word in lower case, with or without an ending. It
            is None if the language has no word list.
        spells: like ``knows``, but with a large dictionary, which also contains rare words.
        sign_words: maps signs, other than units, to words (in lower case) with the same meaning.
        opposites: words with opposite meanings.
        doubled_words: words, in lower case, that may occur twice in a row.
        clauses_meet: a pattern for the same word before and after the comma between two clauses. Group 1 is the word.
        find_numerals: returns the numerals in a text that other languages write differently.
        write_numeral: returns this language's preferred form of such a numeral and other accepted forms, or None.
        exonyms: maps the code of another language to the names that are spelled differently in it. The beginning of
            each name in this language is mapped to the possible beginnings in the other language. All beginnings are in
            lower case and without accents.
        kept_names: maps the code of another language to names that are spelled the same in that language.
        length_ratios: maps the code of a target language to the usual length of translations into it.
        page: the boilerplate of news pages in the language. By default, nothing counts as boilerplate.
        summary: word lists for summaries, or None if texts in the language cannot be summarised.
        speech: a pattern for words that name the source of a statement ("said", "according to").
        instructions: a pattern for passages that address a language model, such as a request to ignore its rules.
        style_rules: returns the rules that a house style sets. It is None if texts cannot follow a house style.
        region_styles: maps codes in ``regions`` to the house style of the region.
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
    forms: Callable[[str], tuple[str, ...]] = no_forms
    numbers: NumberGrammar | None = None
    dates: DateGrammar | None = None
    negation: NegationGrammar | None = None
    names: NameGrammar | None = None
    units: UnitGrammar | None = None
    frequent_words: frozenset[str] = frozenset()
    knows: Callable[[str], bool] | None = None
    spells: Callable[[str], bool] | None = None
    sign_words: Mapping[str, tuple[str, ...]] = field(default_factory=dict)
    opposites: OppositeWords = field(default_factory=OppositeWords)
    doubled_words: frozenset[str] = frozenset()
    clauses_meet: re.Pattern[str] = NEVER
    find_numerals: Callable[[str], list[WrittenNumeral]] | None = None
    write_numeral: Callable[[WrittenValue], tuple[str, tuple[str, ...]] | None] | None = None
    exonyms: Mapping[str, Mapping[str, frozenset[str]]] = field(default_factory=dict)
    kept_names: Mapping[str, frozenset[str]] = field(default_factory=_empty)
    length_ratios: Mapping[str, LengthRatio] = field(default_factory=dict)
    page: PageGrammar = field(default_factory=PageGrammar)
    summary: SummaryGrammar | None = None
    speech: re.Pattern[str] = NEVER
    instructions: re.Pattern[str] = NEVER
    style_rules: Callable[[HouseStyle], tuple[StyleRule, ...]] | None = None
    region_styles: Mapping[str, HouseStyle] = field(default_factory=dict)

    def __reduce__(self) -> tuple[Callable[[str], "Language"], tuple[str]]:
        """Pickle only the code of the language. Unpickling loads the language from its package."""
        return language, (self.code,)

    def sign_forms(self, sign: str) -> tuple[str, ...]:
        """Return the words and other signs, in lower case, that have the same meaning as ``sign``."""
        units = self.units.forms.values() if self.units is not None else ()
        of_unit = next((forms for forms in units if sign in forms), ())
        return (*self.sign_words.get(sign, ()), *(form for form in of_unit if form != sign))


class LanguagePair(NamedTuple):
    """The language of the source texts and the language of their translations."""

    source: Language
    target: Language

    @classmethod
    def of(cls, source: str, target: str) -> "LanguagePair":
        """Return the pair of the languages with the codes ``source`` and ``target``.

        Raises:
            ModelError: there is no language package for one of the codes.
        """
        return cls(language(source), language(target))


def codes() -> tuple[str, ...]:
    """Return the sorted codes of all languages. Each package in ``service.languages`` defines a language."""
    return tuple(sorted(module.name for module in iter_modules(service.languages.__path__) if module.ispkg))


@cache
def language(code: str) -> Language:
    """Return the language with this code.

    Raises:
        ModelError: there is no language package for this code.
    """
    if code not in codes():
        raise ModelError(f"unknown language {code!r}; the service supports {', '.join(codes())}")
    found: Language = import_module(f"service.languages.{code}").LANGUAGE
    return found
