"""Pairs made of other pairs: two in a row, all in capitals, and in other quotation marks than the writer chose."""

import random
import re
from dataclasses import dataclass

Pair = tuple[str, str]

MAX_CHARS = 500
QUOTED = re.compile(r"[„»“\"]([^„“”»«\"]+)[“”«\"]")
MARKS = (("„", "“"), ("»", "«"), ("“", "”"), ('"', '"'))


@dataclass(frozen=True)
class Augmentation:
    """How many pairs are added, each as a share of the pairs there are; 0: none.

    ``concatenated`` pairs are two that stand in a row (Nguyen et al. 2021, "Data Augmentation by Concatenation for
    Low-Resource Translation"); ``capitals`` are shouted on both sides, as headlines and kickers are; ``quotes`` have
    their German side's quotation marks exchanged, as a share of the pairs that have any.
    """

    concatenated: float = 0.0
    capitals: float = 0.0
    quotes: float = 0.0


def augmented(pairs: list[Pair], shares: Augmentation, rng: random.Random) -> list[Pair]:
    """The pairs, and after them those that are made of them; the same for a seed."""
    quoted = [pair for pair in pairs if QUOTED.search(pair[0])] if shares.quotes else []
    return [
        *pairs,
        *_concatenated(pairs, round(shares.concatenated * len(pairs)), rng),
        *((german.upper(), english.upper()) for german, english in _some(pairs, shares.capitals, rng)),
        *((requoted(german, rng), english) for german, english in _some(quoted, shares.quotes, rng)),
    ]


def _some(pairs: list[Pair], share: float, rng: random.Random) -> list[Pair]:
    return rng.sample(pairs, round(min(1.0, share) * len(pairs))) if share else []


def _concatenated(pairs: list[Pair], count: int, rng: random.Random) -> list[Pair]:
    """At most ``count``: two drawn ones that are too long together are left."""
    drawn = ((rng.choice(pairs), rng.choice(pairs)) for _ in range(count))
    joined = ((f"{one[0]} {other[0]}", f"{one[1]} {other[1]}") for one, other in drawn)
    return [pair for pair in joined if max(map(len, pair)) <= MAX_CHARS]


def requoted(german: str, rng: random.Random) -> str:
    """All quotations in one other kind of marks than the first has."""
    first = QUOTED.search(german)
    if first is None:
        return german
    return in_marks(german, rng.choice([marks for marks in MARKS if marks[0] != first[0][0]]))


def in_marks(text: str, marks: tuple[str, str]) -> str:
    """All quotations in these marks, an opening and a closing one."""
    return QUOTED.sub(lambda match: f"{marks[0]}{match[1]}{marks[1]}", text)
