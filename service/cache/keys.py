"""Keys of cache entries and of results: a digest over fields that cannot run into each other."""

import hashlib
import hmac
from collections.abc import Mapping, Sequence
from functools import lru_cache
from typing import Literal, TypeAlias

Field: TypeAlias = "str | bytes | float | Mapping[str, Field] | frozenset[str] | Sequence[Field] | None"

ENTRY_FORMAT = 7
TAG_FORMAT = 1
LENGTH_BYTES = 8


def entry_key(head: tuple[str, ...], rest: Field, secret: bytes | None) -> bytes:
    """The 32 bytes under which an entry is kept: equal exactly when all fields are, up to collisions of SHA-256.

    ``head`` holds what many entries have in common: task, model, versions. With a ``secret`` the key is an
    HMAC: without one, a reader of a shared store can guess short sentences.
    """
    return _digest(_head(head) + encode(rest), secret)


@lru_cache(maxsize=64)
def _head(head: tuple[str, ...]) -> bytes:
    return encode([ENTRY_FORMAT, *head])


def tag_key(kind: Literal["text", "result"], value: str, secret: bytes | None) -> bytes:
    """The 32 bytes of the tag that lists which entries a submitted text, or a result, was answered with."""
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
        case Mapping():
            kind, content = b"m", b"".join(encode(key) + encode(field[key]) for key in sorted(field))
        case frozenset():
            kind, content = b"f", b"".join(map(_text, sorted(field)))
        case _:
            kind, content = b"l", b"".join(map(encode, field))
    return kind + len(content).to_bytes(LENGTH_BYTES, "big") + content


def _text(field: str) -> bytes:
    content = field.encode("utf-8", "surrogatepass")
    return b"s" + len(content).to_bytes(LENGTH_BYTES, "big") + content


def _number(value: float) -> str:
    """Equal numbers as equal strings: whole ones in decimals, the others exactly, in hexadecimals."""
    return value.hex() if isinstance(value, float) and not value.is_integer() else str(int(value))
