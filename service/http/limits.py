"""Limits of request bodies: bytes, time and nesting."""

import asyncio
import re
from collections.abc import Awaitable, Callable
from dataclasses import dataclass

from starlette.types import ASGIApp, Message, Receive, Scope, Send

from service.errors import (
    AccessDenied,
    BodyTooLarge,
    BodyTooSlow,
    ClientGone,
    DepescheError,
    EncodingUnsupported,
    InvalidInput,
)
from service.events import ClientLeft, Listener
from service.http.state import info_of

# A string up to its end, or to that of the body; possessive, so that no body makes it read a character twice.
_PARTS = re.compile(rb'"(?:[^"\\]++|\\.)*+(?:"|\\?\Z)|[\[{]|[\]}]', re.DOTALL)
_OPENING = frozenset(b"[{")
_STRING = ord('"')

MOST_KEYED_BYTES = 2**20
"""Largest body that is read before its key is known."""


def is_deeper(body: bytes, most: int) -> bool:
    """Whether arrays and objects are nested more than ``most`` deep; linear in the length of ``body``."""
    if body.count(b"[") + body.count(b"{") <= most:
        return False
    depth = 0
    for part in _PARTS.finditer(body):
        first = body[part.start()]
        if first in _OPENING:
            depth += 1
            if depth > most:
                return True
        elif first != _STRING:
            depth -= 1
    return False


def replayed(body: Message, receive: Receive) -> Receive:
    """Gives ``body`` first, then what ``receive`` gives."""
    given = False

    async def replay() -> Message:
        nonlocal given
        if given:
            return await receive()
        given = True
        return body

    return replay


Refuse = Callable[[Scope, Receive, Send, DepescheError], Awaitable[None]]
MOST_DIGITS = 18
# A body of this size is scanned in well under a millisecond.
SMALL_BYTES = 20_000


@dataclass(frozen=True, slots=True)
class Bounds:
    """Bytes of a body, seconds until it is complete, and how deep its JSON may be nested."""

    max_bytes: int
    timeout_s: float
    max_depth: int


class BodyLimitsMiddleware:
    """ASGI middleware: ``refuse`` answers where a body exceeds its bounds; what passes is handed on in one message.

    A body over the limit is not read where its length is given. A compressed one is refused: its expanded size has no
    bound, and text is small as it is. A key in the body is checked here, since the body is read here.
    """

    def __init__(self, app: ASGIApp, bounds: Bounds, refuse: Refuse, listener: Listener) -> None:
        self._app = app
        self._bounds = bounds
        self._refuse = refuse
        self._listener = listener

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Read and check the body of one request, and pass the request on."""
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        try:
            body = await self._checked_body(scope, receive)
        except (BodyTooLarge, BodyTooSlow, EncodingUnsupported, InvalidInput, AccessDenied) as refused:
            await self._refuse(scope, receive, send, refused)
            return
        await self._app(scope, replayed({"type": "http.request", "body": body, "more_body": False}, receive), send)

    async def _checked_body(self, scope: Scope, receive: Receive) -> bytes:
        """The body; raises why it is refused."""
        headers, check = dict(scope["headers"]), info_of(scope).check_body
        # Anybody may send a body whose key is still to be found in it.
        most_bytes = self._bounds.max_bytes if check is None else min(self._bounds.max_bytes, MOST_KEYED_BYTES)
        if headers.get(b"content-encoding", b"identity").strip().lower() not in {b"", b"identity"}:
            raise EncodingUnsupported("bodies are taken as they are, without a Content-Encoding")
        stated = headers.get(b"content-length", b"0")
        # The server has checked that these are digits; int() refuses thousands of them.
        if len(stated) > MOST_DIGITS or int(stated) > most_bytes:
            raise BodyTooLarge(most_bytes)
        try:
            async with asyncio.timeout(self._bounds.timeout_s):
                body = await self._read(receive, most_bytes)
        except TimeoutError:
            raise BodyTooSlow(f"the body was not there after {self._bounds.timeout_s:g} s") from None
        await self._require_shallow(headers, body)
        if check is not None:
            await check(body)
        return body

    async def _read(self, receive: Receive, most_bytes: int) -> bytes:
        parts: list[bytes] = []
        size = 0
        while True:
            message = await receive()
            if message["type"] != "http.request":
                self._listener(ClientLeft("body"))
                raise ClientGone
            parts.append(message.get("body", b""))
            size += len(parts[-1])
            if size > most_bytes:
                raise BodyTooLarge(most_bytes)
            if not message.get("more_body", False):
                return b"".join(parts)

    async def _require_shallow(self, headers: dict[bytes, bytes], body: bytes) -> None:
        if b"json" not in headers.get(b"content-type", b"").lower():
            return
        most = self._bounds.max_depth
        large = len(body) > SMALL_BYTES
        if await asyncio.to_thread(is_deeper, body, most) if large else is_deeper(body, most):
            detail = f"arrays and objects may be nested {most} deep"
            raise InvalidInput("json_too_deep", detail, limit=most)
