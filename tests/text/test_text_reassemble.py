"""Tests that the outputs for sentences are joined into a text, with the original gaps between sentences."""

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from service.text.segmentation import reassemble, segment
from tests.languages import DE

GERMANISH = st.lists(
    st.sampled_from(
        [
            "Er kam",
            "Der 1. FC Köln",
            "am 3. Mai",
            "Dr. Meier",
            "z. B.",
            "„",
            "“",
            "»",
            "«",
            ". ",
            ".",
            "! ",
            "? ",
            "\n",
            "\n\n",
            "\r\n",
            " ",
            "\u00a0",
            "usw. Dann",
            "(",
            ")",
            "…",
            ", sagte er",
            "USABiden will heute nicht",
            "\u200b",
            "\x00",
            "😀",
        ]
    )
).map("".join)


@given(st.one_of(st.text(), GERMANISH))
@example("")
@example(" ")
@example("\r\nEr kam.\r\n\r\nSie ging. \x00\ud800")
def test_unchanged_outputs_give_the_text(text: str) -> None:
    segmentation = segment(text, DE)
    assembled = reassemble(segmentation, [span.of(text) for span in segmentation.sentences])
    assert assembled.text == text
    assert assembled.spans == segmentation.sentences


@given(GERMANISH, st.data())
def test_spans_locate_the_outputs(text: str, data: st.DataObject) -> None:
    segmentation = segment(text, DE)
    outputs = [data.draw(st.text(max_size=5)) for _ in segmentation.sentences]
    assembled = reassemble(segmentation, outputs)
    assert [span.of(assembled.text) for span in assembled.spans] == outputs


def test_gaps_are_unchanged() -> None:
    assert reassemble(segment("\tEr kam.  Sie ging.\r\n\r\nEnde\n", DE), ["A", "B", "C"]).text == "\tA  B\r\n\r\nC\n"


def test_sentence_without_output_is_reported() -> None:
    assert reassemble(segment("Er kam. Sie ging. Ende.", DE), ["He came.", "", " "]).blank == (1, 2)


def test_missing_output_is_an_error() -> None:
    with pytest.raises(ValueError, match="shorter"):
        reassemble(segment("Er kam. Sie ging.", DE), ["He came."])
