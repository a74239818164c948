"""Admission of requests: limits of bodies, and authentication by API key."""

import asyncio
import json
import re
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass
from functools import partial
from typing import Any
from urllib.parse import unquote_plus

from python_multipart.multipart import parse_options_header
from starlette.requests import Request
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from service.errors import (
    AccessDenied,
    BodyTooLarge,
    BodyTooSlow,
    ClientGone,
    DepescheError,
    EncodingUnsupported,
    InvalidInput,
    KeyMissing,
    ScopeMissing,
)
from service.events import ClientLeft, Listener
from service.http.keys import ApiKeyStore, needs_key
from service.http.keys import Scope as KeyScope
from service.http.state import info_of, runtime_of

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


SCHEMES = frozenset({"bearer", "deepl-auth-key"})
FIELDS = ("api_key", "auth_key")
BODY_PATHS = frozenset({"/translate", "/detect", "/v2/translate"})
MOST_FORM_FIELDS = 1_000
MOST_KEY_BYTES = 4_096
"""Longest field or part of a form that may hold the key, with its name and a part's head."""
# A body of this size is parsed in well under a millisecond.


def in_headers(scope: Scope) -> str | None:
    """The key of the ``Authorization`` header; None where there is none or its scheme is another."""
    for name, value in scope["headers"]:
        if name == b"authorization":
            scheme, _, token = value.decode("latin-1").strip().partition(" ")
            if scheme.lower() in SCHEMES and token.strip():
                return str(token.strip())
    return None


def may_be_in_body(scope: Scope) -> bool:
    """Whether the clients of this path send their key in the body. Logs keep URLs, so a URL holds no key."""
    return scope["method"] == "POST" and scope["path"] in BODY_PATHS


async def in_body(scope: Scope, body: bytes) -> str | None:
    """The key among the fields of a body that is JSON or a form; None where the body cannot be read."""
    header = dict(scope["headers"]).get(b"content-type", b"")
    if len(body) <= SMALL_BYTES:
        return _key(header, body)
    return await asyncio.to_thread(_key, header, body)


def _key(content_type: bytes, body: bytes) -> str | None:
    media, parameters = parse_options_header(content_type)
    match media.lower():
        case b"application/x-www-form-urlencoded":
            return _named(_urlencoded(body))
        case b"multipart/form-data":
            return _named(_multipart(body, parameters.get(b"boundary", b"")))
        case _:
            return _named(_json(body))


def _named(fields: Mapping[str, Any]) -> str | None:
    return next((value for name in FIELDS if isinstance(value := fields.get(name), str) and value), None)


def _json(body: bytes) -> Mapping[str, Any]:
    try:
        value = json.loads(body)
    except (ValueError, RecursionError):
        return {}
    return value if isinstance(value, Mapping) else {}


def _urlencoded(body: bytes) -> Mapping[str, str]:
    """The fields that may be a key; the others are not decoded."""
    fields = body.split(b"&", MOST_FORM_FIELDS)
    if len(fields) > MOST_FORM_FIELDS:
        return {}
    pairs = (field.partition(b"=") for field in fields if len(field) <= MOST_KEY_BYTES)
    return {unquote_plus(name.decode("latin-1")): unquote_plus(value.decode("latin-1")) for name, _, value in pairs}


def _multipart(body: bytes, boundary: bytes) -> Mapping[str, str]:
    """The parts that may be a key; the others are not decoded."""
    if not boundary:
        return {}
    parts = body.split(b"--" + boundary, MOST_FORM_FIELDS + 1)
    if len(parts) > MOST_FORM_FIELDS + 1:
        return {}
    found: dict[str, str] = {}
    for part in parts:
        head, blank, value = part.partition(b"\r\n\r\n") if len(part) <= MOST_KEY_BYTES else (b"", b"", b"")
        for line in head.split(b"\r\n") if blank else ():
            name, _, disposition = line.partition(b":")
            options = parse_options_header(disposition)[1]
            if name.strip().lower() == b"content-disposition" and b"filename" not in options:
                found[options.get(b"name", b"").decode("latin-1")] = value.removesuffix(b"\r\n").decode("latin-1")
    return found


NEEDED = "a key is needed: Authorization: Bearer …"


@dataclass(frozen=True, slots=True)
class Requires:
    """Dependency of a route: where keys are asked for, the caller's is for ``scope``."""

    scope: KeyScope

    async def __call__(self, request: Request) -> None:
        """Check the scopes that `ApiKeyMiddleware` found.

        Raises:
            KeyMissing: no key was checked.
            ScopeMissing: the key is not for this route.
        """
        if runtime_of(request).keys is None:
            return
        scopes = info_of(request.scope).scopes
        if scopes is None:
            raise KeyMissing(NEEDED)
        if self.scope not in scopes:
            raise ScopeMissing(self.scope)


class ApiKeyMiddleware:
    """ASGI middleware: ``refuse`` answers a request without a good key before its body is read.

    Where clients send their key in the body, a request without one in its headers is checked by
    `BodyLimitsMiddleware`, once it has read the body.
    """

    def __init__(self, app: ASGIApp, keys: ApiKeyStore, refuse: Refuse) -> None:
        self._app = app
        self._keys = keys
        self._refuse = refuse

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer one request."""
        if scope["type"] != "http" or not needs_key(scope["path"]):
            await self._app(scope, receive, send)
            return
        token = in_headers(scope)
        if token is None and may_be_in_body(scope):
            info_of(scope).check_body = partial(self._check_body, scope)
        else:
            try:
                self._check(scope, token)
            except AccessDenied as denied:
                await self._refuse(scope, receive, send, denied)
                return
        await self._app(scope, receive, send)

    async def _check_body(self, scope: Scope, body: bytes) -> None:
        self._check(scope, await in_body(scope, body))

    def _check(self, scope: Scope, token: str | None) -> None:
        """Note the key's holder and its scopes; raises `AccessDenied`."""
        if token is None:
            raise KeyMissing(NEEDED)
        key, info = self._keys.require(token), info_of(scope)
        info.key_id, info.scopes = key.id, key.scopes
