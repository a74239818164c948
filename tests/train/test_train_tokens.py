"""Tests that a task mark in a text is encoded as text and not as a mark."""

from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from models.train.recipe import MarkWords, Recipe
from models.train.tokens import Example, Mark, Tokens


@given(text=st.text(max_size=20), piece=st.sampled_from(["<unused0>", "<unused9>", "<eos>", "<bos>", "<pad>"]))
def test_mark_in_a_text_is_text(tokens: Tokens, text: str, piece: str) -> None:
    special = {tokens.pad, tokens.eos, tokens.bos, *tokens.marks.values()}
    (ids,) = tokens.encode([text + piece + text])
    assert not special & set(ids)
    assert tokens.decode(ids) == text + piece + text


def test_example_has_start_and_end_marks(tokens: Tokens) -> None:
    example = Example(("Der Bund", Mark("term"), " state", Mark("term_end"), " zahlt.", Mark("english")), "It pays.")
    ((prompt, target),) = tokens.examples([example])
    marks = [number for number in prompt if number in tokens.marks.values()]
    assert marks == [tokens.marks[name] for name in ("term", "term_end", "english")]
    assert (prompt[0], prompt[-1], target[-1]) == (tokens.bos, tokens.marks["english"], tokens.eos)
    assert tokens.decode(prompt) == "Der Bund state zahlt."
    assert tokens.decode(target) == "It pays."


def test_missing_piece_is_named(work: Path, plan: Recipe) -> None:
    with pytest.raises(ValueError, match="<unused77>"):
        Tokens(work / "base" / "tokenizer.json", {**plan.marks, "new": MarkWords("<unused77>", ("x",))})
