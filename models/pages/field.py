"""Training of a linear-chain conditional random field by gradient descent, using only numpy.

The model predicts the state of each line of a text, such as headline or text. States of the same group share a part of
their weights, so that rare states benefit from the examples of frequent ones. All texts of a batch are padded to the
same length and processed together. The model is described in Lafferty, McCallum and Pereira (2001), and the optimiser
in Kingma and Ba, "Adam" (2015).
"""

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from itertools import pairwise
from typing import Any

import numpy as np

from service.cleaning.line_model import ALLOWED, GROUPS, STARTS, STATES, Weights

Array = np.ndarray[Any, np.dtype[np.float64]]
_FORBIDDEN = -1e9
_BUCKETS = 6
_BETAS = (0.9, 0.99)


@dataclass(frozen=True, slots=True)
class Text:
    """A training text: the features and the state of each line, and the weight of the text in the loss."""

    features: Sequence[Sequence[str]]
    states: Sequence[str]
    weight: float = 1.0


@dataclass(frozen=True, slots=True)
class _Batch:
    """A batch of texts of similar length.

    ``features`` (lines × features) contains the features of all lines, and ``states`` (lines) the index of the state of
    each line. ``places`` (texts × length) contains the row of each line in ``features``. Texts are padded to the same
    length with -1. ``weights`` (texts) contains the weight of each text in the loss.
    """

    features: np.ndarray[Any, np.dtype[np.float32]]
    places: "np.ndarray[Any, np.dtype[np.int64]]"  # texts x length; the row of each line in features, or -1
    states: "np.ndarray[Any, np.dtype[np.int64]]"  # lines
    weights: Array  # texts


_KEPT_BEFORE, _KEPT_AFTER = 50, 70


def trimmed(text: Text) -> Text:
    """Return the text without the lines that are far above or far below the article, to speed up training.

    If no line belongs to the article, only the first lines are returned. The features of the returned lines are copied
    unchanged.
    """
    inside = [number for number, state in enumerate(text.states) if state not in {"before", "after"}]
    if not inside:
        return Text(text.features[:_KEPT_AFTER], text.states[:_KEPT_AFTER], text.weight)
    part = slice(max(0, inside[0] - _KEPT_BEFORE), inside[-1] + _KEPT_AFTER)
    return Text(text.features[part], text.states[part], text.weight)


def vocabulary(texts: Sequence[Text], least: int) -> dict[str, int]:
    """Map each feature that occurs in at least ``least`` texts to its row in the weight matrix."""
    counts = Counter(name for text in texts for name in {name for names in text.features for name in names})
    return {name: row for row, name in enumerate(sorted(name for name, count in counts.items() if count >= least))}


def _batches(texts: Sequence[Text], rows: Mapping[str, int]) -> list[_Batch]:
    ordered = sorted(texts, key=lambda text: len(text.features))
    total, filled = sum(len(text.features) for text in ordered), 0
    parts: list[list[Text]] = []
    part: list[Text] = []
    for text in ordered:
        part.append(text)
        filled += len(text.features)
        if filled * _BUCKETS >= total * (len(parts) + 1):
            parts.append(part)
            part = []
    return [_batch(one, rows) for one in (*parts, part) if one]


def _batch(texts: Sequence[Text], rows: Mapping[str, int]) -> _Batch:
    lines = [(names, state) for text in texts for names, state in zip(text.features, text.states, strict=True)]
    features = np.zeros((len(lines), len(rows)), dtype=np.float32)
    for number, (names, _) in enumerate(lines):
        features[number, [rows[name] for name in names if name in rows]] = 1
    places = np.full((len(texts), max(len(text.features) for text in texts)), -1, dtype=np.int64)
    start = 0
    for number, text in enumerate(texts):
        places[number, : len(text.features)] = range(start, start + len(text.features))
        start += len(text.features)
    states = np.array([STATES.index(state) for _, state in lines])
    return _Batch(features, places, states, np.array([text.weight for text in texts]))


def _gradient(batch: _Batch, emission: Array, transition: Array, start: Array) -> tuple[float, Array, Array, Array]:
    """Return the negative log-likelihood of a batch, and its gradients for ``emission``, ``transition`` and ``start``.

    ``emission`` contains the weights of the features, ``transition`` those of successive states, and ``start`` those of
    the first state.
    """
    scores = np.asarray(batch.features @ emission, dtype=float)
    real = batch.places >= 0
    padded = np.where(real[..., None], scores[batch.places], 0.0)
    top = padded.max(axis=2, keepdims=True)
    emitted = np.exp(padded - top)
    moves = np.exp(np.where(ALLOWED, transition, _FORBIDDEN))
    count, length = batch.places.shape
    forward, backward = np.zeros(padded.shape), np.ones(padded.shape)
    norms = np.ones((count, length))
    state = np.exp(np.where(STARTS, start, _FORBIDDEN)) * emitted[:, 0]
    for at in range(length):
        if at:
            state = (forward[:, at - 1] @ moves) * emitted[:, at]
            state = np.where(real[:, at, None], state, forward[:, at - 1])
        norms[:, at] = np.where(real[:, at], state.sum(axis=1), 1.0)
        forward[:, at] = state / state.sum(axis=1, keepdims=True)
    for at in range(length - 2, -1, -1):
        state = (emitted[:, at + 1] * backward[:, at + 1]) @ moves.T
        state /= state.sum(axis=1, keepdims=True)
        backward[:, at] = np.where(real[:, at + 1, None], state, 1.0)
    chances = forward * backward
    chances /= chances.sum(axis=2, keepdims=True)
    weight = batch.weights[:, None] * real
    targets = np.zeros(padded.shape)
    targets[real, batch.states[batch.places[real]]] = 1.0
    change = (chances - targets) * weight[..., None]
    flat = np.zeros(scores.shape, dtype=np.float32)
    flat[batch.places[real]] = change[real]
    pairs, gold = np.zeros(moves.shape), np.zeros(moves.shape)
    ahead = emitted[:, 1:] * backward[:, 1:]
    joint = np.einsum("nti,ntj,ij->nt", forward[:, :-1], ahead, moves, optimize=True)
    share = np.where(real[:, 1:], weight[:, 1:] / np.maximum(joint, 1e-300), 0.0)
    pairs = np.einsum("nti,ntj->ij", forward[:, :-1] * share[..., None], ahead, optimize=True) * moves
    before, after = batch.places[:, :-1][real[:, 1:]], batch.places[:, 1:][real[:, 1:]]
    np.add.at(gold, (batch.states[before], batch.states[after]), weight[:, 1:][real[:, 1:]])
    path = scores[np.arange(len(scores)), batch.states]
    best = np.zeros(batch.places.shape)
    best[real] = path[batch.places[real]]
    moved = np.where(ALLOWED, transition, _FORBIDDEN)
    steps = np.zeros(batch.places.shape)
    steps[:, 1:][real[:, 1:]] = moved[batch.states[before], batch.states[after]]
    first = batch.states[batch.places[:, 0]]
    steps[:, 0] = np.where(STARTS, start, _FORBIDDEN)[first]
    logs = (np.log(norms) + top[..., 0]) * real
    loss = float((batch.weights * (logs.sum(axis=1) - best.sum(axis=1) - steps.sum(axis=1))).sum())
    return loss, np.asarray(batch.features.T @ flat, dtype=float), pairs - gold, change[:, 0].sum(axis=0)


def train(
    texts: Sequence[Text], *, least: int = 4, decay: float = 2.0, rounds: int = 150, rate: float = 0.08
) -> Weights:
    """Train the weights on ``texts``.

    Features that occur in fewer than ``least`` texts are ignored. ``decay`` is the strength of the L2 penalty,
    ``rounds`` is the number of passes over all texts, and ``rate`` is the learning rate.

    Raises:
        ValueError: a text has a sequence of states that the model does not allow.
    """
    for text in texts:
        numbers = [STATES.index(state) for state in text.states]
        if not STARTS[numbers[0]] or not all(ALLOWED[a, b] for a, b in pairwise(numbers)):
            raise ValueError(f"this sequence of states is not allowed: {' '.join(dict.fromkeys(text.states))}")
    texts = [trimmed(text) for text in texts]
    rows = vocabulary(texts, least)
    batches = _batches(texts, rows)
    kinds = sorted({*GROUPS.values()})
    shared = np.array([[float(GROUPS.get(state) == kind) for state in STATES] for kind in kinds])
    own, common = np.zeros((len(rows), len(STATES))), np.zeros((len(rows), len(kinds)))
    parts = [own, common, np.zeros(ALLOWED.shape), np.zeros(STARTS.shape)]
    moments = [(np.zeros(part.shape), np.zeros(part.shape)) for part in parts]
    for step in range(1, rounds + 1):
        emission = parts[0] + parts[1] @ shared
        found = [_gradient(batch, emission, parts[2], parts[3]) for batch in batches]
        slope = sum(one[1] for one in found)
        slopes = [slope, slope @ shared.T, sum(one[2] for one in found), sum(one[3] for one in found)]
        pace = rate * min(1.0, 2 * (rounds - step + 1) / rounds)
        for part, (mean, square), gradient in zip(parts, moments, slopes, strict=True):
            whole = gradient + decay * part
            mean[...] += (1 - _BETAS[0]) * (whole - mean)
            square[...] += (1 - _BETAS[1]) * (whole**2 - square)
            part[...] -= pace * (mean / (1 - _BETAS[0] ** step)) / (np.sqrt(square / (1 - _BETAS[1] ** step)) + 1e-8)
    emission = parts[0] + parts[1] @ shared
    return Weights(rows, emission, np.where(ALLOWED, parts[2], _FORBIDDEN), np.where(STARTS, parts[3], _FORBIDDEN))
