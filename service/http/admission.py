"""ASGI middlewares that check the body and the API key of each request before the routes receive it."""

import asyncio
import json
import re
from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from typing import Any, Protocol
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
    MalformedJson,
    RateExceeded,
    ScopeMissing,
)
from service.events import ClientLeft, Listener
from service.http.keys import ApiKeyStore
from service.http.keys import Scope as KeyScope
from service.http.state import info_of, needs_key, runtime_of

# Matches a bracket, or a string up to its closing quote or the end of the body. Possessive quantifiers keep the
# running time linear.
_PARTS = re.compile(rb'"(?:[^"\\]++|\\.)*+(?:"|\\?\Z)|[\[{]|[\]}]', re.DOTALL)
_OPENING = frozenset(b"[{")
_STRING = ord('"')

MAX_KEYED_BYTES = 2**20
"""The maximum size of a body that contains the API key. It is small, because the caller is not authenticated yet."""


def is_deeper(body: bytes, most: int) -> bool:
    """Return whether ``body`` nests JSON arrays and objects more than ``most`` levels deep.

    The running time is linear in the length of the body.
    """
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


def _is_utf8(body: bytes) -> bool:
    try:
        body.decode()
    except UnicodeDecodeError:
        return False
    return True


def replay_body(body: Message, receive: Receive) -> Receive:
    """Return a ``receive`` callable whose first call returns ``body``.

    Later calls return the messages from ``receive``.
    """
    sent = False

    async def replay() -> Message:
        nonlocal sent
        if sent:
            return await receive()
        sent = True
        return body

    return replay


Refuse = Callable[[Scope, Receive, Send, DepescheError], Awaitable[None]]
MAX_DIGITS = 18
REFUSALS = (
    AccessDenied,
    BodyTooLarge,
    BodyTooSlow,
    EncodingUnsupported,
    InvalidInput,
    MalformedJson,
    RateExceeded,
)
# The event loop can scan or parse a body of this size in well under a millisecond.
SMALL_BYTES = 20_000


@dataclass(frozen=True, slots=True)
class Bounds:
    """The limits on a request body: its size, the time in which it must arrive, and the nesting depth of its JSON."""

    max_bytes: int
    timeout_s: float
    max_depth: int


class BodyLimitsMiddleware:
    """ASGI middleware that reads the request body, enforces its limits, and passes the body on as a single message.

    If a check fails, the middleware calls ``refuse``, which sends an error response. If Content-Length exceeds the size
    limit, the middleware does not read the body. It rejects compressed bodies, because their decompressed size is not
    known in advance. If the client may send its API key in the body, the middleware also checks the key.
    """

    def __init__(self, app: ASGIApp, bounds: Bounds, refuse: Refuse, listener: Listener) -> None:
        self._app = app
        self._bounds = bounds
        self._refuse = refuse
        self._listener = listener

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Read and check the body of one request. Pass the request on, or send an error response if a check fails."""
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        try:
            body = await self._read_checked_body(scope, receive)
        except REFUSALS as refused:
            await self._refuse(scope, receive, send, refused)
            return
        await self._app(scope, replay_body({"type": "http.request", "body": body, "more_body": False}, receive), send)

    async def _read_checked_body(self, scope: Scope, receive: Receive) -> bytes:
        """Read the body, and return it after checking its size, its encoding, its JSON nesting and its API key.

        Raises:
            ClientGone: the client disconnected before the body was complete.
            DepescheError: a check failed. `REFUSALS` lists the possible errors.
        """
        headers, check = dict(scope["headers"]), info_of(scope).check_body
        # If the key is in the body, the caller is not authenticated yet, so the size limit is smaller.
        most_bytes = self._bounds.max_bytes if check is None else min(self._bounds.max_bytes, MAX_KEYED_BYTES)
        if headers.get(b"content-encoding", b"identity").strip().lower() not in {b"", b"identity"}:
            raise EncodingUnsupported("Content-Encoding is not supported; send the body uncompressed")
        content_length = headers.get(b"content-length", b"0")
        # The server has already checked that these are digits, but int() raises ValueError for thousands of them.
        if len(content_length) > MAX_DIGITS or int(content_length) > most_bytes:
            raise BodyTooLarge(most_bytes)
        try:
            async with asyncio.timeout(self._bounds.timeout_s):
                body = await self._read(receive, most_bytes)
        except TimeoutError:
            raise BodyTooSlow(
                f"the body was not received within {self._bounds.timeout_s:g} s; send the request again"
            ) from None
        await self._require_shallow(scope["headers"], body)
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

    async def _require_shallow(self, raw: Sequence[tuple[bytes, bytes]], body: bytes) -> None:
        """Check that a JSON body is valid UTF-8 without null bytes, and is not nested too deeply.

        Do nothing if no Content-Type header names JSON.

        Raises:
            InvalidInput: the body is nested too deeply, or there are several Content-Type headers.
            MalformedJson: the body is not valid UTF-8, or it contains a null byte.
        """
        if not any(name == b"content-type" and b"json" in value.lower() for name, value in raw):
            return
        if sum(name == b"content-type" for name, _ in raw) > 1:
            raise InvalidInput("header_repeated", "the header Content-Type occurs more than once; send it once")
        if b"\0" in body or not _is_utf8(body):
            raise MalformedJson("the body is not valid JSON in UTF-8")
        most = self._bounds.max_depth
        large = len(body) > SMALL_BYTES
        if await asyncio.to_thread(is_deeper, body, most) if large else is_deeper(body, most):
            detail = f"arrays and objects may be nested at most {most} levels deep"
            raise InvalidInput("json_too_deep", detail, limit=most)


SCHEMES = frozenset({"bearer", "deepl-auth-key"})
FIELDS = ("api_key", "auth_key")
BODY_PATHS = frozenset({"/translate", "/translate_file", "/detect", "/v2/translate"})
MAX_FORM_FIELDS = 1_000
MAX_KEY_BYTES = 4_096
"""The maximum size of a form field or multipart part that may contain the key, including its name and headers."""


def key_in_headers(scope: Scope) -> str | None:
    """Return the key from the ``Authorization`` header.

    The result is None if the header is missing, has no key or uses an unknown scheme.
    """
    for name, value in scope["headers"]:
        if name == b"authorization":
            scheme, _, token = value.decode("latin-1").strip().partition(" ")
            if scheme.lower() in SCHEMES and token.strip():
                return str(token.strip())
    return None


def may_have_key_in_body(scope: Scope) -> bool:
    """Return whether clients may send their key in the body of this request.

    The service ignores keys in URLs, because URLs are often logged.
    """
    return scope["method"] == "POST" and scope["path"] in BODY_PATHS


async def key_in_body(scope: Scope, body: bytes) -> str | None:
    """Return the key from a JSON or form body, or None if there is no key or the body is malformed."""
    header = dict(scope["headers"]).get(b"content-type", b"")
    if len(body) <= SMALL_BYTES:
        return _key(header, body)
    return await asyncio.to_thread(_key, header, body)


def _key(content_type: bytes, body: bytes) -> str | None:
    media, parameters = parse_options_header(content_type)
    match media.lower():
        case b"application/x-www-form-urlencoded":
            return _key_field(_urlencoded(body))
        case b"multipart/form-data":
            return _key_field(_multipart(body, parameters.get(b"boundary", b"")))
        case _:
            return _key_field(_json(body))


def _key_field(fields: Mapping[str, Any]) -> str | None:
    return next((value for name in FIELDS if isinstance(value := fields.get(name), str) and value), None)


def _json(body: bytes) -> Mapping[str, Any]:
    try:
        value = json.loads(body)
    except (ValueError, RecursionError):
        return {}
    return value if isinstance(value, Mapping) else {}


def _urlencoded(body: bytes) -> Mapping[str, str]:
    """Return the decoded fields of a URL-encoded form. Fields that are too long to contain a key are skipped.

    If the form has more than `MAX_FORM_FIELDS` fields, the result is empty.
    """
    fields = body.split(b"&", MAX_FORM_FIELDS)
    if len(fields) > MAX_FORM_FIELDS:
        return {}
    pairs = (field.partition(b"=") for field in fields if len(field) <= MAX_KEY_BYTES)
    return {unquote_plus(name.decode("latin-1")): unquote_plus(value.decode("latin-1")) for name, _, value in pairs}


def _multipart(body: bytes, boundary: bytes) -> Mapping[str, str]:
    """Return the decoded fields of a multipart form. Files, and fields that are too long for a key, are skipped.

    If the form has more than `MAX_FORM_FIELDS` fields, the result is empty.
    """
    if not boundary:
        return {}
    parts = body.split(b"--" + boundary, MAX_FORM_FIELDS + 1)
    if len(parts) > MAX_FORM_FIELDS + 1:
        return {}
    found: dict[str, str] = {}
    for part in parts:
        head, blank, value = part.partition(b"\r\n\r\n") if len(part) <= MAX_KEY_BYTES else (b"", b"", b"")
        for line in head.split(b"\r\n") if blank else ():
            name, _, disposition = line.partition(b":")
            options = parse_options_header(disposition)[1]
            if name.strip().lower() == b"content-disposition" and b"filename" not in options:
                found[options.get(b"name", b"").decode("latin-1")] = value.removesuffix(b"\r\n").decode("latin-1")
    return found


KEY_REQUIRED = "an API key is required; send it in the header 'Authorization: Bearer …'"


@dataclass(frozen=True, slots=True)
class Requires:
    """A route dependency that checks that the caller's API key has the permission ``scope``.

    If the service has no keys, every request passes.
    """

    scope: KeyScope

    async def __call__(self, request: Request) -> None:
        """Check the permissions that `ApiKeyMiddleware` stored in the `RequestInfo` of the request.

        Raises:
            KeyMissing: the request has no key.
            ScopeMissing: the key does not have the permission ``scope``.
        """
        if runtime_of(request).keys is None:
            return
        scopes = info_of(request.scope).scopes
        if scopes is None:
            raise KeyMissing(KEY_REQUIRED)
        if self.scope not in scopes:
            raise ScopeMissing(self.scope)


class Denied(Protocol):
    """The interface of a counter of requests without a valid API key, by client address."""

    async def count(self, address: str | None) -> None:
        """Count one request.

        Raises:
            RateExceeded: the address has exceeded a limit.
        """
        ...

    async def require_below_limits(self, address: str | None) -> None:
        """Check that the address has not used up a limit, without counting a request.

        Raises:
            RateExceeded: the address has used up a limit.
        """
        ...


class ApiKeyMiddleware:
    """ASGI middleware that rejects a request without a valid API key before its body is read.

    It does this only on the paths for which `needs_key` returns True. On paths whose clients may send the key in the
    body, `BodyLimitsMiddleware` checks such a key after reading the body. ``denied`` counts the requests without a
    valid key for each client address. If an address has used up a limit, its requests without a valid key get status
    429, and a body that may contain a key is read only if its Content-Length is from 1 to `SMALL_BYTES`. A valid key in
    a header is always accepted.
    """

    def __init__(self, app: ASGIApp, keys: ApiKeyStore, refuse: Refuse, denied: Denied) -> None:
        self._app = app
        self._keys = keys
        self._refuse = refuse
        self._denied = denied

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Check the key of one request. Pass the request on, or send an error response if the key is not valid."""
        if scope["type"] != "http" or not needs_key(scope["path"]):
            await self._app(scope, receive, send)
            return
        token = key_in_headers(scope)
        try:
            if token is None and may_have_key_in_body(scope):
                if not 0 < _content_length(scope) <= SMALL_BYTES:
                    await self._denied.require_below_limits(_address(scope))
                info_of(scope).check_body = partial(self._check_body, scope)
            else:
                await self._check(scope, token)
        except (AccessDenied, RateExceeded) as denied:
            await self._refuse(scope, receive, send, denied)
            return
        await self._app(scope, receive, send)

    async def _check_body(self, scope: Scope, body: bytes) -> None:
        await self._check(scope, await key_in_body(scope, body))

    async def _check(self, scope: Scope, token: str | None) -> None:
        """Check the key ``token``, and store its id and its permissions in the `RequestInfo` of the request.

        Raises:
            AccessDenied: ``token`` is None or not a valid key.
            RateExceeded: ``token`` is None or not a valid key, and its sender has sent too many such requests.
        """
        try:
            if token is None:
                raise KeyMissing(KEY_REQUIRED)
            key, info = self._keys.require(token), info_of(scope)
        except AccessDenied:
            await self._denied.count(_address(scope))
            raise
        info.key_id, info.scopes = key.id, key.scopes


def _address(scope: Scope) -> str | None:
    client = scope.get("client")
    return client[0] if client else None


def _content_length(scope: Scope) -> int:
    """Return the declared size of the body in bytes, or 0 if it is not declared or has too many digits."""
    declared = dict(scope["headers"]).get(b"content-length", b"0")
    return int(declared) if len(declared) <= MAX_DIGITS and declared.isdigit() else 0
