"""Tests of word alignment in HTML: tokens of the model are mapped to words of the text."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from service.text.alignment import align, piece_spans


def found(pieces: str, text: str) -> list[str]:
    return [span.of(text) for span in piece_spans(pieces.split(), text)]


@pytest.mark.parametrize(
    ("pieces", "text", "expected"),
    [
        ("▁Die ▁Bundes reg ierung .", "Die Bundesregierung.", ["Die", "Bundes", "reg", "ierung", "."]),
        ("▁Die ▁Bundes reg ierung", "Die\xa0Bundes\xadregierung", ["Die", "Bundes", "reg", "ierung"]),
        ("▁Ende . . . ▁so", "Ende… so", ["Ende", "…", "", "", "so"]),
        ("▁Mü ller", "Mu\u0308ller", ["Mu\u0308", "ller"]),
        ("▁Gut ▁ <0xF0> <0x9F> <0x98> <0x80> ▁so", "Gut 😀 so", ["Gut", "", "😀", "", "", "", "so"]),
        ("▁Donau dampf", "Donau-\ndampf", ["Donau", "dampf"]),
        ("▁A ▁ B", "A B", ["A", "", "B"]),
        ("▁ganz ▁anders", "x", ["", ""]),
    ],
)
def test_pieces_get_the_spans_of_their_text(pieces: str, text: str, expected: list[str]) -> None:
    assert found(pieces, text) == expected


@given(st.lists(st.text(max_size=4), max_size=8), st.text(max_size=30))
def test_foreign_pieces_get_ordered_spans(pieces: list[str], text: str) -> None:
    spans = piece_spans(pieces, text)
    assert len(spans) == len(pieces)
    edges = [0, *(edge for span in spans for edge in span), len(text)]
    assert edges == sorted(edges)


def test_word_weight_is_the_mean_of_its_pieces() -> None:
    attention = [[0.9, 0.1, 0.0], [0.0, 0.5, 0.5], [0.0, 0.0, 0.2]]
    alignment = align("Haus tür", "front door.", ["▁Haus", "▁tür"], ["▁front", "▁door", "."], attention)
    assert [span.of("front door.") for span in alignment.target] == ["front", "door", "."]
    assert alignment.weights == ((0.9, 0.1), (0.0, 0.5), (0.0, 0.0))
