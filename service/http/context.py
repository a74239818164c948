"""The call context of a request: its deadline, its cache policy, and what counts its characters."""

from typing import Annotated

from fastapi import Depends, Header, Request
from pydantic import WithJsonSchema

from service.http.state import info_of, runtime_of
from service.newsroom.commands import CallContext, free_of_charge

MOST_MS = 3_600_000
Timeout = Annotated[
    int | None,
    WithJsonSchema({"type": "integer", "minimum": 1, "maximum": MOST_MS}),  # without null, which no header has
    Header(alias="Request-Timeout-Ms", ge=1, le=MOST_MS, description="Milliseconds this request may take."),
]


async def context_of(request: Request, timeout_ms: Timeout = None) -> CallContext:
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
    request.state.timings, request.state.intervals = info.timings, info.intervals
    return context


ContextDep = Annotated[CallContext, Depends(context_of)]
