"""What a model wrote for a source: a hypothesis as text, and how it may be mended before anybody sees it."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import NamedTuple

from service.types import Attention, FinishReason, Span, Tokens


class SaidAgain(NamedTuple):
    """Words of a text that the model wrote ``times`` more in a row."""

    span: Span
    times: int


@dataclass(frozen=True, slots=True)
class Candidate:
    """One hypothesis as text, and its pieces with the model's attention where that was asked for.

    ``said_again`` are words of the text that the model wrote more than once in a row, and stand once.
    """

    text: str
    score: float
    finish_reason: FinishReason
    tokens: Tokens = ()
    attention: Attention | None = None
    said_again: tuple[SaidAgain, ...] = ()


Mend = Callable[[str, Candidate], Candidate]


def as_it_is(_: str, candidate: Candidate) -> Candidate:
    """How a candidate is mended that stands as the model wrote it."""
    return candidate
