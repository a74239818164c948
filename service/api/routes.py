"""The endpoints of /v1."""

from datetime import UTC, datetime
from typing import Annotated, Any

from fastapi import APIRouter, Depends, Header
from pydantic import BaseModel

from service import __version__
from service.api import schemas
from service.api.answers import article_out, model_out, summary_out, translation_out
from service.api.negotiation import require_json
from service.api.state import ApiState, ServiceDep, StateDep
from service.api.texts import require_fitting, require_text, texts_of
from service.cache.keys import result_key
from service.pipeline.article import Submission
from service.pipeline.call import Call, together
from service.pipeline.results import Summary, Translation
from service.pipeline.served import ServedModel
from service.summary.lengths import Length, from_request

PROBLEM_CODES = (400, 406, 413, 415, 422, 500, 503, 504)
PROBLEMS: dict[int | str, dict[str, Any]] = {
    code: {"model": schemas.Problem, "content": {"application/problem+json": {}}} for code in PROBLEM_CODES
}
Timeout = Annotated[
    int | None,
    Header(alias="Request-Timeout-Ms", ge=1, le=3_600_000, description="Milliseconds this request may take."),
]
router = APIRouter()
work = APIRouter(dependencies=[Depends(require_json)], responses=PROBLEMS)


def _call(state: ApiState, timeout_ms: int | None, priority: Any) -> Call:
    return Call.within((timeout_ms or state.timeout_ms) / 1000, priority=priority)


def _length(options: schemas.SummaryOptions) -> Length:
    return from_request(
        length=options.length,
        max_chars=options.max_chars,
        max_words=options.max_words,
        max_sentences=options.max_sentences,
    )


def _key(task: str, models: list[ServedModel], request: BaseModel, texts: list[str]) -> str:
    options = request.model_dump(exclude={"text", "body", "headline", "lead", "priority"})
    return result_key(
        task=task,
        model_id=" ".join(model.manifest.id for model in models),
        revision=" ".join(f"{model.manifest.revision}/{model.engine}" for model in models),
        options=options,
        texts=texts,
    )


@work.post("/v1/translate")
async def translate(
    request: schemas.TranslateRequest, state: StateDep, timeout_ms: Timeout = None
) -> schemas.TranslateResponse:
    """Translate German text into English."""
    texts = texts_of(request.text, state.limits)
    translator = state.service.translator
    call = _call(state, timeout_ms, request.priority)
    translations: list[Translation] = await together(*(translator.translate(text, call) for text in texts))
    model = translator.decoder.model
    return schemas.TranslateResponse(
        translations=[translation_out(translation) for translation in translations],
        model=model_out(model),
        result_key=_key("translate", [model], request, texts),
    )


@work.post("/v1/summarize")
async def summarize(
    request: schemas.SummarizeRequest, state: StateDep, timeout_ms: Timeout = None
) -> schemas.SummarizeResponse:
    """Summarise German text, in German or in English."""
    texts = texts_of(request.text, state.limits)
    length = _length(request)
    service, headline = state.service, request.headline
    call = _call(state, timeout_ms, request.priority)
    summaries: list[Summary] = await together(
        *(service.summariser.summarise(text, length, request.method, call, headline=headline) for text in texts)
    )
    model, translation_model = service.summariser.decoder.model, None
    if request.target_lang == "en":
        translation_model = service.translator.decoder.model
        summaries = await together(*(service.translator.summary(summary, call) for summary in summaries))
    models = [model] if translation_model is None else [model, translation_model]
    return schemas.SummarizeResponse(
        summaries=[summary_out(summary) for summary in summaries],
        model=model_out(model),
        translation_model=None if translation_model is None else model_out(translation_model),
        result_key=_key("summarize", models, request, [headline or "", *texts]),
    )


@work.post("/v1/articles")
async def articles(
    request: schemas.ArticleRequest, state: StateDep, timeout_ms: Timeout = None
) -> schemas.ArticleResponse:
    """Clean, summarise and translate a German article."""
    require_text(request.body, "/body", state.limits)
    for field, text in (("/headline", request.headline), ("/lead", request.lead)):
        require_fitting(text or "", field, state.limits)
    submission = Submission(request.body, request.headline or None, request.lead or None, request.clean)
    call = _call(state, timeout_ms, request.priority)
    service = state.service
    result = await service.editor.edit(submission, request.outputs, _length(request), request.method, call)
    models = list(service.models)
    by_task = {model.manifest.task: model_out(model) for model in models}
    translation = result.translation
    return schemas.ArticleResponse(
        article=article_out(result.article),
        summary=None if result.summary is None else summary_out(result.summary),
        translation=None
        if translation is None
        else schemas.ArticleTranslationOut(
            **dict(translation_out(translation.body)), headline=translation.headline, lead=translation.lead
        ),
        summary_translation=None if result.summary_translation is None else translation_out(result.summary_translation),
        models=schemas.ModelsOut(summary=by_task["summary"], translation=by_task["translation"]),
        provenance=schemas.ProvenanceOut(
            generated_at=datetime.now(UTC).isoformat(timespec="seconds"), software=f"depesche {__version__}"
        ),
        result_key=_key("articles", models, request, [request.headline or "", request.lead or "", request.body]),
    )


@router.get("/v1/models")
async def models(service: ServiceDep) -> schemas.ModelListResponse:
    """The models that this process serves."""
    return schemas.ModelListResponse(models=[model_out(model) for model in service.models])


router.include_router(work)
