"""What the routes work with: the service and its limits, put on the app by `service.app`."""

from collections.abc import AsyncIterator
from dataclasses import dataclass
from typing import Annotated

from fastapi import Depends, Request

from service.events import Listener
from service.newsroom.service import Generation, Service


@dataclass(frozen=True, slots=True)
class TextLimits:
    """How many texts a request may hold, how many code points each, and how deep its JSON may be nested."""

    texts: int
    chars: int
    depth: int


@dataclass(frozen=True, slots=True)
class ApiState:
    """Set once, as ``app.state.api``."""

    service: Service
    limits: TextLimits
    timeout_ms: int
    listener: Listener


def api_state(request: Request) -> ApiState:
    """The state of the app that answers this request."""
    state: ApiState = request.app.state.api
    return state


# Coroutines, all dependencies: FastAPI gives functions to a thread, which takes longer than what they do.
async def _state_of(request: Request) -> ApiState:
    return api_state(request)


async def _service_of(request: Request) -> Service:
    return api_state(request).service


async def _generation_of(request: Request) -> AsyncIterator[Generation]:
    """The models of this request, to its end."""
    with api_state(request).service.held() as generation:
        yield generation


StateDep = Annotated[ApiState, Depends(_state_of)]
ServiceDep = Annotated[Service, Depends(_service_of)]
GenerationDep = Annotated[Generation, Depends(_generation_of)]
