"""Embeddings to begin with: pieces that translate each other start close together.

A small network sees most words too rarely to learn their translations one update at a time. The alignment model has
counted them all: the leading eigenvectors of its positive pointwise mutual information put a piece beside its
translations. Levy and Goldberg 2014 for the factorisation, Qi et al. 2018 for aligned embeddings with little data.
"""

from collections import Counter

import numpy as np

from models.train.alignment import Floats, Pairs

ITERATIONS = 12
EXTRA_COLUMNS = 32
NOISE = 0.15
SHIFT = 1.0
LEAST_PROBABILITY = 0.02


def embeddings(pairs: Pairs, table: Floats, width: int, *, seed: int = 1) -> Floats:
    """Rows [vocabulary, width] with the norm of a fresh initialisation; ``table`` is p(target | source)."""
    information = _information(pairs, table)
    vectors, values = _leading(information, width, seed)
    rows = vectors * np.sqrt(np.maximum(values, 0.0))
    rng = np.random.default_rng(seed)
    noise = rng.normal(scale=width**-0.5, size=rows.shape)
    norms = np.linalg.norm(rows, axis=1, keepdims=True)
    # Pieces without a translation begin as noise; a little noise keeps the others apart.
    placed = np.where(norms > 1e-6, rows / np.maximum(norms, 1e-6) + NOISE * noise, noise)
    scaled: Floats = (placed / np.linalg.norm(placed, axis=1, keepdims=True)).astype(np.float32)
    return scaled


def narrowed(rows: Floats, width: int) -> Floats:
    """The leading ``width`` columns, each row with the length that it had: for a network that is narrower."""
    cut = rows[:, :width]
    lengths, kept = (np.linalg.norm(each, axis=1, keepdims=True) for each in (rows, cut))
    scaled: Floats = (cut * lengths / np.maximum(kept, 1e-6)).astype(np.float32)
    return scaled


def _information(pairs: Pairs, table: Floats) -> Floats:
    """Symmetric positive mutual information of source and target pieces; a piece knows itself best."""
    counts = Counter(piece for source, _ in pairs for piece in source)
    frequency = np.zeros(len(table), dtype=np.float32)
    frequency[list(counts)] = list(counts.values())
    joint = np.where(table >= LEAST_PROBABILITY, table, 0) * frequency[:, None]
    joint /= joint.sum()
    expected = joint.sum(1, keepdims=True) * joint.sum(0, keepdims=True)
    with np.errstate(divide="ignore", invalid="ignore"):
        found = np.log(joint / expected) - SHIFT
    found = np.where(joint > 0, np.maximum(found, 0), 0).astype(np.float32)
    # A rare pair's information is large but uncertain: weigh it by how often the pair was seen.
    found *= np.minimum(1.0, joint * frequency.sum() / 5)
    symmetric: Floats = found + found.T
    return symmetric


def _leading(matrix: Floats, width: int, seed: int) -> tuple[Floats, Floats]:
    """Eigenvectors of the largest positive eigenvalues of a symmetric matrix, by subspace iteration."""
    shifted = float(np.abs(matrix).sum(1).max()) * 0.25
    rng = np.random.default_rng(seed)
    basis = rng.normal(size=(len(matrix), width + EXTRA_COLUMNS)).astype(np.float32)
    for _ in range(ITERATIONS):
        # The shift keeps the negative eigenvalues, which a bipartite matrix has in equal number, from leading.
        basis, _ = np.linalg.qr(matrix @ basis + shifted * basis)
    small = basis.T @ (matrix @ basis)
    values, rotation = np.linalg.eigh((small + small.T) / 2)
    order = np.argsort(-values)[:width]
    return (basis @ rotation[:, order]).astype(np.float32), values[order].astype(np.float32)
