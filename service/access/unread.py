"""Answers given before a body was read: their connection ends, since nobody waits for what is left of the body."""

import asyncio

from starlette.types import ASGIApp, Message, Receive, Scope, Send

# A connection that is closed over bytes unread is reset, and a reset can overtake the answer.
LINGER_S = 2.0


class Unread:
    """ASGI middleware, outside all that answers: such an answer says ``Connection: close``.

    What still comes of the body is thrown away for up to `LINGER_S`, so that a caller in mid-body can read its answer.
    """

    def __init__(self, app: ASGIApp) -> None:
        self._app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer one request."""
        if scope["type"] != "http" or not _has_body(scope):
            await self._app(scope, receive, send)
            return
        exchange = _Exchange(receive, send)
        await self._app(scope, exchange.receive, exchange.send)
        if exchange.last is not None:
            if not _waits_to_be_asked(scope):
                await exchange.linger()
            await send(exchange.last)


class _Exchange:
    """How far the body was read; ``last`` is what ends the answer, held back where the body was not read."""

    def __init__(self, receive: Receive, send: Send) -> None:
        self._receive = receive
        self._send = send
        self._whole = self._closing = False
        self.last: Message | None = None

    async def receive(self) -> Message:
        message = await self._receive()
        self._whole = self._whole or message["type"] != "http.request" or not message.get("more_body", False)
        return message

    async def send(self, message: Message) -> None:
        if message["type"] == "http.response.start" and not self._whole:
            self._closing = True
            kept = [(name, value) for name, value in message.get("headers", []) if name.lower() != b"connection"]
            message = {**message, "headers": [*kept, (b"connection", b"close")]}
        elif self._closing and message["type"] == "http.response.body" and not message.get("more_body", False):
            self.last = {"type": "http.response.body", "body": b"", "more_body": False}
            message = {**message, "more_body": True}
        await self._send(message)

    async def linger(self) -> None:
        try:
            async with asyncio.timeout(LINGER_S):
                while not self._whole:
                    await self.receive()
        except TimeoutError:
            return


def _has_body(scope: Scope) -> bool:
    headers = dict(scope["headers"])
    return b"transfer-encoding" in headers or headers.get(b"content-length", b"0").strip(b"0") != b""


def _waits_to_be_asked(scope: Scope) -> bool:
    return (b"expect", b"100-continue") in [(name, value.lower()) for name, value in scope["headers"]]
