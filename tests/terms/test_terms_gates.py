"""The quick looks before addresses and numerals: what they pass over has none."""

import re

import pytest
from hypothesis import given
from hypothesis import strategies as st

from service.terms import placement as addresses
from service.terms import placement as numerals


@given(text=st.from_regex(addresses._ADDRESS))
def test_every_address_shows_a_sign(text: str) -> None:
    assert addresses._INNER_STOP.search(text) or any(sign in text for sign in addresses._SIGNS)


@pytest.mark.parametrize("pattern", [pattern for pattern, _ in numerals._FORMS])
@given(data=st.data())
def test_every_numeral_shows_a_sign(pattern: re.Pattern[str], data: st.DataObject) -> None:
    text = data.draw(st.from_regex(pattern))
    assert numerals._MARKED.search(text) or text.count("-") > 1
