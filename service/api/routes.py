"""The endpoints of /v1."""

from collections.abc import Sequence
from dataclasses import replace
from typing import Any

from fastapi import APIRouter, Depends, Request

from service.access.guard import Requires
from service.api import requests, schemas
from service.api.answers import article_out, model_out, summary_out, translated_article_out, translation_out
from service.api.calls import Timeout, call_of
from service.api.charging import charge
from service.api.documents import document_out, submission_of
from service.api.negotiation import require_json
from service.api.provenance import provenance
from service.api.responses import PROBLEMS, STREAMED, STREAMED_WITH_BODY
from service.api.sse import answered
from service.api.state import GenerationDep, ServiceDep, StateDep
from service.api.texts import require_fitting, texts_of
from service.cache.keys import Field, result_key
from service.documents.document import Document
from service.pipeline.article import ArticleResult, Submission
from service.pipeline.call import Call
from service.pipeline.generation import Generation
from service.pipeline.manner import Manner
from service.pipeline.served import ServedModel
from service.pipeline.service import Service
from service.summary.lengths import Length
from service.summary.styles import length_of


async def require_open(service: ServiceDep) -> None:
    """Refuse new work on connections that are still open while the process ends (503)."""
    service.check_open()


router = APIRouter()
work = APIRouter(dependencies=[Depends(require_json), Depends(require_open)], responses=PROBLEMS | STREAMED)


def _manner(options: requests.TranslationOptions, service: Service) -> Manner:
    glossary = service.glossary(options.glossary, options.do_not_translate, options.glossary_name)
    return Manner(format=options.format, attribute_texts=options.attribute_texts, glossary=glossary)


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
    submission: Submission,
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
    submission: Submission,
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
