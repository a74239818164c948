"""The endpoints of /v1.

`service.http.ratelimit` counts; it leaves what to ask in the request's `RequestInfo`.
"""

from collections.abc import Iterable, Sequence
from dataclasses import replace
from typing import Annotated, Any

from fastapi import APIRouter, Depends, Header, Request
from pydantic import WithJsonSchema

from service.cache.keys import Field, result_key
from service.documents.base import Document, Edition
from service.documents.registry import read_document, write_document
from service.domain import Span
from service.errors import InvalidInput
from service.generation.call import Call, Priority, off_loop
from service.generation.model import ServedModel
from service.http import requests, schemas
from service.http.auth import Requires
from service.http.mapping import (
    TRAINED,
    article_out,
    credit,
    model_out,
    provenance,
    source_type,
    summary_out,
    translated_article_out,
    translation_out,
)
from service.http.requests import ArticleRequest
from service.http.responses import PROBLEMS, STREAMED, STREAMED_WITH_BODY, require_json, wants_events
from service.http.state import ApiState, GenerationDep, ServiceDep, StateDep, TextLimits, info_of
from service.http.streaming import answered
from service.newsroom.article import ArticleInput, ArticleResult
from service.newsroom.service import Generation, Service
from service.summarization.lengths import Length
from service.summarization.styles import length_of
from service.text.normalization import check_text, visible_span
from service.translation.preparation import TranslationOptions


def texts_of(text: str | list[str], limits: TextLimits) -> list[str]:
    """The text or texts as a list.

    Raises:
        InvalidInput: there are too many, one is too long or no Unicode, or a lone text is blank.
    """
    if isinstance(text, str):
        require_text(text, "/text", limits)
        return [text]
    if not text:
        raise InvalidInput("text_empty", "the list holds no text", pointer="/text")
    if len(text) > limits.texts:
        raise InvalidInput(
            "too_many_texts", f"{len(text)} texts, at most {limits.texts}", pointer="/text", limit=limits.texts
        )
    for number, member in enumerate(text):
        require_fitting(member, f"/text/{number}", limits)
    return text


def require_text(text: str, pointer: str, limits: TextLimits) -> None:
    """Refuse a text that is too long, no Unicode, or blank: nothing in it is left for a model."""
    require_fitting(text, pointer, limits)
    visible = visible_span(text, Span(0, len(text)))
    if visible.start == visible.end:
        raise InvalidInput("text_empty", "the text is empty or blank", pointer=pointer)


def require_fitting(text: str, pointer: str, limits: TextLimits) -> None:
    """Refuse a text that is too long or no Unicode."""
    if len(text) > limits.chars:
        detail = f"{len(text)} characters, at most {limits.chars}"
        raise InvalidInput("text_too_long", detail, pointer=pointer, limit=limits.chars)
    try:
        check_text(text)
    except InvalidInput as error:
        raise InvalidInput(error.code, error.detail, pointer=pointer) from error


async def charge(request: Request, texts: Iterable[str | None]) -> None:
    """Count the characters of ``texts``; nothing where there is no limit.

    Raises:
        RateExceeded: the caller has used up its limit.
        InvalidInput: the texts are longer than the limit.
    """
    count = info_of(request.scope).charge
    if count is not None:
        await count(sum(len(text) for text in texts if text is not None))


async def quota_of(request: Request) -> tuple[int, int] | None:
    """Characters that the caller has used, and may use, in the longest window; None where there is no limit."""
    asked = info_of(request.scope).quota
    return None if asked is None else await asked()


MOST_MS = 3_600_000
Timeout = Annotated[
    int | None,
    WithJsonSchema({"type": "integer", "minimum": 1, "maximum": MOST_MS}),  # without null, which no header has
    Header(alias="Request-Timeout-Ms", ge=1, le=MOST_MS, description="Milliseconds this request may take."),
]


def call_of(request: Request, state: ApiState, timeout_ms: int | None, priority: Priority, key: str) -> Call:
    """The call of a request, whose time begins now; what it measures is left in the request's state."""
    control = {word.strip().lower() for word in request.headers.get("cache-control", "").split(",")}
    call = Call.within(
        (timeout_ms or state.timeout_ms) / 1000,
        priority=priority,
        read_cache=not control & {"no-cache", "no-store"},
        write_cache="no-store" not in control,
        result_key=key,
    )
    info = info_of(request.scope)
    info.intervals = call.timings.intervals
    if not wants_events(request):  # a stream's headers are sent before anything is done
        info.timings = call.timings.seconds
    return call


async def submission_of(
    body: ArticleRequest, manner: TranslationOptions, state: ApiState
) -> tuple[ArticleInput, Document | None]:
    """The article that a request holds, in its fields or as a document; fields go before the document's own.

    Raises:
        InvalidInput: the document holds no article, or a text is blank, too long or no Unicode.
    """
    document = None
    headline, lead, text = body.headline, body.lead, body.body or ""
    if body.document is not None:
        source = body.document if isinstance(body.document, str) else ""
        document = await off_loop(len(source), read_document, body.document)
        headline, lead, text = headline or document.headline, lead or document.lead, document.body
        manner = replace(manner, format=document.body_format)
    require_text(text, "/body" if document is None else "/document", state.limits)
    for field, part in (("/headline", headline), ("/lead", lead)):
        require_fitting(part or "", field, state.limits)
    return ArticleInput(text, headline or None, lead or None, body.clean, manner), document


def document_out(
    body: ArticleRequest,
    submission: ArticleInput,
    document: Document | None,
    result: ArticleResult,
    models: list[ServedModel],
    made_at: str,
) -> dict[str, Any] | None:
    """The outputs in the shape that was asked for; None where none was.

    With a translation it is the English article with the English summary, else the German one with the German summary.

    Raises:
        InvalidInput: the document lacks what the shape needs.
    """
    if body.as_ is None:
        return None
    plain = Document("page", submission.headline, submission.lead, submission.body, submission.manner.format)
    return write_document(document or plain, _edition(submission, result, models, made_at), body.as_)


def _edition(submission: ArticleInput, result: ArticleResult, models: list[ServedModel], made_at: str) -> Edition:
    translated, english, german = result.translation, result.summary_translation, result.summary
    if translated is not None:
        parts = translated.headline, translated.lead, translated.body.text
        summary = None if english is None else english.text
        return Edition("en", *parts, summary, TRAINED, credit(models), made_at)
    if german is None:
        raise InvalidInput("as_without_output", "a document needs a translation or a German summary", pointer="/as")
    article = result.article
    body = submission.body if submission.manner.format == "html" else article.body
    return Edition(
        "de", article.headline, article.lead, body, german.text, source_type(german), credit(models), made_at
    )


async def require_open(service: ServiceDep) -> None:
    """Refuse new work on connections that are still open while the process ends (503)."""
    service.check_open()


router = APIRouter()
work = APIRouter(dependencies=[Depends(require_json), Depends(require_open)], responses=PROBLEMS | STREAMED)


def _manner(options: requests.TranslationOptions, service: Service) -> TranslationOptions:
    glossary = service.glossary(options.glossary, options.do_not_translate, options.glossary_name)
    return TranslationOptions(format=options.format, attribute_texts=options.attribute_texts, glossary=glossary)


def _translation_options(options: requests.TranslationOptions, service: Service) -> dict[str, Field]:
    return {
        "format": options.format,
        "attribute_texts": str(options.attribute_texts),
        "glossary": [text for pair in sorted(options.glossary.items()) for text in pair],
        "glossary_name": service.glossary_version(options.glossary_name),
        "do_not_translate": sorted(options.do_not_translate),
    }


def _length(options: requests.SummaryOptions) -> Length:
    return length_of(
        options.style,
        options.length,
        max_chars=options.max_chars,
        max_words=options.max_words,
        max_sentences=options.max_sentences,
    )


def _key(task: str, models: Sequence[ServedModel], options: dict[str, Field], texts: list[str]) -> str:
    return result_key(
        task=task,
        model_id=" ".join(model.manifest.id for model in models),
        revision=" ".join(f"{model.version} {model.search}" for model in models),
        options=options,
        texts=texts,
    )


def _summary_options(options: requests.SummaryOptions, length: Length) -> dict[str, Field]:
    return {
        "length": [length.min_words, length.max_words, length.max_chars, length.max_sentences],
        "method": options.method,
        "style": options.style,
        "variants": options.variants,
    }


@work.post("/v1/translate", dependencies=[Depends(Requires("translate"))], response_model=schemas.TranslateResponse)
async def translate(
    body: requests.TranslateRequest,
    request: Request,
    state: StateDep,
    generation: GenerationDep,
    timeout_ms: Timeout = None,
) -> Any:
    """Translate German text into English."""
    texts = texts_of(body.text, state.limits)
    translator = generation.translator
    model = translator.decoder.model
    manner = replace(_manner(body, state.service), alignment=body.alignment)
    options = {**_translation_options(body, state.service), "alignment": str(body.alignment)}
    key = _key("translate", [model], options, texts)

    async def result(call: Call) -> schemas.TranslateResponse:
        translations = await translator.translate(texts, call, manner=manner)
        return schemas.TranslateResponse(
            translations=[translation_out(translation) for translation in translations],
            model=model_out(model),
            result_key=key,
        )

    await charge(request, texts)
    return await answered(request, call_of(request, state, timeout_ms, body.priority, key), result)


@work.post("/v1/summarize", dependencies=[Depends(Requires("summarize"))], response_model=schemas.SummarizeResponse)
async def summarize(
    body: requests.SummarizeRequest,
    request: Request,
    state: StateDep,
    generation: GenerationDep,
    timeout_ms: Timeout = None,
) -> Any:
    """Summarise German text, in German or in English."""
    texts = texts_of(body.text, state.limits)
    headline = body.headline or None
    require_fitting(headline or "", "/headline", state.limits)
    length, summariser, translator = _length(body), generation.summariser, generation.translator
    models = [summariser.decoder.model, *([translator.decoder.model] if body.target_lang == "en" else [])]
    options = _summary_options(body, length)
    key = _key("summarize", models, options, [headline or "", *texts])

    async def result(call: Call) -> schemas.SummarizeResponse:
        summaries = await summariser.summarise(
            texts, length, body.method, call, headline=headline, style=body.style, variants=body.variants
        )
        if body.target_lang == "en":
            summaries = await translator.summaries(summaries, length, call.quiet(), origins=texts)
        return schemas.SummarizeResponse(
            summaries=[summary_out(summary) for summary in summaries],
            model=model_out(models[0]),
            translation_model=model_out(models[1]) if body.target_lang == "en" else None,
            result_key=key,
        )

    await charge(request, [headline, *texts])
    return await answered(request, call_of(request, state, timeout_ms, body.priority, key), result)


@work.post(
    "/v1/articles",
    dependencies=[Depends(Requires("articles"))],
    response_model=schemas.ArticleResponse,
    responses=STREAMED_WITH_BODY,
)
async def articles(
    body: requests.ArticleRequest,
    request: Request,
    state: StateDep,
    generation: GenerationDep,
    timeout_ms: Timeout = None,
) -> Any:
    """Clean, summarise and translate a German article."""
    submission, document = await submission_of(body, _manner(body, state.service), state)
    length, editor = _length(body), generation.editor
    used = _models_of(body, generation)
    key = _article_key(body, submission, length, [model for model in used if model is not None], state.service)

    async def result(call: Call) -> schemas.ArticleResponse:
        found = await editor.edit(
            submission, body.outputs, length, body.method, call, style=body.style, variants=body.variants
        )
        return _article_response(body, submission, document, found, used, key)

    await charge(request, [submission.headline, submission.lead, submission.body])
    return await answered(request, call_of(request, state, timeout_ms, body.priority, key), result)


def _models_of(body: requests.ArticleRequest, generation: Generation) -> tuple[ServedModel | None, ServedModel | None]:
    """The models that summarise and translate, each None where it is not needed."""
    outputs = set(body.outputs)
    summariser = generation.models["summary"] if outputs & {"summary", "summary_translation"} else None
    translator = generation.models["translation"] if outputs & {"translation", "summary_translation"} else None
    return summariser, translator


def _article_key(
    body: requests.ArticleRequest,
    submission: ArticleInput,
    length: Length,
    models: Sequence[ServedModel],
    service: Service,
) -> str:
    options: dict[str, Field] = {
        **_summary_options(body, length),
        "clean": str(body.clean),
        "outputs": sorted(body.outputs),
        **_translation_options(body, service),
        "format": submission.manner.format,
        "as": body.as_ or "",
    }
    return _key("articles", models, options, [submission.headline or "", submission.lead or "", submission.body])


def _article_response(
    body: requests.ArticleRequest,
    submission: ArticleInput,
    document: Document | None,
    result: ArticleResult,
    models: tuple[ServedModel | None, ServedModel | None],
    key: str,
) -> schemas.ArticleResponse:
    used = [model for model in models if model is not None]
    summariser, translator = (None if model is None else model_out(model) for model in models)
    made = provenance(result, used)
    english = result.summary_translation
    article = article_out(result.article)
    if document is not None:
        article.submitted_body = submission.body
    return schemas.ArticleResponse(
        article=article,
        summary=None if result.summary is None else summary_out(result.summary),
        translation=None if result.translation is None else translated_article_out(result.translation),
        summary_translation=None if english is None else summary_out(english),
        models=schemas.ModelsOut(summary=summariser, translation=translator),
        provenance=made,
        document=document_out(body, submission, document, result, used, made.generated_at),
        result_key=key,
    )


@router.get("/v1/models")
async def models(service: ServiceDep) -> schemas.ModelListResponse:
    """The models that this process serves; while they load, those that are there already."""
    return schemas.ModelListResponse(models=[model_out(model) for model in service.models])


router.include_router(work)
