"""A whole article: cleaned, told apart into headline, lead and body, summarised and translated."""

from bisect import bisect_right
from collections.abc import Coroutine, Sequence
from dataclasses import dataclass, replace
from typing import Any, Literal

from service.pipeline.call import Call, Finished, together
from service.pipeline.results import Method, Summary, Translation
from service.pipeline.sentences import off_loop
from service.pipeline.summarise import Summariser
from service.pipeline.translate import Translator
from service.summary.lengths import Length
from service.text.clean import Removed, clean
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
        """Where a span of the cleaned body stands in the submitted one; it begins and ends in running text."""
        first, source = self.spans[self._part(span.start)]
        last, source_end = self.spans[self._part(span.end - 1)]
        start = source.start + span.start - first.start
        return Span(start, source_end.start + span.end - last.start)

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
            (english,) = await self._translator.summaries([summary], length, call.quiet())
        return ArticleResult(article, summary if "summary" in outputs else None, done.get("translation"), english)

    async def _summary(self, article: Article, length: Length, method: Method, call: Call) -> Summary:
        (found,) = await self._summariser.summarise([article.body], length, method, call, headline=article.headline)
        sentences = tuple(
            replace(sentence, support=tuple(map(article.submitted, sentence.support))) for sentence in found.sentences
        )
        return replace(found, sentences=sentences, notices=_moved(found.notices, article))

    async def _translation(self, article: Article, call: Call) -> TranslatedArticle:
        texts = [article.body, article.headline or "", article.lead or ""]

        def finished(sentence: Finished) -> None:
            of_body = sentence.text_number == 0
            call.finished(replace(sentence, source=article.submitted(sentence.source)) if of_body else sentence)

        body, headline, lead = await self._translator.translate(texts, replace(call, finished=finished))
        heads = (headline, lead)
        whole = replace(
            body,
            sentences=tuple(replace(pair, source=article.submitted(pair.source)) for pair in body.sentences),
            notices=(*_moved(body.notices, article), *(replace(n, span=None) for h in heads for n in h.notices)),
            truncated=any(part.truncated for part in (body, *heads)),
            cached=sum(part.cached for part in (body, *heads)),
            of=sum(part.of for part in (body, *heads)),
        )
        return TranslatedArticle(headline.text or None, lead.text or None, whole)


async def understand(submission: Submission) -> Article:
    """Tell the parts of a submission apart; with ``clean`` off they stay as they are.

    Raises:
        InvalidInput: a field is no Unicode.
    """
    body = submission.body
    heads = [part for part in (submission.headline, submission.lead) if part]
    notices = [replace(notice, span=None) for part in heads for notice in check_text(part)]
    if submission.clean:
        everything = "".join((body, *heads))
        found = await off_loop(everything, clean, body, headline=submission.headline, lead=submission.lead)
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
