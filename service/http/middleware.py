"""The ASGI middlewares of the application, and the order in which they run.

The project's middlewares are defined in this module, in `service.http.admission` and in `service.http.ratelimit`. They
share data about a request in its `RequestInfo`. `RequestContextMiddleware` adds the headers that all responses have,
except for the request id, which the library asgi-correlation-id adds.
"""

import asyncio
import gzip
import logging
import re
import time
from collections.abc import Sequence
from http import HTTPMethod
from typing import Any

from asgi_correlation_id import CorrelationIdMiddleware, correlation_id
from starlette.datastructures import Headers, MutableHeaders
from starlette.middleware import Middleware
from starlette.middleware.cors import CORSMiddleware
from starlette.requests import Request
from starlette.types import ASGIApp, Message, Receive, Scope, Send
from uvicorn.middleware.proxy_headers import ProxyHeadersMiddleware

from service.errors import ClientGone
from service.events import ClientLeft, Listener, RequestBegun, RequestDone
from service.http import problems
from service.http.admission import SMALL_BYTES, ApiKeyMiddleware, BodyLimitsMiddleware, Bounds, Refuse
from service.http.keys import ApiKeyStore
from service.http.ratelimit import DeniedAttempts, RateLimitMiddleware, Rates
from service.http.state import RequestSpan, Tracer, info_of
from service.newsroom.lifecycle import Lifecycle

ID_HEADER = "X-Request-Id"
# Request ids from callers that do not match are replaced, because they could break log lines or headers.
_PLAIN_ID = re.compile(r"[A-Za-z0-9._-]{1,64}")
CORS: dict[str, Any] = {
    "allow_methods": ("DELETE", "GET", "POST"),
    "allow_headers": (
        *("Authorization", "Cache-Control", "Content-Type", "DEPESCHE-Embargo", "Request-Timeout-Ms", "Traceparent"),
        *("DEPESCHE-Cache", "DEPESCHE-Webhook", "Prefer"),
        ID_HEADER,
    ),
    "expose_headers": (
        *("RateLimit", "RateLimit-Policy", "Retry-After", "Server-Timing", "WWW-Authenticate"),
        *("Location", "Preference-Applied"),
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
    denied: DeniedAttempts | None = None,
    rates: Rates | None = None,
    cancels: bool = False,
    tracer: Tracer | None = None,
    origins: Sequence[str] = (),
    trusted_proxies: Sequence[str] = (),
    root_path: str = "",
) -> list[Middleware]:
    """Return the middlewares of an application, from the outermost to the innermost.

    A middleware is omitted if its argument is None or empty. ``refuse`` sends the response to a rejected request.
    ``denied`` limits the number of requests without a valid API key. If ``cancels`` is True,
    `CancelOnDisconnectMiddleware` is included. ``origins`` are the origins that CORS allows. ``root_path`` is the path
    prefix that proxies add.
    """
    return [
        # Outermost, because all other middlewares use the path.
        *([Middleware(RootPathMiddleware, root_path=root_path)] if root_path else []),
        # Before the other middlewares, because they use the client address that it sets.
        *([Middleware(ProxyHeadersMiddleware, trusted_hosts=list(trusted_proxies))] if trusted_proxies else []),
        # Before the other middlewares, because their logs and problem bodies contain the id.
        Middleware(
            CorrelationIdMiddleware,
            header_name=ID_HEADER,
            update_request_header=False,
            validator=lambda value: _PLAIN_ID.fullmatch(value) is not None,
        ),
        # Counts refusals and crashes in all inner middlewares and adds headers to their responses.
        Middleware(RequestContextMiddleware, listener=listener, lifecycle=lifecycle, tracer=tracer),
        # Before authentication, because a preflight request has no key.
        *([Middleware(CORSMiddleware, allow_origins=list(origins), **CORS)] if origins else []),
        # Refuses a request without a valid key before its body is read.
        *(
            [Middleware(ApiKeyMiddleware, keys=keys, refuse=refuse, denied=denied or DeniedAttempts(()))]
            if keys is not None
            else []
        ),
        # Passes the whole body to the inner middlewares in one message.
        Middleware(BodyLimitsMiddleware, bounds=bounds, refuse=refuse, listener=listener),
        # After authentication and the body checks, so that only admitted requests are counted, and the key is known.
        *([Middleware(RateLimitMiddleware, rates=rates, refuse=refuse)] if rates is not None else []),
        # After the body has been read, so that the next message means that the client has disconnected.
        *([Middleware(CancelOnDisconnectMiddleware, listener=listener)] if cancels else []),
        # Innermost, because the other middlewares do not change bodies.
        Middleware(CompressionMiddleware),
    ]


# API responses are data, so a browser must not run or frame them.
POLICY = "default-src 'none'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'"
SECURITY = {
    "x-content-type-options": "nosniff",
    "referrer-policy": "no-referrer",
    "x-frame-options": "DENY",  # for browsers without frame-ancestors
    "permissions-policy": "camera=(), geolocation=(), microphone=()",
}
# Closing a connection with unread data resets it, and the client may see the reset before the response.
LINGER_S = 2.0
METHODS = frozenset(HTTPMethod)
COMPRESSED_BYTES = 1_024
GZIP_LEVEL = 6
# Trace ids and span ids that consist only of zeros are invalid.
_TRACEPARENT = re.compile(rb"00-(?!0{32})[0-9a-f]{32}-(?!0{16})[0-9a-f]{16}-[0-9a-f]{2}")
# Route patterns end in "$", which also matches before a trailing newline. Paths with control characters are rejected.
_CONTROL = re.compile(r"[\x00-\x1f\x7f-\x9f]")
_log = logging.getLogger("depesche.crash")
# The library logs every invalid request id, so a caller could flood the log.
logging.getLogger("asgi_correlation_id").setLevel(logging.ERROR)


class RequestContextMiddleware:
    """ASGI middleware that adds response headers, measures and traces requests, and handles unexpected errors.

    If a response starts before the request body has been read, it has ``Connection: close``. The middleware then
    discards the rest of the body for up to `LINGER_S` seconds, so that a client that is still sending can read the
    response. While the process is shutting down, every response has ``Connection: close``, so that clients do not send
    further requests on the connection. The response to a request with both Content-Length and Transfer-Encoding also
    has ``Connection: close`` (see `_is_framed_twice`). An unexpected error becomes a response with status 500, unless
    the response has already started. A path with a control character is refused with status 400.
    """

    def __init__(self, app: ASGIApp, listener: Listener, lifecycle: Lifecycle, tracer: Tracer | None = None) -> None:
        self._app = app
        self._listener = listener
        self._lifecycle = lifecycle
        self._tracer = tracer

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Process one request, and report its start and end to the listener."""
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
                refusal = problems.problem(request, 400, "path_invalid", "the path contains a control character")
                await refusal(scope, exchange.receive, exchange.send)
            else:
                await self._app(scope, exchange.receive, exchange.send)
        except ClientGone:
            return
        except Exception as error:  # noqa: BLE001 - an unexpected error becomes a 500 answer
            _log.error("crash", extra={"request_id": info_of(scope).request_id}, exc_info=error)
            if exchange.status is None:
                answer = await problems.on_error(request, error)
                await answer(scope, exchange.receive, exchange.send)


class _Exchange:
    """A request and its response.

    The class records whether the request body has been read, and adds the response headers.
    """

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
        """Receive the next ASGI message of the request, and record whether the body is complete."""
        message = await self._receive()
        self._is_read = self._is_read or message["type"] != "http.request" or not message.get("more_body", False)
        return message

    async def send(self, message: Message) -> None:
        """Send an ASGI message of the response.

        If the response started before the body was read, the end of the response is held back until `end` is called.
        """
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
        for name, value in {**SECURITY, "content-security-policy": POLICY}.items():
            headers.setdefault(name, value)
        if self._info.timings is not None:
            timings = [*self._info.timings.items(), ("total", time.perf_counter() - self._started_s)]
            headers["server-timing"] = ", ".join(f"{stage};dur={took_s * 1000:.1f}" for stage, took_s in timings)
        if self._span is not None:
            headers["traceresponse"] = self._span.response.decode()
        if self._is_early or self._lifecycle.ending or _is_framed_twice(self._scope):
            headers["connection"] = "close"
        return headers.raw

    async def end(self) -> None:
        """Complete the response if `send` has held back its end.

        First, the rest of the request body is received and discarded, for up to `LINGER_S` seconds. This step is
        omitted if the client waits for a 100 Continue response before it sends the body.
        """
        if self._last is None:
            return
        if not _expects_continue(self._scope):
            try:
                async with asyncio.timeout(LINGER_S):
                    while not self._is_read:
                        await self.receive()
            except TimeoutError:
                pass
        await self._send(self._last)

    def done(self) -> RequestDone:
        """Return an event that describes the finished request, for the log and the metrics."""
        scope, info = self._scope, self._info
        # A caller can send any method or path, so unknown ones are not used as metric labels.
        method = scope["method"] if scope["method"] in METHODS else "other"
        route = str(getattr(scope.get("route"), "path", None) or info.path or "unmatched")
        passed_s = time.perf_counter() - self._started_s
        trace_id = _trace_id(traceparent_in(scope["headers"])) if self._span is None else self._span.trace_id
        return RequestDone(method, route, self.status or 499, passed_s, info.request_id, info.key_id, trace_id)


def traceparent_in(headers: Sequence[tuple[bytes, bytes]]) -> str | None:
    """Return the value of the ``traceparent`` header (W3C Trace Context, version 00).

    Return None unless there is exactly one such header and it is valid.
    """
    values = [value for name, value in headers if name == b"traceparent"]
    return values[0].decode() if len(values) == 1 and _TRACEPARENT.fullmatch(values[0]) else None


def _trace_id(traceparent: str | None) -> str | None:
    """Return the trace id in the value of a ``traceparent`` header, or None if ``traceparent`` is None."""
    return None if traceparent is None else traceparent.split("-")[1]


def _has_body(scope: Scope) -> bool:
    headers = dict(scope["headers"])
    return b"transfer-encoding" in headers or headers.get(b"content-length", b"0").strip(b"0") != b""


def _is_framed_twice(scope: Scope) -> bool:
    """Return whether the request has both Content-Length and Transfer-Encoding.

    The server ignores Content-Length, as RFC 9112 (section 6.3) requires. The connection must be closed, because a
    proxy may have used the other header, and would then take part of the body for the next request.
    """
    return {b"content-length", b"transfer-encoding"} <= {name for name, _ in scope["headers"]}


def _expects_continue(scope: Scope) -> bool:
    return (b"expect", b"100-continue") in [(name, value.lower()) for name, value in scope["headers"]]


class RootPathMiddleware:
    """ASGI middleware that removes the prefix ``root_path`` from the paths of requests.

    Some proxies remove the prefix before they forward a request, and other proxies do not. Paths without the prefix
    stay unchanged.
    """

    def __init__(self, app: ASGIApp, root_path: str) -> None:
        self._app = app
        self._root_path = root_path

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Remove the prefix from the path of one request, and pass the request on."""
        root = self._root_path
        if scope["type"] == "http" and (scope["path"] == root or scope["path"].startswith(f"{root}/")):
            scope = {**scope, "path": scope["path"].removeprefix(root) or "/"}
        await self._app(scope, receive, send)


class CompressionMiddleware:
    """ASGI middleware that compresses JSON responses of at least `COMPRESSED_BYTES` bytes with gzip.

    Only responses that are sent as a single message are compressed. Event streams are not, because clients must be able
    to read each event as soon as it is sent. Long bodies are compressed in a thread. Starlette's middleware would
    compress them in the event loop and block it.
    """

    def __init__(self, app: ASGIApp) -> None:
        self._app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Pass one request on, and compress its response if the client accepts gzip."""
        if scope["type"] != "http" or not _accepts_gzip(Headers(scope=scope)):
            await self._app(scope, receive, send)
            return
        start: Message = {}

        async def compressed(message: Message) -> None:
            nonlocal start
            if message["type"] == "http.response.start":
                start = message
                return
            if start:
                begun, start = start, {}
                headers = MutableHeaders(raw=begun["headers"])
                if _is_compressible(headers, message):
                    message = {**message, "body": await _gzip(message["body"])}
                    headers["Content-Encoding"] = "gzip"
                    headers["Content-Length"] = str(len(message["body"]))
                    headers.add_vary_header("Accept-Encoding")
                await send(begun)
            await send(message)

        await self._app(scope, receive, compressed)


def _accepts_gzip(headers: Headers) -> bool:
    for part in headers.get("accept-encoding", "").split(","):
        coding, _, quality = part.partition(";")
        if coding.strip().lower() in {"gzip", "*"}:
            return quality.replace(" ", "").removeprefix("q=").strip("0.") != "" or not quality
    return False


def _is_compressible(headers: Headers, body: Message) -> bool:
    media_type = headers.get("content-type", "").partition(";")[0]
    is_json = media_type.endswith("json")
    is_whole = not body.get("more_body", False) and len(body.get("body", b"")) >= COMPRESSED_BYTES
    return is_json and is_whole and "content-encoding" not in headers


async def _gzip(body: bytes) -> bytes:
    """Return ``body`` compressed with gzip. The result contains no timestamp, so equal bodies have equal results."""
    if len(body) <= SMALL_BYTES:
        return gzip.compress(body, GZIP_LEVEL, mtime=0)
    return await asyncio.to_thread(gzip.compress, body, GZIP_LEVEL, mtime=0)


class CancelOnDisconnectMiddleware:
    """ASGI middleware that cancels the processing of a POST request when the client disconnects.

    It must be inside `BodyLimitsMiddleware`, which passes on the body as one message. Any later message then means that
    the client has disconnected.
    """

    def __init__(self, app: ASGIApp, listener: Listener) -> None:
        self._app = app
        self._listener = listener

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Pass one request on, and cancel its processing if the client disconnects before the response is complete."""
        if scope["type"] != "http" or scope["method"] != "POST":
            await self._app(scope, receive, send)
            return
        body = await receive()
        sender = _WatchedSend(send)
        answering = asyncio.ensure_future(self._app(scope, _ReceiveOnce(body), sender))
        leaving = asyncio.ensure_future(receive())
        try:
            await asyncio.wait({answering, leaving}, return_when=asyncio.FIRST_COMPLETED)
            if answering.done():
                answering.result()
            elif not sender.ended:  # the server also reports a disconnect after a complete response
                self._listener(ClientLeft("answer" if sender.begun else "work"))
        finally:
            answering.cancel()
            leaving.cancel()
            # Awaiting a failed task a second time would drop frames of its traceback.
            await asyncio.gather(answering, leaving, return_exceptions=True)


class _WatchedSend:
    """A ``send`` callable that records whether the response has started (``begun``) and is complete (``ended``)."""

    def __init__(self, send: Send) -> None:
        self._send = send
        self.begun = False
        self.ended = False

    async def __call__(self, message: Message) -> None:
        self.begun = True
        self.ended = message["type"] == "http.response.body" and not message.get("more_body", False)
        await self._send(message)


class _ReceiveOnce:
    """A ``receive`` callable whose first call returns the body.

    Later calls wait forever, as if the client stayed connected and sent nothing.
    """

    def __init__(self, body: Message) -> None:
        self._body: Message | None = body

    async def __call__(self) -> Message:
        body, self._body = self._body, None
        if body is None:
            await asyncio.Event().wait()
            raise AssertionError("unreachable, because nothing sets the event")
        return body
