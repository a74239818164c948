"""Checks the length of an output against its source's: half a sentence is short, a ramble is long."""

from bisect import bisect_right
from collections.abc import Iterator

from service.trust.findings import Code, Finding
from service.types import Span

_LEAST_CHARS = 12
_STEPS = (20, 30, 45, 60, 90, 120, 160, 220)
_SHORTEST = (0.40, 0.48, 0.48, 0.48, 0.50, 0.55, 0.58, 0.62, 0.63)
_LONGEST = (2.30, 1.70, 1.55, 1.50, 1.45, 1.42, 1.38, 1.28, 1.24)
"""Of German news translated by people 99 in 100 sentences stay within, by the characters of the source."""


def length_ratio(source: str, output: str) -> Iterator[Finding]:
    """Whether ``output`` has far fewer or far more characters than a translation of ``source``.

    The shorter a source is, the wider is what passes; of fewer than twelve characters everything does.
    """
    chars = len(source.strip())
    if chars < _LEAST_CHARS or not output.strip():
        return
    step = bisect_right(_STEPS, chars)
    ratio = len(output.strip()) / chars
    span = Span(0, len(output))
    if ratio < _SHORTEST[step]:
        yield Finding(
            Code.OUTPUT_TOO_SHORT, f"{ratio:.0%} of the source's length: something may be left out", output=span
        )
    elif ratio > _LONGEST[step]:
        yield Finding(
            Code.OUTPUT_TOO_LONG, f"{ratio:.0%} of the source's length: something may be made up", output=span
        )
