"""Tests of the codec for cache values: encoded values can be decoded, and other bytes are rejected."""

import json
import tracemalloc
import zlib
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from service.cache import entries as codec
from service.cache.entries import MOST_BYTES, decode, encode
from service.domain import Span

values: st.SearchStrategy[Any] = st.recursive(
    st.none()
    | st.booleans()
    | st.integers(-(2**53), 2**53)
    | st.floats(allow_nan=False, allow_infinity=False)
    | st.text(st.characters(exclude_categories=["Cs"]), max_size=5),
    lambda inner: st.lists(inner, max_size=4),
    max_leaves=8,
)


@given(values)
def test_values_survive_encoding(value: Any) -> None:
    assert decode(encode(value)) == value


@pytest.mark.parametrize("packed", [False, True], ids=["plain", "deflated"])
@pytest.mark.parametrize("foreign", [b"", b"\xff", b"{}x", b"[1", b"NaN", b"[Infinity]", b"[" * 100_000])
def test_foreign_bytes_are_rejected(foreign: bytes, *, packed: bool) -> None:
    with pytest.raises(ValueError):  # noqa: PT011 - JSON and Unicode errors are ValueErrors
        decode(zlib.compress(foreign) if packed else foreign)


@pytest.mark.parametrize("foreign", [zlib.compress(b" " * (MOST_BYTES + 1)), encode(["a"])[:-5], encode(["a"]) + b"x"])
def test_truncated_and_overlong_entries_are_rejected(foreign: bytes) -> None:
    with pytest.raises(ValueError, match="truncated, has trailing bytes"):
        decode(foreign)


def test_small_entry_never_expands_beyond_limit() -> None:
    bomb = zlib.compress(bytes(64 * 2**20))
    tracemalloc.start()
    try:
        with pytest.raises(ValueError, match="expands to more than"):
            decode(bomb)
        assert tracemalloc.get_traced_memory()[1] < 3 * MOST_BYTES
    finally:
        tracemalloc.stop()


@pytest.mark.parametrize(
    ("read", "value"),
    [
        (codec.text, 7),
        (codec.text, json.loads('"\\ud800"')),
        (codec.flag, 1),
        (codec.flag, None),
        (codec.rows, "ab"),
        (lambda value: codec.row(value, 2), [1]),
        (lambda value: codec.whole_number(value, 3), 4),
        (lambda value: codec.whole_number(value, 3), -1),
        (lambda value: codec.whole_number(value, 3), True),
        (lambda value: codec.whole_number(value, 3), 1.0),
        (codec.share, 1.5),
        (codec.share, -0.1),
        (codec.share, float("inf")),
        (codec.share, 10**400),
        (codec.share, True),
        (codec.share, "1"),
        (lambda value: codec.span(value, 9), [3, 2]),
        (lambda value: codec.span(value, 9), [0, 10]),
        (lambda value: codec.span(value, 9), [0]),
        (lambda value: codec.spans(value, 9), {"0": 1}),
        (lambda value: codec.shares(value, 1, 2), [[0.5]]),
        (lambda value: codec.shares(value, 2, 1), [[0.5]]),
        (lambda value: codec.choice(value, ("a",)), "b"),
        (lambda value: codec.choice(value, ("a",)), ["a"]),
    ],
)
def test_readers_reject_wrong_types(read: Any, value: Any) -> None:
    with pytest.raises(ValueError):  # noqa: PT011 - messages differ
        read(value)


def test_readers_return_valid_values() -> None:
    assert codec.spans([[0, 2], [2, 2]], 2) == (Span(0, 2), Span(2, 2))
    assert codec.optional_span(None, 2) is None
    assert codec.shares([[0, 1.0]], 1, 2) == ((0.0, 1.0),)
    assert codec.numbers([0, 3], 3) == (0, 3)
