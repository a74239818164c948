"""The use cases of the service, which the HTTP API and the command line share.

Each use case leases the models, charges the caller and applies the deadline. A use case that runs a model also computes
the result key, runs the pipeline, and emits events about the results. The result key identifies a command and the
models that execute it. Whole results are cached under this key, and cached results are purged by it.
"""

import asyncio
from collections.abc import Callable, Coroutine, Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import replace
from typing import Any, TypeVar

from service.cache.entries import Field, entry_key, result_key, tag_key
from service.cache.tiers import Purged
from service.checks.base import Code
from service.documents.base import Document
from service.documents.html_page import is_whole_page, read_page
from service.documents.registry import read_document, write_document
from service.errors import DepescheError, InvalidInput, NotReady
from service.events import Listener, ResultGiven
from service.events import Output as EventOutput
from service.generation.base import TextGenerator
from service.generation.call import TEXT_THREADS, Call, off_loop
from service.languages.base import LanguagePair
from service.newsroom.answers import ArticleAnswer, SummarizeAnswer, TranslateAnswer
from service.newsroom.article import ArticleInput, ArticleResult, Provenance, edition_of, require_plain, run_all
from service.newsroom.commands import (
    ArticleCommand,
    CallContext,
    CheckCommand,
    GlossaryTerms,
    SummarizeCommand,
    SummaryForm,
    TextLimits,
    TranslateCommand,
)
from service.newsroom.lifecycle import Lifecycle, Status
from service.newsroom.models import ModelPool, ModelSet, Plan, cache_of, summary_not_served
from service.newsroom.review import Review, review_summary, review_translation
from service.newsroom.summary_translation import translate_summaries
from service.registry.manifest import Quality
from service.results import Headlines, Summary, Translation, flagged_sentences, needs_review
from service.terms.corrections import Corrections
from service.terms.glossary import Terms
from service.translation.preparation import PLAIN, TranslationOptions

T = TypeVar("T")
STALLED_S = 60.0
"""The age of text work, in seconds, at which the process counts as stalled. It exceeds the time limit of a worker."""


class Newsroom:
    """The use cases, the administration and the lifecycle of the service.

    `start` loads the models, `reload` replaces them, and `stop` waits for accepted requests and releases the engines.

    Args:
        plan: the startup configuration.
        listener: receives the events.
        on_dead: called when an engine has failed permanently.
        on_settled: called when the first models have been loaded, and whenever the old models have been closed after a
            reload.
        limits: the text limits of articles; None means no limits.

    Raises:
        ModelError: there is no language package for one of the languages of ``plan``.
    """

    def __init__(
        self,
        plan: Plan,
        listener: Listener,
        on_dead: Callable[[], None],
        on_settled: Callable[[], None] = lambda: None,
        *,
        limits: TextLimits | None = None,
    ) -> None:
        self._secret = plan.cache_secret
        self._listener = listener
        self._on_settled = on_settled
        self._limits = limits
        self._changing = asyncio.Lock()
        self.lifecycle = Lifecycle()
        self.languages = LanguagePair.of(plan.source_lang, plan.target_lang)
        self.cache = cache_of(plan, listener)
        self._pool = ModelPool(plan, self.cache, listener, on_dead)

    async def translate(self, command: TranslateCommand, context: CallContext) -> TranslateAnswer:
        """Translate the texts of a command.

        Raises:
            InvalidInput: the command contains an invalid value, for example a language that is not supported, the name
                of an unknown glossary, an invalid term, or a text that is not valid Unicode.
            RateExceeded: the caller has exceeded its rate limit.
            Unavailable: the service cannot accept requests at the moment.
            DeadlineExceeded: the deadline of the context passed before the work was done.
            EngineError: the model failed.
        """
        with self._lease(context) as models:
            translator, model = models.translator, models.models["translation"]
            self._require_languages(command)
            corrections = await context.in_time(models.corrections_of(command.memory))
            fields = _translation_fields(command.options, command.terms, models, corrections)
            key = _result_key("translate", [model], fields, command.texts)
            call = await _admit(context.call(command.priority, key), context, command.texts)
            translations: Sequence[Translation] | None = self._cached_result(call, key)
            if translations is None:
                options = await models.request_options(command.options, command.terms)
                options = replace(options, corrections=corrections)
                work = translator.translate(command.texts, call, options=options)
                translations = await call.in_time(work)
                if all(notice.code != Code.ANSWER_INVALID for one in translations for notice in one.notices):
                    self._store_result(call, key, [replace(one, cached=one.of) for one in translations], command.texts)
        self._emit(_outcome("translation", one) for one in translations)
        return TranslateAnswer(translations, model, key, models.context_notices(command.options.context))

    async def summarize(self, command: SummarizeCommand, context: CallContext) -> SummarizeAnswer:
        """Summarise the texts of a command.

        Raises:
            InvalidInput: there is no summary model, or for the same reasons as in `translate`.
            DepescheError: for the same reasons as in `translate`.
        """
        with self._lease(context) as models:
            model, translator = models.summary_model, None
            if command.target_lang not in (None, self.languages.source.code):
                translator = models.models["translation"]
                self._require_languages(command)
            used = [model] if translator is None else [model, translator]
            texts = [command.headline or "", *command.texts]
            fields = {**_summary_fields(command.form), **_headline_fields(command.headlines)}
            fields |= models.house_style_fields(command.house_style) if translator else {}
            key = _result_key("summarize", used, fields, texts)
            call = await _admit(context.call(command.priority, key), context, texts)
            work: dict[str, Coroutine[Any, Any, Any]] = {"summaries": self._summaries(models, command, call)}
            if command.headlines:
                work["headlines"] = self._headlines(models, command, call)
            done = await call.in_time(run_all(work))
        summaries: Sequence[Summary] = done["summaries"]
        headlines: Sequence[Headlines] | None = done.get("headlines")
        output: EventOutput = "summary" if translator is None else "summary_translation"
        self._emit(_with_variants(output, summaries))
        self._emit(map(_headlines_outcome, headlines or ()))
        return SummarizeAnswer(summaries, model, translator, key, headlines)

    async def _headlines(self, models: ModelSet, command: SummarizeCommand, call: Call) -> list[Headlines]:
        if models.headliner is None:
            raise summary_not_served()
        return await models.headliner.write(command.texts, command.headlines, call, headline=command.headline)

    async def _summaries(self, models: ModelSet, command: SummarizeCommand, call: Call) -> list[Summary]:
        form = command.form
        summarizer = models.summarizer
        if summarizer is None:
            raise summary_not_served()
        summaries = await summarizer.summarise(
            command.texts,
            form.length,
            form.method,
            call,
            headline=command.headline,
            style=form.style,
            variants=form.variants,
            facts=form.facts,
        )
        if command.target_lang in (None, self.languages.source.code):
            return summaries
        return await translate_summaries(
            models.translator,
            summaries,
            form.length,
            call.without_callbacks(),
            origins=command.texts,
            house_style=models.house_style(command.house_style),
        )

    async def article(self, command: ArticleCommand, context: CallContext) -> ArticleAnswer:
        """Clean, summarise and translate the article of a command, depending on the requested outputs.

        Raises:
            InvalidInput: the document contains no article, the result lacks a part that the output format requires, or
                there is no summary model for a requested output.
            DepescheError: for the same reasons as in `translate`.
        """
        with self._lease(context) as models:
            summary_model, translation_model = models.models_for(command.outputs)
            self._require_languages(command)
            corrections = await context.in_time(models.corrections_of(command.memory))
            options = replace(await models.request_options(command.options, command.terms), corrections=corrections)
            submission, document = await context.in_time(self._submission(command, options))
            used = [model for model in (summary_model, translation_model) if model is not None]
            parts = [submission.headline or "", submission.lead or "", submission.body]
            parts += [] if command.previous is None else command.previous.texts
            key = _result_key("articles", used, _article_fields(command, submission, models), parts)
            call = await _admit(context.call(command.priority, key), context, parts)
            result: ArticleResult | None = self._cached_result(call, key)
            if result is None:
                work = models.articles.run(
                    submission,
                    command.outputs,
                    command.form,
                    call,
                    headlines=command.headlines,
                    previous=command.previous,
                )
                result = await call.in_time(work)
                if result.cached and command.previous is None:  # a purge by text must not miss the previous texts
                    self._store_result(call, key, result, parts)
        languages = (self.languages.source.code, self.languages.target.code)
        provenance = Provenance.of(result, used, *languages, embargo=context.embargo)
        written = None
        if command.write_as is not None:
            plain = Document(submission.headline, submission.lead, submission.body, submission.options.format)
            edition = edition_of(submission, result, provenance)
            work_on_document = off_loop(len(edition.body), write_document, document or plain, edition, command.write_as)
            written = await context.in_time(work_on_document)
        self._emit(_article_outcomes(result))
        return ArticleAnswer(submission, document, result, summary_model, translation_model, provenance, written, key)

    async def check(self, command: CheckCommand, context: CallContext) -> Review:
        """Check a translation or summary against its source. No model is used, and nothing is cached.

        Raises:
            InvalidInput: a text is not valid Unicode, a term is invalid, there is no glossary with the given name, or
                the source language has no rules for summaries.
            RateExceeded: the caller has exceeded its rate limit.
            Unavailable: the service cannot accept requests at the moment.
            DeadlineExceeded: the deadline passed before the check was done.
        """
        source, text, reviewed = command.source, command.text, command.reviewed_by_person
        with self._lease(replace(context, embargo=False)) as models:  # only the glossaries of the set are used
            glossary = (await models.request_options(PLAIN, command.terms)).glossary
            await _admit(context.call("interactive", ""), context, (source, text))
            chars, language = len(source) + len(text), self.languages.source
            if command.task == "summary":
                if language.summary is None:
                    raise summary_not_served()
                return await context.in_time(
                    off_loop(chars, review_summary, source, text, language, reviewed_by_person=reviewed)
                )
            return await context.in_time(
                off_loop(chars, review_translation, source, text, glossary, self.languages, reviewed_by_person=reviewed)
            )

    async def _submission(
        self, command: ArticleCommand, options: TranslationOptions
    ) -> tuple[ArticleInput, Document | None]:
        """Return the article of a command, and the parsed document that contained the article.

        The document is None if the article was submitted as plain fields. The headline and lead of the command override
        those of the document. If the body is a whole HTML page and the command requests cleaning, the page is parsed as
        a document.
        """
        document = None
        headline, lead, body = command.headline, command.lead, command.body
        if command.document is None and command.clean and options.format == "html" and is_whole_page(body):
            document = await off_loop(len(body), read_page, body, "/body")
            headline, lead, body = headline or document.headline, lead or document.lead, document.body
            options = replace(options, format=document.body_format)
        elif command.document is not None:
            chars = len(command.document) if isinstance(command.document, str) else command.document_bytes
            document = await off_loop(chars, read_document, command.document)
            headline, lead, body = headline or document.headline, lead or document.lead, document.body
            options = replace(options, format=document.body_format)
        if command.previous is not None:
            require_plain(options)
        if self._limits is not None:
            self._limits.require_text(body, "/body" if document is None else "/document")
            self._limits.require_fitting(headline or "", "/headline")
            self._limits.require_fitting(lead or "", "/lead")
            if command.previous is not None:
                for field, text in zip(("body", "summary", "translation"), command.previous.texts, strict=True):
                    self._limits.require_fitting(text, f"/previous/{field}")
        return ArticleInput(body, headline or None, lead or None, command.clean, options), document

    def _cached_result(self, call: Call, key: str) -> Any:
        """Return the cached result of an identical command, or None if there is no such result.

        The result is also None if the call must not read the cache, or if the caller receives each sentence as soon as
        it is translated. The sentences of a cached result could not be reported one by one.
        """
        if not call.read_cache or call.follows:
            return None
        with call.timings.measured("cache"):
            return self.cache.documents.get(key)

    def _store_result(self, call: Call, key: str, result: Any, texts: Iterable[str]) -> None:
        """Store the whole result of a command in the cache under ``key``, unless the call must not write to the cache.

        All parts of ``result`` must be marked as cached, because later calls return them unchanged. ``texts`` are the
        texts of the command. The cache counts their characters as the size of the result.
        """
        if call.write_cache:
            self.cache.put_document(key, result, chars=sum(map(len, texts)), started_s=call.started_s)

    def _require_languages(self, command: TranslateCommand | SummarizeCommand | ArticleCommand) -> None:
        """Check that the service supports the languages of the command.

        Raises:
            InvalidInput: the service does not support one of the languages.
        """
        source, target = self.languages
        for code, served, field in ((command.source_lang, source, "source"), (command.target_lang, target, "target")):
            if code not in (None, served.code):
                detail = f"the only supported {field} language is {served.code}"
                raise InvalidInput(f"{field}_lang_unsupported", detail, pointer=f"/{field}_lang", limit=served.code)

    @contextmanager
    def admitted(self, context: CallContext) -> Iterator[CallContext]:
        """Accept a request of several commands, and yield the context for these commands.

        Until the end of the ``with`` block, commands with this context are accepted even if the process begins to shut
        down. The shutdown waits for the end of the block, up to the drain time, before it releases the engines.

        Raises:
            Draining, LoadFailed, NotReady: new requests are refused.
        """
        self.lifecycle.check_open()
        with self._pool.serving.lease():
            yield replace(context, admitted=True)

    @contextmanager
    def _lease(self, context: CallContext) -> Iterator[ModelSet]:
        """Lease the models for one command, until the end of the ``with`` block.

        If the command is under embargo, yield only models that run in this process.

        Raises:
            Draining, LoadFailed, NotReady: new requests are refused.
            InvalidInput: the command is under embargo, and no translation model runs in this process.
        """
        if not context.admitted:
            self.lifecycle.check_open()
        with self._pool.serving.lease() as models:
            chosen = models.in_process if context.embargo else models
            if chosen is None:
                detail = (
                    "no translation model for requests under embargo runs in this process (DEPESCHE_EMBARGO_MODELS)"
                )
                raise InvalidInput("embargo_not_served", detail)
            yield chosen

    def _emit(self, outcomes: Iterable[ResultGiven]) -> None:
        for outcome in outcomes:
            self._listener(outcome)

    async def purge(self, *, texts: Sequence[str] = (), results: Sequence[str] = ()) -> Purged:
        """Delete the cache entries of the submitted texts ``texts``, and those of the result keys ``results``.

        Raises:
            PurgeIncomplete: the shared cache is unreachable.
        """
        return await self.cache.purge(self.tags(texts=texts, results=results))

    def tags(self, *, texts: Sequence[str] = (), results: Sequence[str] = ()) -> list[bytes]:
        """Return the cache tags of submitted texts and of result keys."""
        of_texts = [tag_key("text", text, self._secret) for text in texts]
        return [*of_texts, *(tag_key("result", key, self._secret) for key in results)]

    def job_key(self, name: str) -> bytes:
        """Return the key under which the result of the job with the id ``name`` is stored."""
        return entry_key(("job",), name, self._secret)

    async def forget(self, result: str) -> int:
        """Delete the entries of the result key ``result`` from the memory of this process, and return their number."""
        return await self.cache.forget([tag_key("result", result, self._secret)])

    async def clear(self) -> Purged:
        """Delete all cache entries.

        Raises:
            PurgeIncomplete: the shared cache is unreachable.
        """
        return await self.cache.clear()

    async def start(self) -> None:
        """Verify, load and warm up the models. If this fails, the readiness probe also reports the error.

        Raises:
            ModelError, EngineError: see `ModelPool.load`.
        """
        try:
            async with self._changing:
                self._pool.serve(await self._pool.load(), self._on_settled)
        except DepescheError as error:
            self.lifecycle.fail(str(error), error.code)
            raise
        self._on_settled()
        self.lifecycle.become_ready()

    async def reload(self) -> None:
        """Load the models, glossaries, house styles and corrections again, and use them for later requests.

        No request is dropped. The old models stay in memory until the last of their requests has been answered. If the
        new models cannot be loaded, the old models stay in use. If there are no models yet, this method calls `start`.

        Raises:
            NotReady: the models are already being loaded.
            Draining: the process is shutting down.
            ModelError, EngineError: see `ModelPool.load`.
        """
        self.lifecycle.check_staying()
        if self._changing.locked():
            raise NotReady("the models are already being loaded; retry when this has finished")
        if self._pool.current is None:
            self.lifecycle.begin_loading()
            await self.start()
            return
        async with self._changing:
            new = await self._pool.load()
            if self.lifecycle.ending:
                await new.close(0.0)
                self.lifecycle.check_staying()
            self._pool.serve(new, self._on_settled)

    async def stop(self) -> None:
        """Refuse new requests, wait for the accepted ones up to the plan's drain time, and release the engines."""
        self.lifecycle.refuse_work()
        try:
            await self._pool.close()
        finally:
            await self.cache.close()
            self.lifecycle.close()

    @property
    def status(self) -> Status:
        """The status that the readiness probe reports.

        It is the status of the lifecycle, with two exceptions while the lifecycle is ``ready``. The status is
        ``loading`` while a model does not accept work, for example because its engine is being rebuilt. It is
        ``stalled`` while the processing of a text has been waiting or running for more than `STALLED_S` seconds.
        """
        status, current = self.lifecycle.status, self._pool.current
        if status != "ready":
            return status
        if current is None or not current.ready:
            return "loading"
        return "stalled" if TEXT_THREADS.oldest_s > STALLED_S else "ready"

    @property
    def models(self) -> Sequence[TextGenerator]:
        """The models in use or, during startup, those that have been loaded so far.

        The translation model comes first.
        """
        return self._pool.served

    @property
    def glossaries(self) -> Mapping[str, Terms]:
        """The glossaries that are stored on the server, by name.

        The mapping is empty until the models have been loaded.
        """
        return {} if self._pool.current is None else self._pool.current.glossaries

    @property
    def dead(self) -> bool:
        """True if an engine has failed permanently."""
        return any(model.health == "dead" for model in self.models)

    @property
    def notice(self) -> str:
        """A warning for operators that names the starter and draft models in use, except for alignment models.

        The warning is empty if there are no such models.
        """
        written = [model for model in self.models if model.manifest.task != "alignment"]
        named = {quality: [m.name for m in written if m.manifest.quality == quality] for quality in _NOTICES}
        return "; ".join(f"{_NOTICES[quality]}: {', '.join(names)}" for quality, names in named.items() if names)


_NOTICES: dict[Quality, str] = {
    "starter": "starter models, whose outputs are not fit for publication",
    "draft": "draft models, whose outputs an editor must compare with the original",
}


async def _admit(call: Call, context: CallContext, texts: Iterable[str]) -> Call:
    """Charge the caller for the characters in ``texts``, report that the command was accepted, and return ``call``."""
    await context.charge(sum(map(len, texts)))
    context.accepted()
    return call


def _result_key(task: str, models: Sequence[TextGenerator], options: dict[str, Field], texts: Sequence[str]) -> str:
    return result_key(
        task=task,
        model_id=" ".join(model.manifest.id for model in models),
        revision=" ".join(model.fingerprint for model in models),
        options=options,
        texts=texts,
    )


def _translation_fields(
    options: TranslationOptions, terms: GlossaryTerms, models: ModelSet, corrections: Corrections | None
) -> dict[str, Field]:
    tags = options.tags
    return {
        "format": options.format,
        "attribute_texts": str(options.attribute_texts),
        "alignment": str(options.alignment),
        **({"facts": "True"} if options.facts else {}),
        "split": options.split,
        "tags": [str(tags.xml), str(tags.outline), tags.ignored, tags.splitting, tags.non_splitting],
        "glossary": [text for pair in sorted(terms.translated.items()) for text in pair],
        "glossary_name": models.glossary_version(terms.name),
        "do_not_translate": sorted(terms.kept),
        **models.house_style_fields(options.house_style),
        **({"memory": corrections.digest} if corrections is not None and corrections.digest else {}),
        **({"alternatives": options.alternatives} if options.alternatives else {}),
        **models.context_fields(options.context),
    }


def _summary_fields(form: SummaryForm) -> dict[str, Field]:
    length = form.length
    return {
        "length": [length.min_words, length.max_words, length.max_chars, length.max_sentences],
        "method": form.method,
        "style": form.style,
        "variants": form.variants,
        **({"facts": "True"} if form.facts else {}),
    }


def _headline_fields(count: int) -> dict[str, Field]:
    """Return the fields of the result key for the number of headlines.

    If ``count`` is 0, there are no fields, so that older result keys stay valid.
    """
    return {"headlines": count} if count else {}


def _article_fields(command: ArticleCommand, submission: ArticleInput, models: ModelSet) -> dict[str, Field]:
    return {
        **_summary_fields(command.form),
        "clean": str(command.clean),
        "outputs": sorted(command.outputs),
        **_translation_fields(submission.options, command.terms, models, submission.options.corrections),
        "as": command.write_as or "",
        **_headline_fields(command.headlines if "headlines" in command.outputs else 0),
    }


def _outcome(output: EventOutput, result: Translation | Summary) -> ResultGiven:
    codes = tuple(sorted({notice.code for notice in result.notices}))
    counts = (len(result.sentences), flagged_sentences(result)) if isinstance(result, Translation) else (0, 0)
    return ResultGiven(output, codes, needs_review(result.notices), result.truncated, *counts)


def _headlines_outcome(found: Headlines) -> ResultGiven:
    notices = [*found.notices, *(notice for one in found.headlines for notice in one.notices)]
    return ResultGiven("headlines", tuple(sorted({n.code for n in notices})), needs_review(notices), truncated=False)


def _with_variants(output: EventOutput, summaries: Iterable[Summary]) -> Iterator[ResultGiven]:
    """Yield an event for each summary and each of its variants, because an editor may publish any of them."""
    return (_outcome(output, one) for summary in summaries for one in (summary, *summary.variants))


def _article_outcomes(result: ArticleResult) -> Iterator[ResultGiven]:
    """Yield an event for each output of an article, and one for the cleaned article itself."""
    codes = tuple(sorted({notice.code for notice in result.article.notices}))
    yield ResultGiven("article", codes, needs_review=False, truncated=False)
    if result.summary is not None:
        yield from _with_variants("summary", [result.summary])
    if result.translation is not None:
        yield _outcome("translation", result.translation.body)
    if result.summary_translation is not None:
        yield from _with_variants("summary_translation", [result.summary_translation])
    if result.headlines is not None:
        yield _headlines_outcome(result.headlines)
