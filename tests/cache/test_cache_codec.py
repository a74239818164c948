"""Entries: hypotheses survive the way into bytes and back."""

import json
import tracemalloc
import zlib
from base64 import b64encode
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from service.cache.codec import MOST_BYTES, decode_hypotheses, encode_hypotheses
from service.domain import Attention, FinishReason, Hypothesis

REASONS: tuple[FinishReason, ...] = ("eos", "length")
ROW = st.tuples(st.floats(0, 1), st.floats(0, 1))


@st.composite
def hypotheses(draw: st.DrawFn) -> Hypothesis:
    tokens = tuple(draw(st.lists(st.text(st.characters(exclude_categories=["Cs"]), max_size=5), max_size=5)))
    rows = draw(st.none() | st.lists(ROW, min_size=len(tokens), max_size=len(tokens)))
    score = draw(st.none() | st.floats(allow_nan=False, allow_infinity=False))
    return Hypothesis(tokens, score, draw(st.sampled_from(REASONS)), None if rows is None else Attention.of(rows))


@given(st.lists(hypotheses(), min_size=1, max_size=3))
def test_hypotheses_come_back_equal(many: list[Hypothesis]) -> None:
    assert decode_hypotheses(encode_hypotheses(many)) == many


def test_alike_hypotheses_share_their_bytes() -> None:
    words = tuple(f"▁word{number}" for number in range(30))
    many = [Hypothesis((*words[:at], "▁other", *words[at + 1 :]), -0.5, "eos") for at in range(4)]
    assert len(encode_hypotheses(many)) < 2 * len(encode_hypotheses(many[:1]))


@pytest.mark.parametrize("packed", [False, True], ids=["as they are", "deflated"])
@pytest.mark.parametrize(
    "foreign",
    [b"", b"\xff", b"{}x", b"7", b"[7]", b"[[1]]", b'[[["a"],0.0,"other",null]]', b'[[["a"],0.0,"eos",[1,"x"]]]'],
)
def test_foreign_bytes_are_refused(foreign: bytes, *, packed: bool) -> None:
    with pytest.raises(ValueError):  # noqa: PT011 json and Unicode errors are ValueErrors too
        decode_hypotheses(zlib.compress(foreign) if packed else foreign)


def test_what_would_inflate_beyond_any_entry_and_what_was_cut_are_refused() -> None:
    entry = encode_hypotheses([Hypothesis(("▁a",), -0.5, "eos")])
    for foreign in (zlib.compress(b" " * (MOST_BYTES + 1)), entry[:-5]):
        with pytest.raises(ValueError, match="was cut, or is longer"):
            decode_hypotheses(foreign)


def entry(*rows: Any) -> bytes:
    return zlib.compress(json.dumps(rows).encode())


def attention(levels: bytes) -> str:
    return b64encode(zlib.compress(levels)).decode()


@pytest.mark.parametrize(
    "foreign",
    [
        entry(),
        zlib.compress(b"[" * 100_000),
        entry([["\ud800"], -0.5, "eos", None]),
        entry(["a", -0.5, "eos", None]),
        entry([["a"], "-0.5", "eos", None]),
        entry([["a"], float("nan"), "eos", None]),
        zlib.compress(b'[[["a"],1e999,"eos",null]]'),
        *(entry([["a"], -0.5, "eos", [columns, attention(b"1")]]) for columns in (-5, 0, "1", 1.5, 1e9, True, 10**30)),
        entry([["a", "b"], -0.5, "eos", [2, attention(b"123")]]),
        entry([["a", "b"], -0.5, "eos", [2, attention(b"12345")]]),
        entry([["a"], -0.5, "eos", [1, attention(b"1")[:-4]]]),
        entry([[], -0.5, "eos", [2, attention(b"")]]),
    ],
)
def test_an_entry_that_is_not_strictly_ours_is_refused(foreign: bytes) -> None:
    with pytest.raises(ValueError):  # noqa: PT011 json and Unicode errors are ValueErrors too
        decode_hypotheses(foreign)


def test_a_small_entry_never_inflates_beyond_its_size() -> None:
    bomb = entry([["a", "b"], -0.5, "eos", [3, attention(bytes(64 * 2**20))]])
    tracemalloc.start()
    try:
        with pytest.raises(ValueError, match="longer"):
            decode_hypotheses(bomb)
        assert tracemalloc.get_traced_memory()[1] < 2**20
    finally:
        tracemalloc.stop()
