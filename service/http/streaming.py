"""Answers as JSON or as an event stream."""

import asyncio
import logging
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator, Sequence
from dataclasses import replace

from fastapi import Request, Response
from fastapi.responses import StreamingResponse
from pydantic import BaseModel

from service.errors import DepescheError
from service.events import Output, ResultGiven
from service.generation.call import Call, Finished
from service.http import schemas
from service.http.problems import explained
from service.http.responses import EVENTS, wants_events
from service.http.schemas import ProgressEvent, SentenceEvent
from service.http.state import api_state, info_of


def outcomes(answer: BaseModel) -> Iterator[ResultGiven]:
    """One event for each result of an answer of /v1, in its order; the cleaned article counts as one."""
    match answer:
        case schemas.TranslateResponse():
            yield from (given("translation", one) for one in answer.translations)
        case schemas.SummarizeResponse():
            output: Output = "summary" if answer.translation_model is None else "summary_translation"
            for summary in answer.summaries:
                yield from _with_variants(output, summary)
        case schemas.ArticleResponse():
            yield ResultGiven("article", _codes(answer.article.warnings), needs_review=False, truncated=False)
            yield from _of_article(answer)


def _of_article(answer: schemas.ArticleResponse) -> Iterator[ResultGiven]:
    if answer.summary is not None:
        yield from _with_variants("summary", answer.summary)
    if answer.translation is not None:
        yield given("translation", answer.translation)
    if answer.summary_translation is not None:
        yield from _with_variants("summary_translation", answer.summary_translation)


def _with_variants(output: Output, summary: schemas.SummaryOut) -> Iterator[ResultGiven]:
    """A variant may be published as well as the first, so it counts as a result of its own."""
    return (given(output, one) for one in (summary, *summary.variants))


def given(output: Output, result: schemas.TranslationOut | schemas.VariantOut) -> ResultGiven:
    """The event of one result."""
    return ResultGiven(output, _codes(result.warnings), result.needs_review, result.truncated)


def _codes(warnings: Sequence[schemas.WarningOut]) -> tuple[str, ...]:
    return tuple(sorted({warning.code for warning in warnings}))


KEEP_ALIVE_S = 15.0
Work = Callable[[Call], Awaitable[BaseModel]]
Item = tuple[str, BaseModel]
_log = logging.getLogger("depesche")


async def answered(request: Request, call: Call, work: Work) -> Response | BaseModel:
    """The result of ``work``, or a stream of it where the caller asked for one. Listeners are told of the results."""
    listener = api_state(request).listener

    async def told(call: Call) -> BaseModel:
        answer = await call.in_time(work(call))
        for outcome in outcomes(answer):
            listener(outcome)
        return answer

    if wants_events(request):
        headers = {"Cache-Control": "no-store", "X-Accel-Buffering": "no"}
        return StreamingResponse(_events(request, call, told), media_type=EVENTS, headers=headers)
    return await told(call)


async def _events(request: Request, call: Call, work: Work) -> AsyncIterator[str]:
    items: asyncio.Queue[Item | None] = asyncio.Queue()

    def progress(done: int, of: int) -> None:
        items.put_nowait(("progress", ProgressEvent(done=done, of=of)))

    def finished(sentence: Finished) -> None:
        source = [sentence.source.start, sentence.source.end]
        event = SentenceEvent(text_number=sentence.text_number, source=source, text=sentence.output)
        items.put_nowait(("sentence", event))

    task = asyncio.ensure_future(_closed(request, work(replace(call, progress=progress, finished=finished)), items))
    try:
        while True:
            try:
                item = await asyncio.wait_for(items.get(), KEEP_ALIVE_S)
            except TimeoutError:
                yield ": still at work\n\n"
                continue
            if item is None:
                return
            yield f"event: {item[0]}\ndata: {item[1].model_dump_json()}\n\n"
    finally:
        task.cancel()
        await asyncio.gather(task, return_exceptions=True)


async def _closed(request: Request, result: Awaitable[BaseModel], items: "asyncio.Queue[Item | None]") -> None:
    """Put the last event, a result or an error with the problem's body, and then the end."""
    try:
        items.put_nowait(("result", await result))
    except Exception as error:  # noqa: BLE001 - the answer has begun: whatever fails now becomes its last event
        if not isinstance(error, DepescheError):
            _log.error("crash", extra={"request_id": info_of(request.scope).request_id}, exc_info=error)
        items.put_nowait(("error", explained(request, error)))
    finally:
        items.put_nowait(None)
