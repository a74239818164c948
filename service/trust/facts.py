"""Facts of a text that can be compared across languages: numbers, days, months, weekdays, times of day."""

from collections.abc import Iterable, Sequence
from fractions import Fraction
from functools import lru_cache
from typing import Literal, NamedTuple

from service.types import Span

Language = Literal["de", "en"]
Key = tuple[Literal["number", "month", "weekday", "time"], Fraction]
"""``number``: its value; ``month``: 1 to 12; ``weekday``: 0 is Monday; ``time``: minutes since midnight."""


class Fact(NamedTuple):
    """Something said at ``span``.

    ``readings`` are what it may mean; one of them has to be found in the other text. ``hints`` may support a fact of
    the other text too. A fact that is not ``certain`` ("ein", "May") supports others but need not be found.
    """

    kind: Literal["number", "date"]
    span: Span
    readings: frozenset[Key]
    hints: frozenset[Key] = frozenset()
    certain: bool = True


def number_key(value: Fraction | int) -> Key:
    """The key of a number."""
    return ("number", Fraction(value))


@lru_cache(maxsize=2_000)
def number_keys(values: frozenset[Fraction]) -> frozenset[Key]:
    """The keys of numbers."""
    return frozenset(map(number_key, values))


def unsupported(facts: Iterable[Fact], others: Sequence[Fact]) -> list[Fact]:
    """The certain facts of which no reading is among the readings and hints of ``others``."""
    known: set[Key] = set().union(*(keys for other in others for keys in (other.readings, other.hints)))
    return [fact for fact in facts if fact.certain and fact.readings.isdisjoint(known)]
