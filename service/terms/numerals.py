"""German numerals and their English forms: 100.000 → 100,000, 31.12.2021 → 31 December 2021, Elf-Milliarden-Euro."""

import re
from collections.abc import Callable

from service.terms.required import Required
from service.types import Span

MONTHS = ("January February March April May June July August September October November December").split()
SMALL = {
    "zwei": 2, "drei": 3, "vier": 4, "fünf": 5, "sechs": 6, "sieben": 7, "acht": 8, "neun": 9, "zehn": 10, "elf": 11,
    "zwölf": 12, "zwanzig": 20, "dreißig": 30, "vierzig": 40, "fünfzig": 50, "hundert": 100,
}  # fmt: skip
LARGE = {"millionen": "million", "milliarden": "billion", "billionen": "trillion"}
UNITS = {"euro": "euro", "dollar": "dollar", "franken": "franc", "pfund": "pound"}

MOST_DAYS = 31

_DATE = re.compile(r"(?<![\d.])(\d{1,2})\.\s?(\d{1,2})\.(?:\s?((?:19|20)\d\d)(?!\d))?(?![\d])")
_TIME = re.compile(r"(?<![\d.,])(\d{1,2})[.:](\d\d)(?=\s?Uhr\b)")
_AMOUNT = re.compile(
    rf"(?<!\w)({'|'.join(SMALL)}|\d+(?:,\d+)?)-({'|'.join(LARGE)})-({'|'.join(UNITS)})(?![a-zäöüß])", re.IGNORECASE
)
_NUMBER = re.compile(r"(?<![\w.,:/-])(\d{1,3}(?:\.\d{3})+(?:,\d+)?|\d+,\d+)(?![\w]|[.,:/]\d)")
_MARKED = re.compile(r"\d[.,:]")
"""Stands in every date, time and number; like the two hyphens of an amount, it is found much faster, and seldom."""


def numerals(text: str) -> list[Required]:
    """Every numeral in ``text`` whose English form is another one, in order, none inside another."""
    if _MARKED.search(text) is None and text.count("-") < 2:  # noqa: PLR2004 - "Elf-Milliarden-Euro"
        return []
    found: list[Required] = []
    for pattern, form in _FORMS:
        for match in pattern.finditer(text):
            span = Span(*match.span())
            required = form(match, span)
            if required is not None and not any(_meet(span, other.span) for other in found):
                found.append(required)
    return sorted(found, key=lambda one: one.span)


def _meet(one: Span, other: Span) -> bool:
    return one.start < other.end and other.start < one.end


def _date(match: re.Match[str], span: Span) -> Required | None:
    day, month, year = int(match[1]), int(match[2]), match[3]
    if not (1 <= day <= MOST_DAYS and 1 <= month <= len(MONTHS)):
        return None
    name = MONTHS[month - 1]
    end = f" {year}" if year else ""
    american = f"{name} {day}, {year}" if year else f"{name} {day}"
    accepted = (american, f"{day}th {name}{end}", f"{name} {day}{end}", f"{day} {name[:3]}{end}")
    return Required(span, f"{day} {name}{end}", "date", match.group(), accepted)


def _time(match: re.Match[str], span: Span) -> Required | None:
    hour, minute = int(match[1]), match[2]
    if hour > 24 or int(minute) > 59:  # noqa: PLR2004 - hours and minutes of a day
        return None
    half_day = f"{(hour - 1) % 12 + 1}:{minute}"
    return Required(span, f"{hour}:{minute}", "date", match.group(), (half_day, f"{hour:02}:{minute}"))


def _amount(match: re.Match[str], span: Span) -> Required:
    count = match[1].casefold()
    size = str(SMALL[count]) if count in SMALL else count.replace(",", ".")
    large, unit = LARGE[match[2].casefold()], UNITS[match[3].casefold()]
    accepted = (f"{size} {large} {unit}", f"{size}-{large} {unit}", f"{size} {large}-{unit}", f"€{size} {large}")
    return Required(span, f"{size}-{large}-{unit}", "number", match.group(), accepted)


def _number(match: re.Match[str], span: Span) -> Required:
    german = match.group()
    english = german.translate(str.maketrans(".,", ",."))
    return Required(span, english, "number", german, (english.replace(",", ""), english.replace(",", " ")))


Form = Callable[[re.Match[str], Span], Required | None]
_FORMS: tuple[tuple[re.Pattern[str], Form], ...] = (
    (_DATE, _date),
    (_TIME, _time),
    (_AMOUNT, _amount),
    (_NUMBER, _number),
)
