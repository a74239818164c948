"""Content negotiation, options in request headers, and responses as JSON or as an event stream."""

import asyncio
import logging
import re
import time
from collections import Counter
from collections.abc import AsyncIterator, Awaitable, Callable
from dataclasses import replace
from functools import partial
from typing import Annotated, Any, Literal, TypeVar

from fastapi import Depends, Header, Request, Response
from pydantic import BaseModel, Field, TypeAdapter, ValidationError, WithJsonSchema
from sse_starlette import EventSourceResponse, ServerSentEvent
from sse_starlette.sse import AppStatus
from starlette.exceptions import HTTPException

from service.errors import DepescheError, InvalidInput
from service.events import TextAccepted
from service.generation.call import TEXT_THREADS, Finished
from service.http import schemas
from service.http.admission import SMALL_BYTES
from service.http.keys import EMBARGO
from service.http.problems import problem_of, report_problem
from service.http.schemas import ProgressEvent, SentenceEvent, link, reference, with_links
from service.http.state import info_of, runtime_of
from service.newsroom.commands import CallContext

PROBLEM_STATUSES = {
    400: "The body is not valid JSON, or the path contains a control character.",
    401: "The API key is missing or not valid.",
    403: "The request is not authorised, for example because the API key lacks the scope that the endpoint requires.",
    406: "The `Accept` header allows no supported media type.",
    408: "The body did not arrive in time.",
    413: "The body exceeds the size limit.",
    415: "The media type or the encoding of the body is not supported.",
    422: "The request is invalid. `errors` lists the invalid fields and their limits, if there are any.",
    429: "The caller has exceeded a rate limit.",
    500: "The service or a model failed.",
    503: "The service cannot accept work at the moment.",
    504: "The work was not finished within the time limit.",
}
PROBLEMS: dict[int | str, dict[str, Any]] = {
    status: {"description": meaning, "content": {"application/problem+json": {"schema": reference(schemas.Problem)}}}
    for status, meaning in PROBLEM_STATUSES.items()
}
STREAMED: dict[int | str, dict[str, Any]] = {
    200: {
        "description": (
            "The result. With `Accept: text/event-stream`, the response is a stream of events: `progress`, `sentence` "
            "(one for each translated sentence, in order), and finally `result`, or `error` with a problem."
        ),
        "content": {"text/event-stream": {}},
    }
}

_CLEANED = {"text": "$response.body#/article/body"}
STREAMED_WITH_BODY = with_links(
    STREAMED,
    translate_cleaned=link("translate", "Translate the cleaned body.", body=_CLEANED),
    summarize_cleaned=link("summarize", "Summarise the cleaned body.", body=_CLEANED),
)


JSON = "application/json"
EVENTS = "text/event-stream"
_QUALITY = re.compile(r"0(\.\d{0,3})?|1(\.0{0,3})?")


async def require_json(request: Request) -> None:
    """Refuse a request that does not contain JSON, or that accepts neither JSON nor an event stream.

    Raises:
        HTTPException: Content-Type is not JSON (415), or Accept allows neither of the two types (406).
    """
    media_type = request.headers.get("content-type", "").partition(";")[0].strip().lower()
    if media_type != JSON:
        raise HTTPException(415, f"Content-Type must be {JSON}")
    if not max(_quality(request, JSON), _quality(request, EVENTS)):
        raise HTTPException(406, f"Accept must allow {JSON} or {EVENTS}")


def wants_events(request: Request) -> bool:
    """Return whether the Accept header prefers an event stream to JSON.

    The header must name the media type of event streams. A wildcard is not sufficient. If event streams and JSON have
    the same quality value, the event stream is preferred.
    """
    events = _quality(request, EVENTS)
    return events > 0 and _is_named(request, EVENTS) and events >= _quality(request, JSON)


def _quality(request: Request, media_type: str) -> float:
    """Return the quality value (0 to 1) of ``media_type`` in the Accept header.

    The value comes from the most specific media range that matches (RFC 9110).
    """
    ranges = _accepted_ranges(request)
    kind = media_type.partition("/")[0]
    return next((ranges[one] for one in (media_type, f"{kind}/*", "*/*") if one in ranges), 0.0)


def _is_named(request: Request, media_type: str) -> bool:
    return media_type in _accepted_ranges(request)


def _accepted_ranges(request: Request) -> dict[str, float]:
    """Return a mapping of the media ranges in the Accept header to their quality values (0 to 1).

    An invalid quality value counts as 1.
    """
    found = {}
    for part in request.headers.get("accept", "*/*").split(","):
        media, *parameters = [piece.strip().lower() for piece in part.split(";")]
        given = next((p[2:].strip() for p in parameters if p.startswith("q=")), "1")
        found[media] = float(given) if _QUALITY.fullmatch(given) else 1.0
    return found


T = TypeVar("T")
NAME = "Request-Timeout-Ms"
MAX_MS = 3_600_000
_SCHEMA = {"type": "integer", "minimum": 1, "maximum": MAX_MS}  # without null, because a header cannot be null
_MEANING = "Time limit for this request, in milliseconds."
Timeout = Annotated[int | None, WithJsonSchema(_SCHEMA), Header(alias=NAME, ge=1, le=MAX_MS, description=_MEANING)]
TIMEOUT_PARAMETER: dict[str, Any] = {
    "name": NAME,
    "in": "header",
    "required": False,
    "description": _MEANING,
    "schema": _SCHEMA,
}
"""The OpenAPI parameter for ``Request-Timeout-Ms``, for endpoints that validate this header themselves."""
_TIMEOUT_MS: TypeAdapter[int] = TypeAdapter(Annotated[int, Field(ge=1, le=MAX_MS)])


EMBARGO_NAME = "DEPESCHE-Embargo"
_EMBARGO_SCHEMA: dict[str, Any] = {"type": "string", "enum": ["0", "1"]}
_EMBARGO_MEANING = "`1`: the texts stay in the service, which uses no remote model and no cache for this request."
Embargo = Annotated[
    Literal["0", "1"] | None,
    WithJsonSchema(_EMBARGO_SCHEMA),
    Header(alias=EMBARGO_NAME, description=_EMBARGO_MEANING),
]
_EMBARGO: TypeAdapter[Literal["0", "1"]] = TypeAdapter(Literal["0", "1"])


CACHE_NAME = "DEPESCHE-Cache"
_CACHE_SCHEMA: dict[str, Any] = {"type": "string", "enum": ["memory"]}
_CACHE_MEANING = (
    "`memory`: the service keeps the results of this request only in the memory of the process, for at most 30 "
    "minutes, and not in the shared cache. To keep nothing, send `Cache-Control: no-store`."
)
CacheTier = Annotated[
    Literal["memory"] | None,
    WithJsonSchema(_CACHE_SCHEMA),
    Header(alias=CACHE_NAME, description=_CACHE_MEANING),
]
_CACHE_TIER: TypeAdapter[Literal["memory"]] = TypeAdapter(Literal["memory"])
PEER_PARAMETERS: list[dict[str, Any]] = [
    TIMEOUT_PARAMETER,
    {
        "name": EMBARGO_NAME,
        "in": "header",
        "required": False,
        "description": _EMBARGO_MEANING,
        "schema": _EMBARGO_SCHEMA,
    },
    {"name": CACHE_NAME, "in": "header", "required": False, "description": _CACHE_MEANING, "schema": _CACHE_SCHEMA},
]
"""The OpenAPI parameters for the headers that `_peer_context_of` reads."""


def _context(request: Request, timeout_ms: int | None, embargo: str | None, tier: str | None) -> CallContext:
    """Build the context of a request. The time limit starts when the head of the request has arrived.

    ``timeout_ms`` is the caller's time limit. If it is None, the default time limit of the service applies. ``embargo``
    is the value of the embargo header. The value "1", or a key with the scope ``embargo``, puts the request under
    embargo. ``tier`` is the value of the header ``DEPESCHE-Cache``. ``Cache-Control: no-cache`` prevents reading
    from the cache. ``Cache-Control: no-store`` also prevents writing to it. The timings that the context records are
    also stored in the `RequestInfo`.
    """
    info = info_of(request.scope)
    passed_s = time.monotonic() - info.started_s
    control = {word.strip().lower() for word in request.headers.get("cache-control", "").split(",")}
    context = CallContext.within(
        (runtime_of(request).timeout_s if timeout_ms is None else timeout_ms / 1000) - passed_s,
        read_cache=not control & {"no-cache", "no-store"},
        write_cache="no-store" not in control,
        memory_only=tier == "memory",
        charge=partial(_charge, request),
        embargo=embargo == "1" or EMBARGO in (info.scopes or ()),
    )
    info.timings, info.intervals = context.timings.seconds, context.timings.intervals
    return context


async def _charge(request: Request, characters: int) -> None:
    """Count ``characters`` against the limits of the caller, and report that the texts have been accepted.

    Raises:
        RateExceeded: a limit is exceeded.
        InvalidInput: the texts alone exceed the maximum for a whole window.
    """
    info = info_of(request.scope)
    if info.charge is not None:
        await info.charge(characters)
    runtime_of(request).listener(TextAccepted(characters, info.key_id))


async def _context_of(
    request: Request, timeout_ms: Timeout = None, embargo: Embargo = None, tier: CacheTier = None
) -> CallContext:
    return _context(request, timeout_ms, embargo, tier)


async def _peer_context_of(request: Request) -> CallContext:
    """Build the context of a request to a DeepL-compatible or LibreTranslate-compatible endpoint.

    Raises:
        InvalidInput: the header for the time limit, the embargo or the cache is invalid. The message has DeepL's
            wording.
    """
    timeout_ms = _peer_header(request, NAME, _TIMEOUT_MS, limit=MAX_MS)
    embargo = _peer_header(request, EMBARGO_NAME, _EMBARGO)
    return _context(request, timeout_ms, embargo, _peer_header(request, CACHE_NAME, _CACHE_TIER))


def _peer_header(request: Request, name: str, adapter: TypeAdapter[T], limit: int | None = None) -> T | None:
    value = request.headers.get(name)
    try:
        return None if value is None else adapter.validate_python(value)
    except ValidationError as error:
        (fault,) = error.errors(include_input=False, include_url=False)
        detail = f"Value for '{name}' not supported: {fault['msg']}"
        raise InvalidInput("invalid_request", detail, pointer=f"header:{name}", limit=limit) from error


ContextDep = Annotated[CallContext, Depends(_context_of)]
PeerContextDep = Annotated[CallContext, Depends(_peer_context_of)]


# By default, sse_starlette ends all streams at SIGTERM. Turn this off, so that accepted requests can finish.
AppStatus.disable_automatic_graceful_drain()  # type: ignore[no-untyped-call]  # the library left it untyped
# At debug level, sse_starlette would log article text.
logging.getLogger("sse_starlette").setLevel(logging.WARNING)
KEEP_ALIVE_S = 15.0
ON_LOOP_BYTES = 4_000
"""The maximum size of a request whose response is serialised in the event loop, which takes a few milliseconds."""
NEWLINE = "\n"
Command = TypeVar("Command")
Answer = TypeVar("Answer")
Item = tuple[str, str]
"""The name of an event, and its data as JSON."""
_log = logging.getLogger("depesche")


async def respond(
    request: Request,
    context: CallContext,
    use_case: Callable[[Command, CallContext], Awaitable[Answer]],
    command: Command,
    response_of: Callable[[Answer], BaseModel],
) -> Response:
    """Call ``use_case`` with ``command``, and return its result as a JSON response or as an event stream.

    ``response_of`` converts the result to the response model. If ``use_case`` raises an error, this function raises
    it, unless an event stream has already started. In that case, the stream reports the error as its last event.
    """
    size = len(await request.body())

    async def work(context: CallContext) -> str:
        answer = await use_case(command, context)
        return await _off_loop(size, lambda: response_of(answer).model_dump_json(by_alias=True))

    if not wants_events(request):
        # The response is complete here, so FastAPI does not validate and serialise it again.
        return Response(await work(context), media_type=JSON)
    # A stream sends its headers before the work is done, so it has no Server-Timing header.
    info_of(request.scope).timings = None
    return await stream_events(request, lambda stream: work(stream.reporting(context)))


async def stream_events(request: Request, work: Callable[["EventStream"], Awaitable[str]]) -> Response:
    """Call ``work`` with a new event stream, and return the stream as the response.

    ``work`` calls ``accept`` on the stream when the request has passed all checks, and ``send`` for each event. It
    returns the data of the event ``result`` as JSON. If ``work`` raises an error before it calls ``accept``, this
    function raises the error. The stream reports a later error as its last event.
    """
    stream = EventStream(request, work)
    await stream.begin()
    response = EventSourceResponse(stream.events(), ping=KEEP_ALIVE_S, ping_message_factory=_keep_alive, sep=NEWLINE)
    del response.headers["connection"]  # RequestContextMiddleware sets it when necessary
    return response


def log_crash(request_id: str, error: Exception) -> None:
    """Log an unexpected exception with its traceback."""
    _log.error("crash", extra={"request_id": request_id}, exc_info=error)


async def _off_loop(size: int, work: Callable[[], str]) -> str:
    """Call ``work`` and return its result.

    The call runs in the event loop if ``size``, the number of bytes in the request body, is at most `ON_LOOP_BYTES`.
    Otherwise, it runs in a thread.
    """
    return work() if size <= ON_LOOP_BYTES else await TEXT_THREADS.in_thread(size, work)


# Many line readers, such as Python's str.splitlines, also split at these characters. JSON may contain them unescaped.
_LINE_ENDS = {end: f"\\u{ord(end):04x}" for end in "\u0085\u2028\u2029"}


def _one_line(text: str) -> str:
    """Return the JSON ``text`` without characters that a client could take for the end of a line.

    Such characters are replaced with JSON escapes.
    """
    for end, escape in _LINE_ENDS.items():  # a hundred times faster than str.translate
        text = text.replace(end, escape)
    return text


def _encoded(item: Item, number: int) -> bytes:
    return ServerSentEvent(_one_line(item[1]), event=item[0], id=str(number), sep=NEWLINE).encode()


def _keep_alive() -> ServerSentEvent:
    """Return an event stream comment, which prevents proxies from closing an idle connection."""
    return ServerSentEvent(comment="keep-alive", sep=NEWLINE)


class EventStream:
    """The event stream that is the response to one request. The request is processed in a separate task."""

    def __init__(self, request: Request, work: Callable[["EventStream"], Awaitable[str]]) -> None:
        self._request = request
        self._items: asyncio.Queue[Item | None] = asyncio.Queue()
        self._done: Counter[str] = Counter()
        self._of: Counter[str] = Counter()
        self._accepted = asyncio.Event()
        self._work = asyncio.ensure_future(work(self))

    def accept(self) -> None:
        """Start the stream. Later errors are sent as its last event."""
        self._accepted.set()

    def send(self, event: str, data: BaseModel) -> None:
        """Send an event with the name ``event``. ``data`` must be small, because the event loop serialises it."""
        self._items.put_nowait((event, data.model_dump_json(by_alias=True)))

    async def send_large(self, event: str, data: BaseModel) -> None:
        """Serialise ``data`` in a thread, and send it as an event with the name ``event``."""
        self._items.put_nowait((event, await asyncio.to_thread(data.model_dump_json, by_alias=True)))

    def reporting(self, context: CallContext) -> CallContext:
        """Return a copy of ``context`` whose callbacks send the events of this stream."""
        return replace(context, accepted=self.accept, progress=self._on_progress, finished=self._on_sentence)

    def _on_progress(self, stage: str, done: int, of: int) -> None:
        """Send the totals of a stage, after adding the ``done`` finished and the ``of`` new units of work to them."""
        self._done[stage] += done
        self._of[stage] += of
        self.send("progress", ProgressEvent(stage=stage, done=self._done[stage], of=self._of[stage]))

    def _on_sentence(self, sentence: Finished) -> None:
        source = [sentence.source.start, sentence.source.end]
        self.send("sentence", SentenceEvent(text_number=sentence.text_number, source=source, text=sentence.output))

    async def begin(self) -> None:
        """Wait until the request has passed all checks, or its processing has ended.

        Raises:
            Exception: the processing raised this error before the request had passed all checks.
        """
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

    def _end(self, work: "asyncio.Future[str]") -> None:
        """Queue the last event, which contains the result or an error, and a marker for the end of the stream.

        If ``work`` was cancelled, only the marker is queued.
        """
        error = None if work.cancelled() else work.exception()
        if isinstance(error, Exception):
            # The response has already started, so the error is sent as the last event.
            request_id = info_of(self._request.scope).request_id
            if not isinstance(error, DepescheError):
                log_crash(request_id, error)
            problem = report_problem(self._request, problem_of(request_id, error))
            self._items.put_nowait(("error", problem.model_dump_json()))
        elif not work.cancelled():
            self._items.put_nowait(("result", work.result()))
        self._items.put_nowait(None)

    async def events(self) -> AsyncIterator[bytes]:
        """Yield the events in order. If the client disconnects, cancel the processing of the request."""
        try:
            number = 0
            while (item := await self._items.get()) is not None:
                number += 1
                large = len(item[1]) > SMALL_BYTES
                yield await asyncio.to_thread(_encoded, item, number) if large else _encoded(item, number)
        finally:
            self._work.cancel()
            await asyncio.gather(self._work, return_exceptions=True)
