"""What callers are told while the process is about to end: to close their connection after this answer (RFC 9112)."""

from starlette.types import ASGIApp, Message, Receive, Scope, Send

from service.pipeline.service import Service

CLOSE = (b"connection", b"close")


class Farewell:
    """ASGI middleware. A caller that has closed its connection by itself loses no request on a closed one."""

    def __init__(self, app: ASGIApp, service: Service) -> None:
        self._app = app
        self._service = service

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer one request."""

        async def sending(message: Message) -> None:
            if message["type"] == "http.response.start" and self._service.status == "draining":
                message = {**message, "headers": [*message.get("headers", []), CLOSE]}
            await send(message)

        await self._app(scope, receive, sending)
