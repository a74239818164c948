"""State of the HTTP layer: `Runtime` for the application, `RequestInfo` for one request."""

from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Annotated, Protocol

from fastapi import Depends, Request
from prometheus_client import CollectorRegistry
from starlette.types import Scope

from service.events import Listener, RequestDone
from service.generation.call import Interval, Stage
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
    """The trace span of one request."""

    @property
    def trace_id(self) -> str:
        """32 hexadecimal digits."""
        ...

    @property
    def response(self) -> bytes:
        """The value of the header ``traceresponse``."""
        ...

    def end(self, done: RequestDone, stages: Sequence[Interval]) -> None:
        """Make the spans of the stages, then end this span."""
        ...


class Tracer(Protocol):
    """Creates the trace spans of requests."""

    def begin(self, traceparent: str | None) -> RequestSpan:
        """Start the span of a request. ``traceparent`` names the parent span of the caller."""
        ...


@dataclass(slots=True)
class RequestInfo:
    """Data of one request that middlewares and routes share.

    Fields:
        path: route path of a request that is refused before routing.
        scopes: scopes of the caller's key; None if no key was checked.
        check_body: checks the key in the body and raises `AccessDenied`; None if the key is not in the body.
        charge: counts characters of texts against the limit; None without a limit.
        quota: used and allowed characters; None without a limit.
        headers: extra headers of the answer.
        timings: seconds by stage, for ``Server-Timing``.
        intervals: start and end of each stage, for traces.
    """

    request_id: str = ""
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
    """The `RequestInfo` of ``scope``, created at the first call."""
    state = scope.setdefault("state", {})
    if INFO not in state:
        state[INFO] = RequestInfo()
    info: RequestInfo = state[INFO]
    return info


@dataclass(frozen=True, slots=True)
class Runtime:
    """The parts of the application, in ``app.state.runtime``. The administration port shares them.

    ``keys`` is None if the service has no API keys. ``tracer`` is None if tracing is off.
    """

    newsroom: Newsroom
    limits: TextLimits
    timeout_s: float
    listener: Listener
    registry: CollectorRegistry
    keys: ApiKeyStore | None
    tracer: Tracer | None = None


def runtime_of(request: Request) -> Runtime:
    """The runtime of the application that answers this request."""
    runtime: Runtime = request.app.state.runtime
    return runtime


# Coroutines, because FastAPI would run plain functions in a thread, which is slower.
async def _runtime(request: Request) -> Runtime:
    return runtime_of(request)


async def _newsroom(request: Request) -> Newsroom:
    return runtime_of(request).newsroom


RuntimeDep = Annotated[Runtime, Depends(_runtime)]
NewsroomDep = Annotated[Newsroom, Depends(_newsroom)]
