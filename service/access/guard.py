"""Lets requests in that hold a good key, and to a route that hold one of its scope; probes and the page are open."""

from dataclasses import dataclass

from starlette.requests import Request
from starlette.types import ASGIApp, Receive, Scope, Send

from service.access.credentials import PENDING, in_body, in_headers, may_be_in_body
from service.access.limits import Refuse
from service.access.places import Scope as KeyScope
from service.access.places import needs_key
from service.access.replay import replayed
from service.access.ring import Ring
from service.errors import AccessDenied, KeyMissing, ScopeMissing

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
        if request.app.state.ring is None:
            return
        scopes = request.scope["state"].get(SCOPES)
        if scopes is None:
            raise KeyMissing(NEEDED)
        if self.scope not in scopes:
            raise ScopeMissing(self.scope)


class Guard:
    """ASGI middleware, outside `BodyLimit`: ``refuse`` answers who holds no good key, before the body is read.

    Where clients send their key in the body, a request without one in its headers is left to `BodyGuard`.
    """

    def __init__(self, app: ASGIApp, ring: Ring, refuse: Refuse) -> None:
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


class BodyGuard:
    """ASGI middleware, inside `BodyLimit`: looks into the bodies that `Guard` left to it."""

    def __init__(self, app: ASGIApp, ring: Ring, refuse: Refuse) -> None:
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


def _let_in(ring: Ring, scope: Scope, token: str | None) -> None:
    """Note whose key it is, and what for; raises `AccessDenied`."""
    if token is None:
        raise KeyMissing(NEEDED)
    key = ring.require(token)
    scope.setdefault("state", {}).update({KEY_ID: key.id, SCOPES: key.scopes})
