"""Processing of several articles in one request. Each article has its own status and its own time limit."""

import asyncio
import contextlib
from collections.abc import Awaitable, Callable, Iterator
from dataclasses import replace
from functools import partial
from typing import Any

from fastapi import Request, Response
from fastapi.exceptions import RequestValidationError

from service.errors import DeadlineExceeded, DepescheError
from service.generation.call import TEXT_THREADS, Timings
from service.http import schemas
from service.http.deferral import DeferralDep
from service.http.jobs import JobResult
from service.http.mapping import article_response
from service.http.problems import headers_of, problem_of, report_problem
from service.http.requests import BatchArticle, BatchRequest, InvalidArticle
from service.http.responses import (
    JSON,
    STREAMED,
    ContextDep,
    EventStream,
    Timeout,
    log_crash,
    stream_events,
    wants_events,
)
from service.http.state import info_of, runtime_of
from service.newsroom.commands import CallContext

CONCURRENT = 4
"""The maximum number of articles of a batch that are processed at the same time. More would only fill the queue."""
_STREAM = (
    "The results. With `Accept: text/event-stream`, the response is a stream of events: `article` (one for each "
    "article, as soon as it is finished), and finally `result` with the numbers of successes and failures, or `error` "
    "with a problem."
)
STREAMED_BATCH: dict[int | str, dict[str, Any]] = {200: {**STREAMED[200], "description": _STREAM}}
Report = Callable[[schemas.BatchResult], Awaitable[None]]


async def process_articles(
    body: BatchRequest, request: Request, context: ContextDep, deferral: DeferralDep, timeout_ms: Timeout = None
) -> Any:
    """Process up to 64 articles. An article that fails does not affect the other articles.

    Each article has its own time limit, which starts when its processing starts: `timeout_ms`, or else the default time
    limit of the service. `Request-Timeout-Ms` limits the whole batch.
    """
    info_of(request.scope).timings = None  # the stages of concurrent articles cannot be added up
    size = len(await request.body())
    if timeout_ms is None:
        context = replace(context, deadline_s=None)
    work = _Batch(request, context, body, size)
    if deferral is not None:

        async def later(context: CallContext) -> JobResult:
            with work.admitted():
                context.accepted()
                response = await work.response()
            return JobResult(response, work.bodies, work.result_keys)

        return await deferral.respond(later)
    if not wants_events(request):
        with work.admitted():
            return Response(await work.response(), media_type=JSON)

    async def stream(events: EventStream) -> str:
        with work.admitted():
            events.accept()
            await work.run(partial(events.send_large, "article"))
        return work.summary().model_dump_json()

    return await stream_events(request, stream)


class _Batch:
    """The articles of one batch while they are processed. ``size`` is the size of the request body in bytes."""

    def __init__(self, request: Request, context: CallContext, batch: BatchRequest, size: int) -> None:
        self._request = request
        self._runtime = runtime_of(request)
        self._context = context
        self._articles = batch.articles
        self._size = size
        self._free = asyncio.Semaphore(CONCURRENT)
        self._failed = 0
        self.bodies: list[str] = []
        self.result_keys: list[str] = []

    @contextlib.contextmanager
    def admitted(self) -> Iterator[None]:
        """Accept the batch, so that all of its articles are processed even if the process begins to shut down."""
        with self._runtime.newsroom.admitted(self._context) as self._context:
            yield

    def summary(self) -> schemas.BatchSummary:
        """Return the numbers of successes and failures. Call this method after `run`."""
        return schemas.BatchSummary(succeeded=len(self._articles) - self._failed, failed=self._failed)

    async def response(self) -> str:
        """Process all articles, and return the response as JSON."""
        results = await self.run()
        response = schemas.BatchResponse(results=results, **dict(self.summary()))
        return await TEXT_THREADS.in_thread(self._size, response.model_dump_json, by_alias=True)

    async def run(self, report: Report | None = None) -> list[schemas.BatchResult]:
        """Process all articles, and return their results in order. ``report`` is called with each finished result."""
        async with asyncio.TaskGroup() as group:
            tasks = [group.create_task(self._finish(index, report)) for index in range(len(self._articles))]
        return [task.result() for task in tasks]

    async def _finish(self, index: int, report: Report | None) -> schemas.BatchResult:
        article: BatchArticle | InvalidArticle = self._articles[index]
        async with self._free:
            try:
                response = await self._process(article)
                result = schemas.BatchResult(index=index, id=article.id, status=200, article=response, problem=None)
            except Exception as error:  # noqa: BLE001 - an error in one article must not fail the others
                result = self._failure(index, article.id, error)
        if report is not None:
            await report(result)
        return result

    async def _process(self, article: BatchArticle | InvalidArticle) -> schemas.ArticleResponse:
        """Process one article, and return its response.

        Raises:
            RequestValidationError: the article violates its schema.
            DepescheError: see `Newsroom.article`.
        """
        if isinstance(article, InvalidArticle):
            raise RequestValidationError([{**one, "loc": ("body", *one["loc"])} for one in article.errors])
        newsroom = self._runtime.newsroom
        command = replace(article.command(newsroom.languages), document_bytes=self._size)
        limit_s = self._runtime.timeout_s if article.timeout_ms is None else article.timeout_ms / 1000
        ends_s = asyncio.get_running_loop().time() + limit_s
        if self._context.deadline_s is not None:
            ends_s = min(ends_s, self._context.deadline_s)
        if ends_s <= asyncio.get_running_loop().time():
            raise DeadlineExceeded(
                "the request's deadline passed before the processing of this article started; allow more time"
            )
        answer = await newsroom.article(command, replace(self._context, deadline_s=ends_s, timings=Timings()))
        self.bodies += [answer.submission.body, *command.previous_texts]
        self.result_keys.append(answer.result_key)
        return await TEXT_THREADS.in_thread(len(answer.submission.body), article_response, answer)

    def _failure(self, index: int, name: str | None, error: Exception) -> schemas.BatchResult:
        self._failed += 1
        request_id = info_of(self._request.scope).request_id
        if not isinstance(error, DepescheError | RequestValidationError):
            log_crash(request_id, error)
        problem = report_problem(self._request, problem_of(request_id, error))
        retry_after_s = None
        with contextlib.suppress(KeyError):
            retry_after_s = int(headers_of(error)["Retry-After"])
        return schemas.BatchResult(
            index=index,
            id=name,
            status=problem.status,
            article=None,
            problem=problem,
            retry_after_s=retry_after_s,
        )
