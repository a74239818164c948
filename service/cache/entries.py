"""Entries of the cache: their keys, and their values as bytes."""

import hashlib
import hmac
import json
import zlib
from collections.abc import Mapping, Sequence
from functools import lru_cache
from typing import Any, Literal, TypeAlias

from service.domain import Span

Field: TypeAlias = "str | bytes | float | Mapping[str, Field] | frozenset[str] | Sequence[Field] | None"

ENTRY_FORMAT = 7
TAG_FORMAT = 1
LENGTH_BYTES = 8


def entry_key(head: tuple[str, ...], rest: Field, secret: bytes | None) -> bytes:
    """The 32-byte key of an entry. Two keys are equal only if all fields are equal, up to collisions.

    ``head`` holds the fields that many entries share: task, model and versions. With a ``secret`` the key is an HMAC.
    Without it, a reader of the shared store can guess short sentences from their keys.
    """
    return _digest(_head(head) + encode_fields(rest), secret)


@lru_cache(maxsize=64)
def _head(head: tuple[str, ...]) -> bytes:
    return encode_fields([ENTRY_FORMAT, *head])


def tag_key(kind: Literal["text", "result"], value: str, secret: bytes | None) -> bytes:
    """The 32-byte key of a tag. A text's tag lists the entries used for it; a result's tag lists text tags."""
    return _digest(encode_fields([TAG_FORMAT, "tag", kind, value]), secret)


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
    return hashlib.sha256(encode_fields(["result", task, model_id, revision, options, texts])).hexdigest()


def _digest(preimage: bytes, secret: bytes | None) -> bytes:
    if secret is None:
        return hashlib.sha256(preimage).digest()
    return hmac.digest(secret, preimage, hashlib.sha256)


def encode_fields(field: Field) -> bytes:
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
            kind, content = b"m", b"".join(encode_fields(key) + encode_fields(field[key]) for key in sorted(field))
        case frozenset():
            kind, content = b"f", b"".join(map(_text, sorted(field)))
        case _:
            kind, content = b"l", b"".join(map(encode_fields, field))
    return kind + len(content).to_bytes(LENGTH_BYTES, "big") + content


def _text(field: str) -> bytes:
    content = field.encode("utf-8", "surrogatepass")
    return b"s" + len(content).to_bytes(LENGTH_BYTES, "big") + content


def _number(value: float) -> str:
    """Encode equal numbers as equal strings: integers in decimal, others exactly in hexadecimal."""
    return value.hex() if isinstance(value, float) and not value.is_integer() else str(int(value))


FASTEST = 1
MOST_BYTES = 2**22
"""Limit of a decompressed entry. A few bytes in the shared store could expand to gigabytes."""


def encode(value: Any) -> bytes:
    """Encode ``value`` as compressed JSON."""
    return zlib.compress(json.dumps(value, ensure_ascii=False, separators=(",", ":")).encode(), FASTEST)


def decode(entry: bytes) -> Any:
    """Decode an entry. Tuples come back as lists.

    Raises:
        ValueError: the bytes are not compressed JSON, are nested too deeply, contain a number that is not finite or an
            unpaired surrogate, or decompress to more than ``MOST_BYTES``.
    """
    inflating = zlib.decompressobj()
    try:
        whole = inflating.decompress(entry, MOST_BYTES)
        whole += inflating.decompress(inflating.unconsumed_tail, 1)  # the remaining bytes may be only the checksum
    except zlib.error as error:
        raise ValueError("the entry is not compressed data") from error
    if not inflating.eof or inflating.unused_data or len(whole) > MOST_BYTES:
        raise ValueError("the entry is truncated or too long")
    try:
        return json.loads(whole.decode(), parse_constant=_refused)
    except RecursionError as error:
        raise ValueError("the entry is nested too deeply") from error


def _refused(constant: str) -> float:
    raise ValueError(f"the number {constant} is not allowed")


def row(value: object, length: int) -> list[Any]:
    """Check that ``value`` is a list of ``length``. This and the following readers raise ValueError if it is not."""
    if not isinstance(value, list) or len(value) != length:
        raise ValueError(f"not a list of {length}")
    return value


def rows(value: object) -> list[Any]:
    """Check that ``value`` is a list."""
    if not isinstance(value, list):
        raise ValueError("not a list")  # noqa: TRY004 - one type of error for every malformed entry
    return value


def text(value: object) -> str:
    """Check that ``value`` is a string without unpaired surrogates."""
    if not isinstance(value, str) or not (value.isascii() or not any("\ud800" <= char <= "\udfff" for char in value)):
        raise ValueError("not a text")
    return value


def flag(value: object) -> bool:
    """Check that ``value`` is a Boolean."""
    if not isinstance(value, bool):
        raise ValueError("neither true nor false")  # noqa: TRY004
    return value


def whole_number(value: object, most: int) -> int:
    """Check that ``value`` is an integer from 0 to ``most``."""
    if not isinstance(value, int) or isinstance(value, bool) or not 0 <= value <= most:
        raise ValueError(f"not a whole number from 0 to {most}")
    return value


def share(value: object) -> float:
    """Check that ``value`` is a number from 0 to 1, with a tolerance for rounded sums."""
    if not isinstance(value, int | float) or isinstance(value, bool) or not 0.0 <= value <= 1.0 + 1e-9:
        raise ValueError("not a number from 0 to 1")
    return float(value)


def span(value: object, chars: int) -> Span:
    """Check that ``value`` is a range within a text of ``chars`` code points."""
    start, end = row(value, 2)
    found = Span(whole_number(start, chars), whole_number(end, chars))
    if found.start > found.end:
        raise ValueError("a range ends before it starts")
    return found


def optional_span(value: object, chars: int) -> Span | None:
    """Check that ``value`` is such a range or None."""
    return None if value is None else span(value, chars)


def spans(value: object, chars: int) -> tuple[Span, ...]:
    """Check that ``value`` is a list of such ranges."""
    return tuple(span(one, chars) for one in rows(value))


def numbers(value: object, most: int) -> tuple[int, ...]:
    """Check that ``value`` is a list of integers from 0 to ``most``."""
    return tuple(whole_number(one, most) for one in rows(value))


def shares(value: object, height: int, width: int) -> tuple[tuple[float, ...], ...]:
    """Check that ``value`` is a list of ``height`` lists of ``width`` numbers from 0 to 1."""
    return tuple(tuple(map(share, row(one, width))) for one in row(value, height))


def choice(value: object, known: Sequence[str]) -> str:
    """Check that ``value`` is one of the strings ``known``."""
    if not isinstance(value, str) or value not in known:
        raise ValueError("not a known string")
    return value
