"""Codec of cache entries. Decoding is strict and bounded, because other processes can write to the shared store."""

import json
import zlib
from collections.abc import Sequence
from typing import Any

from service.domain import Span

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
