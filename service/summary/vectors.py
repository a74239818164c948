"""Sentences as sparse tf-idf vectors over content stems, and how alike they are."""

import math
from collections import Counter, defaultdict
from collections.abc import Iterable, Mapping, Sequence

import numpy as np
from numpy.typing import NDArray

from service.summary.words import content_stems

Matrix = NDArray[np.float64]
Vector = Mapping[str, float]
"""Weight by stem, of length one; empty for a sentence without content."""


def sentence_vectors(sentences: Sequence[str]) -> list[Vector]:
    """The tf-idf vector of each sentence; time and space grow in step with the text.

    The weight is (1 + ln tf) * ln(1 + n / df), with document frequencies over these sentences.
    """
    bags = [Counter(content_stems(sentence)) for sentence in sentences]
    frequency = Counter(stem for bag in bags for stem in bag)
    inverse = {stem: math.log(1 + len(sentences) / count) for stem, count in frequency.items()}
    return [_unit({stem: (1 + math.log(count)) * inverse[stem] for stem, count in bag.items()}) for bag in bags]


def _unit(vector: Vector) -> Vector:
    length = math.hypot(*vector.values())
    return {stem: weight / length for stem, weight in vector.items()}


def centroid_likeness(vectors: Sequence[Vector]) -> Matrix:
    """Cosine [sentences] of each sentence with the sum of all."""
    centre: defaultdict[str, float] = defaultdict(float)
    for vector in vectors:
        for stem, weight in vector.items():
            centre[stem] += weight
    return _cosines(_unit(centre), vectors)


def query_likeness(query: str, vectors: Sequence[Vector]) -> Matrix:
    """Cosine [sentences] of each sentence with ``query``, of which only stems that a sentence has count."""
    known = {stem for vector in vectors for stem in vector}
    return _cosines(_unit(dict.fromkeys(known.intersection(content_stems(query)), 1.0)), vectors)


def _cosines(one: Vector, vectors: Iterable[Vector]) -> Matrix:
    return np.array([sum(weight * one.get(stem, 0.0) for stem, weight in vector.items()) for vector in vectors])


def likeness(vectors: Sequence[Vector]) -> Matrix:
    """Cosines [sentences, sentences], zero on the diagonal; the only thing here that grows with their square."""
    rows: defaultdict[str, list[int]] = defaultdict(list)
    weights: defaultdict[str, list[float]] = defaultdict(list)
    for row, vector in enumerate(vectors):
        for stem, weight in vector.items():
            rows[stem].append(row)
            weights[stem].append(weight)
    cosines = np.zeros((len(vectors), len(vectors)))
    for stem, found in rows.items():
        if len(found) > 1:
            cosines[np.ix_(found, found)] += np.outer(weights[stem], weights[stem])
    np.fill_diagonal(cosines, 0.0)
    return cosines
