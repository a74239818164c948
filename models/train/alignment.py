"""Word alignment of the training pairs: IBM Model 1 with fast_align's diagonal prior, over pieces.

It guides one attention head (Chen et al. 2016), which shortens the long start in which a small network has not yet
found out that words have translations, and which lets that head place markup and terms later.
Brown et al. 1993 for the model, Dyer et al. 2013 for the prior.
"""

import random
from collections.abc import Iterator, Sequence
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

Pairs = Sequence[tuple[list[int], list[int]]]
Floats = NDArray[np.float32]
Ints = NDArray[np.int64]

TENSION = 4.0
CONFIDENT = 0.3
PAIRS_A_CHUNK = 8_000
UNALIGNED = -1


def _links(pairs: Pairs) -> tuple[Ints, Ints, Floats, Ints]:
    """All source-target pieces of all pairs: source ids, target ids, prior, and the number of the target position."""
    sources, targets, priors, positions = [], [], [], []
    start = 0
    for source, target in pairs:
        s, t = len(source), len(target)
        distance = np.abs(np.arange(s)[None, :] / s - np.arange(t)[:, None] / t)
        prior = np.exp(-TENSION * distance)
        sources.append(np.tile(source, t))
        targets.append(np.repeat(target, s))
        priors.append((prior / prior.sum(1, keepdims=True)).ravel())
        positions.append(np.repeat(np.arange(start, start + t), s))
        start += t
    return (
        np.concatenate(sources),
        np.concatenate(targets),
        np.concatenate(priors).astype(np.float32),
        np.concatenate(positions),
    )


def _posteriors(table: Floats, pairs: Pairs) -> tuple[Ints, Floats, Ints]:
    """Cell of the table, posterior and target position of each link."""
    source, target, prior, position = _links(pairs)
    cells = source * table.shape[1] + target
    weights = table.ravel()[cells] * prior
    totals = np.bincount(position, weights=weights)
    return cells, (weights / np.maximum(totals[position], 1e-30)).astype(np.float32), position


def _chunks(pairs: Pairs) -> Iterator[Pairs]:
    for start in range(0, len(pairs), PAIRS_A_CHUNK):
        yield pairs[start : start + PAIRS_A_CHUNK]


def translation_table(pairs: Pairs, vocabulary: int, *, iterations: int = 4, sample: int = 50_000) -> Floats:
    """Estimate p(target piece | source piece), [vocabulary, vocabulary], by expectation maximisation."""
    chosen = random.Random(1).sample(list(pairs), min(sample, len(pairs)))
    table = np.full((vocabulary, vocabulary), 1.0 / vocabulary, dtype=np.float32)
    for _ in range(iterations):
        counts = np.zeros(vocabulary * vocabulary, dtype=np.float32)
        for chunk in _chunks(chosen):
            cells, posterior, _ = _posteriors(table, chunk)
            order = np.argsort(cells, kind="stable")
            unique, first = np.unique(cells[order], return_index=True)
            counts[unique] += np.add.reduceat(posterior[order], first)
        counts = counts.reshape(table.shape)
        table = (counts / np.maximum(counts.sum(1, keepdims=True), 1e-9)).astype(np.float32)
        table = np.maximum(table, np.float32(1e-8))
    return table


def align(pairs: Pairs, table: Floats) -> NDArray[np.int16]:
    """For every target piece of all pairs, one after the other: the source position behind it, or `UNALIGNED`."""
    aligned = []
    for chunk in _chunks(pairs):
        _, posterior, position = _posteriors(table, chunk)
        first = np.flatnonzero(np.r_[True, position[1:] != position[:-1]])
        best = np.maximum.reduceat(posterior, first)
        column = np.arange(len(position)) - first[position]
        is_best = posterior >= best[position]
        source = np.full(len(first), np.iinfo(np.int16).max, dtype=np.int64)
        np.minimum.at(source, position[is_best], column[is_best])
        aligned.append(np.where(best >= CONFIDENT, source, UNALIGNED).astype(np.int16))
    return np.concatenate(aligned)


def save(path: Path, aligned: NDArray[np.int16]) -> None:
    """Write the alignment of a whole corpus."""
    np.save(path, aligned)


def load(path: Path, targets: Sequence[list[int]]) -> list[list[int]]:
    """Read what `save` wrote, cut into one list a target."""
    aligned = np.load(path)
    if len(aligned) != sum(map(len, targets)):
        raise ValueError(f"{path} was made for another corpus or vocabulary; run `align` again")
    ends = np.cumsum([len(target) for target in targets])
    return [part.tolist() for part in np.split(aligned, ends[:-1])]
