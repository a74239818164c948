"""The quick looks of segmenting and normalising: what they pass over would have come out the same."""

import sys
import unicodedata

from hypothesis import example, given
from hypothesis import strategies as st

from service.languages.de import boundaries as german
from service.text import normalization as normalise

EVERY_CHARACTER = map(chr, range(sys.maxunicode + 1))


def test_plain_characters_are_seen_and_stay_as_they_are() -> None:
    plain = [char for char in EVERY_CHARACTER if normalise._PLAIN.fullmatch(char)]
    assert [char for char in plain if normalise.is_invisible(char)] == [" "]
    assert unicodedata.normalize("NFC", "".join(plain)) == "".join(plain)
    assert not any(map(unicodedata.combining, plain))


@given(text=st.text("abc2018.!?“ \n", max_size=30))
@example(text="Es war abc. 2 kamen.")
@example(text="Bis 2018. 2019 kam er.")
def test_what_begins_with_a_digit_after_a_stop_is_seen(text: str) -> None:
    if german._NUMBER_NEXT.search(text) or german._YEARS.search(text):
        assert german._DIGIT_NEXT.search(text)
