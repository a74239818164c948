"""Finds times of day: 14.30 Uhr, 20 Uhr, 2:30 p.m., eight o'clock, noon."""

import re
from collections.abc import Iterator
from fractions import Fraction

from service.trust.facts import Fact, Key, Language, number_key
from service.trust.passage import Passage
from service.types import Span

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
