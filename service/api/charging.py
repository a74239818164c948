"""What the texts of a request cost its caller, where characters are limited (`service.access.throttle`)."""

from collections.abc import Awaitable, Callable, Iterable

from fastapi import Request

Charge = Callable[[int], Awaitable[None]]


async def charge(request: Request, texts: Iterable[str | None]) -> None:
    """Count the characters of ``texts``; nothing where there is no limit.

    Raises:
        RateExceeded: the caller has used up its limit.
        InvalidInput: the texts are longer than the limit.
    """
    count: Charge | None = request.scope.get("state", {}).get("charge")
    if count is not None:
        await count(sum(len(text) for text in texts if text is not None))
