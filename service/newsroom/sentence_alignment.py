"""Alignment of the sentences of a text with those of its translation, which a person may have edited.

The sentences are aligned by their lengths, numbers and names, with the dynamic programming of Gale and Church (1993),
in a band around the diagonal. The running time is linear in the length of the texts.
"""

import re
from collections.abc import Sequence
from typing import NamedTuple

from service.checks.base import Passage
from service.checks.names import find_names
from service.languages.base import Language

Range = tuple[int, int]
_STEPS = {(1, 1): 0.0, (1, 0): 9.0, (0, 1): 9.0, (2, 1): 4.5, (1, 2): 4.5}
"""The possible numbers of source and target sentences in a pair, with their costs.

A cost is roughly -2 log of the prior probability of the pair, relative to that of the pair (1, 1).
"""
_BAND, _MOST_OFF = 12, 60  # limits of how many sentences a pair may be off the diagonal
_VARIANCE = 6.8  # of the length of a translation, per source character (Gale and Church 1993)
_LOST_ANCHOR, _MOST_LOST = 2.0, 6.0
_DIGITS = re.compile(r"\d+")


class SizedSentence(NamedTuple):
    """The properties by which a sentence is aligned with its translation.

    ``chars`` is the length in characters. ``anchors`` contains the numerals and names, which a translation usually
    keeps.
    """

    chars: int
    anchors: frozenset[str]

    @classmethod
    def of(cls, text: str, language: Language) -> "SizedSentence":
        """Return the length and the anchors of the sentence ``text``, which is in ``language``."""
        names = (span.of(text) for span in find_names(Passage.of(text, language)))
        return cls(len(text), frozenset((*_DIGITS.findall(text), *names)))


def align_sentences(sources: Sequence[SizedSentence], targets: Sequence[SizedSentence]) -> list[tuple[Range, Range]]:
    """Align the sentences of a text with those of its translation, and return the pairs in order.

    Each pair contains a range of indices in ``sources`` and one in ``targets``. The end of a range is exclusive. If a
    sentence has no counterpart, the other range of its pair is empty.
    """
    rows, columns = len(sources), len(targets)
    band = _BAND + columns // max(1, rows) + min(_MOST_OFF, abs(rows - columns))
    best: dict[Range, tuple[float, Range]] = {(0, 0): (0.0, (0, 0))}
    for row in range(rows + 1):
        centre = row * columns // max(1, rows)
        for column in range(max(0, centre - band), min(columns, centre + band) + 1):
            for (down, right), cost in _STEPS.items():
                known = best.get((row - down, column - right))
                if known is None:
                    continue
                total = known[0] + cost
                if down and right:
                    total += _distance(sources[row - down : row], targets[column - right : column])
                if (row, column) not in best or total < best[row, column][0]:
                    best[row, column] = total, (down, right)
    pairs: list[tuple[Range, Range]] = []
    row, column = rows, columns
    while (row, column) != (0, 0):
        down, right = best[row, column][1]
        pairs.append(((row - down, row), (column - right, column)))
        row, column = row - down, column - right
    return pairs[::-1]


def _distance(sources: Sequence[SizedSentence], targets: Sequence[SizedSentence]) -> float:
    """Return a measure of how unlikely it is that the sentences are translations of each other. 0 is the best value."""
    chars, other_chars = (sum(one.chars for one in some) for some in (sources, targets))
    kept: frozenset[str] = frozenset().union(*(one.anchors for one in targets))
    lost = sum(len(one.anchors - kept) for one in sources)
    return (other_chars - chars) ** 2 / (_VARIANCE * (1 + chars + other_chars) / 2) + min(
        _MOST_LOST, _LOST_ANCHOR * lost
    )
