"""Alignment of pieces: a dictionary is found again, and a stale file is refused."""

import random
from pathlib import Path

import numpy as np
import pytest

from models.train import alignment

WORDS = 30


def corpus(pairs: int, *, seed: int = 1) -> list[tuple[list[int], list[int]]]:
    """Sentences of a language whose words are the source's, each ``WORDS`` higher and the first two swapped."""
    rng = random.Random(seed)
    sources = [rng.sample(range(WORDS), 6) for _ in range(pairs)]
    return [(s, [word + WORDS for word in (s[1], s[0], *s[2:])]) for s in sources]


def test_a_dictionary_is_found_again() -> None:
    pairs = corpus(400)
    table = alignment.translation_table(pairs, 2 * WORDS)
    assert [int(row.argmax()) for row in table[:WORDS]] == list(range(WORDS, 2 * WORDS))
    places = alignment.align(pairs, table).reshape(len(pairs), -1)
    assert (places == [1, 0, 2, 3, 4, 5]).mean() > 0.95


def test_a_piece_without_a_likely_source_is_unaligned() -> None:
    table = np.full((4, 4), 0.25, dtype=np.float32)
    places = alignment.align([([0, 1, 2, 3], [0, 1, 2, 3])], table * 0 + 1e-8)
    assert set(alignment.align([(list(range(4)) * 5, [1])], table).tolist()) == {alignment.UNALIGNED}
    assert len(places) == 4


def test_an_alignment_of_another_corpus_is_refused(tmp_path: Path) -> None:
    pairs = corpus(3)
    alignment.save(tmp_path / "a.npy", alignment.align(pairs, alignment.translation_table(pairs, 2 * WORDS)))
    assert [len(part) for part in alignment.load(tmp_path / "a.npy", [t for _, t in pairs])] == [6, 6, 6]
    with pytest.raises(ValueError, match="another corpus"):
        alignment.load(tmp_path / "a.npy", [[1]])
