"""The lead method: the first sentences of the body, as many as fit."""

from collections.abc import Sequence

from service.summary.lengths import Length


def lead(sentences: Sequence[str], *, budget: Length) -> list[int]:
    """Numbers of the first sentences up to ``budget``; it stops at the first that does not fit. [] where none fits."""
    count = 0
    while count < len(sentences) and budget.fits(sentences[: count + 1]):
        count += 1
    return list(range(count))
