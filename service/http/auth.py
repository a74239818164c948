"""Authentication of requests by API key."""

import asyncio
import json
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from service.errors import AccessDenied, KeyMissing, ScopeMissing
from service.http.keys import ApiKeyStore, needs_key
from service.http.keys import Scope as KeyScope
from service.http.limits import Refuse, replayed

SCHEMES = frozenset({"bearer", "deepl-auth-key"})
FIELDS = ("api_key", "auth_key")
BODY_PATHS = frozenset({"/translate", "/detect", "/v2/translate"})
FORMS = frozenset({"application/x-www-form-urlencoded", "multipart/form-data"})
MOST_FORM_FIELDS = 1_000
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
    media = dict(scope["headers"]).get(b"content-type", b"").decode("latin-1").partition(";")[0].strip().lower()
    if media in FORMS:
        return _named(await _form(scope, body))
    if len(body) <= SMALL_BYTES:
        return _named(_json(body))
    return _named(await asyncio.to_thread(_json, body))


def _named(fields: Mapping[str, Any]) -> str | None:
    return next((value for name in FIELDS if isinstance(value := fields.get(name), str) and value), None)


def _json(body: bytes) -> Mapping[str, Any]:
    try:
        value = json.loads(body)
    except (ValueError, RecursionError):
        return {}
    return value if isinstance(value, Mapping) else {}


async def _form(scope: Scope, body: bytes) -> Mapping[str, Any]:
    async def receive() -> Message:
        return {"type": "http.request", "body": body, "more_body": False}

    request = Request({**scope, "state": {}}, receive)
    try:
        async with request.form(max_files=0, max_fields=MOST_FORM_FIELDS, max_part_size=len(body)) as form:
            return dict(form)
    except (HTTPException, ValueError):
        return {}


KEY_ID = "key_id"
NEEDED = "a key is needed: Authorization: Bearer …"
PENDING = "key_in_body"
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
