"""The keys of cache entries, the encoding of entries as bytes, and the validation of decoded entries."""

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
    """Return the 32-byte key of a cache entry. Apart from hash collisions, keys are equal only if all fields are equal.

    ``head`` contains the fields that many entries share: task, model and versions. ``rest`` contains the other fields.
    If ``secret`` is set, the key is an HMAC with this secret. Without a secret, anyone who can read the shared store
    can guess short sentences from their keys.
    """
    return _digest(_head(head) + encode_fields(rest), secret)


@lru_cache(maxsize=64)
def _head(head: tuple[str, ...]) -> bytes:
    return encode_fields([ENTRY_FORMAT, *head])


def tag_key(kind: Literal["text", "result"], value: str, secret: bytes | None) -> bytes:
    """Return the 32-byte key of a tag. Tags record which entries must be deleted when a text or a result is purged.

    The tag of a text lists the entries that were used for the text, and its ``value`` is the text itself. The tag of a
    result lists the tags of the texts of the result, and its ``value`` is the key that `result_key` returns. If
    ``secret`` is set, the key is an HMAC with this secret.
    """
    return _digest(encode_fields([TAG_FORMAT, "tag", kind, value]), secret)


def result_key(
    *,
    task: str,
    model_id: str,
    revision: str,
    options: Mapping[str, Field],
    texts: Sequence[str],
) -> str:
    """Return 64 hexadecimal digits that identify a result by its task, model, revision, options and texts.

    The key is returned to callers. It needs no secret, because callers already know the texts. Without a secret, it
    stays the same when a secret is rotated.
    """
    return hashlib.sha256(encode_fields(["result", task, model_id, revision, options, texts])).hexdigest()


def _digest(preimage: bytes, secret: bytes | None) -> bytes:
    if secret is None:
        return hashlib.sha256(preimage).digest()
    return hmac.digest(secret, preimage, hashlib.sha256)


def encode_fields(field: Field) -> bytes:
    """Encode a field as canonical bytes: one byte for its type, its length in ``LENGTH_BYTES`` bytes, and its content.

    Equal fields have equal encodings, and unequal fields have different encodings. 1 and 1.0 are equal, and so are
    mappings or sets that differ only in their order. No encoding is a prefix of another, so a sequence can be encoded
    as the concatenation of its fields.
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
    """Encode equal numbers as equal strings: integers in decimal, and other numbers exactly, in hexadecimal."""
    return value.hex() if isinstance(value, float) and not value.is_integer() else str(int(value))


FASTEST = 1
MOST_BYTES = 2**22
"""Maximum size of a decompressed entry. Without this limit, a few stored bytes could expand to gigabytes."""


def encode(value: Any) -> bytes:
    """Encode ``value`` as compressed JSON."""
    return zlib.compress(json.dumps(value, ensure_ascii=False, separators=(",", ":")).encode(), FASTEST)


def decode(entry: bytes) -> Any:
    """Decode an entry that `encode` produced. Tuples come back as lists.

    Raises:
        ValueError: the bytes are not compressed JSON in UTF-8, are nested too deeply, contain a number that is not
            finite, or decompress to more than ``MOST_BYTES``.
    """
    inflating = zlib.decompressobj()
    try:
        whole = inflating.decompress(entry, MOST_BYTES)
        whole += inflating.decompress(inflating.unconsumed_tail, 1)  # only the checksum may remain in the input
    except zlib.error as error:
        raise ValueError("the entry is not compressed data") from error
    if not inflating.eof or inflating.unused_data or len(whole) > MOST_BYTES:
        raise ValueError(f"the entry is truncated, has trailing bytes, or expands to more than {MOST_BYTES} bytes")
    try:
        return json.loads(whole.decode(), parse_constant=_refused)
    except RecursionError as error:
        raise ValueError("the entry is nested too deeply") from error


def _refused(constant: str) -> float:
    raise ValueError(f"the number {constant} is not allowed")


def row(value: object, length: int) -> list[Any]:
    """Return ``value`` if it is a list of ``length`` items, or raise ValueError."""
    if not isinstance(value, list) or len(value) != length:
        raise ValueError(f"the value must be a list of {length} items")
    return value


def rows(value: object) -> list[Any]:
    """Return ``value`` if it is a list, or raise ValueError."""
    if not isinstance(value, list):
        raise ValueError("the value must be a list")  # noqa: TRY004 - one type of error for every malformed entry
    return value


def text(value: object) -> str:
    """Return ``value`` if it is a string without unpaired surrogates, or raise ValueError."""
    if not isinstance(value, str) or not (value.isascii() or not any("\ud800" <= char <= "\udfff" for char in value)):
        raise ValueError("the value must be a string with no unpaired surrogates")
    return value


def flag(value: object) -> bool:
    """Return ``value`` if it is a Boolean, or raise ValueError."""
    if not isinstance(value, bool):
        raise ValueError("the value must be a Boolean")  # noqa: TRY004
    return value


def whole_number(value: object, most: int) -> int:
    """Return ``value`` if it is an integer from 0 to ``most``, or raise ValueError."""
    if not isinstance(value, int) or isinstance(value, bool) or not 0 <= value <= most:
        raise ValueError(f"the value must be a whole number from 0 to {most}")
    return value


def share(value: object) -> float:
    """Return ``value`` if it is a number from 0 to 1, or raise ValueError.

    Values that exceed 1 by no more than a rounding error are accepted, because some shares are sums of floating-point
    numbers.
    """
    if not isinstance(value, int | float) or isinstance(value, bool) or not 0.0 <= value <= 1.0 + 1e-9:
        raise ValueError("the value must be a number from 0 to 1")
    return float(value)


def number(value: object) -> float:
    """Return ``value`` if it is a number, or raise ValueError.

    NaN and infinity are not rejected here, because `decode` already rejects them.
    """
    if not isinstance(value, int | float) or isinstance(value, bool):
        raise ValueError("the value must be a number")  # noqa: TRY004
    return float(value)


def span(value: object, chars: int) -> Span:
    """Convert ``value``, a list [start, end], to a span within a text of ``chars`` code points.

    Raises:
        ValueError: ``value`` is not a list of two integers, or does not describe a span within the text.
    """
    start, end = row(value, 2)
    found = Span(whole_number(start, chars), whole_number(end, chars))
    if found.start > found.end:
        raise ValueError("a span ends before it starts")
    return found


def optional_span(value: object, chars: int) -> Span | None:
    """Return None if ``value`` is None. Otherwise, return the result of `span`."""
    return None if value is None else span(value, chars)


def spans(value: object, chars: int) -> tuple[Span, ...]:
    """Convert ``value``, a list of [start, end] lists, to spans within a text of ``chars`` code points.

    Raises:
        ValueError: ``value`` is not a list, or `span` rejects an item.
    """
    return tuple(span(one, chars) for one in rows(value))


def numbers(value: object, most: int) -> tuple[int, ...]:
    """Return the numbers in ``value`` if it is a list of integers from 0 to ``most``, or raise ValueError."""
    return tuple(whole_number(one, most) for one in rows(value))


def shares(value: object, height: int, width: int) -> tuple[tuple[float, ...], ...]:
    """Return ``value`` if it is a ``height`` × ``width`` matrix of numbers from 0 to 1, or raise ValueError."""
    return tuple(tuple(map(share, row(one, width))) for one in row(value, height))


def choice(value: object, known: Sequence[str]) -> str:
    """Return ``value`` if it is one of the strings in ``known``, or raise ValueError."""
    if not isinstance(value, str) or value not in known:
        raise ValueError(f"the value must be one of: {', '.join(known)}")
    return value
