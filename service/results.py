"""Results of translation and summarization, as every entry point maps them."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

from service.domain import Notice, Span
from service.summarization.styles import Style

Method = Literal["abstractive", "extractive", "lead"]
Output = Literal["summary", "translation", "summary_translation"]


def needs_review(notices: Sequence[Notice]) -> bool:
    """Whether one of the notices asks for an editor."""
    return any(notice.review for notice in notices)


@dataclass(frozen=True, slots=True)
class SentencePair:
    """Where a sentence stands in the submitted text, and where its translation stands in the answer's.

    ``words``, on demand: (source, target) of the words that belong together, in the translation's order.
    """

    source: Span
    target: Span
    words: tuple[tuple[Span, Span], ...] | None = None


@dataclass(frozen=True, slots=True)
class TermUse:
    """A place where a term of the caller stands in the source, and whether its translation was put there."""

    source: str
    target: str
    span: Span
    applied: bool


@dataclass(frozen=True, slots=True)
class Translation:
    """A translated text: ``cached`` of ``of`` sentences were cached; ``truncated``: a sentence met its limit."""

    text: str
    sentences: tuple[SentencePair, ...]
    notices: tuple[Notice, ...]
    truncated: bool
    cached: int
    of: int
    terms: tuple[TermUse, ...] = ()


@dataclass(frozen=True, slots=True)
class SummarySentence:
    """A sentence of a summary and the source sentences behind it; ``verbatim`` when it is one of them."""

    text: str
    support: tuple[Span, ...]
    verbatim: bool


@dataclass(frozen=True, slots=True)
class Summary:
    """A summary. ``method`` is what was done, which may be less than was asked for; a notice says so then.

    ``variants``: others of the same text, best first, as many as were asked for beside this one or could be made.
    """

    text: str
    method: Method
    sentences: tuple[SummarySentence, ...]
    notices: tuple[Notice, ...]
    truncated: bool
    cached: bool
    style: Style = "abstract"
    variants: tuple["Summary", ...] = ()
