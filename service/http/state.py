"""The state of the HTTP layer: `RequestInfo` for one request, `Runtime` for the application, and `History`."""

import time
from collections import deque
from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Annotated, Protocol

from fastapi import Depends, Request
from prometheus_client import CollectorRegistry
from starlette.types import Scope

from service.events import CachePurged, Event, Listener, RequestDone, ResultGiven, TextAccepted
from service.generation.call import Interval, Stage
from service.http.jobs import Jobs
from service.http.keys import ApiKeyStore
from service.http.keys import Scope as KeyScope
from service.newsroom.commands import TextLimits
from service.newsroom.newsroom import Newsroom

INFO = "info"
Charge = Callable[[int], Awaitable[None]]
Quota = Callable[[], Awaitable[tuple[int, int] | None]]
BodyCheck = Callable[[bytes], Awaitable[None]]
Header = tuple[bytes, bytes]

PROBES = frozenset({"/livez", "/readyz", "/health", "/metrics"})
# These pages contain no data. The endpoints that they call need a key.
PAGES = frozenset({"/", "/docs", "/openapi.json"})
# LibreTranslate's client sends its key in the body of this GET request. The body is ignored, because the response is
# public.
CAPABILITIES = frozenset({"/languages", "/frontend/settings"})
OPEN = PROBES | PAGES
ASSETS = "/static/"

HOUR_S = 3_600
MAX_HOURS = 7 * 24
MAX_PURGES = 100
# The number of ids in the key file is not limited. If there are more, the least recently used one is dropped.
MAX_KEYS = 1_000
MIN_ERROR_STATUS = 400


def is_open(path: str) -> bool:
    """Return whether requests to ``path`` need no key and have no rate limit.

    The result is True for the paths in `OPEN`, and for every path that begins with `ASSETS`.
    """
    return path in OPEN or path.startswith(ASSETS)


def needs_key(path: str) -> bool:
    """Return whether requests to ``path`` need a key if the service has keys.

    This is False for the paths for which `is_open` returns True, and for the public endpoints in `CAPABILITIES`.
    """
    return not is_open(path) and path not in CAPABILITIES


class RequestSpan(Protocol):
    """The trace span that represents one request (OpenTelemetry)."""

    @property
    def trace_id(self) -> str:
        """The trace id as 32 hexadecimal digits."""
        ...

    @property
    def response(self) -> bytes:
        """The value of the ``traceresponse`` header, which identifies this span."""
        ...

    def end(self, done: RequestDone, stages: Sequence[Interval]) -> None:
        """End this span.

        Create a child span for each of the ``stages``, and take the attributes of this span from ``done``.
        """
        ...


class Tracer(Protocol):
    """A factory that starts the trace spans of requests."""

    def begin(self, traceparent: str | None) -> RequestSpan:
        """Start the span of a request, and return it.

        ``traceparent`` identifies the caller's span, which becomes the parent. If it is None, the new span has no
        parent.
        """
        ...


@dataclass(slots=True)
class RequestInfo:
    """Data about one request, through which middlewares and routes communicate.

    Fields:
        request_id: the id of the request, for the log and for error responses.
        started_s: the time at which the head of the request had arrived, on the monotonic clock.
        path: the route path of a request that is refused before it reaches a route.
        key_id: the id of the caller's API key; None if no valid key was found.
        scopes: the permissions of the caller's key; None if no valid key was found.
        check_body: checks the key in the body, and raises `AccessDenied` or `RateExceeded` if it is not valid; None if
            no key is expected in the body.
        charge: counts characters against the caller's limits; None if there are no limits.
        quota: returns the numbers of characters that the caller has used and may use; None if there are no limits.
        headers: extra headers of the response.
        timings: the seconds that each stage of the work took, for the ``Server-Timing`` header.
        intervals: the start and end of each stage, for traces.
    """

    request_id: str = ""
    started_s: float = field(default_factory=time.monotonic)
    path: str | None = None
    key_id: str | None = None
    scopes: frozenset[KeyScope] | None = None
    check_body: BodyCheck | None = None
    charge: Charge | None = None
    quota: Quota | None = None
    headers: Sequence[Header] = field(default=())
    timings: Mapping[Stage, float] | None = None
    intervals: Sequence[Interval] = field(default=())


def info_of(scope: Scope) -> RequestInfo:
    """Return the `RequestInfo` that is stored in ``scope``. If there is none, create and store it."""
    state = scope.setdefault("state", {})
    if INFO not in state:
        state[INFO] = RequestInfo()
    info: RequestInfo = state[INFO]
    return info


@dataclass(slots=True)
class Hour:
    """The results of one hour that begins at ``begins_s``, in seconds since the Unix epoch.

    ``results`` is the number of outputs, and ``reviews`` is the number of those that an editor must review.
    ``sentences`` is the number of sentences in translations, and ``flagged`` is the number of those with a warning that
    requires a review.
    """

    begins_s: int
    results: int = 0
    reviews: int = 0
    sentences: int = 0
    flagged: int = 0


@dataclass(slots=True)
class KeyUsage:
    """The requests with one API key, without those for probes, pages and static files (see `is_open`).

    ``failed`` is the number of requests with an error status, and ``seconds`` is the total duration of the requests.
    ``characters`` is the total length of the texts that were accepted.
    """

    requests: int = 0
    failed: int = 0
    characters: int = 0
    seconds: float = 0.0


@dataclass(frozen=True, slots=True)
class PurgeRecord:
    """A purge at ``at_s``, in seconds since the Unix epoch."""

    at_s: float
    purge: CachePurged


@dataclass(slots=True)
class History:
    """An event listener that keeps hourly results, the usage of each key and the last purges.

    ``hours`` contains the last `MAX_HOURS` hours that had results. If there are more than `MAX_KEYS` keys, the least
    recently used one is dropped from ``keys``.

    The data is in the memory of this process and is lost when the process ends.
    ``clock`` returns the time in seconds since the Unix epoch. Requests without an API key have the key id None.
    """

    clock: Callable[[], float] = time.time
    hours: deque[Hour] = field(default_factory=lambda: deque(maxlen=MAX_HOURS))
    keys: dict[str | None, KeyUsage] = field(default_factory=dict)
    purges: deque[PurgeRecord] = field(default_factory=lambda: deque(maxlen=MAX_PURGES))

    def listen(self, event: Event) -> None:
        """Record an event. Ignore an event that the status page does not show."""
        match event:
            case ResultGiven():
                hour = self._hour()
                hour.results += 1
                hour.reviews += event.needs_review
                hour.sentences += event.sentences
                hour.flagged += event.flagged
            case RequestDone() if not is_open(event.route):
                usage = self._usage(event.key_id)
                usage.requests += 1
                usage.failed += event.status >= MIN_ERROR_STATUS
                usage.seconds += event.seconds
            case TextAccepted():
                self._usage(event.key_id).characters += event.characters
            case CachePurged():
                self.purges.append(PurgeRecord(self.clock(), event))

    def _hour(self) -> Hour:
        begins_s = int(self.clock()) // HOUR_S * HOUR_S
        if not self.hours or self.hours[-1].begins_s < begins_s:
            self.hours.append(Hour(begins_s))
        return self.hours[-1]

    def _usage(self, key_id: str | None) -> KeyUsage:
        usage = self.keys.pop(key_id, None) or KeyUsage()
        self.keys[key_id] = usage
        if len(self.keys) > MAX_KEYS:
            del self.keys[next(iter(self.keys))]
        return usage


@dataclass(frozen=True, slots=True)
class Runtime:
    """The components that the routes use. They are stored in ``app.state.runtime``.

    The application on the administration port has the same components. ``timeout_s`` is the default time limit of a
    request. ``keys`` is None if the service has no API keys. ``tracer`` is None if tracing is off. ``jobs`` is None if
    there is no Redis server that can store the results of jobs. ``history`` is shown on the status page.
    """

    newsroom: Newsroom
    limits: TextLimits
    timeout_s: float
    listener: Listener
    registry: CollectorRegistry
    keys: ApiKeyStore | None
    tracer: Tracer | None = None
    jobs: Jobs | None = None
    history: History = field(default_factory=History)


def runtime_of(request: Request) -> Runtime:
    """Return the runtime of the application that handles this request."""
    runtime: Runtime = request.app.state.runtime
    return runtime


# These are coroutines, because FastAPI would run plain functions in a thread, which is slower.
async def _runtime(request: Request) -> Runtime:
    return runtime_of(request)


async def _newsroom(request: Request) -> Newsroom:
    return runtime_of(request).newsroom


RuntimeDep = Annotated[Runtime, Depends(_runtime)]
NewsroomDep = Annotated[Newsroom, Depends(_newsroom)]
