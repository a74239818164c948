"""What the HTTP layer keeps: `Runtime` for the life of the application, `RequestInfo` for that of one request."""

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
        """End the span after the spans of its stages."""
        ...


class Tracer(Protocol):
    """Makes the trace spans of requests."""

    def begin(self, traceparent: str | None) -> RequestSpan:
        """The span of a request, below the caller's span if ``traceparent`` names one."""
        ...


@dataclass(slots=True)
class RequestInfo:
    """What middlewares and routes tell each other of one request.

    ``path`` is the declared path of a request that is refused before it is routed. ``scopes`` are those of the
    caller's key, None where no key was checked. ``check_body`` looks for the key in the body, None where that is not
    needed; it raises `AccessDenied`. ``charge`` counts characters of texts, ``quota`` gives those used and allowed;
    both are None without a limit. ``headers`` go into the answer. ``timings`` are seconds by stage, for
    ``Server-Timing``; ``intervals`` are when stages ran, for traces.
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
    """The record of the request that ``scope`` describes; made where there is none yet."""
    state = scope.setdefault("state", {})
    if INFO not in state:
        state[INFO] = RequestInfo()
    info: RequestInfo = state[INFO]
    return info


@dataclass(frozen=True, slots=True)
class Runtime:
    """What the application consists of, set once as ``app.state.runtime``; the administration port has the same.

    ``keys`` is None where no keys are asked for, ``tracer`` where nothing is traced.
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


# Coroutines, like all dependencies: FastAPI gives functions to a thread, which takes longer than what they do.
async def _runtime(request: Request) -> Runtime:
    return runtime_of(request)


async def _newsroom(request: Request) -> Newsroom:
    return runtime_of(request).newsroom


RuntimeDep = Annotated[Runtime, Depends(_runtime)]
NewsroomDep = Annotated[Newsroom, Depends(_newsroom)]
