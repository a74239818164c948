"""Puts the outputs for a text's sentences back between its gaps."""

from collections.abc import Sequence
from dataclasses import dataclass

from service.text.segment import Segmentation
from service.types import Span


@dataclass(frozen=True, slots=True)
class Assembled:
    """A text made of gaps and outputs; ``spans`` says where each sentence's output lies, in order, in code points."""

    text: str
    spans: tuple[Span, ...]

    @property
    def blank(self) -> tuple[int, ...]:
        """The numbers of the sentences that have no output: the caller owes the reader a warning for each."""
        return tuple(number for number, span in enumerate(self.spans) if not span.of(self.text).strip())


def reassemble(segmentation: Segmentation, outputs: Sequence[str]) -> Assembled:
    """The segmentation's text with ``outputs[i]`` in the place of sentence ``i``, gaps verbatim.

    Raises:
        ValueError: there is not exactly one output a sentence.
    """
    parts: list[str] = []
    spans: list[Span] = []
    length = done = 0
    for sentence, output in zip(segmentation.sentences, outputs, strict=True):
        gap = segmentation.text[done : sentence.start]
        start = length + len(gap)
        length = start + len(output)
        parts += (gap, output)
        spans.append(Span(start, length))
        done = sentence.end
    parts.append(segmentation.text[done:])
    return Assembled("".join(parts), tuple(spans))
