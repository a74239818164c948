"""Value types that many packages share, such as spans, notices, decoding options and hypotheses."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal, NamedTuple

import numpy as np


class Span(NamedTuple):
    """A half-open range of Unicode code points in a text."""

    start: int
    end: int

    def of(self, text: str) -> str:
        """Return the part of ``text`` that this span covers."""
        return text[self.start : self.end]

    def shifted(self, by: int) -> "Span":
        """Return this span moved by ``by`` code points."""
        return Span(self.start + by, self.end + by)

    def overlaps(self, other: "Span") -> bool:
        """Return whether the two spans have a code point in common.

        An empty span also overlaps a span that begins before it and ends after it.
        """
        return self.start < other.end and other.start < self.end


@dataclass(frozen=True, slots=True)
class Notice:
    """A message to the editor about a result.

    ``span`` is the passage in the submitted text that the notice refers to, and ``target`` is the passage in the
    result. Each is None if there is no such passage. ``review`` is True if an editor should check the result. If it is
    False, the notice is only informational.
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
    """A control token in the prompt of a causal model. ``name`` is its key in the manifest's ``prompts.marks``."""

    name: str


Prompt = tuple[str | Mark, ...]
"""A prompt for a causal model: texts and marks in order, without the start token."""


@dataclass(frozen=True, slots=True)
class DecodingOptions:
    """Decoding options for an engine. All lengths are in tokens.

    Items with equal options can share an engine call. If ``allowed`` is not None, outputs contain only these tokens and
    the end-of-sentence token. ``alignment`` requests the attention matrix. Every output starts with ``target_prefix``,
    which usually selects the target language. The prefix does not count towards the length limits and is not part of a
    hypothesis. ``scored`` requests scores. Greedy search is faster without scores.
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
    """A tokenised input of a model with its decoding options.

    ``tokens`` is a text with its end-of-sentence token or, for a causal model, a prompt.

    If ``target`` is set, the model evaluates this output by forced decoding instead of searching for an output. The
    only hypothesis then contains ``target`` and its log-probability per token. If the options request an alignment from
    an encoder-decoder model, the hypothesis contains the attention matrix instead of the log-probability. For an
    encoder-decoder model, ``target`` must not contain the target prefix or the end-of-sentence token, and the
    log-probability includes the end-of-sentence token.
    """

    tokens: Tokens
    options: DecodingOptions
    target: Tokens | None = None


@dataclass(frozen=True, slots=True)
class Attention:
    """An attention matrix with one row for each target token and one column for each source token.

    ``columns`` is the number of source tokens. ``levels`` contains the weights row by row. Each weight is one byte,
    and 255 means a weight of 1.
    """

    columns: int
    levels: bytes

    @classmethod
    def of(cls, rows: Sequence[Sequence[float]]) -> "Attention":
        """Create a matrix from rows of weights between 0 and 1. Each weight is rounded to a multiple of 1/255."""
        levels = np.rint(np.clip(np.asarray(rows, np.float64), 0, 1) * 255).astype(np.uint8)
        return cls(len(rows[0]) if rows else 0, levels.tobytes())

    def rows(self) -> tuple[tuple[float, ...], ...]:
        """Return the rows of the matrix, with weights between 0 and 1."""
        weights = [level / 255 for level in self.levels]
        return tuple(tuple(weights[n : n + self.columns]) for n in range(0, len(weights), self.columns or 1))


@dataclass(frozen=True, slots=True)
class Hypothesis:
    """One output of a model for a source.

    ``tokens`` does not include the end-of-sentence token. ``score`` is the log-probability per token, or None if it was
    not computed. ``alignment`` contains the attention weights between the target tokens and the source tokens,
    including the source's end-of-sentence token. It is None if it was not requested, or if the model is causal.
    """

    tokens: Tokens
    score: float | None
    finish_reason: FinishReason
    alignment: Attention | None = None


class Link(NamedTuple):
    """A link between a word or term of a translated sentence and a piece of its source sentence.

    Each span is relative to its own sentence. ``weight`` is the weight in the word alignment, from 0 to 1.
    """

    target: Span
    source: Span
    weight: float
