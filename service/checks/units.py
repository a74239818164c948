"""Checks that compare the currencies and units of measure of a text with those of its source."""

import re
from collections.abc import Iterator, Mapping
from functools import cache, lru_cache
from typing import NamedTuple

from service.checks.base import Code, Finding, Key, Passage
from service.checks.figures import find_facts
from service.domain import Span
from service.languages.base import NumberGrammar, UnitGrammar

_BEFORE = frozenset({"€", "$", "£", "¥", "eur", "usd", "gbp", "chf", "czk"})
_AMOUNT = r"(?<![\d.,])[\d½¼¾][\d.,]{0,30}"
_LEAST_COMPOUND_CHARS = 4
_CURRENCIES = frozenset({"euro", "dollar", "pound", "franc", "yen", "ruble", "yuan", "krone"})
"""The names by which the unit grammars of all languages identify currencies."""


def check_units(source: Passage, output: Passage, *, complete: bool = True) -> Iterator[Finding]:
    """Compare the units in ``output`` with those in ``source``.

    A number here is a numeral or a scale word ("million"). A unit counts as added if it occurs with a number in
    ``output`` more often than ``source`` mentions it. A unit counts as lost if it occurs with a number in ``source``
    more often than ``output`` mentions it. A translator may add "per cent" to a number, so added units are reported
    only if another unit is lost. Lost units are reported only if no unit is added, ``output`` does not mention them at
    all, and ``complete`` is True. If these counts reveal no error, and ``complete`` is True, the unit of each number is
    compared (see `_check_amounts`). If this reveals no error either, and no unit occurs with a number in ``source``,
    the currencies are compared (see `_check_currencies`). Each unit is reported at most once. Both languages must have
    a unit grammar.
    """
    in_source, in_output = _counted(source), _counted(output)
    added = [unit for unit, spans in in_output.items() if len(spans) > _mentions(unit, source)]
    lost = [unit for unit, spans in in_source.items() if len(spans) > _mentions(unit, output)]
    if complete and not (lost and (added or any(not _mentions(unit, output) for unit in lost))):
        found = list(_check_amounts(source, output))
        yield from found or (() if in_source else _check_currencies(source, output))
    for unit in added if lost else ():
        span = in_output[unit][0]
        message = f"the unit in “{span.of(output.text).strip()}” does not match the source"
        yield Finding(Code.UNIT_CHANGED, message, output=span)
    for unit in lost if complete and not added else ():
        if not _mentions(unit, output):
            span = in_source[unit][0]
            message = f"the unit of “{span.of(source.text).strip()}” does not appear in the translation"
            yield Finding(Code.UNIT_MISSING, message, source=span)


def _check_currencies(source: Passage, output: Passage) -> Iterator[Finding]:
    """Check that ``output`` does not replace a currency that ``source`` mentions with another currency.

    This check is for sources in which no unit occurs with a number ("der Euro").
    """
    ones, others = ({unit for unit in _CURRENCIES if _mentions(unit, text)} for text in (source, output))
    for unit, other in zip(sorted(ones - others), sorted(others - ones), strict=False):
        message = f"the translation mentions another currency: {other} instead of {unit}"
        yield Finding(Code.UNIT_CHANGED, message)


class _Amount(NamedTuple):
    """A number in a text, with its possible values and its unit. ``span`` includes the unit, if there is one."""

    span: Span
    values: frozenset[Key]
    unit: str | None


def _check_amounts(source: Passage, output: Passage) -> Iterator[Finding]:
    """Check that each number of ``source`` with a unit has the same unit in ``output``.

    Numbers that ``output`` does not contain are skipped. A number without a unit is not reported if a number with this
    unit follows in the same list or range, because the unit may apply to both ("15, 11 and 10 percent"). Each unit is
    reported at most once.
    """
    by_value: dict[Key, list[_Amount]] = {}
    starts: dict[str | None, list[int]] = {}  # the starts of the numbers with each unit
    for other in _amounts(output):
        starts.setdefault(other.unit, []).append(other.span.start)
        for value in other.values:
            by_value.setdefault(value, []).append(other)
    reported: set[str] = set()
    for one in _amounts(source):
        if one.unit is None or one.unit in reported:
            continue
        same = [other for value in one.values for other in by_value.get(value, ())[:_MOST_EQUAL]]
        if not same or any(other.unit == one.unit for other in same):
            continue
        changed = next((other for other in same if other.unit is not None), None)
        if changed is not None:
            reported.add(one.unit)
            message = f"the unit in “{changed.span.of(output.text).strip()}” does not match the source"
            yield Finding(Code.UNIT_CHANGED, message, one.span, changed.span)
        elif not any(_is_list(same[0].span, start, output) for start in starts.get(one.unit, ())):
            reported.add(one.unit)
            message = f"the unit of “{one.span.of(source.text).strip()}” does not appear in the translation"
            yield Finding(Code.UNIT_MISSING, message, one.span, same[0].span)


def _is_list(amount: Span, start: int, output: Passage) -> bool:
    """Return whether the number at ``amount`` and a later one at ``start`` are in a list or range ("15, 11 and 10")."""
    return _between(output.language.numbers).fullmatch(output.lower, amount.end, start) is not None


@cache
def _between(grammar: NumberGrammar | None) -> re.Pattern[str]:
    words = "(?!)" if grammar is None else grammar.range_words
    return re.compile(rf"(?:[\s,.\d/–—-]|\b(?:{words})\b)*")


_MOST_EQUAL = 100  # limits the running time for texts that repeat a number


def _amounts(passage: Passage) -> list[_Amount]:
    """Return the numbers of a passage, in digits or in words, except those in dates and uncertain ones (see `Fact`)."""
    units = passage.language.units
    if units is None:
        return []
    before, after = _unit_before(units), _unit_after(units)
    amounts = []
    for fact in find_facts(passage):
        if fact.kind != "number" or not fact.certain:
            continue
        found = after.match(passage.lower, fact.span.end)
        start = before.search(passage.lower, max(0, fact.span.start - _MOST_SIGN_CHARS), fact.span.start)
        unit = _unit_of(start[1], units) if start else _unit_of(found[1], units) if found else None
        span = Span(start.start() if start else fact.span.start, found.end() if found and not start else fact.span.end)
        amounts.append(_Amount(span, fact.readings, unit))
    return amounts


def _counted(passage: Passage) -> Mapping[str, list[Span]]:
    """Map each unit in a passage to the spans in which it occurs with a numeral or a scale word such as "million".

    A span includes the numeral or, if there is none, the scale word.
    """
    found: dict[str, list[Span]] = {}
    grammar = passage.language.units
    if grammar is not None:
        for match in _number_with_unit(grammar).finditer(passage.lower):
            unit = _unit_of(match["before"] or match["after"], grammar)
            found.setdefault(unit, []).append(Span(*match.span()))
    return found


def _mentions(unit: str, passage: Passage) -> int:
    """Return how often a passage mentions a unit, with or without a number."""
    grammar = passage.language.units
    return 0 if grammar is None else sum(1 for _ in _mention(unit, grammar).finditer(passage.lower))


@lru_cache(maxsize=2_000)
def _unit_of(form: str, grammar: UnitGrammar) -> str:
    return next(unit for unit, forms in grammar.forms.items() if _fits(form, forms, grammar))


def _fits(form: str, forms: tuple[str, ...], grammar: UnitGrammar) -> bool:
    beginnings = tuple(one for one in forms if one[0].isalpha() and len(one) > _LEAST_COMPOUND_CHARS)
    return form.removesuffix("s") in forms or form in forms or (not grammar.whole_words and form.startswith(beginnings))


def _pattern(forms: tuple[str, ...], grammar: UnitGrammar) -> str:
    signs = [re.escape(form) for form in forms if not form[0].isalpha()]
    words = [
        rf"(?<![^\W\d_]){re.escape(form)}{_ending(form, grammar)}"
        for form in sorted(forms, key=len, reverse=True)
        if form[0].isalpha()
    ]
    return "|".join((*signs, *words))


def _ending(form: str, grammar: UnitGrammar) -> str:
    """Return a pattern for the text after a form of a unit.

    If the grammar requires whole words, no letter, digit or underscore may follow the form. Otherwise, only an "s" may
    follow a form with up to four characters, so that "euro" does not match in "europäisch". Any letters may follow a
    longer form.
    """
    if grammar.whole_words:
        return r"(?!\w)"
    return r"s?(?!\w)" if len(form) <= _LEAST_COMPOUND_CHARS else r"\w*"


@cache
def _mention(unit: str, grammar: UnitGrammar) -> re.Pattern[str]:
    """Return a pattern that matches all forms of a unit in lower-case text.

    Unless the grammar requires whole words, forms with at least four characters also match inside compounds.
    """
    forms = grammar.forms.get(unit, ())
    in_compounds = [form for form in forms if len(form) >= _LEAST_COMPOUND_CHARS and not grammar.whole_words]
    anywhere = "|".join(map(re.escape, in_compounds))
    return re.compile("|".join(filter(None, (_pattern(forms, grammar), anywhere))) or "(?!)")


@cache
def _number_with_unit(grammar: UnitGrammar) -> re.Pattern[str]:
    signs = "|".join(re.escape(form) for forms in grammar.forms.values() for form in forms if form in _BEFORE)
    after = "|".join(_pattern(forms, grammar).replace(r"(?<![^\W\d_])", "") for forms in grammar.forms.values())
    scales = rf"(?:[\s-]?(?<![^\W\d_])(?:{grammar.scale_words})\b)"
    return re.compile(
        rf"(?P<before>{signs or '(?!)'})\s?\d[\d.,]{{0,30}}|(?:{_AMOUNT}{scales}?|{scales})[\s-]?(?P<after>{after})"
    )


_MOST_SIGN_CHARS = 5


@cache
def _unit_before(grammar: UnitGrammar) -> re.Pattern[str]:
    """Return a pattern for a currency sign or code at the end of a text that precedes a number.

    The sign or code is group 1.
    """
    signs = "|".join(re.escape(form) for forms in grammar.forms.values() for form in forms if form in _BEFORE)
    return re.compile(rf"({signs or '(?!)'})\s?$")


@cache
def _unit_after(grammar: UnitGrammar) -> re.Pattern[str]:
    """Return a pattern for a unit after a number. The unit is group 1.

    "Of", and "US" or the qualifier of the grammar, may precede the unit ("20 Czech crowns").
    """
    after = "|".join(_pattern(forms, grammar).replace(r"(?<![^\W\d_])", "") for forms in grammar.forms.values())
    return re.compile(rf"[\s-]?(?:of\s)?(?:us[\s-]?|{grammar.qualifier}\s)?({after})")
