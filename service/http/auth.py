"""Authentication of requests by API key."""

import asyncio
import json
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any
from urllib.parse import unquote_plus

from python_multipart.multipart import parse_options_header
from starlette.requests import Request
from starlette.types import ASGIApp, Receive, Scope, Send

from service.errors import AccessDenied, KeyMissing, ScopeMissing
from service.http.keys import ApiKeyStore, needs_key
from service.http.keys import Scope as KeyScope
from service.http.limits import PENDING, Refuse, replayed

SCHEMES = frozenset({"bearer", "deepl-auth-key"})
FIELDS = ("api_key", "auth_key")
BODY_PATHS = frozenset({"/translate", "/detect", "/v2/translate"})
MOST_FORM_FIELDS = 1_000
MOST_KEY_BYTES = 4_096
"""Of a form's field or part that is looked at: its name, its value, and the head of a part."""
# A body of this size is taken apart in well under a millisecond.
SMALL_BYTES = 20_000


def in_headers(scope: Scope) -> str | None:
    """The key of the ``Authorization`` header; one of a scheme that means no key is none."""
    for name, value in scope["headers"]:
        if name == b"authorization":
            scheme, _, token = value.decode("latin-1").strip().partition(" ")
            if scheme.lower() in SCHEMES and token.strip():
                return str(token.strip())
    return None


def may_be_in_body(scope: Scope) -> bool:
    """Whether the clients of this path send their key in the body. Never in the URL: URLs are in many logs."""
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
    """The parts that may be a key; the others are passed over as they are."""
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


KEY_ID = "key_id"
NEEDED = "a key is needed: Authorization: Bearer …"
SCOPES = "key_scopes"


@dataclass(frozen=True, slots=True)
class Requires:
    """Dependency of a route: where there are keys, the caller's is for ``scope``."""

    scope: KeyScope

    async def __call__(self, request: Request) -> None:
        """Look at the scopes that `Guard` found.

        Raises:
            KeyMissing: no key was looked at.
            ScopeMissing: it is not for this route.
        """
        if request.app.state.runtime.keys is None:
            return
        scopes = request.scope["state"].get(SCOPES)
        if scopes is None:
            raise KeyMissing(NEEDED)
        if self.scope not in scopes:
            raise ScopeMissing(self.scope)


class ApiKeyMiddleware:
    """ASGI middleware, outside `BodyLimit`: ``refuse`` answers who holds no good key, before the body is read.

    Where clients send their key in the body, a request without one in its headers is left to `BodyGuard`.
    """

    def __init__(self, app: ASGIApp, ring: ApiKeyStore, refuse: Refuse) -> None:
        self._app = app
        self._ring = ring
        self._refuse = refuse

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer one request."""
        if scope["type"] != "http" or not needs_key(scope["path"]):
            await self._app(scope, receive, send)
            return
        token = in_headers(scope)
        if token is None and may_be_in_body(scope):
            scope.setdefault("state", {})[PENDING] = True
            await self._app(scope, receive, send)
            return
        try:
            _let_in(self._ring, scope, token)
        except AccessDenied as denied:
            await self._refuse(scope, receive, send, denied)
            return
        await self._app(scope, receive, send)


class BodyApiKeyMiddleware:
    """ASGI middleware, inside `BodyLimit`: looks into the bodies that `Guard` left to it."""

    def __init__(self, app: ASGIApp, ring: ApiKeyStore, refuse: Refuse) -> None:
        self._app = app
        self._ring = ring
        self._refuse = refuse

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer one request, whose body comes as one message."""
        if scope["type"] != "http" or not scope.get("state", {}).pop(PENDING, False):
            await self._app(scope, receive, send)
            return
        body = await receive()
        try:
            _let_in(self._ring, scope, await in_body(scope, body.get("body", b"")))
        except AccessDenied as denied:
            await self._refuse(scope, receive, send, denied)
            return
        await self._app(scope, replayed(body, receive), send)


def _let_in(ring: ApiKeyStore, scope: Scope, token: str | None) -> None:
    """Note whose key it is, and what for; raises `AccessDenied`."""
    if token is None:
        raise KeyMissing(NEEDED)
    key = ring.require(token)
    scope.setdefault("state", {}).update({KEY_ID: key.id, SCOPES: key.scopes})
