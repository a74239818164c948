"""Entries: hypotheses survive the way into bytes and back."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from service.cache.codec import decode_hypotheses, encode_hypotheses
from service.types import Attention, Hypothesis

weights = st.lists(st.tuples(st.floats(0, 1), st.floats(0, 1)), max_size=3).map(Attention.of)
hypotheses = st.builds(
    Hypothesis,
    tokens=st.lists(st.text(st.characters(), max_size=5), max_size=5).map(tuple),
    score=st.floats(allow_nan=False),
    finish_reason=st.sampled_from(["eos", "length"]),
    alignment=st.one_of(st.none(), weights),
)


@given(st.lists(hypotheses, max_size=3))
def test_hypotheses_come_back_equal(many: list[Hypothesis]) -> None:
    assert decode_hypotheses(encode_hypotheses(many)) == many


@pytest.mark.parametrize(
    "foreign",
    [b"", b"\xff", b"{}x", b"7", b"[7]", b"[[1]]", b'[[["a"],0.0,"other",null]]', b'[[["a"],0.0,"eos",[1,"x"]]]'],
)
def test_foreign_bytes_are_refused(foreign: bytes) -> None:
    with pytest.raises(ValueError):  # noqa: PT011 json and Unicode errors are ValueErrors too
        decode_hypotheses(foreign)
