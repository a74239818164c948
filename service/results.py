"""Results of translation and summarization. All interfaces convert them to their own formats."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

from service.domain import Notice, Span

Method = Literal["abstractive", "extractive", "lead"]
Style = Literal["abstract", "teaser", "bullets", "seo"]
Output = Literal["summary", "translation", "summary_translation"]


def needs_review(notices: Sequence[Notice]) -> bool:
    """Whether one of the notices needs an editor's review."""
    return any(notice.review for notice in notices)


@dataclass(frozen=True, slots=True)
class SentencePair:
    """The span of a sentence in the submitted text, and the span of its translation in the translated text.

    ``words`` holds pairs (source, target) of aligned words in the translation's order; None if not requested.
    """

    source: Span
    target: Span
    words: tuple[tuple[Span, Span], ...] | None = None


@dataclass(frozen=True, slots=True)
class TermUse:
    """One occurrence of a caller's term in the source, and whether its translation was applied."""

    source: str
    target: str
    span: Span
    applied: bool


@dataclass(frozen=True, slots=True)
class Translation:
    """A translated text. ``cached`` of ``of`` sentences came from the cache.

    ``truncated`` means that a sentence reached its length limit.
    """

    text: str
    sentences: tuple[SentencePair, ...]
    notices: tuple[Notice, ...]
    truncated: bool
    cached: int
    of: int
    terms: tuple[TermUse, ...] = ()


@dataclass(frozen=True, slots=True)
class SummarySentence:
    """A sentence of a summary with the source sentences that support it. ``verbatim`` means that it was copied."""

    text: str
    support: tuple[Span, ...]
    verbatim: bool


@dataclass(frozen=True, slots=True)
class Summary:
    """A summary. ``method`` is the method used; if it differs from the requested one, a notice says so.

    ``variants`` holds the other variants of this summary, best first.
    """

    text: str
    method: Method
    sentences: tuple[SummarySentence, ...]
    notices: tuple[Notice, ...]
    truncated: bool
    cached: bool
    style: Style = "abstract"
    variants: tuple["Summary", ...] = ()
