"""The results of translation and summarisation. The HTTP API and the command line convert them to their own formats."""

from bisect import bisect_right
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

from service.checks.facts import LinkedFact
from service.domain import Notice, Span

Method = Literal["abstractive", "extractive", "lead"]
Style = Literal["abstract", "teaser", "bullets", "seo"]
Output = Literal["summary", "translation", "summary_translation", "headlines"]
ChangeState = Literal["unchanged", "changed", "new", "gone"]
ChangeReason = Literal[
    "source_unchanged",
    "source_changed",
    "source_new",
    "source_gone",
    "neighbour_changed",
    "no_previous",
    "no_source",
]
"""The reason for the state of a sentence.

``source_unchanged`` means that all corresponding source sentences are unchanged. ``source_changed``, ``source_new`` and
``source_gone`` mean that at least one of them is edited, new or gone. ``neighbour_changed`` means that the previous
translation joins an unchanged source sentence with one that was edited, moved or removed. ``no_previous`` means that
the previous translation has no sentence for an old source sentence. ``no_source`` means that a sentence of the previous
summary is kept although no source sentence supported it.
"""


def needs_review(notices: Sequence[Notice]) -> bool:
    """Return whether at least one of the notices requires a review by an editor."""
    return any(notice.review for notice in notices)


def flagged_sentences(translation: "Translation") -> int:
    """Return the number of sentences of ``translation`` that have a notice that requires a review.

    A notice belongs to the last sentence that starts at or before the start of its span. Notices without a span, or
    with a span before the first sentence, are ignored.
    """
    starts = [pair.source.start for pair in translation.sentences]
    spans = (notice.span for notice in translation.notices if notice.review and notice.span is not None)
    return len({bisect_right(starts, span.start) for span in spans if starts and span.start >= starts[0]})


@dataclass(frozen=True, slots=True)
class Alternative:
    """A possible translation of a sentence.

    ``score`` is the log-probability per token that the model assigns to it, or None if it is unknown. ``confidence``
    has the same meaning as in `SentencePair`. The target spans of ``notices`` are in ``text``.
    """

    text: str
    score: float | None
    confidence: float | None
    notices: tuple[Notice, ...]


@dataclass(frozen=True, slots=True)
class SentencePair:
    """A source sentence and its translation.

    ``source`` is a span in the submitted text, and ``target`` is a span in the translated text. ``words`` contains one
    (source, target) pair of spans for each aligned word of the translation, in order. It is empty for HTML, and None if
    word alignment was not requested. ``confidence`` is the probability that the translation has no major error, or None
    if it was not estimated. ``from_memory`` is True if the translation is an editor's correction. ``alternatives``
    contains the most likely translations, best first. It is None if they were not requested.
    """

    source: Span
    target: Span
    words: tuple[tuple[Span, Span], ...] | None = None
    confidence: float | None = None
    from_memory: bool = False
    alternatives: tuple[Alternative, ...] | None = None


@dataclass(frozen=True, slots=True)
class TermUse:
    """An occurrence of a glossary term in the source.

    ``source`` is the term, ``target`` is its translation in the glossary, and ``span`` is its place in the submitted
    text. ``applied`` is True if the translated text contains this translation or another accepted form of it.
    """

    source: str
    target: str
    span: Span
    applied: bool


@dataclass(frozen=True, slots=True)
class Translation:
    """A translated text.

    ``of`` is the number of sentences that a model translated, now or earlier. ``cached`` is the number of those whose
    translations came from the cache. ``truncated`` is True if the translation of a sentence reached the length limit.
    ``terms`` contains the glossary terms in the source. ``facts`` links facts of the source, such as numbers and names,
    with those of the translation. It is None if the facts were not requested.
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
    ``truncated`` is True if some source sentences were left out because they were too long for the model, or if the
    translation of a summary sentence reached the length limit. ``variants`` contains alternative summaries of the same
    text, best first. ``facts`` links facts of the summary with those of the source. It is None if the facts were not
    requested, or if the summary was translated.
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


@dataclass(frozen=True, slots=True)
class Change:
    """The state of a sentence in comparison with the previous version of an article.

    ``span`` is the place of the sentence in the current version, or None if the sentence is gone. ``previous`` is its
    place in the previous version, or None if the sentence is new.
    """

    state: ChangeState
    reason: ChangeReason
    span: Span | None
    previous: Span | None


@dataclass(frozen=True, slots=True)
class Changes:
    """The changes of an article since its previous version.

    Each tuple contains the changes of the sentences of the current version in order, and then those of the sentences
    that are gone. ``translation`` or ``summary`` is None if this output was not requested, or if its previous version
    was not submitted.
    """

    source: tuple[Change, ...]
    translation: tuple[Change, ...] | None
    summary: tuple[Change, ...] | None
