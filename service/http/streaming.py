"""Answers as JSON or as an event stream."""

import asyncio
import logging
from collections.abc import AsyncIterator, Awaitable, Callable
from dataclasses import replace
from typing import TypeVar

from fastapi import Request, Response
from fastapi.responses import StreamingResponse
from pydantic import BaseModel

from service.errors import DepescheError
from service.generation.call import Finished
from service.http.problems import explained, told
from service.http.responses import EVENTS, wants_events
from service.http.schemas import ProgressEvent, SentenceEvent
from service.http.state import info_of
from service.newsroom.commands import CallContext

KEEP_ALIVE_S = 15.0
Command = TypeVar("Command")
Answer = TypeVar("Answer")
Item = tuple[str, BaseModel]
_log = logging.getLogger("depesche")


async def respond(
    request: Request,
    context: CallContext,
    use_case: Callable[[Command, CallContext], Awaitable[Answer]],
    command: Command,
    response_of: Callable[[Answer], BaseModel],
) -> Response | BaseModel:
    """The response to ``command``, or a stream of it where the caller asks for one.

    What is refused before the work begins is raised in both cases.
    """
    if not wants_events(request):
        return response_of(await use_case(command, context))
    # The headers of a stream are sent before anything is done.
    info_of(request.scope).timings = None

    async def work(context: CallContext) -> BaseModel:
        return response_of(await use_case(command, context))

    stream = _EventStream(request, context, work)
    await stream.begin()
    headers = {"Cache-Control": "no-store", "X-Accel-Buffering": "no"}
    return StreamingResponse(stream.events(), media_type=EVENTS, headers=headers)


class _EventStream:
    """The work of a request, which runs beside the answer that tells of it."""

    def __init__(
        self, request: Request, context: CallContext, work: Callable[[CallContext], Awaitable[BaseModel]]
    ) -> None:
        self._request = request
        self._items: asyncio.Queue[Item | None] = asyncio.Queue()
        self._accepted = asyncio.Event()
        context = replace(context, accepted=self._accepted.set, progress=self._on_progress, finished=self._on_sentence)
        self._work = asyncio.ensure_future(work(context))

    def _on_progress(self, done: int, of: int) -> None:
        self._items.put_nowait(("progress", ProgressEvent(done=done, of=of)))

    def _on_sentence(self, sentence: Finished) -> None:
        source = [sentence.source.start, sentence.source.end]
        event = SentenceEvent(text_number=sentence.text_number, source=source, text=sentence.output)
        self._items.put_nowait(("sentence", event))

    async def begin(self) -> None:
        """Wait until the work is accepted; raises what it is refused with."""
        accepted = asyncio.ensure_future(self._accepted.wait())
        try:
            await asyncio.wait({self._work, accepted}, return_when=asyncio.FIRST_COMPLETED)
            if not self._accepted.is_set():
                self._work.result()
        except asyncio.CancelledError:
            self._work.cancel()
            raise
        finally:
            accepted.cancel()
        self._work.add_done_callback(self._end)

    def _end(self, work: "asyncio.Future[BaseModel]") -> None:
        """Put the last event, a result or an error with the problem's body, and then the end."""
        error = None if work.cancelled() else work.exception()
        if isinstance(error, Exception):
            # The answer has begun, so a failure becomes its last event.
            request_id = info_of(self._request.scope).request_id
            if not isinstance(error, DepescheError):
                _log.error("crash", extra={"request_id": request_id}, exc_info=error)
            self._items.put_nowait(("error", told(self._request, explained(request_id, error))))
        elif not work.cancelled():
            self._items.put_nowait(("result", work.result()))
        self._items.put_nowait(None)

    async def events(self) -> AsyncIterator[str]:
        """The events as they are sent, and comments that keep the connection open."""
        try:
            while True:
                try:
                    item = await asyncio.wait_for(self._items.get(), KEEP_ALIVE_S)
                except TimeoutError:
                    yield ": still at work\n\n"
                    continue
                if item is None:
                    return
                yield f"event: {item[0]}\ndata: {item[1].model_dump_json()}\n\n"
        finally:
            self._work.cancel()
            await asyncio.gather(self._work, return_exceptions=True)
