"""The state of the HTTP layer: `Runtime` for the application and `RequestInfo` for one request."""

import time
from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Annotated, Protocol

from fastapi import Depends, Request
from prometheus_client import CollectorRegistry
from starlette.types import Scope

from service.events import Listener, RequestDone
from service.generation.call import Interval, Stage
from service.http.history import History
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
        started_s: the time of the first byte of the request, on the monotonic clock.
        path: the route path of a request that is refused before it reaches a route.
        scopes: the permissions of the caller's key; None if no key was checked.
        check_body: checks the key in the body and raises `AccessDenied` if it is not valid; None if the key cannot be
            in the body.
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


@dataclass(frozen=True, slots=True)
class Runtime:
    """The components that the routes use. They are stored in ``app.state.runtime``.

    The application on the administration port has the same components. ``timeout_s`` is the default time limit of a
    request. ``keys`` is None if the service has no API keys. ``tracer`` is None if tracing is off. ``jobs`` is None if
    there is no Redis server, so that the service cannot respond later. ``history`` is shown on the
    status page.
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
