"""Values of cache entries as bytes, and strict readers of what comes back: a shared store is hostile input."""

import json
import math
import zlib
from collections.abc import Sequence
from typing import Any

from service.domain import Span

FASTEST = 1
MOST_BYTES = 2**22
"""Of an inflated entry: others write to a shared store, too, and a few bytes can inflate to gigabytes."""


def encode(value: Any) -> bytes:
    """``value``, of what JSON knows, as JSON, deflated."""
    return zlib.compress(json.dumps(value, ensure_ascii=False, separators=(",", ":")).encode(), FASTEST)


def decode(entry: bytes) -> Any:
    """The value that ``encode`` was given, its tuples as lists.

    Raises:
        ValueError: these bytes are no deflated JSON, nest too deep, hold a number that is not finite or half of a
            surrogate pair, or inflate to more than ``MOST_BYTES``.
    """
    inflating = zlib.decompressobj()
    try:
        whole = inflating.decompress(entry, MOST_BYTES)
        whole += inflating.decompress(inflating.unconsumed_tail, 1)  # the last bytes may hold the checksum alone
    except zlib.error as error:
        raise ValueError("an entry that is not deflated") from error
    if not inflating.eof or inflating.unused_data or len(whole) > MOST_BYTES:
        raise ValueError("an entry that was cut, or is longer than any of ours")
    try:
        return json.loads(whole.decode(), parse_constant=_refused)
    except RecursionError as error:
        raise ValueError("an entry that nests too deep") from error


def _refused(constant: str) -> float:
    raise ValueError(f"{constant} is no number of ours")


def row(value: object, length: int) -> list[Any]:
    """``value``, a list of ``length``; raises ValueError for all else, as the readers below do."""
    if not isinstance(value, list) or len(value) != length:
        raise ValueError(f"not a list of {length}")
    return value


def rows(value: object) -> list[Any]:
    """``value``, a list."""
    if not isinstance(value, list):
        raise ValueError("not a list")  # noqa: TRY004 - one kind of error for all that is wrong
    return value


def text(value: object) -> str:
    """``value``, a string of Unicode."""
    if not isinstance(value, str) or not (value.isascii() or not any("\ud800" <= char <= "\udfff" for char in value)):
        raise ValueError("not a text")
    return value


def flag(value: object) -> bool:
    """``value``, true or false."""
    if not isinstance(value, bool):
        raise ValueError("neither true nor false")  # noqa: TRY004
    return value


def whole_number(value: object, most: int) -> int:
    """``value``, an integer from 0 to ``most``."""
    if not isinstance(value, int) or isinstance(value, bool) or not 0 <= value <= most:
        raise ValueError(f"not a whole number from 0 to {most}")
    return value


def share(value: object) -> float:
    """``value``, a number from 0 to 1, up to the rounding of a sum."""
    if not isinstance(value, int | float) or isinstance(value, bool) or not math.isfinite(value):
        raise ValueError("not a number")
    if not 0.0 <= value <= 1.0 + 1e-9:
        raise ValueError("not a share")
    return float(value)


def span(value: object, chars: int) -> Span:
    """``value``, a range within a text of ``chars`` code points."""
    start, end = row(value, 2)
    found = Span(whole_number(start, chars), whole_number(end, chars))
    if found.start > found.end:
        raise ValueError("a range that ends before it begins")
    return found


def optional_span(value: object, chars: int) -> Span | None:
    """The same, or None."""
    return None if value is None else span(value, chars)


def spans(value: object, chars: int) -> tuple[Span, ...]:
    """``value``, a list of such ranges."""
    return tuple(span(one, chars) for one in rows(value))


def numbers(value: object, most: int) -> tuple[int, ...]:
    """``value``, a list of integers from 0 to ``most``."""
    return tuple(whole_number(one, most) for one in rows(value))


def shares(value: object, height: int, width: int) -> tuple[tuple[float, ...], ...]:
    """``value``, ``height`` lists of ``width`` numbers from 0 to 1."""
    return tuple(tuple(map(share, row(one, width))) for one in row(value, height))


def choice(value: object, known: Sequence[str]) -> str:
    """``value``, one of the strings ``known``."""
    if not isinstance(value, str) or value not in known:
        raise ValueError("not one of those that are known")
    return value
