"""The endpoints of /v1."""

from collections.abc import Sequence
from datetime import UTC, datetime
from typing import Annotated, Any

from fastapi import APIRouter, Depends, Header, Request

from service import __version__
from service.api import requests, schemas
from service.api.answers import article_out, model_out, summary_out, translated_article_out, translation_out
from service.api.negotiation import require_json
from service.api.sse import answered
from service.api.state import ApiState, ServiceDep, StateDep
from service.api.texts import require_fitting, require_text, texts_of
from service.cache.keys import Field, result_key
from service.pipeline.article import ArticleResult, Submission
from service.pipeline.call import Call
from service.pipeline.served import ServedModel
from service.pipeline.service import Service
from service.summary.lengths import Length, from_request

PROBLEM_CODES = (400, 406, 413, 415, 422, 500, 503, 504)
PROBLEMS: dict[int | str, dict[str, Any]] = {
    code: {
        "description": "Problem (RFC 9457)",
        "content": {"application/problem+json": {"schema": schemas.Problem.model_json_schema()}},
    }
    for code in PROBLEM_CODES
}
STREAMED: dict[int | str, dict[str, Any]] = {
    200: {
        "description": (
            "The result; with `Accept: text/event-stream` a stream of events: `progress`, `sentence` (each translated "
            "sentence, in order) and `result`, or `error` with the problem's body"
        ),
        "content": {"text/event-stream": {}},
    }
}
Timeout = Annotated[
    int | None,
    Header(alias="Request-Timeout-Ms", ge=1, le=3_600_000, description="Milliseconds this request may take."),
]
router = APIRouter()
work = APIRouter(dependencies=[Depends(require_json)], responses=PROBLEMS | STREAMED)


def _call(request: Request, state: ApiState, timeout_ms: int | None, priority: Any) -> Call:
    control = {word.strip().lower() for word in request.headers.get("cache-control", "").split(",")}
    return Call.within(
        (timeout_ms or state.timeout_ms) / 1000,
        priority=priority,
        read_cache=not control & {"no-cache", "no-store"},
        write_cache="no-store" not in control,
    )


def _length(options: requests.SummaryOptions) -> Length:
    return from_request(
        length=options.length,
        max_chars=options.max_chars,
        max_words=options.max_words,
        max_sentences=options.max_sentences,
    )


def _key(task: str, models: Sequence[ServedModel], options: dict[str, Field], texts: list[str]) -> str:
    return result_key(
        task=task,
        model_id=" ".join(model.manifest.id for model in models),
        revision=" ".join(f"{model.manifest.revision}/{model.engine}" for model in models),
        options=options,
        texts=texts,
    )


def _length_options(length: Length) -> list[Field]:
    return [length.min_words, length.max_words, length.max_chars, length.max_sentences]


@work.post("/v1/translate", response_model=schemas.TranslateResponse)
async def translate(
    body: requests.TranslateRequest, request: Request, state: StateDep, timeout_ms: Timeout = None
) -> Any:
    """Translate German text into English."""
    texts = texts_of(body.text, state.limits)
    translator = state.service.translator

    async def result(call: Call) -> schemas.TranslateResponse:
        translations = await translator.translate(texts, call)
        model = translator.decoder.model
        return schemas.TranslateResponse(
            translations=[translation_out(translation) for translation in translations],
            model=model_out(model),
            result_key=_key("translate", [model], {"format": body.format}, texts),
        )

    return await answered(request, _call(request, state, timeout_ms, body.priority), result)


@work.post("/v1/summarize", response_model=schemas.SummarizeResponse)
async def summarize(
    body: requests.SummarizeRequest, request: Request, state: StateDep, timeout_ms: Timeout = None
) -> Any:
    """Summarise German text, in German or in English."""
    texts = texts_of(body.text, state.limits)
    headline = body.headline or None
    require_fitting(headline or "", "/headline", state.limits)
    length, summariser, translator = _length(body), state.service.summariser, state.service.translator

    async def result(call: Call) -> schemas.SummarizeResponse:
        summaries = await summariser.summarise(texts, length, body.method, call, headline=headline)
        models = [summariser.decoder.model]
        if body.target_lang == "en":
            models.append(translator.decoder.model)
            summaries = await translator.summaries(summaries, length, call.quiet())
        options: dict[str, Field] = {"length": _length_options(length), "method": body.method, "style": body.style}
        return schemas.SummarizeResponse(
            summaries=[summary_out(summary) for summary in summaries],
            model=model_out(models[0]),
            translation_model=model_out(models[1]) if body.target_lang == "en" else None,
            result_key=_key("summarize", models, options, [headline or "", *texts]),
        )

    return await answered(request, _call(request, state, timeout_ms, body.priority), result)


@work.post("/v1/articles", response_model=schemas.ArticleResponse)
async def articles(body: requests.ArticleRequest, request: Request, state: StateDep, timeout_ms: Timeout = None) -> Any:
    """Clean, summarise and translate a German article."""
    require_text(body.body, "/body", state.limits)
    for field, text in (("/headline", body.headline), ("/lead", body.lead)):
        require_fitting(text or "", field, state.limits)
    submission = Submission(body.body, body.headline or None, body.lead or None, body.clean)
    length, editor = _length(body), state.service.editor

    async def result(call: Call) -> schemas.ArticleResponse:
        found = await editor.edit(submission, body.outputs, length, body.method, call)
        return _article_response(body, length, state.service, found)

    return await answered(request, _call(request, state, timeout_ms, body.priority), result)


def _article_response(
    body: requests.ArticleRequest, length: Length, service: Service, result: ArticleResult
) -> schemas.ArticleResponse:
    summariser, translator = service.summariser.decoder.model, service.translator.decoder.model
    summarised = bool({"summary", "summary_translation"} & set(body.outputs))
    translated = bool({"translation", "summary_translation"} & set(body.outputs))
    models = [model for model, used in ((summariser, summarised), (translator, translated)) if used]
    options: dict[str, Field] = {
        "length": _length_options(length),
        "method": body.method,
        "style": body.style,
        "clean": str(body.clean),
        "outputs": sorted(body.outputs),
    }
    english = result.summary_translation
    return schemas.ArticleResponse(
        article=article_out(result.article),
        summary=None if result.summary is None else summary_out(result.summary),
        translation=None if result.translation is None else translated_article_out(result.translation),
        summary_translation=None if english is None else summary_out(english),
        models=schemas.ModelsOut(
            summary=model_out(summariser) if summarised else None,
            translation=model_out(translator) if translated else None,
        ),
        provenance=schemas.ProvenanceOut(
            generated_at=datetime.now(UTC).isoformat(timespec="seconds"), software=f"depesche {__version__}"
        ),
        result_key=_key("articles", models, options, [body.headline or "", body.lead or "", body.body]),
    )


@router.get("/v1/models")
async def models(service: ServiceDep) -> schemas.ModelListResponse:
    """The models that this process serves; while they load, those that are there already."""
    return schemas.ModelListResponse(models=[model_out(model) for model in service.models])


router.include_router(work)
