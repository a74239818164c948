"""Checks numbers, dates and times: each has to be found in the other text, in whatever form that writes it."""

from collections.abc import Iterator, Sequence
from dataclasses import replace

from service.trust.evidence import evidence, may_count
from service.trust.facts import Fact, Key, number_key, unsupported
from service.trust.findings import Code, Finding, Severity
from service.trust.passage import Passage
from service.types import Span

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
