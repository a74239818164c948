"""The lead method: the first sentences of the body, as many as fit."""

from collections.abc import Sequence
from itertools import takewhile

from service.summary.lengths import Length, Room


def lead(sentences: Sequence[str], *, budget: Length) -> list[int]:
    """Numbers of the first sentences up to ``budget``; it stops at the first that does not fit. [] where none fits."""
    room = Room(budget)
    return [number for number, _ in takewhile(lambda numbered: room.take(numbered[1]), enumerate(sentences))]
