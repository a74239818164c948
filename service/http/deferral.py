"""Support for the header ``Prefer: respond-async``: the response is stored, and the client reads it later."""

import asyncio
from collections.abc import Awaitable, Callable
from dataclasses import replace
from functools import partial
from typing import Annotated, Any

from fastapi import Depends, Header, Request, Response

from service.errors import AsyncUnavailable, DepescheError, InvalidInput
from service.generation.call import TEXT_THREADS
from service.http import schemas
from service.http.jobs import Job, JobResult, Jobs
from service.http.mapping import article_response
from service.http.problems import problem_of, report_problem
from service.http.responses import JSON, ContextDep, log_crash
from service.http.schemas import reference
from service.http.state import info_of, runtime_of
from service.http.webhooks import NAME as WEBHOOK
from service.http.webhooks import refused
from service.newsroom.commands import ArticleCommand, CallContext

ASYNC = "respond-async"
POLL_S = 2
DEFERRED: dict[int | str, dict[str, Any]] = {
    202: {
        "description": "The request runs in the background. `Location` is the path of its status and result.",
        "content": {JSON: {"schema": reference(schemas.JobOut)}},
    },
    501: {
        "description": "The service has no Redis server, which requests with `Prefer: respond-async` need.",
        "content": {"application/problem+json": {"schema": reference(schemas.Problem)}},
    },
}
_PREFER_MEANING = (
    "`respond-async`: the response is 202 as soon as the request has passed all checks, and the result is stored for "
    "up to an hour."
)
_WEBHOOK_MEANING = "URL to which the service sends a webhook when the job has ended. Requires `Prefer: respond-async`."


async def _deferral_of(
    request: Request,
    context: ContextDep,
    prefer: Annotated[str | None, Header(alias="Prefer", description=_PREFER_MEANING)] = None,
    webhook: Annotated[str | None, Header(alias=WEBHOOK, description=_WEBHOOK_MEANING)] = None,
) -> "Deferral | None":
    """Return the `Deferral` of the request, or None if the request does not ask for an asynchronous response.

    Raises:
        AsyncUnavailable: the service has no Redis server.
        InvalidInput: the webhook is not allowed or was sent without ``Prefer: respond-async``, or the result must not
            be stored.
    """
    words = {word.partition(";")[0].strip().lower() for word in (prefer or "").split(",")}
    if ASYNC not in words:
        if webhook is not None:
            raise refused(f"a webhook requires the header `Prefer: {ASYNC}`")
        return None
    jobs = runtime_of(request).jobs
    if jobs is None:
        raise AsyncUnavailable(f"`Prefer: {ASYNC}` requires the setting DEPESCHE_REDIS_URL, which is not set")
    if context.embargo or context.memory_only or not context.write_cache:
        detail = (
            "a job stores its result in Redis, which an embargo, `no-store` and the header `DEPESCHE-Cache` forbid; "
            f"omit `Prefer: {ASYNC}`"
        )
        raise InvalidInput("async_not_storable", detail, pointer="header:Prefer")
    if webhook is not None:
        if jobs.webhooks is None:
            raise refused("the operator of the service has allowed no webhooks (DEPESCHE_WEBHOOK_ORIGINS)")
        jobs.webhooks.require_allowed(webhook)
    return Deferral(request, context, jobs, webhook)


class Deferral:
    """The processing of a request in the background, which its header ``Prefer: respond-async`` requests."""

    def __init__(self, request: Request, context: CallContext, jobs: Jobs, webhook: str | None) -> None:
        self._request = request
        self._context = context
        self._jobs = jobs
        self._webhook = webhook

    async def respond(self, work: Callable[[CallContext], Awaitable[JobResult]]) -> Response:
        """Start ``work`` in the background as a job, and return a response with the URL of the job's status.

        ``work`` calls the ``accepted`` callback of its context when the request has passed all checks. If ``work``
        raises an error before that, this method raises the error.

        Raises:
            QueueFull, JobsUnavailable: see `Jobs.begin`.
        """
        info = info_of(self._request.scope)
        job = await self._jobs.begin(
            lambda accepted: work(replace(self._context, accepted=accepted)),
            owner=info.key_id,
            describe=partial(_problem, self._request),
            webhook=self._webhook,
        )
        response = await _response(job, self._jobs, status=202)
        response.headers["Preference-Applied"] = ASYNC
        response.headers["Location"] = _url(self._jobs, job.id)
        return response

    async def respond_to_article(self, command: ArticleCommand) -> Response:
        """Process an article in the background as a job, and return a response with the URL of the job's status."""
        newsroom = runtime_of(self._request).newsroom

        async def work(context: CallContext) -> JobResult:
            answer = await newsroom.article(command, context)
            body = answer.submission.body
            written = await TEXT_THREADS.in_thread(
                len(body), lambda: article_response(answer).model_dump_json(by_alias=True)
            )
            return JobResult(written, [body, *command.previous_texts], [answer.result_key])

        return await self.respond(work)


DeferralDep = Annotated[Deferral | None, Depends(_deferral_of)]


async def respond_to_poll(request: Request, name: str) -> Response:
    """Return the status of the job with the id ``name``, and its result if it has ended.

    Raises:
        AsyncUnavailable: the service has no Redis server.
        JobUnknown, JobsUnavailable: see `Jobs.read`.
    """
    jobs = runtime_of(request).jobs
    if jobs is None:
        raise AsyncUnavailable("jobs require the setting DEPESCHE_REDIS_URL, which is not set")
    return await _response(await jobs.read(name, info_of(request.scope).key_id, partial(_problem, request)), jobs)


async def _response(job: Job, jobs: Jobs, status: int = 200) -> Response:
    headers = {"Cache-Control": "no-store", **({"Retry-After": str(POLL_S)} if job.state == "running" else {})}
    content = await asyncio.to_thread(job.json, _url(jobs, job.id), jobs.kept_s)
    return Response(content, status, headers, media_type=JSON)


def _url(jobs: Jobs, name: str) -> str:
    return f"{jobs.root_path}/v1/jobs/{name}"


def _problem(request: Request, error: Exception) -> schemas.Problem:
    request_id = info_of(request.scope).request_id
    if not isinstance(error, DepescheError):
        log_crash(request_id, error)
    return report_problem(request, problem_of(request_id, error))
