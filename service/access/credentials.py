"""Where a request holds its key: in a header, or, for clients of LibreTranslate and old ones of DeepL, in its body."""

import asyncio
import json
from collections.abc import Mapping
from typing import Any

from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.types import Message, Scope

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
