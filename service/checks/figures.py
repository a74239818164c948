"""Checks that compare the numbers, dates and times of day of a text with those of its source."""

import re
from collections.abc import Iterator, Sequence
from fractions import Fraction
from functools import cache, lru_cache
from itertools import zip_longest
from typing import NamedTuple

from service.checks.base import (
    Code,
    Fact,
    Finding,
    Key,
    Passage,
    Severity,
    lower_same_length,
    number_key,
    number_keys,
    unsupported,
)
from service.domain import Span
from service.languages.base import DateGrammar, NumberGrammar, ParsedNumber, Token

_MOST_DIGITS = 30  # longer numerals are not quantities, and large numbers are slow to process
_GROUP_DIGITS = 3
_VULGAR = {"½": Fraction(1, 2), "¼": Fraction(1, 4), "¾": Fraction(3, 4)}
_JOINING = re.compile(r"[ \u00a0\u202f]?|-|\.-")
_YEAR_BEFORE = re.compile(r"(?:1[89]|20)\d\d[/–-]")
_YEAR_CHARS = 5
_CENTURIES = (1900, 2000)
_ONE = Fraction(1)
_MOST_SCALES = 2


class _Quantity(NamedTuple):
    """A number in a text, at ``span``.

    ``part`` contains its possible values, multiplied by its scale words such as "million" (see `_scaled`). ``scale`` is
    the product of these words, or 1 if there is none.
    """

    span: Span
    part: ParsedNumber
    scale: Fraction


def find_numbers(text: str, grammar: NumberGrammar) -> list[Fact]:
    """Find the numbers in ``text``, both in digits and in words, and return them as facts in order."""
    found = list(_quantities(text, grammar))
    phrases = [Span(*match.span()) for match in grammar.phrases.finditer(text)]
    return [
        Fact(
            "number",
            one.span,
            number_keys(one.part.values),
            number_keys(one.part.hints),
            one.part.certain and not any(one.span.overlaps(span) for span in phrases),
        )
        for one in _with_ranges(text, found, _range(grammar))
    ]


@cache
def _token(grammar: NumberGrammar) -> re.Pattern[str]:
    """Return a pattern that matches a word or a numeral. A numeral is also group 1.

    The pattern splits "4.5.2018" into several numerals.
    """
    group, point = re.escape(grammar.group), re.escape(grammar.point)
    grouped = rf"\d{{1,3}}(?:(?:{group}\d{{3}})+|(?:['’\u00a0\u202f ]\d{{3}})+)(?![\d])(?:{point}\d+)?"
    plain = r"\d+(?:[.,]\d+(?![.,]?\d))?"
    bare_decimals = r"(?<![\w.,])[.,]\d+(?![.,]?\d)"
    numeral = rf"(?<![\d.,])(?:{grouped}|{plain})|{bare_decimals}|(?<=[.,])\d+|[½¼¾]"
    return re.compile(rf"(?![½¼¾])[^\W\d_]+|(?=[\d.,½¼¾])({numeral})")


@cache
def _range(grammar: NumberGrammar) -> re.Pattern[str]:
    return re.compile(rf"\s?(?:-|–|—|/|{grammar.range_words})\s?(?:\$|€|£|a |an )?")


def _quantities(text: str, grammar: NumberGrammar) -> Iterator[_Quantity]:
    tokens = list(_token(grammar).finditer(text))
    end = 0
    for place, first in enumerate(tokens):
        if place < end:
            continue
        is_numeral = first.lastindex is not None
        part = _numeral(text, first, grammar) if is_numeral else grammar.read(first[0])
        if part is None:
            continue
        end = place + 1
        if not is_numeral:
            part, end = grammar.extend(text, tokens, place, part)
        part, end, by = _scaled(text, tokens, end, part, grammar)
        yield _Quantity(Span(first.start(), tokens[end - 1].end()), part, by)


def _numeral(text: str, token: Token, grammar: NumberGrammar) -> ParsedNumber:
    found = _values(token[0], grammar)
    return ParsedNumber(found | _years(text, token, found, grammar), frozenset(), certain=bool(found))


@lru_cache(maxsize=2_000)
def _values(numeral: str, grammar: NumberGrammar) -> frozenset[Fraction]:
    """Return the possible values of a numeral without a sign.

    An ambiguous numeral has several values. In a German text, for example, "1,500" may mean 1.5 or 1500. A numeral with
    more than 30 characters has no value.
    """
    if len(numeral) > _MOST_DIGITS:
        return frozenset()
    if numeral in _VULGAR:
        return frozenset({_VULGAR[numeral]})
    if " " in numeral:  # "10 000" may be one number or two
        parts = [part for piece in numeral.split(" ") for part in _values(piece, grammar)]
        return frozenset({*_values(numeral.replace(" ", "\u202f"), grammar), *parts})
    whole, _, decimals = re.sub(r"['’\u00a0\u202f]", "", numeral).partition(grammar.point)
    if decimals:
        found = {_decimal(whole.replace(grammar.group, ""), decimals)}
        one_point = len(decimals) == _GROUP_DIGITS and grammar.group not in whole and whole != "0"
        if grammar.point_may_group and one_point:
            found.add(Fraction(int(whole + decimals)))
        return frozenset(found)
    head, _, tail = whole.partition(grammar.group)
    if not tail or (len(tail.rpartition(grammar.group)[2]) == _GROUP_DIGITS and head != "0"):
        return frozenset({Fraction(int(whole.replace(grammar.group, "")))})
    return frozenset({_decimal(head, tail)})


def _decimal(whole: str, decimals: str) -> Fraction:
    return Fraction(int((whole or "0") + decimals), 10 ** len(decimals))


def _years(text: str, token: Token, found: frozenset[Fraction], grammar: NumberGrammar) -> frozenset[Fraction]:
    """Return the years that a numeral may mean in "90er", "1990s", "'90" or "2017/18", besides its values in ``found``.

    A century, 1900 or 2000, is added to a value below 100, or subtracted from a value in this century. The result is
    empty if there is no such value, or if the text around ``token`` does not have one of these forms.
    """
    before = text[max(0, token.start() - _YEAR_CHARS) : token.start()]
    decade = grammar.decade_after.match(text, token.end())
    if not (decade or _YEAR_BEFORE.fullmatch(before) or before.endswith(("'", "’", "`"))):
        return frozenset()
    short = {value - century for value in found for century in _CENTURIES if century <= value < century + 100}
    return frozenset(short | {century + value for value in found if value < 100 for century in _CENTURIES})  # noqa: PLR2004 - a year's last two digits


def _scaled(
    text: str, tokens: Sequence[Token], end: int, part: ParsedNumber, grammar: NumberGrammar
) -> tuple[ParsedNumber, int, Fraction]:
    """Multiply a number by the scale words that follow it, such as "million". At most two scale words are used.

    ``end`` is the index of the token after the number. Return the scaled number, the index of the token after the last
    scale word, and the product of the scales. The values with and without the scale are possible if the word is one of
    the grammar's ``touching_scales``. If words such as "and a half" follow, half of the product may be added.
    """
    by, scales = _ONE, 0
    while part.values and scales < _MOST_SCALES and (place := _scale_place(text, tokens, end, grammar)) is not None:
        word = tokens[place][0]
        found = grammar.scale(word) or by
        if word.lower() in grammar.touching_scales:
            if tokens[place].start() > tokens[end - 1].end() or tokens[end - 1].lastindex is None:
                break
            return ParsedNumber(part.values | _times(part.values, found), part.hints, certain=True), place + 1, found
        part = ParsedNumber(_times(part.values, found), part.hints | {found}, certain=True)
        by, scales, end = by * found, scales + 1, place + 1
    if grammar.half_more.match(text, tokens[end - 1].end()):
        part = part._replace(values=part.values | {value + by / 2 for value in part.values})
    return part, end, by


def _scale_place(text: str, tokens: Sequence[Token], end: int, grammar: NumberGrammar) -> int | None:
    """Return the index of the scale word that belongs to a number, or None if the number has no scale word.

    ``end`` is the index of the token after the number. The article in "half a million" is skipped.
    """
    half_of = (tokens[end - 1][0].lower(), tokens[end][0].lower()) if end + 1 < len(tokens) else None
    if half_of is not None and half_of == grammar.half_of:
        end += 1
    if end >= len(tokens) or grammar.scale(tokens[end][0]) is None:
        return None
    gap = text[tokens[end - 1].end() : tokens[end].start()]
    return end if _JOINING.fullmatch(gap) else None


def _times(found: frozenset[Fraction], by: Fraction) -> frozenset[Fraction]:
    return frozenset(value * by for value in found)


def _with_ranges(text: str, found: Sequence[_Quantity], joint: re.Pattern[str]) -> Iterator[_Quantity]:
    """Yield all numbers. In the range "5 bis 7 Millionen", the scale of the second number may also apply to the first.

    ``joint`` matches the text between the two numbers of a range.
    """
    for one, following in zip_longest(found, found[1:]):
        if following is not None and following.scale > 1 and one.scale == 1 and one.part.values:
            between = text[one.span.end : following.span.start]
            if joint.fullmatch(between):
                part = one.part._replace(values=one.part.values | _times(one.part.values, following.scale))
                yield one._replace(part=part)
                continue
        yield one


_BEFORE_CHARS = 12
_HOURS, _MINUTES = 24, 60
_HALF_DAY_MIN = 12 * _MINUTES


def find_dates(text: str, grammar: DateGrammar) -> list[Fact]:
    """Find the days, months, years and weekdays in a text, and return each of them as a separate fact."""
    found = [fact for match in grammar.date.finditer(text) for fact in _parts(match, grammar)]
    dated = {place for fact in found for place in range(*fact.span)}
    found += [fact for fact in _lone_months(text, grammar) if fact.span.start not in dated]
    return [*found, *_weekdays(text, grammar), *_short_weekdays(text, grammar)]


def _parts(match: re.Match[str], grammar: DateGrammar) -> Iterator[Fact]:
    """Yield the day, month and year of a date as separate facts.

    In the other text, the parts of the date may be in different places. If numbers with full stops or slashes cannot be
    a date, yield nothing.
    """
    span = Span(*match.span())
    if match["sep"]:
        if match["sep"] == "." and not match["y"] and not grammar.dotted:
            return  # "7.4." is a number at the end of an English sentence
        day, month = int(match["d"]), int(match["m"])
        either = grammar.month_may_lead or match["sep"] == "/"
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
    yield from _dated(span, {int(day_text)} if day_text else set(), {_month(name, grammar)}, year)


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


def _month(name: str, grammar: DateGrammar) -> int:
    return grammar.months[name.lower().rstrip(".")]


def _lone_months(text: str, grammar: DateGrammar) -> Iterator[Fact]:
    for match in grammar.lone_month.finditer(text):
        name = match["full"] or match["short"]
        month: Key = ("month", Fraction(_month(name, grammar)))
        before = text[max(0, match.start() - _BEFORE_CHARS) : match.start()]
        sure = name.lower() not in grammar.plain_months or grammar.before_month.search(before) is not None
        certain = match["short"] is None and not match["more"] and sure
        yield Fact("date", Span(match.start(), match.start() + len(name)), frozenset({month}), certain=certain)


def _weekdays(text: str, grammar: DateGrammar) -> Iterator[Fact]:
    for match in grammar.weekday.finditer(text):
        name = lower_same_length(match["w"])
        number = grammar.weekdays[name]
        days: set[Key] = {("weekday", Fraction(number))}
        if grammar.night_before.search(text, max(0, match.start() - _BEFORE_CHARS), match.start()):
            days.add(("weekday", Fraction((number - 1) % 7)))
        alone = match["rest"] in {"", "s"} or match["rest"].endswith(grammar.day_parts)
        certain = alone and not text[max(0, match.start() - 1) : match.start()].isalpha()  # not for "Palmsonntag"
        yield Fact("date", Span(*match.span()), frozenset(days), certain=certain)


def _short_weekdays(text: str, grammar: DateGrammar) -> Iterator[Fact]:
    for match in grammar.short_day.finditer(text):
        number = grammar.short_days[match.group()[:2].lower()]
        yield Fact("date", Span(*match.span()), frozenset({("weekday", Fraction(number))}), certain=False)


def times_of_day(text: str, grammar: DateGrammar) -> list[Fact]:
    """Find the times of day in a text, including names such as "noon".

    A time in the 12-hour clock without "am" or "pm" has two readings, before and after noon. In a language that uses
    the 24-hour clock, a time such as "8 Uhr" has two readings only if the text contains a word for the afternoon or
    evening.
    """
    later = not grammar.full_day or grammar.later_half.search(text) is not None
    found = [fact for match in grammar.clock.finditer(text) for fact in _clock(match, grammar, later=later)]
    for match in grammar.named_time.finditer(text):
        time: Key = ("time", Fraction(_HALF_DAY_MIN if match["noon"] else 0))
        found.append(Fact("date", Span(*match.span()), frozenset({time}), certain=False))
    return found


def _clock(match: re.Match[str], grammar: DateGrammar, *, later: bool) -> Iterator[Fact]:
    """Yield the time at ``match``, and the end of the range if the match contains one. Invalid times are left out.

    An hour up to 12 may also be after noon if ``later`` is True, or if no word such as "Uhr" follows. In a language
    with "am" and "pm", an hour with one of them has only one reading.
    """
    groups = match.groupdict()
    minute = match["min"] or match["min2"] or groups.get("after") or "0"
    times = [(int(match["h"] or match["h2"]), int(minute))]
    if groups.get("to_h"):
        times.append((int(groups["to_h"]), int(groups["to_min"] or 0)))
    for hour, minutes in times:
        if hour <= _HOURS and minutes < _MINUTES:
            yield _time(match, hour, minutes, grammar, later=later)


def _time(match: re.Match[str], hour: int, minute: int, grammar: DateGrammar, *, later: bool) -> Fact:
    mark = (match["mark"] or "").lower()
    half = mark[:1] if grammar.half_days and mark[:1] in {"a", "p"} else ""
    minutes = {time % (_HOURS * _MINUTES) for time in _times_of_day(hour, minute, half, either=later or not mark)}
    readings: set[Key] = {("time", Fraction(time)) for time in minutes}
    if not mark:  # "2:10" may also be a score or a duration
        readings.add(number_key(hour))
    hints = {number_key(hour), number_key(minute), number_key(hour + Fraction(minute, 100))}
    hints |= {number_key(time // _MINUTES % hours) for time in minutes for hours in (_HOURS, _HOURS // 2)}
    return Fact("date", Span(*match.span()), frozenset(readings), frozenset(hints))


def _times_of_day(hour: int, minute: int, half: str, *, either: bool) -> Iterator[int]:
    time = hour * _MINUTES + minute
    if half:
        yield time % _HALF_DAY_MIN + (_HALF_DAY_MIN if half == "p" else 0)
    else:
        yield time
        if either and hour <= _HOURS // 2:
            yield time + _HALF_DAY_MIN


_MOST_DECIMALS = 9


def find_facts(passage: Passage, *, dated: bool = True) -> list[Fact]:
    """Find the numbers in a passage and, if ``dated`` is True, the dates and times.

    The numbers inside a date or time that is certain are also returned separately, with ``certain`` False. Facts for
    which the language has no grammar are not found.
    """
    text, language = passage.text, passage.language
    days = [*find_dates(text, language.dates), *times_of_day(text, language.dates)] if dated and language.dates else []
    covered = {place for fact in days if fact.certain for place in range(*fact.span)}
    counted = find_numbers(text, language.numbers) if language.numbers else []
    return [*days, *(fact._replace(certain=False) if fact.span.start in covered else fact for fact in counted)]


def check_numbers(
    source: Passage,
    output: Passage,
    *,
    dated: bool = True,
    complete: bool = True,
    elsewhere: frozenset[Key] = frozenset(),
) -> Iterator[Finding]:
    """Check that the numbers and dates in ``output`` occur in ``source`` and, if ``complete`` is True, vice versa.

    Times of day are compared as well. If ``dated`` is False, only numbers are compared. If an added number differs from
    a missing one only by a power of ten ("Milliarde" as "trillion", 1,5 as 15), the two result in one finding with the
    code ``magnitude_changed``.

    If ``source`` is only part of the source text, ``elsewhere`` contains the keys of the facts in the whole text (see
    `fact_keys`). If a number or date of ``output`` occurs only in the rest of that text, the finding has the severity
    ``note``.
    """
    in_source, in_output = find_facts(source, dated=dated), find_facts(output, dated=dated)
    added = _without_copies(_unmatched(in_output, in_source, source.text), output.text, source.text)
    lost = _without_copies(_unmatched(in_source, in_output, output.text), source.text, output.text)
    shifted = _shifted(added, lost)
    for fact in added:
        yield _added(fact, shifted.get(fact.span), source.text, output.text, elsewhere=bool(fact.readings & elsewhere))
    if complete:
        reported = {other.span for other in shifted.values()}
        yield from (_lost(fact, source.text) for fact in lost if fact.span not in reported)


def _without_copies(facts: Sequence[Fact], text: str, other: str) -> list[Fact]:
    """Return the facts of ``text``, except weekdays and months that ``other`` contains in the same spelling.

    Such a word usually belongs to a name, such as "Fridays for Future".
    """
    return [one for one in facts if one.kind != "date" or not _is_copy(one.span.of(text), other)]


def _is_copy(words: str, text: str) -> bool:
    return words.isalpha() and re.search(rf"(?<!\w){re.escape(words)}(?!\w)", text) is not None


def fact_keys(passage: Passage) -> frozenset[Key]:
    """Return the keys of all numbers, dates and times in ``passage``, by which facts are compared (see `Fact`)."""
    return frozenset(key for fact in find_facts(passage) for key in (*fact.readings, *fact.hints))


def _unmatched(facts: Sequence[Fact], others: Sequence[Fact], text: str) -> list[Fact]:
    """Return the facts that have no counterpart among ``others``, which are the facts of ``text``.

    At most one fact is returned for each span. A plain number can be the counterpart of a time (see `_hours`).
    """
    alone = unsupported(facts, others)
    if not alone:
        return []
    timed = [other.span for other in others if any(kind == "time" for kind, _ in other.readings)]
    plain = {
        key
        for other in others
        if other.kind == "number"
        and (other.certain or text[other.span.start].isdigit())
        and not any(span.start <= other.span.start < span.end for span in timed)
        for key in other.readings
    }
    found = (fact for fact in alone if not _hours(fact) & plain)
    return list({fact.span: fact for fact in found}.values())


def _shifted(added: Sequence[Fact], lost: Sequence[Fact]) -> dict[Span, Fact]:
    """Map the span of each added number to a lost number that differs from it only by a power of ten.

    Added numbers without such a counterpart are left out.
    """
    by_digits = {digits: other for other in lost if other.kind == "number" for digits in _digits(other)}
    matches = ((fact, by_digits.get(digits)) for fact in added if fact.kind == "number" for digits in _digits(fact))
    return {fact.span: other for fact, other in matches if other is not None}


def _digits(fact: Fact) -> Iterator[str]:
    """Yield the digits of each possible value of a number, without zeros at both ends.

    At most nine decimal places are considered. The digits are the same for 15, 1.5 and 1,500,000.
    """
    for kind, value in fact.readings:
        if kind == "number" and value:
            yield str(value.numerator * 10**_MOST_DECIMALS // value.denominator).strip("0")


def _added(fact: Fact, shifted: Fact | None, source: str, output: str, *, elsewhere: bool) -> Finding:
    text, severity = fact.span.of(output), Severity.NOTE if elsewhere else Severity.REVIEW
    if shifted is not None:
        message = f"“{shifted.span.of(source)}” became “{text}”: the order of magnitude changed"
        return Finding(Code.MAGNITUDE_CHANGED, message, shifted.span, fact.span, severity)
    code = Code.DATE_UNSUPPORTED if fact.kind == "date" else Code.NUMBER_UNSUPPORTED
    place = "in the sentences that support this one, only elsewhere in the source" if elsewhere else "in the source"
    return Finding(code, f"“{text}” does not appear {place}", output=fact.span, severity=severity)


def _lost(fact: Fact, source: str) -> Finding:
    code = Code.DATE_MISSING if fact.kind == "date" else Code.NUMBER_MISSING
    return Finding(code, f"“{fact.span.of(source)}” does not appear in the translation", source=fact.span)


def _hours(fact: Fact) -> set[Key]:
    """Return the numbers that can express a time that is written without a colon or "o'clock" ("at 8", "at 6.30").

    The result is empty if ``fact`` is not a time.
    """
    return {
        number_key(hour + part)
        for kind, value in fact.readings
        if kind == "time"
        for hour in (value // _MINUTES, value // _MINUTES % 12)
        for part in (0, value % _MINUTES / 100)
    }
