"""What a model wrote for a source: a hypothesis as text, and how it may be mended before anybody sees it."""

from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from typing import NamedTuple

from service.types import Attention, FinishReason, Hypothesis, Span, Tokens


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
    score: float | None
    finish_reason: FinishReason
    tokens: Tokens = ()
    attention: Attention | None = None
    said_again: tuple[SaidAgain, ...] = ()


Mend = Callable[[str, Candidate], Candidate]


@dataclass(frozen=True)
class Candidates:
    """The hypotheses of one source, best first, each read when it is first asked for: most are never.

    Equal where the hypotheses are. Any thread may ask; two that ask at once read the same.
    """

    hypotheses: tuple[Hypothesis, ...]
    read: Callable[[Hypothesis], Candidate] = field(compare=False)
    _known: dict[int, Candidate] = field(default_factory=dict, compare=False, repr=False)

    def __iter__(self) -> Iterator[Candidate]:
        for rank, hypothesis in enumerate(self.hypotheses):
            if rank not in self._known:
                self._known[rank] = self.read(hypothesis)
            yield self._known[rank]


def as_it_is(_: str, candidate: Candidate) -> Candidate:
    """How a candidate is mended that stands as the model wrote it."""
    return candidate
