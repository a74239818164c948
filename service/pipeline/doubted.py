"""A summary with what an editor should know of it: every sentence that a model wrote, held against its source."""

from collections.abc import Iterator
from dataclasses import replace

from service.pipeline.results import Summary
from service.trust.findings import Finding, Severity
from service.trust.summary import check_summary
from service.types import Notice, Span


def doubted(source: str, summary: Summary) -> Summary:
    """``summary`` of ``source`` with a notice for each doubt; sentences of the source itself are beyond doubt."""
    spans = list(_spans(summary))
    pairs = [(span, one.support) for span, one in zip(spans, summary.sentences, strict=True)]
    written = [span for span, one in zip(spans, summary.sentences, strict=True) if not one.verbatim]
    if not written:
        return summary
    findings = (one for one in check_summary(source, summary.text, pairs) if _within(one, written))
    notices = (
        Notice(one.code.value, one.message, one.source, one.output, review=one.severity is Severity.REVIEW)
        for one in findings
    )
    return replace(summary, notices=(*summary.notices, *notices))


def _spans(summary: Summary) -> Iterator[Span]:
    """Where each sentence stands in the summary's text."""
    end = 0
    for sentence in summary.sentences:
        start = summary.text.index(sentence.text, end)
        end = start + len(sentence.text)
        yield Span(start, end)


def _within(finding: Finding, spans: list[Span]) -> bool:
    place = finding.output
    return place is None or any(span.start <= place.start and place.end <= span.end for span in spans)
