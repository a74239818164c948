"""The nouns that every room shares: spans, warnings, and the tokens and options that engines work on."""

from dataclasses import dataclass
from typing import Literal, NamedTuple


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
    """What an editor should know about a result; ``span`` points into the submitted text where there is a place."""

    code: str
    message: str
    span: Span | None = None


FinishReason = Literal["eos", "length"]
Tokens = tuple[str, ...]


@dataclass(frozen=True, slots=True)
class DecodingOptions:
    """How an engine searches. Equal options may share an engine call; lengths count tokens.

    ``allowed`` limits what may be written to these pieces (None: all); ``alignment`` asks for the attention matrix.
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


@dataclass(frozen=True, slots=True)
class EngineInput:
    """One source, tokenised as the model wants it (end-of-sentence included), and how to decode it."""

    tokens: Tokens
    options: DecodingOptions


@dataclass(frozen=True, slots=True)
class Hypothesis:
    """One output: its tokens without end-of-sentence, log-probability a token, and why it ended.

    ``alignment``, on demand: one row a target token, one weight a source token.
    """

    tokens: Tokens
    score: float
    finish_reason: FinishReason
    alignment: tuple[tuple[float, ...], ...] | None = None
