"""Shared value types: spans, notices, tokens, decoding options and hypotheses."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal, NamedTuple

import numpy as np


class Span(NamedTuple):
    """Half-open range of Unicode code points in a text."""

    start: int
    end: int

    def of(self, text: str) -> str:
        """The part of ``text`` that the span covers."""
        return text[self.start : self.end]

    def shifted(self, by: int) -> "Span":
        """The same range, ``by`` code points further on."""
        return Span(self.start + by, self.end + by)


@dataclass(frozen=True, slots=True)
class Notice:
    """What an editor should know about a result.

    ``span`` points into the submitted text, ``target`` into the result, where there is a place. One that is not for
    ``review`` is often harmless.
    """

    code: str
    message: str
    span: Span | None = None
    target: Span | None = None
    review: bool = True


FinishReason = Literal["eos", "length"]
Tokens = tuple[str, ...]


@dataclass(frozen=True, slots=True)
class DecodingOptions:
    """How an engine searches. Equal options may share an engine call; lengths count tokens.

    ``allowed`` limits what may be written to these pieces (None: all); ``alignment`` asks for the attention matrix.
    Every output begins with ``target_prefix``, which is neither counted nor part of a hypothesis: the pieces with
    which a model is told the language to write. Where hypotheses need not be ``scored``, a greedy search is faster.
    """

    beam_size: int = 1
    hypotheses: int = 1
    max_output_tokens: int = 256
    min_output_tokens: int = 0
    length_penalty: float = 1.0
    repetition_penalty: float = 1.0
    no_repeat_ngram: int = 0
    allowed: frozenset[str] | None = None
    alignment: bool = False
    target_prefix: Tokens = ()
    scored: bool = True


@dataclass(frozen=True, slots=True)
class EngineInput:
    """One source, tokenised as the model wants it (end-of-sentence included), and how to decode it.

    With a ``target`` (prefix and end-of-sentence not included) nothing is searched: the one output is the target, with
    its attention and without a score.
    """

    tokens: Tokens
    options: DecodingOptions
    target: Tokens | None = None


@dataclass(frozen=True, slots=True)
class Attention:
    """How much each target token owes to each of ``columns`` source tokens, a row a target token, a byte a weight.

    So small, it is kept in caches as it is, and gives the same result from there.
    """

    columns: int
    levels: bytes

    @classmethod
    def of(cls, rows: Sequence[Sequence[float]]) -> "Attention":
        """Weights from 0 to 1, rounded."""
        levels = np.rint(np.clip(np.asarray(rows, np.float64), 0, 1) * 255).astype(np.uint8)
        return cls(len(rows[0]) if rows else 0, levels.tobytes())

    def rows(self) -> tuple[tuple[float, ...], ...]:
        """The weights."""
        weights = [level / 255 for level in self.levels]
        return tuple(tuple(weights[n : n + self.columns]) for n in range(0, len(weights), self.columns or 1))


@dataclass(frozen=True, slots=True)
class Hypothesis:
    """One output: its tokens without end-of-sentence, log-probability a token, and why it ended.

    ``score`` is None where the options asked for none. ``alignment``, on demand: of the target tokens to the source's,
    end-of-sentence included.
    """

    tokens: Tokens
    score: float | None
    finish_reason: FinishReason
    alignment: Attention | None = None


class Link(NamedTuple):
    """Words of a translation and the source words they come from, as code points of both sentences.

    ``weight`` is the model's attention, 0 to 1.
    """

    target: Span
    source: Span
    weight: float
