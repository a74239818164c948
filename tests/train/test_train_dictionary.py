"""Tests of the dictionary as training data: sentences, unambiguous words, and lines that are left out."""

import random
from pathlib import Path
from typing import Any

from models.train import sources
from models.train.dictionary import entries, is_sentence, unambiguous
from models.train.recipe import Source
from models.train.tokens import Mark

LINES = [
    "# Version :: 1",
    "Haus {n} [arch.]; Gebäude {n} | Häuser {pl} :: house; building | houses",
    "jdn. anrufen :: to call sb.",
    "Bank {f} (Möbel) :: bench",
    "Bank {f} [fin.] :: bank",
    "unverletzt {adj} | Sie blieb unverletzt. | Das Auto ist neu. :: unhurt | She remained unhurt. | The car is new.",
    "Preis {m} | Preise {pl} :: price",
    "Radio {n} :: radio",
]


def test_forms_at_the_same_position_are_pairs() -> None:
    found = list(entries(LINES[:2]))
    assert found == [("Haus", "house"), ("Häuser", "houses")]


def test_placeholders_and_unequal_sides_are_left_out() -> None:
    assert list(entries([LINES[2], LINES[6]])) == []


def test_words_with_several_translations_are_left_out() -> None:
    words = [pair for pair in entries(LINES) if not is_sentence(pair)]
    assert list(unambiguous(words)) == [("Haus", "house"), ("Häuser", "houses"), ("unverletzt", "unhurt")]


def made(folder: Path, **settings: Any) -> sources.Made:
    (folder / "de-en").write_text("\n".join(LINES), "utf-8")
    return sources.make(Source(name="one", kind="dictionary", files=("de-en",), terms="", **settings), folder, 1)


def test_sentences_are_examples_of_their_own(tmp_path: Path) -> None:
    kept, held = made(tmp_path)
    assert not held
    assert {example.prompt: example.target for example in kept} == {
        ("Das Auto ist neu.", Mark("english")): "The car is new.",
    }


def test_words_of_a_row_keep_their_order(tmp_path: Path) -> None:
    kept, _ = made(tmp_path, in_a_row=6, least_chars=2)
    known = dict(entries(LINES))
    for example in kept:
        german, mark = example.prompt
        assert mark == Mark("english")
        assert [known[word] for word in str(german).split(", ")] == example.target.split(", ")


def test_rare_words_are_left_out() -> None:
    rare = "".join(random.Random(1).choices("bcdfg", k=14))
    assert list(unambiguous([(rare, "nothing")])) == []
