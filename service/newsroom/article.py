"""The processing of articles: cleaning, parsing, summarisation, translation and provenance."""

import asyncio
from bisect import bisect_right
from collections.abc import Coroutine, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from typing import Any

from service import __version__
from service.checks.facts import LinkedFact
from service.cleaning.clean import RemovedPart, clean
from service.documents.base import Edition
from service.domain import Notice, Span
from service.errors import InvalidInput
from service.generation.base import Host, TextGenerator
from service.generation.call import Call, Finished, off_loop
from service.languages.base import Language, LanguagePair
from service.newsroom.commands import DEFAULT_HEADLINES, PreviousVersion, SummaryForm
from service.newsroom.summary_translation import translate_summaries
from service.newsroom.versions import Comparison, compare_versions, merge_summary
from service.results import Change, Changes, Headlines, Method, Output, SentencePair, Summary, Translation
from service.summarization.headlines import Headliner
from service.summarization.summarizer import Summarizer
from service.text.html.document import Block, parse
from service.text.normalization import check_text, markup_notice
from service.text.segmentation import require_sentences
from service.translation.preparation import PLAIN, TranslationOptions
from service.translation.translator import Translator

PARAGRAPH = "\n\n"


@dataclass(frozen=True, slots=True)
class ArticleInput:
    """A submitted article. ``options`` are the translation options of the body.

    ``clean`` states whether boilerplate is removed from the body. It has no effect on an HTML body, because such a body
    is only split into paragraphs at its block elements.
    """

    body: str
    headline: str | None
    lead: str | None
    clean: bool
    options: TranslationOptions = PLAIN


@dataclass(frozen=True, slots=True)
class Article:
    """A parsed article. ``body`` is the cleaned body as plain text.

    ``kicker`` is the short line above the headline. ``spans`` contains pairs of ranges: a range of ``body`` and the
    corresponding range of the submitted body. ``doubtful`` contains the ranges of ``body`` that may be boilerplate,
    such as captions. Summaries and headlines do not use them.
    """

    headline: str | None
    kicker: str | None
    lead: str | None
    body: str
    spans: tuple[tuple[Span, Span], ...]
    removed: tuple[RemovedPart, ...]
    notices: tuple[Notice, ...]
    doubtful: tuple[Span, ...] = ()

    def to_submitted(self, span: Span) -> Span:
        """Convert a range of the cleaned body to the corresponding range of the submitted body.

        The range must not start or end in the gap between two paragraphs.
        """
        first, source = self.spans[self._part(span.start)]
        last, source_end = self.spans[self._part(span.end - 1)]
        start = source.start + span.start - first.start
        return Span(start, source_end.end if span.end >= last.end else source_end.start + span.end - last.start)

    def _part(self, offset: int) -> int:
        return max(0, bisect_right(self.spans, offset, key=lambda pair: pair[0].start) - 1)


@dataclass(frozen=True, slots=True)
class TranslatedArticle:
    """A translated article. The source ranges of the sentences in ``body`` refer to the submitted body.

    ``changes`` compares ``body`` with the previous translation. It is None if no previous translation was submitted.
    """

    headline: str | None
    lead: str | None
    body: Translation
    changes: tuple[Change, ...] | None = None


@dataclass(frozen=True, slots=True)
class ArticleResult:
    """The parsed article and the requested outputs. Outputs that were not requested are None.

    ``changes`` is None if no previous version was submitted.
    """

    article: Article
    summary: Summary | None
    translation: TranslatedArticle | None
    summary_translation: Summary | None
    headlines: Headlines | None = None
    changes: Changes | None = None

    @property
    def cached(self) -> bool:
        """True if all requested outputs came from the cache."""
        outputs = [one for one in (self.summary, self.summary_translation, self.headlines) if one is not None]
        body = None if self.translation is None else self.translation.body
        return all(one.cached for one in outputs) and (body is None or body.cached == body.of)


class ArticlePipeline:
    """The steps that clean, summarise and translate articles.

    ``summariser`` and ``headliner`` are None if the service has no summary model.
    """

    def __init__(
        self, translator: Translator, summariser: Summarizer | None, headliner: Headliner | None = None
    ) -> None:
        self._translator = translator
        self._summariser = summariser
        self._headliner = headliner

    async def run(
        self,
        submission: ArticleInput,
        outputs: Sequence[Output],
        form: SummaryForm,
        call: Call,
        *,
        headlines: int = DEFAULT_HEADLINES,
        previous: PreviousVersion | None = None,
    ) -> ArticleResult:
        """Clean an article, and create the ``outputs`` that the caller requests.

        ``form`` specifies the summary, and ``headlines`` is the number of headlines to write. The cache entries of all
        outputs are tagged with the submitted body, so that a purge of its text also deletes them. If ``previous`` is
        set, the outputs keep the wording of its unchanged sentences.

        Raises:
            InvalidInput: a field is not valid Unicode, the body has too many lines, the service has no summary model
                for the requested outputs, or a previous version was submitted for an HTML body.
            DepescheError: see `CachedGenerator.results`.
        """
        with call.timings.measured("clean"):
            chars = sum(len(part or "") for part in (submission.body, submission.headline, submission.lead))
            article = await off_loop(chars, parse_article, submission, self._translator.languages.source)
        origin = submission.body
        versions = None if previous is None else await self._compare(article, submission, previous)
        work: dict[str, Coroutine[Any, Any, Any]] = {}
        if "translation" in outputs:
            work["translation"] = self._translation(article, submission, versions, call)
        if {"summary", "summary_translation"} & set(outputs):
            work["summary"] = self._summary(article, origin, form, versions, call)
        if "headlines" in outputs:
            work["headlines"] = self._headlines(article, origin, headlines, call)
        done = await run_all(work)
        summary, summary_changes = done.get("summary", (None, None))
        translated = None
        if summary is not None and "summary_translation" in outputs:
            (translated,) = await translate_summaries(
                self._translator,
                [summary],
                form.length,
                call.without_callbacks(),
                origins=[origin],
                house_style=submission.options.house_style,
            )
        return ArticleResult(
            article,
            summary if "summary" in outputs else None,
            done.get("translation"),
            translated,
            done.get("headlines"),
            None if versions is None else versions.changes(article, done.get("translation"), summary_changes),
        )

    async def _compare(self, article: Article, submission: ArticleInput, previous: PreviousVersion) -> "Versions":
        chars = len(submission.body) + sum(map(len, previous.texts))
        return await off_loop(chars, Versions.of, article, submission, previous, self._translator.languages)

    async def _summary(
        self, article: Article, origin: str, form: SummaryForm, versions: "Versions | None", call: Call
    ) -> tuple[Summary, Sequence[Change] | None]:
        if self._summariser is None:
            raise InvalidInput("task_not_served", "this service has no summary model", pointer="/outputs")
        (summary,) = await self._summariser.summarise(
            [article.body],
            form.length,
            form.method,
            call,
            headline=article.headline,
            origins=[origin],
            doubtful=article.doubtful,
            style=form.style,
            variants=form.variants,
            facts=form.facts,
        )
        changes = None
        if versions is not None and versions.previous.summary is not None:
            chars = len(article.body) + len(versions.previous.summary)
            language = self._translator.languages.source
            texts = versions.comparison, versions.previous.summary
            summary, changes = await off_loop(chars, merge_summary, *texts, summary, form.length, language)
        return _summary_to_submitted(summary, article), changes

    async def _headlines(self, article: Article, origin: str, count: int, call: Call) -> Headlines:
        if self._headliner is None:
            raise InvalidInput("task_not_served", "this service has no summary model", pointer="/outputs")
        (found,) = await self._headliner.write(
            [article.body], count, call, headline=article.headline, origins=[origin], doubtful=article.doubtful
        )
        return _headlines_to_submitted(found, article)

    async def _translation(
        self, article: Article, submission: ArticleInput, versions: "Versions | None", call: Call
    ) -> TranslatedArticle:
        """Translate the headline, the lead and the body. An HTML body is translated as submitted, without cleaning."""
        html = submission.options.format == "html"
        texts = [submission.body if html else article.body, article.headline or "", article.lead or ""]
        plain = replace(submission.options, format="text")
        of_body, changes = submission.options, None
        if versions is not None:
            of_body = replace(of_body, known=versions.comparison.known())

        def on_sentence(sentence: Finished) -> None:
            in_cleaned_body = sentence.text_number == 0 and not html
            call.finished(
                replace(sentence, source=article.to_submitted(sentence.source)) if in_cleaned_body else sentence
            )

        body, headline, lead = await self._translator.translate(
            texts,
            replace(call, finished=on_sentence),
            origins=[submission.body] * len(texts),
            options=[of_body, plain, plain],
        )
        if versions is not None and versions.previous.translation is not None:
            changes = tuple(versions.comparison.translation_changes(body.sentences))
        if not html:
            body = _translation_to_submitted(body, article)
        heads = (headline, lead)
        whole = replace(
            body,
            notices=(*body.notices, *(replace(n, span=None, target=None) for h in heads for n in h.notices)),
            truncated=any(part.truncated for part in (body, *heads)),
            cached=sum(part.cached for part in (body, *heads)),
            of=sum(part.of for part in (body, *heads)),
            terms=tuple(use for part in (body, *heads) for use in part.terms),
        )
        return TranslatedArticle(headline.text or None, lead.text or None, whole, changes)


@dataclass(frozen=True, slots=True)
class Versions:
    """The previous version of an article, parsed like the current one, and its comparison with the current one."""

    previous: PreviousVersion
    parsed: Article
    comparison: Comparison

    @classmethod
    def of(
        cls, article: Article, submission: ArticleInput, previous: PreviousVersion, languages: LanguagePair
    ) -> "Versions":
        """Parse the previous version with the options of ``submission``, and compare its body with ``article``.

        Raises:
            InvalidInput: a text of the previous version is not valid Unicode or has too many sentences.
        """
        for text in (previous.summary, previous.translation):
            check_text(text or "")
        parsed = parse_article(replace(submission, body=previous.body), languages.source)
        return cls(previous, parsed, compare_versions(parsed.body, article.body, previous.translation, languages))

    def changes(
        self, article: Article, translation: TranslatedArticle | None, summary: Sequence[Change] | None
    ) -> Changes:
        """Return the changes of the source and of the outputs.

        The spans of source sentences refer to the two submitted bodies.
        """
        source = (
            replace(
                one,
                span=None if one.span is None else article.to_submitted(one.span),
                previous=None if one.previous is None else self.parsed.to_submitted(one.previous),
            )
            for one in self.comparison.source_changes()
        )
        return Changes(
            tuple(source),
            None if translation is None else translation.changes,
            None if summary is None else tuple(summary),
        )


def require_plain(options: TranslationOptions) -> None:
    """Check that an article with a previous version is plain text.

    Raises:
        InvalidInput: the article is HTML.
    """
    if options.format == "html":
        detail = "`previous` requires a plain-text body; the body of this article is HTML"
        raise InvalidInput("previous_unsupported", detail, pointer="/previous")


async def run_all(work: Mapping[str, Coroutine[Any, Any, Any]]) -> dict[str, Any]:
    """Run the coroutines in ``work`` concurrently, and return the results under the same names.

    If a coroutine raises an error, cancel the other coroutines and raise this error.
    """
    try:
        async with asyncio.TaskGroup() as group:
            tasks = {name: group.create_task(one) for name, one in work.items()}
    except BaseExceptionGroup as errors:
        raise errors.exceptions[0] from None
    return {name: task.result() for name, task in tasks.items()}


def _summary_to_submitted(summary: Summary, article: Article) -> Summary:
    """Return the summary with its source ranges converted from the cleaned body to the submitted body."""
    sentences = (replace(one, support=tuple(map(article.to_submitted, one.support))) for one in summary.sentences)
    return replace(
        summary,
        sentences=tuple(sentences),
        notices=_notices_to_submitted(summary.notices, article),
        facts=_facts_to_submitted(summary.facts, article),
        variants=tuple(_summary_to_submitted(variant, article) for variant in summary.variants),
    )


def _facts_to_submitted(facts: tuple[LinkedFact, ...] | None, article: Article) -> tuple[LinkedFact, ...] | None:
    """Return the facts with their source ranges converted from the cleaned body to the submitted body."""
    return facts and tuple(
        one._replace(source=None if one.source is None else article.to_submitted(one.source)) for one in facts
    )


def _headlines_to_submitted(found: Headlines, article: Article) -> Headlines:
    """Return the headlines with their source ranges converted from the cleaned body to the submitted body."""
    headlines = (
        replace(
            one,
            support=tuple(map(article.to_submitted, one.support)),
            notices=_notices_to_submitted(one.notices, article),
        )
        for one in found.headlines
    )
    return replace(found, headlines=tuple(headlines), notices=_notices_to_submitted(found.notices, article))


def _translation_to_submitted(body: Translation, article: Article) -> Translation:
    """Return the translation with its source ranges converted from the cleaned body to the submitted body."""
    return replace(
        body,
        sentences=tuple(_pair_to_submitted(pair, article) for pair in body.sentences),
        notices=_notices_to_submitted(body.notices, article),
        terms=tuple(replace(use, span=article.to_submitted(use.span)) for use in body.terms),
        facts=_facts_to_submitted(body.facts, article),
    )


def _pair_to_submitted(pair: SentencePair, article: Article) -> SentencePair:
    words = pair.words and tuple((article.to_submitted(source), target) for source, target in pair.words)
    return replace(pair, source=article.to_submitted(pair.source), words=words)


def parse_article(submission: ArticleInput, language: Language) -> Article:
    """Clean a submitted article, and split it into headline, kicker, lead and body.

    If ``submission.clean`` is False, or cleaning would remove the whole body, the submitted parts stay unchanged. An
    HTML body is converted to plain text instead of being cleaned.

    Raises:
        InvalidInput: a field is not valid Unicode, or a plain-text body has too many lines.
    """
    body = submission.body
    heads = [part for part in (submission.headline, submission.lead) if part]
    notices = [replace(notice, span=None) for part in heads for notice in check_text(part)]
    if submission.options.format == "html":
        return _parse_html(submission, tuple(notices))
    marked = (markup_notice(part) for part in heads)
    notices += [replace(notice, span=None) for notice in marked if notice is not None]
    # Count the lines before cleaning: nearly every line has a sentence, and cleaning takes longer than segmentation.
    require_sentences(sum(bool(line.strip()) for line in body.splitlines()))
    if submission.clean:
        found = clean(body, language, headline=submission.headline, lead=submission.lead)
        if found.body:
            spans = tuple((mapping.cleaned, mapping.source) for mapping in found.spans)
            doubtful = tuple(mapping.cleaned for mapping in found.spans if mapping.doubtful)
            every = (*notices, *found.notices)
            return Article(found.headline, found.kicker, found.lead, found.body, spans, found.removed, every, doubtful)
        notices.append(Notice("not_cleaned", "cleaning would have removed the whole body, so the text was not cleaned"))
    whole = Span(0, len(body))
    return Article(submission.headline, None, submission.lead, body, ((whole, whole),), (), tuple(notices))


def _notices_to_submitted(notices: Sequence[Notice], article: Article) -> tuple[Notice, ...]:
    return tuple(n if n.span is None else replace(n, span=article.to_submitted(n.span)) for n in notices)


def _parse_html(submission: ArticleInput, notices: tuple[Notice, ...]) -> Article:
    """Return the article with its HTML body converted to plain text. Each block element becomes a paragraph."""
    blocks = [block for block in parse(submission.body).blocks if block.text]
    spans: list[tuple[Span, Span]] = []
    length = 0
    for block in blocks:
        spans += ((there.shifted(length), source) for there, source in _runs(block))
        length += len(block.text) + len(PARAGRAPH)
    body = PARAGRAPH.join(block.text for block in blocks)
    return Article(submission.headline, None, submission.lead, body, tuple(spans), (), notices)


def _runs(block: Block) -> Iterator[tuple[Span, Span]]:
    """Split the text of a block into the longest parts whose characters are contiguous in the HTML source.

    Yield a pair of ranges for each part: its range in the text and its range in the HTML source.
    """
    start = 0
    for at in range(1, len(block.text) + 1):
        if at == len(block.text) or not _is_contiguous(block, at):
            yield Span(start, at), Span(block.starts[start], block.ends[at - 1])
            start = at


def _is_contiguous(block: Block, at: int) -> bool:
    """Return whether the characters ``at - 1`` and ``at`` of the text are adjacent in the HTML source.

    The result is also False if one of the characters is written as an entity.
    """
    return block.starts[at] == block.starts[at - 1] + 1 and block.ends[at] == block.ends[at - 1] + 1


IPTC = "http://cv.iptc.org/newscodes/digitalsourcetype/"
TRAINED = f"{IPTC}trainedAlgorithmicMedia"
"""The IPTC digital source type of text that a model wrote. Summaries that only quote the source do not have it."""
METHODS_OF_MODELS: frozenset[Method] = frozenset({"abstractive"})


@dataclass(frozen=True, slots=True)
class Provenance:
    """The origin of the outputs.

    ``generated_at`` is the time of generation in ISO 8601. ``source_types`` maps each output to its IPTC digital source
    type as a full URI. The type is None if the output was not requested or has no text, or if the summary and its
    variants quote the source word for word. ``languages`` maps each output to its language code. ``embargo``
    states whether the request was under embargo. No text of such a request leaves this process.
    """

    generated_at: str
    software: str
    models: Sequence[TextGenerator]
    source_types: Mapping[Output, str | None]
    languages: Mapping[Output, str]
    embargo: bool = False

    @classmethod
    def of(
        cls,
        result: ArticleResult,
        models: Sequence[TextGenerator],
        source: str,
        target: str,
        *,
        embargo: bool = False,
    ) -> "Provenance":
        """Create the provenance of ``result``, with the current time as the time of generation.

        ``models`` are the models that produced the outputs. ``source`` and ``target`` are the codes of the two
        languages.
        """
        summary, translated = result.summary, result.translation
        summaries = () if summary is None else (summary, *summary.variants)
        types = (source_type(one) for one in summaries if one.text)
        translations = () if translated is None else (translated.headline, translated.lead, translated.body.text)
        translated_summary = result.summary_translation
        return cls(
            generated_at=datetime.now(UTC).isoformat(timespec="seconds"),
            software=f"depesche {__version__}",
            models=models,
            source_types={
                "summary": next((uri for uri in types if uri is not None), None),
                "translation": TRAINED if any(translations) else None,
                "summary_translation": TRAINED if translated_summary is not None and translated_summary.text else None,
                "headlines": TRAINED if result.headlines is not None and result.headlines.headlines else None,
            },
            languages={"summary": source, "translation": target, "summary_translation": target, "headlines": source},
            embargo=embargo,
        )

    @property
    def credit(self) -> str:
        """One line that names the software and the models, for document formats without separate fields for them."""
        models = ", ".join(
            f"{m.manifest.id} {m.manifest.revision} ({m.manifest.licence}{_place(m)})" for m in self.models
        )
        return f"Generated by {self.software}" + (f" with {models}" if models else "") + "; not reviewed by a person."

    def jsonld(self) -> dict[str, Any]:
        """Return the provenance as a JSON-LD object with the vocabulary of schema.org."""
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
    """Return the IPTC digital source type of an untranslated summary, or None if it quotes the source word for word."""
    return TRAINED if summary.method in METHODS_OF_MODELS else None


_PLACES: Mapping[Host, str] = {
    "process": "in the service",
    "private": "on a server in a private network",
    "public": "on a server in a public network",
}


def _place(model: TextGenerator) -> str:
    return "" if model.host == "process" else f", run {_PLACES[model.host]}"


def _instrument(model: TextGenerator) -> dict[str, str]:
    manifest = model.manifest
    return {
        "@type": "SoftwareSourceCode",
        "name": manifest.id,
        "version": manifest.revision,
        "license": manifest.licence,
        "applicationCategory": manifest.task,
        "runtimePlatform": _PLACES[model.host],
    }


def edition_of(submission: ArticleInput, result: ArticleResult, provenance: Provenance) -> Edition:
    """Return the content of the document that is written for the response.

    If there is a translation, the content is the translated article with the translated summary. Otherwise, it is the
    original article with its summary.

    Raises:
        InvalidInput: there is neither a translation nor a summary in the source language.
    """
    languages, made_at = provenance.languages, provenance.generated_at
    original = languages["summary"]
    if result.translation is not None:
        translated, summary = result.translation, result.summary_translation
        parts = translated.headline, translated.lead, translated.body.text
        text = None if summary is None else summary.text
        return Edition(languages["translation"], *parts, text, TRAINED, provenance.credit, made_at, original)
    if result.summary is None:
        detail = "`as` requires 'translation' or 'summary' in `outputs`"
        raise InvalidInput("as_without_output", detail, pointer="/as")
    article = result.article
    body = submission.body if submission.options.format == "html" else article.body
    source = source_type(result.summary)
    parts = article.headline, article.lead, body
    return Edition(languages["summary"], *parts, result.summary.text, source, provenance.credit, made_at, original)
