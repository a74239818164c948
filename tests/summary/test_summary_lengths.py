"""Tests of the length limits of summaries: parsing and counting."""

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from service.errors import InvalidInput
from service.summarization.lengths import PRESETS, Length, from_request
from service.summarization.words import count_words

SENTENCES = st.lists(st.text("aä ,.–1", max_size=40), max_size=8)


def test_medium_is_the_default() -> None:
    assert from_request() == PRESETS["medium"] == Length(min_words=40, max_words=120)


def test_single_limit_replaces_the_preset() -> None:
    assert from_request(max_chars=300) == Length(max_chars=300)


@pytest.mark.parametrize(
    ("asked", "code", "pointer"),
    [
        ({"length": "short", "max_words": 30}, "length_conflict", "/max_words"),
        ({"max_chars": 100, "max_sentences": 2}, "length_conflict", "/max_sentences"),
        ({"length": "gigantic"}, "length_unknown", "/length"),
        ({"max_sentences": 0}, "length_too_small", "/max_sentences"),
    ],
)
def test_invalid_length_error_names_the_field(asked: dict[str, object], code: str, pointer: str) -> None:
    with pytest.raises(InvalidInput) as refused:
        from_request(**asked)  # type: ignore[arg-type]  # the table mixes the fields' types
    assert (refused.value.code, refused.value.pointer) == (code, pointer)


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("Die EZB senkt den Leitzins – auf 3,75 Prozent.", 8),
        ("Nord-Süd-Gefälle und/oder 1.000 Euro", 4),
        ("", 0),
        ("– … !", 0),
    ],
)
def test_word_count_matches_an_editor(text: str, words: int) -> None:
    assert count_words(text) == words


def test_characters_count_the_spaces_between_sentences() -> None:
    assert Length(max_chars=9).fits(["Eins.", "Zw."])
    assert not Length(max_chars=8).fits(["Eins.", "Zw."])


def test_sentence_limit_is_the_expected_number() -> None:
    assert Length(max_sentences=4).expected_sentences() == 4


@pytest.mark.parametrize(("name", "sentences"), [("short", 3), ("medium", 9), ("long", 15)])
def test_presets_expect_rewritten_sentences_of_about_thirteen_words(name: str, sentences: int) -> None:
    assert PRESETS[name].expected_sentences() == sentences


def test_marks_before_sentences_count_as_characters() -> None:
    assert Length(max_chars=13, mark_chars=2).fits(["Eins.", "Zw."])
    assert not Length(max_chars=12, mark_chars=2).fits(["Eins.", "Zw."])


@settings(max_examples=60)
@given(SENTENCES, st.integers(1, 30))
def test_minimum_sentences_fit_in_their_shares(sentences: list[str], limit: int) -> None:
    length = Length(min_sentences=3, max_chars=limit, max_words=limit)
    short = [sentence for sentence in sentences if length.share().fits([sentence])]
    assert length.fits(short[:3])
