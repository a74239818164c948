"""Embeddings to begin with: a piece starts nearest to its translation."""

import random

import numpy as np

from models.train import alignment, lexicon

WORDS = 40
WIDTH = 48


def test_a_piece_starts_nearest_to_its_translation() -> None:
    rng = random.Random(1)
    sources = [rng.sample(range(WORDS), 6) for _ in range(600)]
    pairs = [(source, [word + WORDS for word in source]) for source in sources]
    rows = lexicon.embeddings(pairs, alignment.translation_table(pairs, 2 * WORDS + 1), WIDTH)
    likeness = rows @ rows.T
    np.fill_diagonal(likeness, -1)
    nearest = likeness[:WORDS].argmax(1)
    assert (nearest == np.arange(WORDS, 2 * WORDS)).mean() > 0.8


def test_all_rows_have_the_same_norm() -> None:
    rows = lexicon.embeddings([([0, 1], [2, 3])], np.full((5, 5), 0.2, dtype=np.float32), 4)
    assert np.allclose(np.linalg.norm(rows, axis=1), 1)
