"""Shared value types: spans, notices, tokens, decoding options and hypotheses."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal, NamedTuple

import numpy as np


class Span(NamedTuple):
    """A half-open range of Unicode code points in a text."""

    start: int
    end: int

    def of(self, text: str) -> str:
        """The part of ``text`` that the span covers."""
        return text[self.start : self.end]

    def shifted(self, by: int) -> "Span":
        """The same range, moved by ``by`` code points."""
        return Span(self.start + by, self.end + by)


@dataclass(frozen=True, slots=True)
class Notice:
    """A message to an editor about a result.

    ``span`` refers to the submitted text, ``target`` to the result; each is None if there is no position. Notices
    without ``review`` are often harmless.
    """

    code: str
    message: str
    span: Span | None = None
    target: Span | None = None
    review: bool = True


FinishReason = Literal["eos", "length"]
Tokens = tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Mark:
    """A mark in a prompt, by its name in the manifest."""

    name: str


Prompt = tuple[str | Mark, ...]
"""Texts and marks of a causal model's prompt, without the start token."""


@dataclass(frozen=True, slots=True)
class DecodingOptions:
    """Options of an engine's search. Items with equal options can share a call. Lengths count tokens.

    ``allowed`` restricts outputs to these pieces (None: no restriction). ``alignment`` requests the attention matrix.
    ``target_prefix`` starts every output, usually to select the target language; it is not counted and not part of a
    hypothesis. Greedy search is faster without ``scored``.
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
    """One tokenised source with its decoding options: a text with its end-of-sentence token, or a prompt.

    ``target`` requests forced decoding, and the target is the only output. An encoder-decoder model returns its
    attention and no score; ``target`` has no prefix and no end-of-sentence token. A causal model returns its
    log-probability per token and no attention.
    """

    tokens: Tokens
    options: DecodingOptions
    target: Tokens | None = None


@dataclass(frozen=True, slots=True)
class Attention:
    """An attention matrix with one row per target token and ``columns`` source tokens, one byte per weight."""

    columns: int
    levels: bytes

    @classmethod
    def of(cls, rows: Sequence[Sequence[float]]) -> "Attention":
        """Round weights from 0 to 1 to bytes."""
        levels = np.rint(np.clip(np.asarray(rows, np.float64), 0, 1) * 255).astype(np.uint8)
        return cls(len(rows[0]) if rows else 0, levels.tobytes())

    def rows(self) -> tuple[tuple[float, ...], ...]:
        """The weights as numbers from 0 to 1."""
        weights = [level / 255 for level in self.levels]
        return tuple(tuple(weights[n : n + self.columns]) for n in range(0, len(weights), self.columns or 1))


@dataclass(frozen=True, slots=True)
class Hypothesis:
    """One output. ``tokens`` has no end-of-sentence; ``score`` is the log-probability per token, None if not requested.

    ``alignment`` is the attention of target tokens to source tokens, end-of-sentence included; None if not requested.
    """

    tokens: Tokens
    score: float | None
    finish_reason: FinishReason
    alignment: Attention | None = None


class Link(NamedTuple):
    """A link between words of a translation and words of its source, as spans within both sentences.

    ``weight`` is the model's attention from 0 to 1.
    """

    target: Span
    source: Span
    weight: float
