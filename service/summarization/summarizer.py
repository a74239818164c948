"""Summarization of texts with one model."""

from collections.abc import Callable, Hashable, Iterator, Sequence
from dataclasses import replace
from functools import partial
from typing import TypeVar

from service.checks.assessment import check_summary
from service.checks.base import Finding, Severity
from service.domain import Notice, Span
from service.generation.call import MOST_REMEMBERED_CHARS, Call, LruMemo, recalled
from service.generation.decoder import Decoded, Decoder
from service.results import Method, Summary, SummarySentence
from service.summarization.lengths import Length
from service.summarization.rewriting import (
    RewriteInput,
    Rewriter,
    RewriteResult,
    SummaryOptions,
    Text,
    beginning,
    selections,
)
from service.summarization.styles import Style, laid_out, repeats
from service.summarization.variants import Choice, Offer, chosen, variants
from service.summarization.words import count_words
from service.text.normalization import for_model
from service.text.segmentation import segment
from service.translation.preparation import notices_of


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


REMEMBERED = 256
T = TypeVar("T")


class Summarizer:
    """Summarises texts with one model."""

    def __init__(self, decoder: Decoder) -> None:
        self.decoder = decoder
        self._rewriter = Rewriter(decoder.model)
        self._texts: LruMemo[Text] = LruMemo(REMEMBERED)
        self._jobs: LruMemo[list[RewriteInput]] = LruMemo(REMEMBERED)
        self._summaries: LruMemo[Summary] = LruMemo(REMEMBERED)

    async def summarise(
        self,
        texts: Sequence[str],
        length: Length,
        method: Method,
        call: Call,
        *,
        headline: str | None = None,
        origins: Sequence[str] | None = None,
        style: Style = "abstract",
        variants: int = 1,
    ) -> list[Summary]:
        """Summarise each of ``texts``, in order; a blank one gives an empty summary.

        The new work of all of them, and of all their variants, is admitted to the queue together, or none is.
        ``origins`` are the submitted texts that each was taken from, where it is not one itself. ``length`` is the
        style's own (`length_of`).

        Raises:
            InvalidInput: a text is no Unicode.
            QueueFull, DeadlineExceeded, EngineError: see `Decoder.decode`.
        """
        brief = SummaryOptions(length, headline, style, variants)
        with call.timings.measured("segment"):
            found = [await self._remembered(self._texts, text, None, partial(_read, text), call) for text in texts]
        if method == "abstractive":
            return await self._abstractive(texts, found, self.decoder.tags(origins or texts), brief, call)
        with call.timings.measured("select"):
            return [
                await self._remembered(
                    self._summaries, text, (brief, method), partial(_of_source, text, one, brief, method), call
                )
                for text, one in zip(texts, found, strict=True)
            ]

    async def _abstractive(
        self, texts: Sequence[str], found: Sequence[Text], tags: Sequence[bytes], brief: SummaryOptions, call: Call
    ) -> list[Summary]:
        with call.timings.measured("select"):
            jobs = [
                await self._remembered(
                    self._jobs, text, (brief, tag), partial(self._rewriter.jobs, one, tag, brief), call
                )
                for text, one, tag in zip(texts, found, tags, strict=True)
            ]
        sources = [job.source for of_text in jobs for job in of_text if job.source is not None]
        decoded = iter(await self.decoder.decode(sources, call))
        answers = [tuple(None if job.source is None else next(decoded) for job in of_text) for of_text in jobs]
        with call.timings.measured("finish"):
            return [
                await self._remembered(
                    self._summaries, text, (brief, done), partial(self._settled, text, one, of_text, done, brief), call
                )
                for text, one, of_text, done in zip(texts, found, jobs, answers, strict=True)
            ]

    def _settled(
        self,
        source: str,
        text: Text,
        jobs: Sequence[RewriteInput],
        decoded: Sequence[Decoded | None],
        brief: SummaryOptions,
    ) -> Summary:
        """The rewritings that hold, or extracts where they are too long."""
        done = [self._rewriter.settled(text, job, one, brief) for job, one in zip(jobs, decoded, strict=True)]
        rewritten = _rewritten(done, brief)
        if not _meets(rewritten, brief.length):
            extracts = _extracts(text, brief)
            rewritten = extracts if _meets(extracts, brief.length) or not rewritten else rewritten
        return _whole(source, text, rewritten, brief)

    async def _remembered(self, recent: LruMemo[T], text: str, kind: Hashable, make: Callable[[], T], call: Call) -> T:
        keep = self.decoder.may_keep(call) and len(text) <= MOST_REMEMBERED_CHARS
        return await recalled(len(text), recent, (text,), kind, make, keep=keep)

    def forget(self) -> None:
        """Forget what was made of texts: a story was withdrawn."""
        self.decoder.forget()
        self._texts.forget()
        self._jobs.forget()
        self._summaries.forget()


def _of_source(source: str, text: Text, brief: SummaryOptions, method: Method) -> Summary:
    """A summary in the source's own words."""
    return _whole(source, text, _verbatim(text, brief, method), brief)


def _read(text: str) -> Text:
    notices = notices_of(text)
    spans = [span for span in segment(text).sentences if any(char.isalpha() for char in span.of(text))]
    return Text(tuple(for_model(span.of(text)) for span in spans), tuple(spans), tuple(notices))


def _rewritten(done: Sequence[RewriteResult], brief: SummaryOptions) -> list[Summary]:
    """The variants, best first; none where no wording fits."""
    offers = [
        Offer(tuple(w.text for w in one.wordings), group.score, spare=group.spare, filler=group.filler)
        for one in done
        for group in (one.job.group,)
    ]
    first = chosen(offers, brief.length)
    made = variants(first, offers, brief.length, brief.variants) if first else []
    return [_summary(done, choices, brief.style) for choices in made]


def _verbatim(text: Text, brief: SummaryOptions, method: Method) -> list[Summary]:
    """The variants, best first; a text has one beginning, and so one lead."""
    numbers = [beginning(text, brief)] if method == "lead" else selections(text, brief)
    return [
        _laid_out([text.verbatim(n) for n in of_one], brief.style, method, (), truncated=False, cached=False)
        for of_one in numbers
    ]


def _meets(summaries: Sequence[Summary], length: Length) -> bool:
    """Whether there is one, with the least number of sentences."""
    return bool(summaries) and len(summaries[0].sentences) >= max(1, length.min_sentences)


def _extracts(text: Text, brief: SummaryOptions) -> list[Summary]:
    """What is given where rewritings are too long."""
    extracts = _verbatim(text, brief, "extractive")
    if not extracts[0].sentences:
        return [replace(extracts[0], method="abstractive")]
    return [replace(one, notices=(_method_changed(),)) for one in extracts]


def _summary(done: Sequence[RewriteResult], choices: Sequence[Choice], style: Style) -> Summary:
    kept = [done[number] for number, _ in choices]
    sentences = [done[number].wordings[rank] for number, rank in choices]
    notices = [notice for one in kept for notice in _notices(one)]
    method: Method = "abstractive"
    if all(sentence.verbatim for sentence in sentences):
        method = "extractive"
        notices.append(_method_changed())
    truncated = any(one.job.cut for one in kept)
    asked = [one for one in kept if not one.job.group.filler]
    cached = bool(asked) and all(one.cached for one in asked)
    return _laid_out(sentences, style, method, notices, truncated=truncated, cached=cached)


def _laid_out(
    sentences: Sequence[SummarySentence],
    style: Style,
    method: Method,
    notices: Sequence[Notice],
    *,
    truncated: bool,
    cached: bool,
) -> Summary:
    text = laid_out(style, [sentence.text for sentence in sentences])
    return Summary(text, method, tuple(sentences), tuple(notices), truncated, cached, style)


def _method_changed() -> Notice:
    return Notice("method_changed", "every sentence stands in the source as it is: this is an extract")


def _notices(one: RewriteResult) -> list[Notice]:
    place = one.wordings[0].support[0]
    notices = []
    if one.job.cut:
        notices.append(Notice("truncated", "sentences here are longer than the model reads at once", place))
    if one.refused:
        notices.append(Notice("sentence_verbatim", "no rewriting of this sentence held; it stands as it is", place))
    return notices


def _whole(source: str, text: Text, summaries: Sequence[Summary], brief: SummaryOptions) -> Summary:
    """The first with the others beside it, each with what an editor should know of it."""
    first, *others = (
        doubted(source, replace(one, notices=(*one.notices, *_doubts(text, one, brief)))) for one in summaries
    )
    fewer = []
    if first.sentences and len(summaries) < brief.variants:
        fewer.append(
            Notice("variants_fewer", f"{len(summaries)} of {brief.variants}: no further one differs enough and holds")
        )
    return replace(first, notices=(*text.notices, *first.notices, *fewer), variants=tuple(others))


def _doubts(text: Text, summary: Summary, brief: SummaryOptions) -> list[Notice]:
    """What an editor should know of the whole: nothing to say, nothing that fits, or less than was asked for."""
    length, count = brief.length, len(summary.sentences)
    if not text.sentences:
        return [Notice("nothing_to_summarise", "the text has no sentence with letters")]
    if not count and brief.headline and all(repeats(sentence, brief.headline) for sentence in text.sentences):
        return [Notice("nothing_to_summarise", "the text says nothing beside its headline")]
    if not count:
        return [Notice("length_unreachable", "no whole sentence is short enough for this length")]
    if count < length.min_sentences:
        return [Notice("shorter_than_asked", f"{count} sentences, where at least {length.min_sentences} belong")]
    written, there = (sum(map(count_words, texts)) for texts in ((summary.text,), text.sentences))
    if written < length.min_words <= there:
        return [Notice("shorter_than_asked", f"{written} words, where at least {length.min_words} were asked for")]
    return []
