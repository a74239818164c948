"""The call context of a request: its deadline, its cache policy, and what counts its characters."""

from typing import Annotated, Any

from fastapi import Depends, Header, Request
from pydantic import Field, TypeAdapter, ValidationError, WithJsonSchema

from service.errors import InvalidInput
from service.http.state import info_of, runtime_of
from service.newsroom.commands import CallContext, free_of_charge

NAME = "Request-Timeout-Ms"
MOST_MS = 3_600_000
_SCHEMA = {"type": "integer", "minimum": 1, "maximum": MOST_MS}  # without null, which no header has
_MEANING = "Milliseconds this request may take."
Timeout = Annotated[int | None, WithJsonSchema(_SCHEMA), Header(alias=NAME, ge=1, le=MOST_MS, description=_MEANING)]
TIMEOUT_PARAMETER: dict[str, Any] = {
    "name": NAME,
    "in": "header",
    "required": False,
    "description": _MEANING,
    "schema": _SCHEMA,
}
"""The header in OpenAPI's terms, for endpoints whose failures are not those of the framework."""
_TIMEOUT_MS: TypeAdapter[int] = TypeAdapter(Annotated[int, Field(ge=1, le=MOST_MS)])


def _context(request: Request, timeout_ms: int | None) -> CallContext:
    """The context of a request, whose time begins now; what it measures is left in the request's record.

    ``Cache-Control: no-cache`` reads no cache, ``no-store`` neither reads nor writes one.
    """
    info = info_of(request.scope)
    control = {word.strip().lower() for word in request.headers.get("cache-control", "").split(",")}
    context = CallContext.within(
        runtime_of(request).timeout_s if timeout_ms is None else timeout_ms / 1000,
        read_cache=not control & {"no-cache", "no-store"},
        write_cache="no-store" not in control,
        charge=info.charge or free_of_charge,
    )
    info.timings, info.intervals = context.timings.seconds, context.timings.intervals
    return context


async def _context_of(request: Request, timeout_ms: Timeout = None) -> CallContext:
    return _context(request, timeout_ms)


async def _peer_context_of(request: Request) -> CallContext:
    """The context of a request to a compatible endpoint; raises `InvalidInput` in the words of the peers."""
    given = request.headers.get(NAME)
    try:
        return _context(request, None if given is None else _TIMEOUT_MS.validate_python(given))
    except ValidationError as error:
        (fault,) = error.errors(include_input=False, include_url=False)
        detail = f"Value for '{NAME}' not supported: {fault['msg']}"
        raise InvalidInput("invalid_request", detail, pointer=f"header:{NAME}", limit=MOST_MS) from error


ContextDep = Annotated[CallContext, Depends(_context_of)]
PeerContextDep = Annotated[CallContext, Depends(_peer_context_of)]
