"""Tests of the segmentation of texts into paragraphs."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from service.text.segmentation import paragraphs
from tests.languages import DE

MAIL = """\
Die Bundesregierung hat am Montag in Berlin neue Regeln für die
Wirtschaft vorgestellt. Danach sollen Unternehmen künftig mehr
Steuern zahlen, wenn sie im Ausland produzieren lassen. Kritik kam
Am Abend aus der Opposition."""


def cut(text: str) -> list[str]:
    return [span.of(text) for span in paragraphs(text, DE)]


@pytest.mark.parametrize("gap", ["\n\n", "\r\n\r\n", "\n \t\n", "\r\r", "\u2029", "\n\n\n\n", "\x0c"])
def test_blank_lines_separate_paragraphs(gap: str) -> None:
    assert cut(f"Eins{gap}zwei") == ["Eins", "zwei"]


def test_wrapped_mail_is_one_paragraph() -> None:
    assert cut(MAIL) == [MAIL]


def test_wrapped_paragraphs_stay_separate() -> None:
    assert cut(f"{MAIL}\n\n{MAIL}") == [MAIL, MAIL]


def test_short_lines_are_separate_paragraphs() -> None:
    lines = ["Verwandte Themen", "USA", "Erdgas", "Europäische Energiekrise", "Russland"]
    assert cut("\n".join(lines)) == lines


def test_subheading_is_not_joined_with_text() -> None:
    heading, text = "Streit um Nord Stream 2 nicht vorbei - Deutschland unter Druck", "Je mehr Zeit verstreicht. " * 10
    assert cut(f"{heading}\n{text}") == [heading, text.strip()]


def test_stacked_headlines_are_not_joined() -> None:
    lines = [
        "Bundestag beschließt neues Gesetz gegen Steuerflucht",
        "Scholz trifft Macron zu Gesprächen in Paris am Montag",
        "Börse schließt im Plus nach einem schwachen Vormittag",
    ]
    assert cut("\n".join(lines)) == lines


def test_long_lines_are_separate_paragraphs() -> None:
    lines = ["Der Minister äußerte sich am Montag in Berlin zu den Plänen der Regierung. " * 4] * 2
    assert cut("\n".join(lines)) == [line.strip() for line in lines]


def test_line_broken_in_a_sentence_continues() -> None:
    text = "Das sagte der Minister am Montag nach einem Treffen mit den\nvier Vertretern der Länder."
    assert cut(text) == [text]


def test_address_does_not_continue_a_line() -> None:
    assert len(paragraphs("Jetziges Strompreistief nutzen, bevor die Preise wieder steigen\nexample.org", DE)) == 2


@given(
    st.text(alphabet=st.one_of(st.characters(), st.sampled_from("\n\r \t\u2028\u2029\x0b\x0c\x85\x1c")), max_size=60)
)
def test_only_white_space_is_between_paragraphs(text: str) -> None:
    done = 0
    for span in paragraphs(text, DE):
        assert not text[done : span.start].strip()
        assert span.start < span.end
        assert span.of(text) == span.of(text).strip()
        done = span.end
    assert not text[done:].strip()
