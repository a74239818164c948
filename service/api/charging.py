"""What the texts of a request cost its caller, and what it has left, where characters are limited.

`service.access.throttle` counts; it leaves what to ask in the state of the request.
"""

from collections.abc import Awaitable, Callable, Iterable

from fastapi import Request

Charge = Callable[[int], Awaitable[None]]
Quota = Callable[[], Awaitable[tuple[int, int] | None]]


async def charge(request: Request, texts: Iterable[str | None]) -> None:
    """Count the characters of ``texts``; nothing where there is no limit.

    Raises:
        RateExceeded: the caller has used up its limit.
        InvalidInput: the texts are longer than the limit.
    """
    count: Charge | None = request.scope.get("state", {}).get("charge")
    if count is not None:
        await count(sum(len(text) for text in texts if text is not None))


async def quota_of(request: Request) -> tuple[int, int] | None:
    """Characters that the caller has used, and may use, in the longest window; None where there is no limit."""
    asked: Quota | None = request.scope.get("state", {}).get("quota")
    return None if asked is None else await asked()
