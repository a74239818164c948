"""Where a request holds its key: in a header, or, for clients of LibreTranslate and old ones of DeepL, in its body."""

import asyncio
import json
from collections.abc import Mapping
from typing import Any
from urllib.parse import unquote_plus

from python_multipart.multipart import parse_options_header
from starlette.types import Scope

SCHEMES = frozenset({"bearer", "deepl-auth-key"})
FIELDS = ("api_key", "auth_key")
PENDING = "key_in_body"
BODY_PATHS = frozenset({"/translate", "/detect", "/v2/translate"})
MOST_FORM_FIELDS = 1_000
MOST_KEY_BYTES = 4_096
"""Of a form's field or part that is looked at: its name, its value, and the head of a part."""
MOST_KEYED_BYTES = 2**20
"""Of a body that is read before its key is known."""
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
