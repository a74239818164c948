"""What the pipeline gives back: translations, summaries and articles, as frozen values."""

from dataclasses import dataclass
from typing import Literal

from service.types import Notice, Span

Method = Literal["abstractive", "extractive", "lead"]


@dataclass(frozen=True, slots=True)
class SentencePair:
    """Where a sentence stands in the submitted text, and where its translation stands in the answer's."""

    source: Span
    target: Span


@dataclass(frozen=True, slots=True)
class Translation:
    """A translated text: ``cached`` of ``of`` sentences were cached; ``truncated``: a sentence met its limit."""

    text: str
    sentences: tuple[SentencePair, ...]
    notices: tuple[Notice, ...]
    truncated: bool
    cached: int
    of: int


@dataclass(frozen=True, slots=True)
class SummarySentence:
    """A sentence of a summary and the source sentences behind it; ``verbatim`` when it is one of them."""

    text: str
    support: tuple[Span, ...]
    verbatim: bool


@dataclass(frozen=True, slots=True)
class Summary:
    """A summary. ``method`` is what was done, which may be less than was asked for; a notice says so then."""

    text: str
    method: Method
    sentences: tuple[SummarySentence, ...]
    notices: tuple[Notice, ...]
    truncated: bool
    cached: bool
