"""Summarization of texts with one generator."""

from collections.abc import Iterator, Sequence
from dataclasses import replace

from service.cache.tiers import Cache
from service.checks.assessment import check_summary
from service.checks.base import Finding, Severity
from service.domain import Notice, Span
from service.generation.base import TextGenerator
from service.generation.cached import CachedGenerator, Result
from service.generation.call import TEXT_THREADS, Call, TextThreads
from service.languages.base import Language, language
from service.results import Method, Summary, SummarySentence
from service.summarization.lengths import Length
from service.summarization.rewriting import (
    RewriteInput,
    RewriteResult,
    SummaryOptions,
    Text,
    WordingKind,
    Wordings,
    beginning,
    rewrite_inputs,
    rewrite_result,
    selections,
)
from service.summarization.styles import Style, laid_out, repeats
from service.summarization.variants import Choice, Offer, chosen, variants
from service.summarization.words import count_words, require_grammar
from service.text.language_id import foreign_notice
from service.text.normalization import check_text, for_model
from service.text.segmentation import segment


def doubted(source: str, summary: Summary, language: Language) -> Summary:
    """``summary`` of ``source`` with a notice for each doubt; sentences of the source itself are beyond doubt."""
    spans = list(_spans(summary))
    pairs = [(span, one.support) for span, one in zip(spans, summary.sentences, strict=True)]
    written = [span for span, one in zip(spans, summary.sentences, strict=True) if not one.verbatim]
    if not written:
        return summary
    findings = (one for one in check_summary(source, summary.text, pairs, language) if _within(one, written))
    notices = (
        Notice(one.code.value, one.message, one.source, one.output, review=one.severity is Severity.REVIEW)
        for one in findings
    )
    return replace(summary, notices=(*summary.notices, *notices))


def _spans(summary: Summary) -> Iterator[Span]:
    """The place of each sentence in the summary's text."""
    end = 0
    for sentence in summary.sentences:
        start = summary.text.index(sentence.text, end)
        end = start + len(sentence.text)
        yield Span(start, end)


def _within(finding: Finding, spans: list[Span]) -> bool:
    place = finding.output
    return place is None or any(span.start <= place.start and place.end <= span.end for span in spans)


class Summarizer:
    """Summarises texts with one generator; the wordings of its groups are cached."""

    def __init__(
        self, generator: TextGenerator, cache: Cache, secret: bytes | None, *, threads: TextThreads = TEXT_THREADS
    ) -> None:
        self.generator = generator
        self._threads = threads
        self._language = language(generator.manifest.source_lang)
        require_grammar(self._language)
        kind = WordingKind(generator.manifest.acceptance, threads)
        self.wordings = CachedGenerator(generator, kind, cache, secret)

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
            QueueFull, DeadlineExceeded, EngineError: see `CachedGenerator.results`.
        """
        brief, off_loop = SummaryOptions(length, headline, style, variants), self._threads.off_loop
        with call.timings.measured("segment"):
            found = [await off_loop(len(text), _read, text, self._language) for text in texts]
        if method == "abstractive":
            return await self._abstractive(texts, found, self.wordings.tags(origins or texts), brief, call)
        with call.timings.measured("select"):
            return [
                await off_loop(len(text), _of_source, text, one, brief, method, self._language)
                for text, one in zip(texts, found, strict=True)
            ]

    async def _abstractive(
        self, texts: Sequence[str], found: Sequence[Text], tags: Sequence[bytes], brief: SummaryOptions, call: Call
    ) -> list[Summary]:
        off_loop = self._threads.off_loop
        with call.timings.measured("select"):
            jobs = [
                await off_loop(len(text), rewrite_inputs, one, brief, self.generator)
                for text, one in zip(texts, found, strict=True)
            ]
        wanted = [
            (job.sentences(text), tag)
            for text, of_text, tag in zip(found, jobs, tags, strict=True)
            for job in of_text
            if job.rewritten
        ]
        written = iter(await self.wordings.results([one for one, _ in wanted], [tag for _, tag in wanted], call))
        answers = [[next(written) if job.rewritten else None for job in of_text] for of_text in jobs]
        with call.timings.measured("finish"):
            return [
                await off_loop(len(text), _settled, text, one, of_text, done, brief, self._language)
                for text, one, of_text, done in zip(texts, found, jobs, answers, strict=True)
            ]


def _settled(
    source: str,
    text: Text,
    jobs: Sequence[RewriteInput],
    written: Sequence[Result[Wordings] | None],
    brief: SummaryOptions,
    language: Language,
) -> Summary:
    """The rewritings that hold, or extracts where they are too long."""
    done = [rewrite_result(text, job, one, brief) for job, one in zip(jobs, written, strict=True)]
    rewritten = _rewritten(done, brief)
    if not _meets(rewritten, brief.length):
        extracts = _extracts(text, brief)
        rewritten = extracts if _meets(extracts, brief.length) or not rewritten else rewritten
    return _whole(source, text, rewritten, brief, language)


def _of_source(source: str, text: Text, brief: SummaryOptions, method: Method, language: Language) -> Summary:
    """A summary in the source's own words."""
    return _whole(source, text, _verbatim(text, brief, method), brief, language)


def _read(text: str, language: Language) -> Text:
    foreign = foreign_notice(text, language)
    notices = [*check_text(text), *([foreign] if foreign else [])]
    spans = [span for span in segment(text, language).sentences if any(char.isalpha() for char in span.of(text))]
    return Text(tuple(for_model(span.of(text), language) for span in spans), tuple(spans), tuple(notices))


def _rewritten(done: Sequence[RewriteResult], brief: SummaryOptions) -> list[Summary]:
    """The variants, best first; none where no wording fits."""
    offers = [
        Offer(
            tuple(w.text for w in one.wordings),
            group.score,
            spare=group.spare,
            filler=group.filler,
            in_first=group.in_first,
            in_further=group.in_further,
        )
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


def _whole(source: str, text: Text, summaries: Sequence[Summary], brief: SummaryOptions, language: Language) -> Summary:
    """The first with the others beside it, each with what an editor should know of it."""
    first, *others = (
        doubted(source, replace(one, notices=(*one.notices, *_doubts(text, one, brief))), language) for one in summaries
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
