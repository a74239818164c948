"""Body limit: a body over the limit is refused before it is parsed, and unread where its length is given."""

from collections.abc import Awaitable, Callable

from starlette.types import ASGIApp, Receive, Scope, Send

from service.access.replay import replayed
from service.errors import ClientGone
from service.events import ClientLeft, Listener

Refuse = Callable[[Scope, Receive, Send, int], Awaitable[None]]
MOST_DIGITS = 18


class BodyLimit:
    """ASGI middleware: ``refuse`` answers where a body exceeds ``max_bytes``; what passes is handed on whole."""

    def __init__(self, app: ASGIApp, max_bytes: int, refuse: Refuse, listener: Listener) -> None:
        self._app = app
        self._listener = listener
        self._max_bytes = max_bytes
        self._refuse = refuse

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Pass the request on, its body read and counted."""
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        body = None if self._states_too_much(scope) else await self._read(receive)
        if body is None:
            await self._refuse(scope, receive, send, self._max_bytes)
        else:
            await self._app(scope, replayed({"type": "http.request", "body": body, "more_body": False}, receive), send)

    def _states_too_much(self, scope: Scope) -> bool:
        stated = dict(scope["headers"]).get(b"content-length", b"0")
        # A server has checked that these are digits; int() refuses thousands of them.
        return len(stated) > MOST_DIGITS or int(stated) > self._max_bytes

    async def _read(self, receive: Receive) -> bytes | None:
        parts: list[bytes] = []
        size = 0
        while True:
            message = await receive()
            if message["type"] != "http.request":
                self._listener(ClientLeft("body"))
                raise ClientGone
            parts.append(message.get("body", b""))
            size += len(parts[-1])
            if size > self._max_bytes:
                return None
            if not message.get("more_body", False):
                return b"".join(parts)
