"""Keys of cache entries, tags and results: digests over an unambiguous encoding of their fields."""

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
    """The 32-byte key of an entry. Two keys are equal only if all fields are equal, up to collisions.

    ``head`` holds the fields that many entries share: task, model and versions. With a ``secret`` the key is an HMAC.
    Without it, a reader of the shared store can guess short sentences from their keys.
    """
    return _digest(_head(head) + encode(rest), secret)


@lru_cache(maxsize=64)
def _head(head: tuple[str, ...]) -> bytes:
    return encode([ENTRY_FORMAT, *head])


def tag_key(kind: Literal["text", "result"], value: str, secret: bytes | None) -> bytes:
    """The 32-byte key of a tag. A text's tag lists the entries used for it; a result's tag lists text tags."""
    return _digest(encode([TAG_FORMAT, "tag", kind, value]), secret)


def result_key(
    *,
    task: str,
    model_id: str,
    revision: str,
    options: Mapping[str, Field],
    texts: Sequence[str],
) -> str:
    """64 hexadecimal digits that identify a result by task, model revision, options and texts.

    Callers receive this key. It needs no secret, because they know the texts, and so it survives a change of secrets.
    """
    return hashlib.sha256(encode(["result", task, model_id, revision, options, texts])).hexdigest()


def _digest(preimage: bytes, secret: bytes | None) -> bytes:
    if secret is None:
        return hashlib.sha256(preimage).digest()
    return hmac.digest(secret, preimage, hashlib.sha256)


def encode(field: Field) -> bytes:
    """The canonical bytes of a field: one byte for its type, its length in ``LENGTH_BYTES``, and its content.

    Equal fields (1 and 1.0, mappings and sets in any order) have equal bytes, and unequal fields never do. No encoding
    is a prefix of another one, so a sequence is the concatenation of its fields.
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
    """Encode equal numbers as equal strings: integers in decimal, others exactly in hexadecimal."""
    return value.hex() if isinstance(value, float) and not value.is_integer() else str(int(value))
