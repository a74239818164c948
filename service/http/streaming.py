"""Answers as JSON or as an event stream."""

import asyncio
import logging
from collections.abc import AsyncIterator, Awaitable, Callable
from dataclasses import replace
from typing import TypeVar

from fastapi import Request, Response
from pydantic import BaseModel
from sse_starlette import EventSourceResponse, ServerSentEvent
from sse_starlette.sse import AppStatus

from service.errors import DepescheError
from service.generation.call import Finished
from service.http.problems import explained, told
from service.http.responses import wants_events
from service.http.schemas import ProgressEvent, SentenceEvent
from service.http.state import info_of
from service.newsroom.commands import CallContext

# A stream finishes like every accepted request; by default the library ends it at SIGTERM.
AppStatus.disable_automatic_graceful_drain()  # type: ignore[no-untyped-call]  # the library left it untyped
# At level debug the library logs what it sends, and so text.
logging.getLogger("sse_starlette").setLevel(logging.WARNING)
KEEP_ALIVE_S = 15.0
NEWLINE = "\n"
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
    response = EventSourceResponse(stream.events(), ping=KEEP_ALIVE_S, ping_message_factory=_keep_alive, sep=NEWLINE)
    del response.headers["connection"]  # whether the connection stays open is decided for all answers in one place
    return response


def _keep_alive() -> ServerSentEvent:
    """A comment, for proxies that close a connection on which nothing is sent."""
    return ServerSentEvent(comment="still at work", sep=NEWLINE)


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

    async def events(self) -> AsyncIterator[ServerSentEvent]:
        """The events in their order; ends the work where the caller leaves."""
        try:
            while (item := await self._items.get()) is not None:
                yield ServerSentEvent(item[1].model_dump_json(), event=item[0], sep=NEWLINE)
        finally:
            self._work.cancel()
            await asyncio.gather(self._work, return_exceptions=True)
