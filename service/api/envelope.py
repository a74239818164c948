"""What surrounds every request: its id, its times, its events, and the answer to a crash."""

import logging
import re
import time
import uuid
from http import HTTPMethod
from typing import Any

from starlette.requests import Request
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from service.api import problems
from service.api.spans import Span, Tracer, trace_id_in
from service.errors import ClientGone
from service.events import Listener, RequestBegun, RequestDone

HEADER = b"x-request-id"
TIMING = b"server-timing"
TRACE = b"traceresponse"
PLACE = "place"
METHODS = frozenset(HTTPMethod)
_GIVEN = re.compile(rb"[A-Za-z0-9._-]{1,64}")
# A route's pattern ends in "$", which also matches in front of a line feed: such a path is another one than it seems.
_CONTROL = re.compile(r"[\x00-\x1f\x7f-\x9f]")
_log = logging.getLogger("depesche.crash")


class Envelope:
    """ASGI middleware, outermost. A caller's own ``X-Request-Id`` is kept where it is plain."""

    def __init__(self, app: ASGIApp, listener: Listener, tracer: Tracer | None = None) -> None:
        self._app = app
        self._listener = listener
        self._tracer = tracer

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer one request."""
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        given = dict(scope["headers"]).get(HEADER, b"")
        request_id = given.decode() if _GIVEN.fullmatch(given) else uuid.uuid4().hex
        scope.setdefault("state", {})["request_id"] = request_id
        start = time.perf_counter()
        span = None if self._tracer is None else self._tracer.begin(scope["headers"])
        sender = _Sender(send, scope, start, span)
        self._listener(RequestBegun())
        try:
            if _CONTROL.search(scope["path"]):
                answer = problems.problem(Request(scope), 400, "path_invalid", "a path holds no control characters")
                await answer(scope, receive, sender)
            else:
                await self._app(scope, receive, sender)
        except ClientGone:
            return
        except Exception as error:  # noqa: BLE001 - the last line: whatever was not foreseen becomes an answer
            _log.error("crash", extra={"request_id": request_id}, exc_info=error)
            if sender.status is None:
                answer = await problems.on_service_error(Request(scope), error)
                await answer(scope, receive, sender)
        finally:
            done = _done(scope, sender.status or 499, time.perf_counter() - start, span)
            self._listener(done)
            if span is not None:
                span.end(done, scope["state"].get("intervals", ()))


class _Sender:
    """Adds the headers of every answer."""

    def __init__(self, send: Send, scope: Scope, start: float, span: Span | None) -> None:
        self._send = send
        self._span = span
        self._state = scope["state"]
        self._start = start
        self.status: int | None = None

    async def __call__(self, message: Message) -> None:
        if message["type"] == "http.response.start":
            self.status = message["status"]
            headers: list[Any] = [*message.get("headers", []), (HEADER, self._state["request_id"].encode())]
            if (timings := self._state.get("timings")) is not None:
                headers.append((TIMING, _timing({**timings, "total": time.perf_counter() - self._start})))
            if self._span is not None:
                headers.append((TRACE, self._span.response))
            message = {**message, "headers": headers}
        await self._send(message)


def _timing(seconds: dict[str, float]) -> bytes:
    """The value of a ``Server-Timing`` header, in milliseconds."""
    return ", ".join(f"{stage};dur={passed_s * 1000:.1f}" for stage, passed_s in seconds.items()).encode()


def _done(scope: Scope, status: int, seconds: float, span: Span | None) -> RequestDone:
    state = scope["state"]
    trace_id = trace_id_in(scope["headers"]) if span is None else span.trace_id
    return RequestDone(
        _method(scope), _route(scope), status, seconds, state["request_id"], state.get("key_id"), trace_id
    )


def _method(scope: Scope) -> str:
    """A method that HTTP knows, or ``other``: a caller can write any word in its place."""
    return scope["method"] if scope["method"] in METHODS else "other"


def _route(scope: Scope) -> str:
    """The declared path; also of a request that was refused before it was looked for, where that is a known one."""
    return str(getattr(scope.get("route"), "path", None) or scope["state"].get(PLACE, "unmatched"))
