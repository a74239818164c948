"""Sentences as tf-idf vectors over content stems, and how alike they are."""

import math
from collections import Counter
from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from service.summary.words import content_stems

Matrix = NDArray[np.float64]


def sentence_vectors(sentences: Sequence[str]) -> tuple[Matrix, dict[str, int]]:
    """Unit tf-idf vectors [sentences, stems] and the column of each stem; a sentence without content is all zeros.

    The weight is (1 + ln tf) * ln(1 + n / df), with document frequencies over these sentences.
    """
    bags = [Counter(content_stems(sentence)) for sentence in sentences]
    frequency = Counter(stem for bag in bags for stem in bag)
    columns = {stem: column for column, stem in enumerate(sorted(frequency))}
    vectors = np.zeros((len(sentences), max(1, len(columns))))
    for row, bag in enumerate(bags):
        for stem, count in bag.items():
            inverse = math.log(1 + len(sentences) / frequency[stem])
            vectors[row, columns[stem]] = (1 + math.log(count)) * inverse
    return unit(vectors), columns


def unit(rows: Matrix) -> Matrix:
    """Rows scaled to length one; rows of zeros stay."""
    lengths = np.linalg.norm(rows, axis=-1, keepdims=True)
    scaled: Matrix = np.divide(rows, lengths, out=np.zeros_like(rows), where=lengths > 0)
    return scaled


def likeness(vectors: Matrix) -> Matrix:
    """Cosines [sentences, sentences] of unit vectors, zero on the diagonal."""
    cosines: Matrix = vectors @ vectors.T
    np.fill_diagonal(cosines, 0.0)
    return cosines


def query_likeness(query: str, vectors: Matrix, columns: dict[str, int]) -> Matrix:
    """Cosine [sentences] of each sentence with ``query``; zeros where they share no stem."""
    weights = np.zeros(vectors.shape[1])
    for stem in content_stems(query):
        if stem in columns:
            weights[columns[stem]] = 1.0
    cosines: Matrix = vectors @ unit(weights)
    return cosines
