"""The check of numbers, dates and units against the source."""

import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import cache, lru_cache
from itertools import repeat

from service.checks.base import Code, Fact, Finding, Key, Language, Passage, Severity, number_key, unsupported
from service.checks.dates import clocks, dates
from service.checks.numbers import numbers, scale
from service.domain import Span
from service.languages.wordlists import entries

_ONE = frozenset({number_key(1)})


def evidence(passage: Passage) -> list[Fact]:
    """Numbers and dates of a text; the digits of a date or a time are no numbers of their own, but can support."""
    dated = [*dates(passage), *clocks(passage)]
    covered = {place for fact in dated if fact.certain for place in range(*fact.span)}
    counted = numbers(passage.text, passage.language)
    return [*dated, *(fact._replace(certain=False) if fact.span.start in covered else fact for fact in counted)]


def may_count(passage: Passage) -> bool:
    """Whether `evidence` may find anything in a text that another text has to say, too; most sentences have nothing.

    Asked of each word by itself, and remembered: only a digit, a month or a number beyond one makes a sure fact, alone
    or beside its neighbours.
    """
    return passage.has_digit or any(map(_counts, passage.words, repeat(passage.language)))


@lru_cache(maxsize=20_000)
def _counts(word: str, language: Language) -> bool:
    facts = evidence(Passage.of(word, language))
    dull = all(fact.kind == "number" and not fact.certain and fact.readings <= _ONE for fact in facts)
    return not dull or scale(word, language)


_HOUR_MIN = 60
_MOST_DECIMALS = 9


def figures(
    source: Passage,
    output: Passage,
    *,
    complete: bool = True,
    elsewhere: frozenset[Key] = frozenset(),
) -> Iterator[Finding]:
    """Numbers and dates of ``output`` that ``source`` lacks and, where it should be ``complete``, the other way round.

    A number that came out as another power of ten ("Milliarde" as "trillion", 1,5 as 15) is told apart. What the rest
    of the article says (``elsewhere``, see `keys`) is only noted.
    """
    if not may_count(output) and not (complete and may_count(source)):
        return
    there, written = evidence(source), evidence(output)
    added, lost = _unmatched(written, there), _unmatched(there, written)
    shifted = _shifted(added, lost)
    for fact in added:
        found = _added(fact, shifted.get(fact.span), source.text, output.text)
        yield replace(found, severity=Severity.NOTE) if fact.readings & elsewhere else found
    if complete:
        told = {other.span for other in shifted.values()}
        yield from (_lost(fact, source.text) for fact in lost if fact.span not in told)


def keys(passage: Passage) -> frozenset[Key]:
    """Everything that ``passage`` says in figures."""
    return frozenset(key for fact in evidence(passage) for key in (*fact.readings, *fact.hints))


def _unmatched(facts: Sequence[Fact], others: Sequence[Fact]) -> list[Fact]:
    """One a place: a date that differs in day and month is one doubt."""
    alone = unsupported(facts, others)
    if not alone:
        return []
    plain = {key for other in others if other.kind == "number" for key in other.readings}
    found = (fact for fact in alone if not _hours(fact) & plain)
    return list({fact.span: fact for fact in found}.values())


def _shifted(added: Sequence[Fact], lost: Sequence[Fact]) -> dict[Span, Fact]:
    """For the places of numbers: the lost number that differs from it by a power of ten."""
    by_digits = {digits: other for other in lost if other.kind == "number" for digits in _digits(other)}
    matches = ((fact, by_digits.get(digits)) for fact in added if fact.kind == "number" for digits in _digits(fact))
    return {fact.span: other for fact, other in matches if other is not None}


def _digits(fact: Fact) -> Iterator[str]:
    """The digits of a number without the zeros at its ends: the same for 15, 1.5 and 1,500,000."""
    for kind, value in fact.readings:
        if kind == "number" and value:
            yield str(value.numerator * 10**_MOST_DECIMALS // value.denominator).strip("0")


def _added(fact: Fact, shifted: Fact | None, source: str, output: str) -> Finding:
    text = fact.span.of(output)
    if shifted is not None:
        message = f"{shifted.span.of(source)} became {text}: another order of magnitude"
        return Finding(Code.MAGNITUDE_CHANGED, message, shifted.span, fact.span)
    code = Code.DATE_UNSUPPORTED if fact.kind == "date" else Code.NUMBER_UNSUPPORTED
    return Finding(code, f"the source does not say {text}", output=fact.span)


def _lost(fact: Fact, source: str) -> Finding:
    code = Code.DATE_MISSING if fact.kind == "date" else Code.NUMBER_MISSING
    return Finding(code, f"{fact.span.of(source)} is not in the output", source=fact.span)


def _hours(fact: Fact) -> set[Key]:
    """What a time is called without a mark that makes a time of it ("at 8", "at 6.30")."""
    return {
        number_key(hour + part)
        for kind, value in fact.readings
        if kind == "time"
        for hour in (value // _HOUR_MIN, value // _HOUR_MIN % 12)
        for part in (0, value % _HOUR_MIN / 100)
    }


_BEFORE = frozenset({"€", "$", "£", "¥", "eur", "usd", "gbp", "chf"})
_SCALES = ("illion", "illiard", "ilion", "iliard", "tausend", "thousand", "hundred", "mio", "mrd")
_AMOUNT = r"(?<![\d.,])[\d½¼¾][\d.,]{0,30}"
_SCALE = (
    r"(?:[\s-]?(?:tausend|million\w*|milliard\w*|billion\w*|trillion\w*|thousand|hundred|mio\.?|mrd\.?|bn|m|b|k)\b)"
)


@dataclass(frozen=True, slots=True)
class _Unit:
    """One unit in both languages; German forms are beginnings of words, English ones are whole words."""

    number: int
    forms: Mapping[Language, tuple[str, ...]]


def units(source: Passage, output: Passage) -> Iterator[Finding]:
    """At most one finding for each unit that stands by more numbers of ``output`` than ``source`` names it.

    Only where a unit of ``source`` is gone in turn: a translator may add "per cent" to a bare number.
    """
    there = _counted(source)
    if not there:  # nothing can be gone
        return
    written = _counted(output)
    added = [number for number, spans in written.items() if len(spans) > _mentions(number, source)]
    lost = [number for number, spans in there.items() if len(spans) > _mentions(number, output)]
    for number in added if lost else ():
        span = written[number][0]
        yield Finding(Code.UNIT_CHANGED, f"the source does not say {span.of(output.text).strip()}", output=span)


def _counted(passage: Passage) -> dict[int, list[Span]]:
    """The units that stand by a number, each with its places."""
    found: dict[int, list[Span]] = {}
    if not passage.has_digit and not any(scale in passage.lower for scale in _SCALES):
        return found
    for match in _beside_number(passage.language).finditer(passage.lower):
        form = match["before"] or match["after"]
        number = next(unit.number for unit in _units() if _fits(form, unit, passage.language))
        found.setdefault(number, []).append(Span(*match.span()))
    return found


def _mentions(number: int, passage: Passage) -> int:
    """How often a unit is named, by a number or not."""
    return sum(1 for _ in _mention(number, passage.language).finditer(passage.lower))


def _fits(form: str, unit: _Unit, language: Language) -> bool:
    forms = unit.forms[language]
    return form in forms or (language == "de" and form.startswith(tuple(f for f in forms if f[0].isalpha())))


@cache
def _units() -> tuple[_Unit, ...]:
    rows = (line.split(" = ") for line in entries("units"))
    return tuple(
        _Unit(number, {"de": tuple(german.split(", ")), "en": tuple(english.split(", "))})
        for number, (german, english) in enumerate(rows)
    )


def _pattern(forms: tuple[str, ...], language: Language) -> str:
    signs = [re.escape(form) for form in forms if not form[0].isalpha()]
    ending = r"(?!\w)" if language == "en" else r"\w*"
    words = [rf"(?<!\w){re.escape(form)}{ending}" for form in sorted(forms, key=len, reverse=True) if form[0].isalpha()]
    return "|".join((*signs, *words))


@cache
def _mention(number: int, language: Language) -> re.Pattern[str]:
    """For a text in lower case, as the lists are."""
    forms = _units()[number].forms[language]
    anywhere = "|".join(re.escape(form) for form in forms if len(form) > 3 and language == "de")  # noqa: PLR2004 - in compounds
    return re.compile("|".join(filter(None, (_pattern(forms, language), anywhere))))


@cache
def _beside_number(language: Language) -> re.Pattern[str]:
    forms = tuple(form for unit in _units() for form in unit.forms[language])
    signs = "|".join(re.escape(form) for form in forms if form in _BEFORE)
    after = "|".join(_pattern(unit.forms[language], language).replace(r"(?<!\w)", "") for unit in _units())
    return re.compile(
        rf"(?P<before>{signs})\s?\d[\d.,]{{0,30}}|(?:{_AMOUNT}{_SCALE}?|{_SCALE})[\s-]?(?P<after>{after})"
    )
