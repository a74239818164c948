"""Finds days, months, weekdays and times of day; what is relative (gestern, last week) is left alone."""

import re
from collections.abc import Iterator
from fractions import Fraction

from service.trust.caseless import caseless
from service.trust.facts import Fact, Key, Language, number_key
from service.trust.lexicon import pairs
from service.trust.passage import Passage
from service.types import Span

_FULL_MONTHS = {
    "de": r"Januar|Jänner|Februar|Feber|März|April|Mai|Juni|Juli|August|September|Oktober|November|Dezember",
    "en": r"January|February|March|April|May|June|July|August|September|October|November|December",
}
_SHORT_MONTHS = {
    "de": r"(?:Jan|Feb|Mär|Mrz|Apr|Jun|Jul|Aug|Sept?|Okt|Nov|Dez)\b\.?",
    "en": r"(?:Jan|Feb|Mar|Apr|Jun|Jul|Aug|Sept?|Oct|Nov|Dec)\b\.?",
}
_MONTH = {lang: rf"(?:{_FULL_MONTHS[lang]}|{_SHORT_MONTHS[lang]})" for lang in ("de", "en")}
_MONTH_STEMS = {
    "de": "Jan Jän Feb Mär Mrz Apr Mai Jun Jul Aug Sep Okt Nov Dez".split(),
    "en": "Jan Feb Mar Apr May Jun Jul Aug Sep Oct Nov Dec".split(),
}
"""One of these begins every name of a month; like the signs below, they are found much faster than a whole date."""
_YEAR = r"(?:1[0-9]|20)\d\d"
_NUMERIC = rf"\b(?P<d>\d{{1,2}})(?P<sep>[./])\s?(?P<m>\d{{1,2}})(?P=sep)\s?(?P<y>{_YEAR}|\d\d)?(?!\d)"
_ISO = rf"\b(?P<iso_y>{_YEAR})-(?P<iso_m>\d\d)-(?P<iso_d>\d\d)\b"
_DATE = {
    "de": re.compile(
        rf"{_NUMERIC}|{_ISO}|\b(?P<day>\d{{1,2}})\.\s?(?P<month>{_MONTH['de']})(?:\s(?P<year>{_YEAR})\b)?"
        rf"|\b(?P<alone>{_MONTH['de']})\s(?P<of>{_YEAR})\b"
    ),
    "en": re.compile(
        rf"{_NUMERIC}|{_ISO}"
        rf"|\b(?P<day>\d{{1,2}})(?:st|nd|rd|th)?[\s-](?:of\s)?(?P<month>{_MONTH['en']})\b(?:,?\s(?P<year>{_YEAR})\b)?"
        rf"|\b(?P<us_m>{_MONTH['en']})\s(?:the\s)?(?P<us_d>\d{{1,2}})(?:st|nd|rd|th)?\b(?!\d)(?:,?\s(?P<us_y>{_YEAR})\b)?"
        rf"|\b(?P<alone>{_MONTH['en']})(?:\sof|,)?\s(?P<of>{_YEAR})\b"
    ),
}
_DATE_IN_FIGURES = re.compile(rf"{_NUMERIC}|{_ISO}")
_LONE_MONTH = {
    "de": re.compile(
        rf"\b(?:(?P<full>{_FULL_MONTHS['de']})(?:(?:e?s)?\b(?!-)|(?P<more>-|woche|tag|abend|sonne|hälfte|ausgabe))"
        rf"|(?P<short>{_SHORT_MONTHS['de']}))"
    ),
    "en": re.compile(rf"\b(?:(?P<full>{_FULL_MONTHS['en']})\b(?P<more>)|(?P<short>{_SHORT_MONTHS['en']}))"),
}
_BY_NUMBERS = re.compile(r"\d[./-]")
"""Stands in every date that has no name of a month."""
_BEFORE_CHARS = 12
_PLAIN_WORDS = {"de": ("mai", "august"), "en": ("may", "march", "april", "june", "august")}
"""Months that are names or verbs too: without a day, a year or one of these before them they are not certain."""
_BEFORE_MONTH = re.compile(
    r"\b(?:im|seit|ab|bis|Anfang|Mitte|Ende|zum|vom"
    r"|in|since|until|till|by|of|early|late|mid|last|next|end|this|from)[ -]$"
)
_WEEKDAY = {
    "de": re.compile(r"(?i:(?P<w>montag|dienstag|mittwoch|donnerstag|freitag|samstag|sonntag|sonnabend))(?P<rest>\w*)"),
    "en": re.compile(r"\b(?P<w>Mon|Tues|Wednes|Thurs|Fri|Satur|Sun)day(?P<rest>\w*)"),
}
_WEEKDAYS = {
    **dict(zip("montag dienstag mittwoch donnerstag freitag samstag sonntag".split(), range(7), strict=True)),
    **dict(zip("Mon Tues Wednes Thurs Fri Satur Sun".split(), range(7), strict=True)),
    "sonnabend": 5,
}
_DAY_SIGNS = {"de": tuple(day for day in _WEEKDAYS if day.islower()), "en": ("day",)}
"""One of these stands in every weekday, in lower case."""
_SHORT_DAYS = {
    "de": re.compile(r"\b(?:Mo|Di|Mi|Do|Fr|Sa|So)\.(?=,)"),
    "en": re.compile(r"\b(?:Mon|Tues?|Wed|Thurs?|Fri|Sat|Sun)\b\.?"),
}
_SHORT_DAY_SIGNS = {"de": (".,",), "en": ("Mon", "Tue", "Wed", "Thu", "Fri", "Sat", "Sun")}
_SHORT_ORDER = {"mo": 0, "di": 1, "tu": 1, "mi": 2, "we": 2, "do": 3, "th": 3, "fr": 4, "sa": 5, "so": 6, "su": 6}


def dates(passage: Passage) -> list[Fact]:
    """The days, months and weekdays of a text; times of day are in `clocks`."""
    text, language = passage.text, passage.language
    named = any(stem in text for stem in _MONTH_STEMS[language])
    may_be_dated = passage.has_digit and (named or _BY_NUMBERS.search(text))
    pattern = _DATE[language] if named else _DATE_IN_FIGURES
    matches = pattern.finditer(text) if may_be_dated else ()
    found = [fact for match in matches for fact in _parts(match, language)]
    if named:
        dated = {place for fact in found for place in range(*fact.span)}
        found += [fact for fact in _lone_months(text, language) if fact.span.start not in dated]
    if any(sign in passage.lower for sign in _DAY_SIGNS[language]):
        found += _weekdays(text, language)
    if any(sign in text for sign in _SHORT_DAY_SIGNS[language]):
        found += _short_weekdays(text, language)
    return found


def _parts(match: re.Match[str], language: Language) -> Iterator[Fact]:
    """Day, month and year as facts of their own, so that each can be found where the other text puts it."""
    span = Span(*match.span())
    if match["sep"]:
        day, month = int(match["d"]), int(match["m"])
        either = language == "en" or match["sep"] == "/"
        if not _is_day(day, month) and not (either and _is_day(month, day)):
            return
        days, months = ({day, month}, {day, month}) if either else ({day}, {month})
        yield from _dated(span, days, {m for m in months if m <= 12}, match["y"])  # noqa: PLR2004 - months
        return
    if match["iso_y"]:
        yield from _dated(span, {int(match["iso_d"])}, {int(match["iso_m"])}, match["iso_y"])
        return
    groups = match.groupdict()
    name = match["month"] or match["alone"] or groups.get("us_m") or ""
    day_text = match["day"] or groups.get("us_d")
    year = match["year"] or match["of"] or groups.get("us_y")
    yield from _dated(span, {int(day_text)} if day_text else set(), {month_of(name, language)}, year)


def _is_day(day: int, month: int) -> bool:
    return 1 <= day <= 31 and 1 <= month <= 12  # noqa: PLR2004 - a calendar


def _dated(span: Span, days: set[int], months: set[int], year: str | None) -> Iterator[Fact]:
    if days:
        yield Fact("date", span, frozenset(map(number_key, days)))
    month_keys: frozenset[Key] = frozenset(("month", Fraction(month)) for month in months)
    yield Fact("date", span, month_keys, frozenset(map(number_key, months)))
    if year:
        value = int(year)
        years = {value} if len(year) > 2 else {value, 1900 + value, 2000 + value}  # noqa: PLR2004 - "04.05.18"
        yield Fact("date", span, frozenset(map(number_key, years)), frozenset({number_key(value % 100)}))


def month_of(name: str, language: Language) -> int:
    """The number of a month, by its name or its abbreviation."""
    (found,) = pairs(f"months_{language}")[name.lower().rstrip(".")]
    return int(found)


def _lone_months(text: str, language: Language) -> Iterator[Fact]:
    for match in _LONE_MONTH[language].finditer(text):
        name = match["full"] or match["short"]
        month: Key = ("month", Fraction(month_of(name, language)))
        plain = name.lower() in _PLAIN_WORDS[language]
        certain = match["short"] is None and not match["more"] and (not plain or _is_announced(text, match.start()))
        yield Fact("date", Span(match.start(), match.start() + len(name)), frozenset({month}), certain=certain)


def _is_announced(text: str, place: int) -> bool:
    return _BEFORE_MONTH.search(text[max(0, place - _BEFORE_CHARS) : place]) is not None


def _weekdays(text: str, language: Language) -> Iterator[Fact]:
    for match in _WEEKDAY[language].finditer(text):
        day: Key = ("weekday", Fraction(_WEEKDAYS[caseless(match["w"]) if language == "de" else match["w"]]))
        alone = match["rest"] in {"", "s"} or match["rest"].endswith(("abend", "morgen", "nachmittag", "nacht"))
        certain = alone and not text[max(0, match.start() - 1) : match.start()].isalpha()  # Palmsonntag supports only
        yield Fact("date", Span(*match.span()), frozenset({day}), certain=certain)


def _short_weekdays(text: str, language: Language) -> Iterator[Fact]:
    for match in _SHORT_DAYS[language].finditer(text):
        number = _SHORT_ORDER[match.group()[:2].lower()]
        yield Fact("date", Span(*match.span()), frozenset({("weekday", Fraction(number))}), certain=False)
