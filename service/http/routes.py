"""The endpoints of /v1."""

from dataclasses import replace
from functools import partial
from typing import Annotated, Any

from fastapi import APIRouter, Depends, Path, Request

from service.http import requests, schemas
from service.http.admission import Requires
from service.http.batch import STREAMED_BATCH, process_articles
from service.http.bodies import LargeBodyRoute
from service.http.deferral import DEFERRED, DeferralDep, respond_to_poll
from service.http.mapping import article_response, check_response, model_out, summarize_response, translate_response
from service.http.responses import PROBLEMS, STREAMED, STREAMED_WITH_BODY, ContextDep, require_json, respond
from service.http.state import NewsroomDep, RuntimeDep


async def require_open(newsroom: NewsroomDep) -> None:
    """Check that the process accepts new work. The errors have status 503.

    Raises:
        Draining: the process is shutting down.
        LoadFailed: the models could not be loaded.
    """
    newsroom.lifecycle.check_open()


router = APIRouter()
JOB_PROBLEMS: dict[int | str, dict[str, Any]] = {
    **{status: PROBLEMS[status] for status in (400, 401, 403, 422, 429, 500, 503)},
    404: {**PROBLEMS[500], "description": "There is no such job, or it belongs to another key."},
    501: DEFERRED[501],
}
CHECKED: dict[int | str, dict[str, Any]] = {
    200: {
        **STREAMED[200],
        "description": (
            "The result. With `Accept: text/event-stream`, the response is a stream with one event: `result`, or "
            "`error` with a problem."
        ),
    }
}
work = APIRouter(
    route_class=LargeBodyRoute,
    dependencies=[Depends(require_json), Depends(require_open)],
    responses=PROBLEMS | STREAMED,
    tags=["news"],
)


@work.post(
    "/v1/translate",
    operation_id="translate",
    dependencies=[Depends(Requires("translate"))],
    response_model=schemas.TranslateResponse,
)
async def translate(body: requests.TranslateRequest, request: Request, runtime: RuntimeDep, context: ContextDep) -> Any:
    """Translate one or more texts."""
    command = body.command(runtime.limits, runtime.newsroom.languages)
    return await respond(request, context, runtime.newsroom.translate, command, translate_response)


@work.post(
    "/v1/summarize",
    operation_id="summarize",
    dependencies=[Depends(Requires("summarize"))],
    response_model=schemas.SummarizeResponse,
)
async def summarize(body: requests.SummarizeRequest, request: Request, runtime: RuntimeDep, context: ContextDep) -> Any:
    """Summarise one or more texts, in the source language or translated into the target language."""
    command = body.command(runtime.limits, runtime.newsroom.languages)
    return await respond(request, context, runtime.newsroom.summarize, command, summarize_response)


@work.post(
    "/v1/articles",
    operation_id="process_article",
    dependencies=[Depends(Requires("articles"))],
    response_model=schemas.ArticleResponse,
    responses=STREAMED_WITH_BODY | DEFERRED,
)
async def articles(
    body: requests.ArticleRequest, request: Request, newsroom: NewsroomDep, context: ContextDep, deferral: DeferralDep
) -> Any:
    """Clean, summarise and translate an article."""
    command = replace(body.command(newsroom.languages), document_bytes=len(await request.body()))
    if deferral is not None:
        return await deferral.respond_to_article(command)
    return await respond(request, context, newsroom.article, command, article_response)


work.post(
    "/v1/articles:batch",
    operation_id="process_articles",
    dependencies=[Depends(Requires("articles"))],
    response_model=schemas.BatchResponse,
    responses=STREAMED_BATCH | DEFERRED,
)(process_articles)


@work.post(
    "/v1/check",
    operation_id="check",
    dependencies=[Depends(Requires("translate"))],
    response_model=schemas.CheckResponse,
    responses=PROBLEMS | CHECKED,
)
async def check(body: requests.CheckRequest, request: Request, runtime: RuntimeDep, context: ContextDep) -> Any:
    """Check a translation or summary that a person may have written or edited.

    No model is used and nothing is cached, so `DEPESCHE-Cache`, `Cache-Control` and `DEPESCHE-Embargo` have no effect.
    """
    command = body.command(runtime.limits)
    return await respond(request, context, runtime.newsroom.check, command, partial(check_response, body.text))


@router.delete(
    "/v1/results/{result_key}",
    operation_id="forget_result",
    dependencies=[Depends(Requires("articles")), Depends(require_open)],
    responses=PROBLEMS,
    tags=["news"],
)
async def forget(
    result_key: Annotated[str, Path(pattern="^[0-9a-f]{64}$", description="`result_key` of an earlier response.")],
    newsroom: NewsroomDep,
) -> schemas.ForgottenResponse:
    """Delete the cache entries of a result from the memory of this process.

    The entries in the shared cache are kept. `/admin/cache/purge` deletes the entries in both places.
    """
    return schemas.ForgottenResponse(forgotten=await newsroom.forget(result_key))


@router.get(
    "/v1/jobs/{job_id}",
    operation_id="read_job",
    dependencies=[Depends(Requires("articles"))],
    response_model=schemas.JobOut,
    responses=JOB_PROBLEMS,
    tags=["news"],
)
async def job(
    job_id: Annotated[str, Path(max_length=64, pattern="^[A-Za-z0-9_-]+$", description="Id of the job.")],
    request: Request,
) -> Any:
    """Return the status of a request with `Prefer: respond-async`, and its result if it has ended."""
    return await respond_to_poll(request, job_id)


@router.get("/v1/models", operation_id="list_models", tags=["news"])
async def models(newsroom: NewsroomDep) -> schemas.ModelListResponse:
    """List the models that this process serves. The list may be incomplete during startup."""
    return schemas.ModelListResponse(models=[model_out(model) for model in newsroom.models])


router.include_router(work)
