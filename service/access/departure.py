"""A caller that leaves: its request is cancelled, so that its work costs nothing more."""

import asyncio

from starlette.types import ASGIApp, Message, Receive, Scope, Send

from service.events import ClientLeft, Listener


class Departure:
    """ASGI middleware, inside `BodyLimit`: what comes after the whole body can only be the caller's leaving."""

    def __init__(self, app: ASGIApp, listener: Listener) -> None:
        self._app = app
        self._listener = listener

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer the request, or stop when its caller is gone first."""
        if scope["type"] != "http" or scope["method"] != "POST":
            await self._app(scope, receive, send)
            return
        body = await receive()
        sender = _Sender(send)
        answering = asyncio.ensure_future(self._app(scope, _Once(body), sender))
        leaving = asyncio.ensure_future(receive())
        try:
            await asyncio.wait({answering, leaving}, return_when=asyncio.FIRST_COMPLETED)
            if answering.done():
                answering.result()
            elif not sender.ended:  # after the last byte a server says that the caller is gone, too
                self._listener(ClientLeft("answer" if sender.begun else "work"))
        finally:
            answering.cancel()
            leaving.cancel()
            # Awaiting a task that failed a second time would cost its error the frames that led to it.
            await asyncio.gather(answering, leaving, return_exceptions=True)


class _Sender:
    """Passes an answer on and knows how far it came."""

    def __init__(self, send: Send) -> None:
        self._send = send
        self.begun = False
        self.ended = False

    async def __call__(self, message: Message) -> None:
        self.begun = True
        self.ended = message["type"] == "http.response.body" and not message.get("more_body", False)
        await self._send(message)


class _Once:
    """Gives the body; whoever asks again waits, as for a caller that stays."""

    def __init__(self, body: Message) -> None:
        self._body: Message | None = body

    async def __call__(self) -> Message:
        body, self._body = self._body, None
        if body is None:
            await asyncio.Event().wait()
            raise AssertionError("nobody sets this event")
        return body
