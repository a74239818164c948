"""A whole article: cleaned, told apart into headline, lead and body, summarised and translated."""

import asyncio
from collections.abc import Coroutine, Sequence
from dataclasses import dataclass, replace
from functools import partial
from typing import Any, Literal

from service.pipeline.call import Call, together
from service.pipeline.results import Method, Summary, Translation
from service.pipeline.sentences import OFF_LOOP_CHARS
from service.pipeline.summarise import Summariser
from service.pipeline.translate import Translator
from service.summary.lengths import Length
from service.text.clean import Cleaned, Removed, clean
from service.text.normalise import check_text
from service.types import Notice, Span

Output = Literal["summary", "translation", "summary_translation"]


@dataclass(frozen=True, slots=True)
class Submission:
    """An article as it was submitted."""

    body: str
    headline: str | None
    lead: str | None
    clean: bool


@dataclass(frozen=True, slots=True)
class Article:
    """An article as it was understood; ``spans`` maps ``body`` to the submitted one, (cleaned, submitted) each."""

    headline: str | None
    kicker: str | None
    lead: str | None
    body: str
    spans: tuple[tuple[Span, Span], ...]
    removed: tuple[Removed, ...]
    notices: tuple[Notice, ...]

    def submitted(self, span: Span) -> Span:
        """Where a span of the cleaned body stands in the submitted one."""
        covering = [pair for pair in self.spans if pair[0].start < span.end and span.start < pair[0].end]
        if not covering:
            return span
        (first, source), (last, source_end) = covering[0], covering[-1]
        start = source.start + max(0, span.start - first.start)
        return Span(start, min(source_end.end, source_end.start + span.end - last.start))


@dataclass(frozen=True, slots=True)
class TranslatedArticle:
    """The parts of an article in English; ``body`` carries the sentences, over the submitted body."""

    headline: str | None
    lead: str | None
    body: Translation


@dataclass(frozen=True, slots=True)
class ArticleResult:
    """The article and those outputs that were asked for."""

    article: Article
    summary: Summary | None
    translation: TranslatedArticle | None
    summary_translation: Translation | None


class Editor:
    """Does everything that is asked of one article."""

    def __init__(self, translator: Translator, summariser: Summariser) -> None:
        self._translator = translator
        self._summariser = summariser

    async def edit(
        self, submission: Submission, outputs: Sequence[Output], length: Length, method: Method, call: Call
    ) -> ArticleResult:
        """Clean, summarise and translate.

        Raises:
            InvalidInput: a field is no Unicode.
            DepescheError: see `Decoder.decode`.
        """
        article = await understand(submission)
        work: dict[str, Coroutine[Any, Any, Any]] = {}
        if "translation" in outputs:
            work["translation"] = self._translation(article, call)
        if {"summary", "summary_translation"} & set(outputs):
            work["summary"] = self._summary(article, length, method, call)
        done = dict(zip(work, await together(*work.values()), strict=True))
        summary: Summary | None = done.get("summary")
        english = None
        if summary is not None and "summary_translation" in outputs:
            english = await self._translator.translate(summary.text, call)
        return ArticleResult(article, summary if "summary" in outputs else None, done.get("translation"), english)

    async def _summary(self, article: Article, length: Length, method: Method, call: Call) -> Summary:
        found = await self._summariser.summarise(article.body, length, method, call, headline=article.headline)
        sentences = tuple(
            replace(sentence, support=tuple(map(article.submitted, sentence.support))) for sentence in found.sentences
        )
        return replace(found, sentences=sentences, notices=_moved(found.notices, article))

    async def _translation(self, article: Article, call: Call) -> TranslatedArticle:
        parts = [part for part in (article.headline, article.lead) if part]
        body, *heads = await together(
            self._translator.translate(article.body, call), *(self._translator.translate(part, call) for part in parts)
        )
        named = dict(zip(parts, heads, strict=True))
        pairs = tuple(replace(pair, source=article.submitted(pair.source)) for pair in body.sentences)
        counted = replace(
            body,
            sentences=pairs,
            notices=(*_moved(body.notices, article), *(replace(n, span=None) for h in heads for n in h.notices)),
            truncated=body.truncated or any(head.truncated for head in heads),
            cached=body.cached + sum(head.cached for head in heads),
            of=body.of + sum(head.of for head in heads),
        )
        headline = named[article.headline].text if article.headline else None
        lead = named[article.lead].text if article.lead else None
        return TranslatedArticle(headline, lead, counted)


async def understand(submission: Submission) -> Article:
    """Tell the parts of a submission apart; with ``clean`` off they stay as they are."""
    body = submission.body
    heads = [part for part in (submission.headline, submission.lead) if part]
    notices = [replace(notice, span=None) for part in heads for notice in check_text(part)] + check_text(body)
    if submission.clean:
        found = await _cleaned(submission)
        if found.body:
            spans = tuple((mapping.cleaned, mapping.source) for mapping in found.spans)
            return Article(
                found.headline, found.kicker, found.lead, found.body, spans, found.removed, (*notices, *found.notices)
            )
        notices.append(Notice("not_cleaned", "cleaning would have left no body; the text was taken as it is"))
    whole = Span(0, len(body))
    return Article(submission.headline, None, submission.lead, body, ((whole, whole),), (), tuple(notices))


async def _cleaned(submission: Submission) -> Cleaned:
    work = partial(clean, submission.body, headline=submission.headline, lead=submission.lead)
    return await asyncio.to_thread(work) if len(submission.body) > OFF_LOOP_CHARS else work()


def _moved(notices: Sequence[Notice], article: Article) -> tuple[Notice, ...]:
    return tuple(n if n.span is None else replace(n, span=article.submitted(n.span)) for n in notices)
