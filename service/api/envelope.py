"""What surrounds every request: its id, its time, its event, and the answer to a crash."""

import logging
import re
import time
import uuid
from typing import Any

from starlette.requests import Request
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from service.api import problems
from service.errors import ClientGone
from service.events import Listener, RequestDone

HEADER = b"x-request-id"
_GIVEN = re.compile(rb"[A-Za-z0-9._-]{1,64}")
_log = logging.getLogger("depesche.crash")


class Envelope:
    """ASGI middleware, outermost. A caller's own ``X-Request-Id`` is kept where it is plain."""

    def __init__(self, app: ASGIApp, listener: Listener) -> None:
        self._app = app
        self._listener = listener

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer one request."""
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        given = dict(scope["headers"]).get(HEADER, b"")
        request_id = given.decode() if _GIVEN.fullmatch(given) else uuid.uuid4().hex
        scope.setdefault("state", {})["request_id"] = request_id
        sender = _Sender(send, request_id)
        start = time.perf_counter()
        try:
            await self._app(scope, receive, sender)
        except ClientGone:
            return
        except Exception as error:  # noqa: BLE001 - the last line: whatever was not foreseen becomes an answer
            _log.error("crash", extra={"request_id": request_id}, exc_info=error)
            if sender.status is None:
                answer = await problems.on_service_error(Request(scope), error)
                await answer(scope, receive, sender)
        finally:
            self._listener(
                RequestDone(
                    scope["method"], _route(scope), sender.status or 499, time.perf_counter() - start, request_id
                )
            )


class _Sender:
    def __init__(self, send: Send, request_id: str) -> None:
        self._send = send
        self._request_id = request_id
        self.status: int | None = None

    async def __call__(self, message: Message) -> None:
        if message["type"] == "http.response.start":
            self.status = message["status"]
            headers: list[Any] = list(message.get("headers", []))
            message = {**message, "headers": [*headers, (HEADER, self._request_id.encode())]}
        await self._send(message)


def _route(scope: Scope) -> str:
    return getattr(scope.get("route"), "path", "unmatched")
