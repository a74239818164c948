"""The middlewares around every endpoint, and their order.

The project's own middlewares are here, in `service.http.admission` and in `service.http.ratelimit`. They share what
they find in `RequestInfo`. `RequestContextMiddleware` alone adds response headers, except the request id, which
asgi-correlation-id adds.
"""

import asyncio
import logging
import re
import time
from collections.abc import Sequence
from http import HTTPMethod
from typing import Any

from asgi_correlation_id import CorrelationIdMiddleware, correlation_id
from starlette.datastructures import MutableHeaders
from starlette.middleware import Middleware
from starlette.middleware.cors import CORSMiddleware
from starlette.requests import Request
from starlette.types import ASGIApp, Message, Receive, Scope, Send
from uvicorn.middleware.proxy_headers import ProxyHeadersMiddleware

from service.errors import ClientGone
from service.events import ClientLeft, Listener, RequestBegun, RequestDone
from service.http import problems
from service.http.admission import ApiKeyMiddleware, BodyLimitsMiddleware, Bounds, Refuse
from service.http.keys import ApiKeyStore
from service.http.ratelimit import RateLimitMiddleware, Rates
from service.http.state import RequestSpan, Tracer, info_of
from service.newsroom.lifecycle import Lifecycle

ID_HEADER = "X-Request-Id"
# A caller's own id is kept where it can do no harm in logs and headers.
_PLAIN_ID = re.compile(r"[A-Za-z0-9._-]{1,64}")
CORS: dict[str, Any] = {
    "allow_methods": ("GET", "POST"),
    "allow_headers": (
        *("Authorization", "Cache-Control", "Content-Type", "Request-Timeout-Ms", "Traceparent"),
        ID_HEADER,
    ),
    "expose_headers": (
        *("RateLimit", "RateLimit-Policy", "Retry-After", "Server-Timing", "WWW-Authenticate"),
        ID_HEADER,
    ),
    "allow_credentials": False,
}


def middlewares(
    *,
    bounds: Bounds,
    refuse: Refuse,
    listener: Listener,
    lifecycle: Lifecycle,
    keys: ApiKeyStore | None = None,
    rates: Rates | None = None,
    cancels: bool = False,
    tracer: Tracer | None = None,
    origins: Sequence[str] = (),
    trusted_proxies: Sequence[str] = (),
) -> list[Middleware]:
    """The middlewares of an application, from the outermost to the innermost.

    ``cancels`` ends the work of callers that leave.
    """
    return [
        # The address that it corrects is the one that all others see.
        *([Middleware(ProxyHeadersMiddleware, trusted_hosts=list(trusted_proxies))] if trusted_proxies else []),
        # Logs and problem bodies of all others name the id.
        Middleware(
            CorrelationIdMiddleware,
            header_name=ID_HEADER,
            update_request_header=False,
            validator=lambda given: _PLAIN_ID.fullmatch(given) is not None,
        ),
        # Refusals and crashes of all others are counted, and get their headers.
        Middleware(RequestContextMiddleware, listener=listener, lifecycle=lifecycle, tracer=tracer),
        # A preflight carries no key.
        *([Middleware(CORSMiddleware, allow_origins=list(origins), **CORS)] if origins else []),
        # A request without a good key is refused before its body is read.
        *([Middleware(ApiKeyMiddleware, keys=keys, refuse=refuse)] if keys is not None else []),
        # The others get the body in one message, within its bounds.
        Middleware(BodyLimitsMiddleware, bounds=bounds, refuse=refuse, listener=listener),
        # Only requests that could be worked on are counted, each for the holder of its key.
        *([Middleware(RateLimitMiddleware, rates=rates, refuse=refuse)] if rates is not None else []),
        # A message after the body means that the caller left, so the body has to be read before.
        *([Middleware(CancelOnDisconnectMiddleware, listener=listener)] if cancels else []),
    ]


# An answer of the API is data: nothing in it may run, and no page may show it in a frame.
POLICY = "default-src 'none'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'"
# FastAPI's documentation pages load scripts from other hosts and contain one of their own.
DOCUMENTATION_POLICY = (
    "default-src 'none'; script-src 'unsafe-inline' https:; style-src 'unsafe-inline' https:; font-src https:; "
    "img-src 'self' data: https:; connect-src 'self'; worker-src blob:; base-uri 'none'; form-action 'none'; "
    "frame-ancestors 'none'"
)
DOCUMENTATION = frozenset({"/docs", "/redoc", "/docs/oauth2-redirect"})
SECURITY = {
    "x-content-type-options": "nosniff",
    "referrer-policy": "no-referrer",
    "x-frame-options": "DENY",  # for browsers that do not know frame-ancestors
    "permissions-policy": "camera=(), geolocation=(), microphone=()",
}
# A connection that is closed over unread bytes is reset, and a reset can overtake the answer.
LINGER_S = 2.0
METHODS = frozenset(HTTPMethod)
# A route's pattern ends in "$", which also matches in front of a line feed: such a path would match another route.
# Identifiers of zeros are invalid.
_TRACEPARENT = re.compile(rb"00-(?!0{32})[0-9a-f]{32}-(?!0{16})[0-9a-f]{16}-[0-9a-f]{2}")
_CONTROL = re.compile(r"[\x00-\x1f\x7f-\x9f]")
_log = logging.getLogger("depesche.crash")
# It logs each request id that it refuses, so that a caller could fill the log.
logging.getLogger("asgi_correlation_id").setLevel(logging.ERROR)


class RequestContextMiddleware:
    """ASGI middleware around all that answers: request id, time, trace, headers, and the answer to a crash.

    An answer that comes before the body was read says ``Connection: close``; the rest of the body is discarded for
    up to `LINGER_S`, so that a caller that still sends can read the answer. Answers of a process that is about to end
    say ``Connection: close``, so that a caller loses no request on a connection that closes.
    """

    def __init__(self, app: ASGIApp, listener: Listener, lifecycle: Lifecycle, tracer: Tracer | None = None) -> None:
        self._app = app
        self._listener = listener
        self._lifecycle = lifecycle
        self._tracer = tracer

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer one request."""
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        info_of(scope).request_id = correlation_id.get() or ""
        span = None if self._tracer is None else self._tracer.begin(traceparent_in(scope["headers"]))
        exchange = _Exchange(scope, receive, send, self._lifecycle, span)
        self._listener(RequestBegun())
        try:
            await self._answer(scope, exchange)
        finally:
            done = exchange.done()
            self._listener(done)
            if span is not None:
                span.end(done, info_of(scope).intervals)
        await exchange.end()

    async def _answer(self, scope: Scope, exchange: "_Exchange") -> None:
        request = Request(scope)
        try:
            if _CONTROL.search(scope["path"]):
                refusal = problems.problem(request, 400, "path_invalid", "a path holds no control characters")
                await refusal(scope, exchange.receive, exchange.send)
            else:
                await self._app(scope, exchange.receive, exchange.send)
        except ClientGone:
            return
        except Exception as error:  # noqa: BLE001 - an error that is not foreseen becomes an answer
            _log.error("crash", extra={"request_id": info_of(scope).request_id}, exc_info=error)
            if exchange.status is None:
                answer = await problems.on_error(request, error)
                await answer(scope, exchange.receive, exchange.send)


class _Exchange:
    """A request and its answer: whether the body was read, and the headers of the answer."""

    def __init__(
        self, scope: Scope, receive: Receive, send: Send, lifecycle: Lifecycle, span: RequestSpan | None
    ) -> None:
        self._scope = scope
        self._receive = receive
        self._send = send
        self._lifecycle = lifecycle
        self._span = span
        self._info = info_of(scope)
        self._started_s = time.perf_counter()
        self._is_read = not _has_body(scope)
        self._is_early = False
        self._last: Message | None = None
        self.status: int | None = None

    async def receive(self) -> Message:
        """The next message of the body."""
        message = await self._receive()
        self._is_read = self._is_read or message["type"] != "http.request" or not message.get("more_body", False)
        return message

    async def send(self, message: Message) -> None:
        """Send a message of the answer; the end of one that comes before the body was read is sent by `end`."""
        if message["type"] == "http.response.start":
            self.status = message["status"]
            self._is_early = not self._is_read
            message = {**message, "headers": self._headers(message)}
        elif self._is_early and message["type"] == "http.response.body" and not message.get("more_body", False):
            self._last = {"type": "http.response.body", "body": b"", "more_body": False}
            message = {**message, "more_body": True}
        await self._send(message)

    def _headers(self, start: Message) -> list[tuple[bytes, bytes]]:
        headers = MutableHeaders(raw=[*start.get("headers", []), *self._info.headers])
        policy = DOCUMENTATION_POLICY if self._scope["path"] in DOCUMENTATION else POLICY
        for name, value in {**SECURITY, "content-security-policy": policy}.items():
            headers.setdefault(name, value)
        if self._info.timings is not None:
            timings = [*self._info.timings.items(), ("total", time.perf_counter() - self._started_s)]
            headers["server-timing"] = ", ".join(f"{stage};dur={took_s * 1000:.1f}" for stage, took_s in timings)
        if self._span is not None:
            headers["traceresponse"] = self._span.response.decode()
        if self._is_early or self._lifecycle.ending:
            headers["connection"] = "close"
        return headers.raw

    async def end(self) -> None:
        """Discard the rest of the body, and end the answer that came before it."""
        if self._last is None:
            return
        if not _waits_to_be_asked(self._scope):
            try:
                async with asyncio.timeout(LINGER_S):
                    while not self._is_read:
                        await self.receive()
            except TimeoutError:
                pass
        await self._send(self._last)

    def done(self) -> RequestDone:
        """What the log and the metrics are told."""
        scope, info = self._scope, self._info
        # A caller can write any word as method or path; those of a refused request are kept where they are known.
        method = scope["method"] if scope["method"] in METHODS else "other"
        route = str(getattr(scope.get("route"), "path", None) or info.path or "unmatched")
        passed_s = time.perf_counter() - self._started_s
        trace_id = _trace_id(traceparent_in(scope["headers"])) if self._span is None else self._span.trace_id
        return RequestDone(method, route, self.status or 499, passed_s, info.request_id, info.key_id, trace_id)


def traceparent_in(headers: Sequence[tuple[bytes, bytes]]) -> str | None:
    """The valid ``traceparent`` of a request, version 00 of W3C Trace Context; None without exactly one."""
    given = [value for name, value in headers if name == b"traceparent"]
    return given[0].decode() if len(given) == 1 and _TRACEPARENT.fullmatch(given[0]) else None


def _trace_id(traceparent: str | None) -> str | None:
    """The id of the trace, for the log."""
    return None if traceparent is None else traceparent.split("-")[1]


def _has_body(scope: Scope) -> bool:
    headers = dict(scope["headers"])
    return b"transfer-encoding" in headers or headers.get(b"content-length", b"0").strip(b"0") != b""


def _waits_to_be_asked(scope: Scope) -> bool:
    return (b"expect", b"100-continue") in [(name, value.lower()) for name, value in scope["headers"]]


class CancelOnDisconnectMiddleware:
    """ASGI middleware, inside `BodyLimitsMiddleware`: a message after the whole body says that the caller left."""

    def __init__(self, app: ASGIApp, listener: Listener) -> None:
        self._app = app
        self._listener = listener

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer the request, or cancel the work when its caller leaves first."""
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
            elif not sender.ended:  # a server says so after the last byte, too
                self._listener(ClientLeft("answer" if sender.begun else "work"))
        finally:
            answering.cancel()
            leaving.cancel()
            # A second await of a failed task would drop frames of its error.
            await asyncio.gather(answering, leaving, return_exceptions=True)


class _WatchedSend:
    """Passes an answer on; ``begun`` and ``ended`` say how much of it was sent."""

    def __init__(self, send: Send) -> None:
        self._send = send
        self.begun = False
        self.ended = False

    async def __call__(self, message: Message) -> None:
        self.begun = True
        self.ended = message["type"] == "http.response.body" and not message.get("more_body", False)
        await self._send(message)


class _Once:
    """Gives the body once; the next call waits for ever, as for a caller that stays."""

    def __init__(self, body: Message) -> None:
        self._body: Message | None = body

    async def __call__(self) -> Message:
        body, self._body = self._body, None
        if body is None:
            await asyncio.Event().wait()
            raise AssertionError("this event is never set")
        return body
