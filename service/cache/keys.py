"""Keys of cache entries and of results: a digest over fields that cannot run into each other."""

import hashlib
import hmac
from collections.abc import Mapping, Sequence
from dataclasses import fields
from functools import lru_cache
from typing import Literal, TypeAlias

from service.domain import DecodingOptions

Field: TypeAlias = (
    "str | bytes | float | DecodingOptions | Mapping[str, Field] | frozenset[str] | Sequence[Field] | None"
)

ENTRY_FORMAT = 6
TAG_FORMAT = 1
LENGTH_BYTES = 8


def cache_key(
    *,
    task: str,
    model_id: str,
    revision: str,
    options: bytes,
    normaliser_version: str,
    glossary: Mapping[str, str],
    text: str,
    secret: bytes | None,
) -> bytes:
    """The 32 bytes under which the entry of one ``text`` is kept.

    Equal exactly when all fields are equal, up to collisions of SHA-256. With a ``secret`` it is an HMAC: without
    one, who can read a shared store can guess short sentences. ``options`` are those of decoding, as `options_digest`
    has them. ``glossary`` should hold only the terms that occur in the text, so that an edited glossary costs only the
    sentences that it touches.
    """
    head = _head(task, model_id, revision, normaliser_version)
    return _digest(head + encode(options) + encode(glossary) + encode(text), secret)


@lru_cache(maxsize=64)
def _head(task: str, model_id: str, revision: str, normaliser_version: str) -> bytes:
    """What all keys of a model have in common."""
    return encode([ENTRY_FORMAT, task, model_id, revision, normaliser_version])


def options_digest(options: DecodingOptions) -> bytes:
    """The 32 bytes that stand for ``options`` in keys: equal exactly when they are, up to collisions of SHA-256.

    Those of many sentences are remembered. Allowed pieces are those of one text: they would be of no use to others,
    and keep its words in memory.
    """
    return (_options_digest if options.allowed is None else _options_digest.__wrapped__)(options)


@lru_cache(maxsize=1_024)
def _options_digest(options: DecodingOptions) -> bytes:
    return hashlib.sha256(encode(options)).digest()


def tag_key(kind: Literal["text", "result"], value: str, secret: bytes | None) -> bytes:
    """The 32 bytes under which it is kept what a submitted text, or a result of this ``result_key``, led to."""
    return _digest(encode([TAG_FORMAT, "tag", kind, value]), secret)


def result_key(
    *,
    task: str,
    model_id: str,
    revision: str,
    options: Mapping[str, Field],
    texts: Sequence[str],
) -> str:
    """64 hexadecimal digits that are equal when a request's task, model revision, options and texts are equal.

    Given to callers, who hold the texts anyway: no secret, so that it stays the same when one changes.
    """
    return hashlib.sha256(encode(["result", task, model_id, revision, options, texts])).hexdigest()


def _digest(preimage: bytes, secret: bytes | None) -> bytes:
    if secret is None:
        return hashlib.sha256(preimage).digest()
    return hmac.digest(secret, preimage, hashlib.sha256)


def encode(field: Field) -> bytes:
    """The canonical bytes of a field: one byte of type, the length as ``LENGTH_BYTES``, the content.

    Injective up to equality: equal fields (1 and 1.0, mappings and sets in any order) give the same bytes, unequal
    ones never do. No encoded field is the beginning of another one, so a sequence is the fields one after the other.
    """
    match field:
        case None:
            kind, content = b"n", b""
        case str():
            return _text(field)
        case bytes():
            kind, content = b"b", field
        case int() | float():
            kind, content = b"d", _number(field).encode()
        case DecodingOptions():
            kind, content = b"o", encode({one.name: getattr(field, one.name) for one in fields(field)})
        case Mapping():
            kind, content = b"m", b"".join(encode(key) + encode(field[key]) for key in sorted(field))
        case frozenset():
            kind, content = b"f", b"".join(map(_text, sorted(field)))
        case _:
            kind, content = b"l", b"".join(map(encode, field))
    return kind + len(content).to_bytes(LENGTH_BYTES, "big") + content


def _text(field: str) -> bytes:
    """Of its own, since a set of allowed pieces has hundreds."""
    content = field.encode("utf-8", "surrogatepass")
    return b"s" + len(content).to_bytes(LENGTH_BYTES, "big") + content


def _number(value: float) -> str:
    """Equal numbers as equal strings: whole ones in decimals, the others exactly, in hexadecimals."""
    return value.hex() if isinstance(value, float) and not value.is_integer() else str(int(value))
