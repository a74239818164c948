"""The same work as a stream of server-sent events: progress and sentences while it runs, then the result."""

import asyncio
import logging
from collections.abc import AsyncIterator, Awaitable, Callable
from dataclasses import replace

from fastapi import Request, Response
from fastapi.responses import StreamingResponse
from pydantic import BaseModel

from service.api.negotiation import EVENTS, wants_events
from service.api.outcomes import outcomes
from service.api.problems import explained
from service.api.schemas import ProgressEvent, SentenceEvent
from service.api.state import api_state
from service.errors import DepescheError
from service.pipeline.call import Call, Finished

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
            _log.error("crash", extra={"request_id": request.scope["state"]["request_id"]}, exc_info=error)
        items.put_nowait(("error", explained(request, error)))
    finally:
        items.put_nowait(None)
