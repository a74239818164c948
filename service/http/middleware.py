"""ASGI middlewares around every endpoint."""

import asyncio
import logging
import re
import time
import uuid
from collections.abc import Sequence
from http import HTTPMethod
from typing import Any

from starlette.requests import Request
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from service.errors import ClientGone
from service.events import ClientLeft, Listener, RequestBegun, RequestDone
from service.http import problems
from service.newsroom.lifecycle import Lifecycle
from service.observability.spans import Span, Tracer, trace_id_in

# An answer of the API is data: nothing in it may run, and no page may show it in a frame.
POLICY = b"default-src 'none'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'"
# FastAPI's documentation pages load their scripts from elsewhere and have one of their own in them.
DOCUMENTATION_POLICY = (
    b"default-src 'none'; script-src 'unsafe-inline' https:; style-src 'unsafe-inline' https:; font-src https:; "
    b"img-src 'self' data: https:; connect-src 'self'; worker-src blob:; base-uri 'none'; form-action 'none'; "
    b"frame-ancestors 'none'"
)
DOCUMENTATION = frozenset({"/docs", "/redoc", "/docs/oauth2-redirect"})
COMMON = {
    b"x-content-type-options": b"nosniff",
    b"referrer-policy": b"no-referrer",
    b"x-frame-options": b"DENY",  # for browsers that do not know frame-ancestors
    b"permissions-policy": b"camera=(), geolocation=(), microphone=()",
}


class SecurityHeadersMiddleware:
    """ASGI middleware, outermost, so that refusals and crashes have them, too."""

    def __init__(self, app: ASGIApp) -> None:
        self._app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer one request."""
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        policy = DOCUMENTATION_POLICY if scope["path"] in DOCUMENTATION else POLICY
        wanted = {**COMMON, b"content-security-policy": policy}

        async def sending(message: Message) -> None:
            if message["type"] == "http.response.start":
                given = [*message.get("headers", [])]
                names = {name.lower() for name, _ in given}
                missing = [(name, value) for name, value in wanted.items() if name not in names]
                message = {**message, "headers": given + missing}
            await send(message)

        await self._app(scope, receive, sending)


# A connection that is closed over bytes unread is reset, and a reset can overtake the answer.
LINGER_S = 2.0


class LingeringCloseMiddleware:
    """ASGI middleware, outside all that answers: such an answer says ``Connection: close``.

    What still comes of the body is thrown away for up to `LINGER_S`, so that a caller in mid-body can read its answer.
    """

    def __init__(self, app: ASGIApp) -> None:
        self._app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer one request."""
        if scope["type"] != "http" or not _has_body(scope):
            await self._app(scope, receive, send)
            return
        exchange = _Exchange(receive, send)
        await self._app(scope, exchange.receive, exchange.send)
        if exchange.last is not None:
            if not _waits_to_be_asked(scope):
                await exchange.linger()
            await send(exchange.last)


class _Exchange:
    """How far the body was read; ``last`` is what ends the answer, held back where the body was not read."""

    def __init__(self, receive: Receive, send: Send) -> None:
        self._receive = receive
        self._send = send
        self._whole = self._closing = False
        self.last: Message | None = None

    async def receive(self) -> Message:
        message = await self._receive()
        self._whole = self._whole or message["type"] != "http.request" or not message.get("more_body", False)
        return message

    async def send(self, message: Message) -> None:
        if message["type"] == "http.response.start" and not self._whole:
            self._closing = True
            kept = [(name, value) for name, value in message.get("headers", []) if name.lower() != b"connection"]
            message = {**message, "headers": [*kept, (b"connection", b"close")]}
        elif self._closing and message["type"] == "http.response.body" and not message.get("more_body", False):
            self.last = {"type": "http.response.body", "body": b"", "more_body": False}
            message = {**message, "more_body": True}
        await self._send(message)

    async def linger(self) -> None:
        try:
            async with asyncio.timeout(LINGER_S):
                while not self._whole:
                    await self.receive()
        except TimeoutError:
            return


def _has_body(scope: Scope) -> bool:
    headers = dict(scope["headers"])
    return b"transfer-encoding" in headers or headers.get(b"content-length", b"0").strip(b"0") != b""


def _waits_to_be_asked(scope: Scope) -> bool:
    return (b"expect", b"100-continue") in [(name, value.lower()) for name, value in scope["headers"]]


class CancelOnDisconnectMiddleware:
    """ASGI middleware, inside `BodyLimit`: what comes after the whole body can only be the caller's leaving."""

    def __init__(self, app: ASGIApp, listener: Listener) -> None:
        self._app = app
        self._listener = listener

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer the request, or stop when its caller is gone first."""
        if scope["type"] != "http" or scope["method"] != "POST":
            await self._app(scope, receive, send)
            return
        body = await receive()
        sender = _WatchedSend(send)
        answering = asyncio.ensure_future(self._app(scope, _Once(body), sender))
        leaving = asyncio.ensure_future(receive())
        try:
            await asyncio.wait({answering, leaving}, return_when=asyncio.FIRST_COMPLETED)
            if answering.done():
                answering.result()
            elif not sender.ended:  # after the last byte a server says that the caller is gone, too
                self._listener(ClientLeft("answer" if sender.begun else "work"))
        finally:
            answering.cancel()
            leaving.cancel()
            # Awaiting a task that failed a second time would cost its error the frames that led to it.
            await asyncio.gather(answering, leaving, return_exceptions=True)


class _WatchedSend:
    """Passes an answer on and knows how far it came."""

    def __init__(self, send: Send) -> None:
        self._send = send
        self.begun = False
        self.ended = False

    async def __call__(self, message: Message) -> None:
        self.begun = True
        self.ended = message["type"] == "http.response.body" and not message.get("more_body", False)
        await self._send(message)


class _Once:
    """Gives the body; whoever asks again waits, as for a caller that stays."""

    def __init__(self, body: Message) -> None:
        self._body: Message | None = body

    async def __call__(self) -> Message:
        body, self._body = self._body, None
        if body is None:
            await asyncio.Event().wait()
            raise AssertionError("nobody sets this event")
        return body


CORS_METHODS = ("GET", "POST")
ASKED = ("Authorization", "Cache-Control", "Content-Type", "Request-Timeout-Ms", "Traceparent", "X-Request-Id")
SHOWN = ("RateLimit", "RateLimit-Policy", "Retry-After", "Server-Timing", "WWW-Authenticate", "X-Request-Id")


def rules(origins: Sequence[str]) -> dict[str, Any]:
    """The options of Starlette's CORSMiddleware for these origins."""
    return {
        "allow_origins": list(origins),
        "allow_methods": CORS_METHODS,
        "allow_headers": ASKED,
        "expose_headers": SHOWN,
        "allow_credentials": False,
    }


def listed(setting: str | None) -> list[str]:
    """The members of a setting with commas."""
    return [] if setting is None else [one.strip() for one in setting.split(",")]


CLOSE = (b"connection", b"close")


class CloseOnDrainMiddleware:
    """ASGI middleware. A caller that has closed its connection by itself loses no request on a closed one."""

    def __init__(self, app: ASGIApp, lifecycle: Lifecycle) -> None:
        self._app = app
        self._lifecycle = lifecycle

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer one request."""

        async def sending(message: Message) -> None:
            if message["type"] == "http.response.start" and self._lifecycle.ending:
                message = {**message, "headers": [*message.get("headers", []), CLOSE]}
            await send(message)

        await self._app(scope, receive, sending)


HEADER = b"x-request-id"
TIMING = b"server-timing"
TRACE = b"traceresponse"
PLACE = "place"
METHODS = frozenset(HTTPMethod)
_GIVEN = re.compile(rb"[A-Za-z0-9._-]{1,64}")
# A route's pattern ends in "$", which also matches in front of a line feed: such a path is another one than it seems.
_CONTROL = re.compile(r"[\x00-\x1f\x7f-\x9f]")
_log = logging.getLogger("depesche.crash")


class RequestContextMiddleware:
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
                answer = await problems.on_error(Request(scope), error)
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
