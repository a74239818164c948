"""Tests of splitting sentences that are too long."""

import unicodedata

import pytest
from hypothesis import given
from hypothesis import strategies as st

from service.domain import Span
from service.text.normalization import for_model
from service.text.segmentation import split_long
from tests.languages import DE


@pytest.mark.parametrize(
    ("text", "left"),
    [
        ("Der Minister kam am Morgen; der Kanzler, der auch kam, ging am Abend.", "Der Minister kam am Morgen;"),
        ("Der Minister kam am Morgen – der Kanzler, der auch kam, ging.", "Der Minister kam am Morgen –"),
        ("Der Minister, der lange wartete, kam am Morgen, und der Kanzler ging dann am Abend.", None),
        ("Der Minister kam am 3,5 Kilometer, langen Weg bei Regen an.", "Der Minister kam am 3,5 Kilometer,"),
        ("Donaudampfschifffahrt Gesellschaftskapitän", "Donaudampfschifffahrt"),
        ("abcdef", "abc"),
    ],
)
def test_best_place_near_the_middle_is_chosen(text: str, left: str | None) -> None:
    halves = split_long(text, Span(0, len(text)), DE)
    assert halves is not None
    assert halves[0].of(text) == (left or "Der Minister, der lange wartete, kam am Morgen,")


@pytest.mark.parametrize("text", ["", "a", " a ", "\u200b\x00"])
def test_one_code_point_is_not_split(text: str) -> None:
    assert split_long(text, Span(0, len(text)), DE) is None


def test_combining_marks_stay_with_their_letter() -> None:
    text = "a\u0301" * 9
    halves = split_long(text, Span(0, len(text)), DE)
    assert halves is not None
    assert not unicodedata.combining(text[halves[1].start])


@given(st.text(max_size=50), st.integers(0, 5))
def test_halves_lose_no_visible_character(text: str, shift: int) -> None:
    span = Span(min(shift, len(text)), len(text))
    halves = split_long(text, span, DE)
    if halves is not None:
        (a, b), (c, d) = halves
        assert span.start <= a < b <= c < d <= span.end
        assert not any(for_model(gap, DE) for gap in (text[span.start : a], text[b:c], text[d : span.end]))


def test_repeated_halving_ends() -> None:
    text = "Wort" * 5_000
    waiting, parts = [Span(0, len(text))], 0
    while waiting:
        span = waiting.pop()
        halves = split_long(text, span, DE) if span.end - span.start > 100 else None
        waiting += halves or ()
        parts += halves is None
    assert parts >= 200
