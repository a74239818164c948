"""What a request of /v1 says in its headers: its time, and how it uses the cache."""

from typing import Annotated

from fastapi import Header, Request
from pydantic import WithJsonSchema

from service.api.negotiation import wants_events
from service.api.state import ApiState
from service.pipeline.call import Call, Priority

MOST_MS = 3_600_000
Timeout = Annotated[
    int | None,
    WithJsonSchema({"type": "integer", "minimum": 1, "maximum": MOST_MS}),  # without null, which no header has
    Header(alias="Request-Timeout-Ms", ge=1, le=MOST_MS, description="Milliseconds this request may take."),
]


def call_of(request: Request, state: ApiState, timeout_ms: int | None, priority: Priority, key: str) -> Call:
    """The call of a request, whose time begins now; what it measures is left in the request's state."""
    control = {word.strip().lower() for word in request.headers.get("cache-control", "").split(",")}
    call = Call.within(
        (timeout_ms or state.timeout_ms) / 1000,
        priority=priority,
        read_cache=not control & {"no-cache", "no-store"},
        write_cache="no-store" not in control,
        result_key=key,
    )
    request.state.intervals = call.timings.intervals
    if not wants_events(request):  # a stream's headers are sent before anything is done
        request.state.timings = call.timings.seconds
    return call
