"""An article: cleaned, split into headline, lead and body, summarised and translated, with its provenance."""

import asyncio
from bisect import bisect_right
from collections.abc import Coroutine, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from typing import Any

from service import __version__
from service.cleaning.clean import RemovedPart, clean
from service.documents.base import Edition
from service.domain import Notice, Span
from service.errors import InvalidInput
from service.generation.call import Call, Finished, off_loop
from service.generation.local import LocalGenerator
from service.languages.base import Language
from service.newsroom.commands import SummaryForm
from service.newsroom.summary_translation import translate_summaries
from service.results import Method, Output, SentencePair, Summary, Translation
from service.summarization.summarizer import Summarizer
from service.text.html.document import Block, parse
from service.text.normalization import check_text
from service.translation.preparation import PLAIN, TranslationOptions
from service.translation.translator import Translator

PARAGRAPH = "\n\n"


@dataclass(frozen=True, slots=True)
class ArticleInput:
    """An article as it was submitted; ``options`` is its body's. HTML is not cleaned: its markup says what is text."""

    body: str
    headline: str | None
    lead: str | None
    clean: bool
    options: TranslationOptions = PLAIN


@dataclass(frozen=True, slots=True)
class Article:
    """An article as it was understood; ``spans`` maps ``body``, plain text, to the submitted: (cleaned, submitted)."""

    headline: str | None
    kicker: str | None
    lead: str | None
    body: str
    spans: tuple[tuple[Span, Span], ...]
    removed: tuple[RemovedPart, ...]
    notices: tuple[Notice, ...]

    def submitted(self, span: Span) -> Span:
        """Where a span of the cleaned body stands in the submitted one; it begins and ends in running text."""
        first, source = self.spans[self._part(span.start)]
        last, source_end = self.spans[self._part(span.end - 1)]
        start = source.start + span.start - first.start
        return Span(start, source_end.end if span.end >= last.end else source_end.start + span.end - last.start)

    def _part(self, offset: int) -> int:
        return max(0, bisect_right(self.spans, offset, key=lambda pair: pair[0].start) - 1)


@dataclass(frozen=True, slots=True)
class TranslatedArticle:
    """The parts of an article in English; ``body`` carries the sentences, over the submitted body."""

    headline: str | None
    lead: str | None
    body: Translation


@dataclass(frozen=True, slots=True)
class ArticleResult:
    """The article and those outputs that were asked for; ``summary_translation`` is the summary in English."""

    article: Article
    summary: Summary | None
    translation: TranslatedArticle | None
    summary_translation: Summary | None

    @property
    def cached(self) -> bool:
        """Whether no engine ran for it."""
        summaries = [one for one in (self.summary, self.summary_translation) if one is not None]
        body = None if self.translation is None else self.translation.body
        return all(one.cached for one in summaries) and (body is None or body.cached == body.of)


class ArticlePipeline:
    """Does everything that is asked of one article."""

    def __init__(self, translator: Translator, summariser: Summarizer | None) -> None:
        self._translator = translator
        self._summariser = summariser

    async def edit(
        self,
        submission: ArticleInput,
        outputs: Sequence[Output],
        form: SummaryForm,
        call: Call,
    ) -> ArticleResult:
        """Clean, summarise and translate. Everything that is made counts as made from the submitted body.

        Raises:
            InvalidInput: a field is no Unicode.
            DepescheError: see `CachedGenerator.results`.
        """
        with call.timings.measured("clean"):
            chars = sum(len(part or "") for part in (submission.body, submission.headline, submission.lead))
            article = await off_loop(chars, parse_article, submission, self._translator.languages.source)
        origin = submission.body
        work: dict[str, Coroutine[Any, Any, Any]] = {}
        if "translation" in outputs:
            work["translation"] = self._translation(article, submission, call)
        if {"summary", "summary_translation"} & set(outputs):
            work["summary"] = self._summary(article, origin, form, call)
        done = await _together(work)
        summary: Summary | None = done.get("summary")
        english = None
        if summary is not None and "summary_translation" in outputs:
            (english,) = await translate_summaries(
                self._translator, [summary], form.length, call.without_callbacks(), origins=[origin]
            )
        return ArticleResult(article, summary if "summary" in outputs else None, done.get("translation"), english)

    async def _summary(self, article: Article, origin: str, form: SummaryForm, call: Call) -> Summary:
        if self._summariser is None:
            raise InvalidInput("task_not_served", "no summary model is served", pointer="/outputs")
        (summary,) = await self._summariser.summarise(
            [article.body],
            form.length,
            form.method,
            call,
            headline=article.headline,
            origins=[origin],
            style=form.style,
            variants=form.variants,
        )
        return _moved_summary(summary, article)

    async def _translation(self, article: Article, submission: ArticleInput, call: Call) -> TranslatedArticle:
        """The body is translated as it was submitted where it is HTML, else as it was cleaned."""
        html = submission.options.format == "html"
        texts = [submission.body if html else article.body, article.headline or "", article.lead or ""]
        plain = replace(submission.options, format="text")

        def finished(sentence: Finished) -> None:
            moves = sentence.text_number == 0 and not html
            call.finished(replace(sentence, source=article.submitted(sentence.source)) if moves else sentence)

        body, headline, lead = await self._translator.translate(
            texts,
            replace(call, finished=finished),
            origins=[submission.body] * len(texts),
            options=[submission.options, plain, plain],
        )
        if not html:
            body = _of_submitted(body, article)
        heads = (headline, lead)
        whole = replace(
            body,
            notices=(*body.notices, *(replace(n, span=None, target=None) for h in heads for n in h.notices)),
            truncated=any(part.truncated for part in (body, *heads)),
            cached=sum(part.cached for part in (body, *heads)),
            of=sum(part.of for part in (body, *heads)),
            terms=tuple(use for part in (body, *heads) for use in part.terms),
        )
        return TranslatedArticle(headline.text or None, lead.text or None, whole)


async def _together(work: Mapping[str, Coroutine[Any, Any, Any]]) -> dict[str, Any]:
    """The results of all ``work``; the first failure cancels the rest and is raised as itself."""
    try:
        async with asyncio.TaskGroup() as group:
            tasks = {name: group.create_task(one) for name, one in work.items()}
    except BaseExceptionGroup as errors:
        raise errors.exceptions[0] from None
    return {name: task.result() for name, task in tasks.items()}


def _moved_summary(summary: Summary, article: Article) -> Summary:
    """A summary of the cleaned body, with what points into the source pointing into the submitted one."""
    return replace(
        summary,
        sentences=tuple(replace(one, support=tuple(map(article.submitted, one.support))) for one in summary.sentences),
        notices=_moved(summary.notices, article),
        variants=tuple(_moved_summary(variant, article) for variant in summary.variants),
    )


def _of_submitted(body: Translation, article: Article) -> Translation:
    """The translation of the cleaned body, with what points into the source pointing into the submitted one."""
    return replace(
        body,
        sentences=tuple(_pair_of_submitted(pair, article) for pair in body.sentences),
        notices=_moved(body.notices, article),
        terms=tuple(replace(use, span=article.submitted(use.span)) for use in body.terms),
    )


def _pair_of_submitted(pair: SentencePair, article: Article) -> SentencePair:
    words = pair.words and tuple((article.submitted(source), target) for source, target in pair.words)
    return replace(pair, source=article.submitted(pair.source), words=words)


def parse_article(submission: ArticleInput, language: Language) -> Article:
    """Tell the parts of a submission apart; with ``clean`` off they stay as they are.

    Raises:
        InvalidInput: a field is no Unicode.
    """
    body = submission.body
    heads = [part for part in (submission.headline, submission.lead) if part]
    notices = [replace(notice, span=None) for part in heads for notice in check_text(part)]
    if submission.options.format == "html":
        return _marked_up(submission, tuple(notices))
    if submission.clean:
        found = clean(body, language, headline=submission.headline, lead=submission.lead)
        if found.body:
            spans = tuple((mapping.cleaned, mapping.source) for mapping in found.spans)
            return Article(
                found.headline, found.kicker, found.lead, found.body, spans, found.removed, (*notices, *found.notices)
            )
        notices.append(Notice("not_cleaned", "cleaning would have left no body; the text was taken as it is"))
    whole = Span(0, len(body))
    return Article(submission.headline, None, submission.lead, body, ((whole, whole),), (), tuple(notices))


def _moved(notices: Sequence[Notice], article: Article) -> tuple[Notice, ...]:
    return tuple(n if n.span is None else replace(n, span=article.submitted(n.span)) for n in notices)


def _marked_up(submission: ArticleInput, notices: tuple[Notice, ...]) -> Article:
    """An article whose body is HTML: a paragraph a block."""
    blocks = [block for block in parse(submission.body).blocks if block.text]
    spans: list[tuple[Span, Span]] = []
    length = 0
    for block in blocks:
        spans += ((there.shifted(length), source) for there, source in _runs(block))
        length += len(block.text) + len(PARAGRAPH)
    body = PARAGRAPH.join(block.text for block in blocks)
    return Article(submission.headline, None, submission.lead, body, tuple(spans), (), notices)


def _runs(block: Block) -> Iterator[tuple[Span, Span]]:
    """(range of the block's text, range of the HTML), each as long as characters of both go side by side."""
    start = 0
    for at in range(1, len(block.text) + 1):
        if at == len(block.text) or not _side_by_side(block, at):
            yield Span(start, at), Span(block.starts[start], block.ends[at - 1])
            start = at


def _side_by_side(block: Block, at: int) -> bool:
    """Whether a character of the text follows the one before it in the HTML, too, and both stand for themselves."""
    return block.starts[at] == block.starts[at - 1] + 1 and block.ends[at] == block.ends[at - 1] + 1


TRAINED = "http://cv.iptc.org/newscodes/digitalsourcetype/trainedAlgorithmicMedia"
"""A model wrote it. `lead` and `extractive` summaries are the source's own words, and have the source's type."""
METHODS_OF_MODELS: frozenset[Method] = frozenset({"abstractive"})


@dataclass(frozen=True, slots=True)
class Provenance:
    """How the outputs came about. ``source_types`` are full URIs, None where the words are the source's own."""

    generated_at: str
    software: str
    models: Sequence[LocalGenerator]
    source_types: Mapping[Output, str | None]
    languages: Mapping[Output, str]

    @classmethod
    def of(cls, result: ArticleResult, models: Sequence[LocalGenerator], source: str, target: str) -> "Provenance":
        """The provenance of ``result``, made now in the languages ``source`` and ``target``."""
        summary, summary_type = result.summary, None
        if summary is not None:
            types = map(source_type, (summary, *summary.variants))
            summary_type = next((uri for uri in types if uri is not None), None)
        return cls(
            generated_at=datetime.now(UTC).isoformat(timespec="seconds"),
            software=f"depesche {__version__}",
            models=models,
            source_types={
                "summary": summary_type,
                "translation": None if result.translation is None else TRAINED,
                "summary_translation": None if result.summary_translation is None else TRAINED,
            },
            languages={"summary": source, "translation": target, "summary_translation": target},
        )

    @property
    def credit(self) -> str:
        """Software and models in one line, for documents that have no fields of their own for them."""
        named = ", ".join(f"{m.manifest.id} {m.manifest.revision} ({m.manifest.licence})" for m in self.models)
        return f"Made by {self.software}" + (f" with {named}" if named else "") + "; not reviewed by a person."

    def jsonld(self) -> dict[str, Any]:
        """The same as schema.org JSON-LD."""
        return {
            "@context": "https://schema.org",
            "@type": "CreateAction",
            "endTime": self.generated_at,
            "instrument": [
                {"@type": "SoftwareApplication", "name": "depesche", "softwareVersion": __version__},
                *(_instrument(model) for model in self.models),
            ],
            "result": [
                {"@type": "CreativeWork", "name": name, "digitalSourceType": uri, "inLanguage": self.languages[name]}
                for name, uri in self.source_types.items()
                if uri is not None
            ],
        }


def source_type(summary: Summary) -> str | None:
    """The digital source type of a summary in the source's language; None where it is the source's words."""
    return TRAINED if summary.method in METHODS_OF_MODELS else None


def _instrument(model: LocalGenerator) -> dict[str, str]:
    manifest = model.manifest
    return {
        "@type": "SoftwareSourceCode",
        "name": manifest.id,
        "version": manifest.revision,
        "license": manifest.licence,
        "applicationCategory": manifest.task,
    }


def edition_of(submission: ArticleInput, result: ArticleResult, provenance: Provenance) -> Edition:
    """What a document is written from: the translated article with its translated summary, else the summary's article.

    Raises:
        InvalidInput: there is neither a translation nor a summary in the source's language.
    """
    languages, made_at = provenance.languages, provenance.generated_at
    original = languages["summary"]
    if result.translation is not None:
        translated, summary = result.translation, result.summary_translation
        parts = translated.headline, translated.lead, translated.body.text
        text = None if summary is None else summary.text
        return Edition(languages["translation"], *parts, text, TRAINED, provenance.credit, made_at, original)
    if result.summary is None:
        raise InvalidInput(
            "as_without_output", "a document needs a translation or a summary in the source language", pointer="/as"
        )
    article = result.article
    body = submission.body if submission.options.format == "html" else article.body
    source = source_type(result.summary)
    parts = article.headline, article.lead, body
    return Edition(languages["summary"], *parts, result.summary.text, source, provenance.credit, made_at, original)
