"""The results of translation and summarization. The HTTP API and the command line convert them to their own formats."""

from bisect import bisect_right
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

from service.checks.facts import LinkedFact
from service.domain import Notice, Span

Method = Literal["abstractive", "extractive", "lead"]
Style = Literal["abstract", "teaser", "bullets", "seo"]
Output = Literal["summary", "translation", "summary_translation", "headlines"]


def needs_review(notices: Sequence[Notice]) -> bool:
    """Return whether at least one of the notices requires a review by an editor."""
    return any(notice.review for notice in notices)


def flagged_sentences(translation: "Translation") -> int:
    """Return the number of sentences with a notice that requires a review."""
    starts = [pair.source.start for pair in translation.sentences]
    spans = (notice.span for notice in translation.notices if notice.review and notice.span is not None)
    return len({bisect_right(starts, span.start) for span in spans if starts and span.start >= starts[0]})


@dataclass(frozen=True, slots=True)
class SentencePair:
    """A source sentence and its translation.

    ``source`` is a span in the submitted text, and ``target`` is a span in the translated text. ``words`` contains one
    (source, target) pair of spans for each aligned word of the translation, in order. ``words`` is None if word
    alignment was not requested. ``confidence`` is the probability that the translation has no major error, or None if
    it was not estimated.
    """

    source: Span
    target: Span
    words: tuple[tuple[Span, Span], ...] | None = None
    confidence: float | None = None


@dataclass(frozen=True, slots=True)
class TermUse:
    """An occurrence of a glossary term in the source.

    ``source`` is the term, ``target`` its translation in the glossary, and ``span`` its place in the submitted text.
    ``applied`` is True if the translated text contains this translation of the term.
    """

    source: str
    target: str
    span: Span
    applied: bool


@dataclass(frozen=True, slots=True)
class Translation:
    """A translated text.

    ``of`` is the number of sentences that needed a model, and ``cached`` is how many of them came from the cache.
    ``truncated`` is True if the translation of a sentence reached the length limit. ``facts`` links facts of the
    source, such as numbers and names, with those of the translation. It is None if the facts were not requested.
    """

    text: str
    sentences: tuple[SentencePair, ...]
    notices: tuple[Notice, ...]
    truncated: bool
    cached: int
    of: int
    terms: tuple[TermUse, ...] = ()
    facts: tuple[LinkedFact, ...] | None = None


@dataclass(frozen=True, slots=True)
class SummarySentence:
    """A sentence of a summary.

    ``support`` contains the spans of the source sentences that support this sentence. ``verbatim`` is True if the
    sentence was copied from the source.
    """

    text: str
    support: tuple[Span, ...]
    verbatim: bool


@dataclass(frozen=True, slots=True)
class Summary:
    """A summary of a text.

    ``method`` is the method that was actually used. If it differs from the requested method, a notice states this.
    ``truncated`` is True if some source sentences were left out because they were too long for the model. ``variants``
    contains alternative summaries of the same text, best first. ``facts`` links facts of the summary with those of the
    source. It is None if the facts were not requested.
    """

    text: str
    method: Method
    sentences: tuple[SummarySentence, ...]
    notices: tuple[Notice, ...]
    truncated: bool
    cached: bool
    style: Style = "abstract"
    variants: tuple["Summary", ...] = ()
    facts: tuple[LinkedFact, ...] | None = None


@dataclass(frozen=True, slots=True)
class Headline:
    """A headline for a text. ``support`` contains the spans of the source sentences that support the headline."""

    text: str
    support: tuple[Span, ...]
    notices: tuple[Notice, ...]


@dataclass(frozen=True, slots=True)
class Headlines:
    """The headlines for a text, best first. If there are fewer headlines than requested, a notice states this."""

    headlines: tuple[Headline, ...]
    notices: tuple[Notice, ...]
    cached: bool
