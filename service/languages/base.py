"""What the language packages share."""

from fractions import Fraction
from typing import NamedTuple


class ParsedNumber(NamedTuple):
    """``values`` it may have by itself, ``hints`` that it can support; ``certain`` where it is surely a number."""

    values: frozenset[Fraction]
    hints: frozenset[Fraction]
    certain: bool
