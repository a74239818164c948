"""Dates and times of day of a German or English text."""

import re
from collections.abc import Iterator
from fractions import Fraction

from service.checks.base import Fact, Key, Language, Passage, fold_case, number_key
from service.domain import Span
from service.languages.wordlists import pairs

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
        day: Key = ("weekday", Fraction(_WEEKDAYS[fold_case(match["w"]) if language == "de" else match["w"]]))
        alone = match["rest"] in {"", "s"} or match["rest"].endswith(("abend", "morgen", "nachmittag", "nacht"))
        certain = alone and not text[max(0, match.start() - 1) : match.start()].isalpha()  # Palmsonntag supports only
        yield Fact("date", Span(*match.span()), frozenset({day}), certain=certain)


def _short_weekdays(text: str, language: Language) -> Iterator[Fact]:
    for match in _SHORT_DAYS[language].finditer(text):
        number = _SHORT_ORDER[match.group()[:2].lower()]
        yield Fact("date", Span(*match.span()), frozenset({("weekday", Fraction(number))}), certain=False)


_HOURS, _MINUTES = 24, 60
_HALF_DAY_MIN = 12 * _MINUTES
_CLOCK = {
    "de": re.compile(
        r"\b(?P<h>\d{1,2})(?:[.:](?P<min>\d\d))?(?:\s?(?:-|–|bis)\s?\d{1,2}(?:[.:]\d\d)?)?\s?(?P<mark>Uhr\b|h\b)(?:\s(?P<after>\d\d)\b)?"
        r"|\b(?P<h2>\d{1,2}):(?P<min2>\d\d)\b(?![:,.]\d)"
    ),
    "en": re.compile(
        r"\b(?P<h>\d{1,2})(?:[.:](?P<min>\d\d))?\s?(?P<mark>[aApP]\.?\s?[mM]\b\.?|o['’]?\s?clock|hrs?\b|hours\b(?=\s(?:on|and|GMT|CET)))"
        r"|\b(?P<h2>\d{1,2}):(?P<min2>\d\d)\b(?![:,.]\d)"
    ),
}
_NAMED = {
    "de": re.compile(r"\b(?P<noon>[Mm]ittags?)\b|\b(?P<midnight>[Mm]itternacht)"),
    "en": re.compile(r"\b(?P<noon>[Nn]oon|[Mm]idday)\b|\b(?P<midnight>[Mm]idnight)\b"),
}
_NAMED_SIGNS = {"de": ("ittag", "itternacht"), "en": ("oon", "idday", "idnight")}
"""One of these stands in every named time, and is found much faster; so is a digit, which every clock shows."""


def clocks(passage: Passage) -> list[Fact]:
    """The times of day in a text; a 12-hour time without a half of the day has two readings."""
    text, language = passage.text, passage.language
    matches = _CLOCK[language].finditer(text) if passage.has_digit else ()
    found = [fact for match in matches if (fact := _clock(match, language)) is not None]
    if any(sign in text for sign in _NAMED_SIGNS[language]):
        found += _named(text, language)
    return found


def _clock(match: re.Match[str], language: Language) -> Fact | None:
    hour = int(match["h"] or match["h2"])
    minute = int(match["min"] or match["min2"] or match.groupdict().get("after") or 0)
    if hour > _HOURS or minute >= _MINUTES:
        return None
    mark = (match["mark"] or "").lower()
    half = mark[:1] if language == "en" and mark[:1] in "ap" else ""
    minutes = {time % (_HOURS * _MINUTES) for time in _times(hour, minute, half)}
    readings: set[Key] = {("time", Fraction(time)) for time in minutes}
    if not mark:  # "2:10" may be a result or a length
        readings.add(number_key(hour))
    hints = {number_key(hour), number_key(minute), number_key(hour + Fraction(minute, 100))}
    hints |= {number_key(time // _MINUTES % hours) for time in minutes for hours in (_HOURS, _HOURS // 2)}
    return Fact("date", Span(*match.span()), frozenset(readings), frozenset(hints))


def _times(hour: int, minute: int, half: str) -> Iterator[int]:
    time = hour * _MINUTES + minute
    if half:
        yield time % _HALF_DAY_MIN + (_HALF_DAY_MIN if half == "p" else 0)
    else:
        yield time
        if hour <= _HOURS // 2:
            yield time + _HALF_DAY_MIN


def _named(text: str, language: Language) -> Iterator[Fact]:
    for match in _NAMED[language].finditer(text):
        time: Key = ("time", Fraction(_HALF_DAY_MIN if match["noon"] else 0))
        yield Fact("date", Span(*match.span()), frozenset({time}), certain=False)
