"""BLEU and chrF with their intervals, and what one set of outputs loses against another, by sacreBLEU's statistics."""

import random
from collections.abc import Sequence
from typing import Any

import numpy as np
import sacrebleu

RESAMPLES = 500
SEED = 12345


def scores(outputs: Sequence[str], references: Sequence[str]) -> dict[str, Any]:
    """BLEU and chrF with half-widths of their 95 % bootstrap intervals, and the signatures."""
    found: dict[str, Any] = {}
    for name, metric in (("bleu", sacrebleu.BLEU()), ("chrf", sacrebleu.CHRF())):
        score = metric.corpus_score(list(outputs), [list(references)], n_bootstrap=RESAMPLES)
        found[name] = round(float(score.score), 1)
        found[f"{name}_pm"] = round(float(score._ci), 1)  # noqa: SLF001 - sacrebleu keeps the interval there
        found[f"{name}_signature"] = str(metric.get_signature())
    return found


def loss(outputs: Sequence[str], others: Sequence[str], references: Sequence[str]) -> dict[str, float]:
    """BLEU of ``others`` less that of ``outputs``, with half of its 95 % interval by paired bootstrap (Koehn 2004).

    Both are scored on the same resampled lines, so the interval is that of the difference. ``same`` counts lines in
    per cent that are letter for letter alike.
    """
    metric = sacrebleu.BLEU()
    ours, theirs = (_statistics(metric, texts, references) for texts in (outputs, others))
    rng = random.Random(SEED)
    places = range(len(references))
    drawn = (rng.choices(places, k=len(places)) for _ in range(RESAMPLES))
    losses = sorted(_score(metric, theirs[lines]) - _score(metric, ours[lines]) for lines in drawn)
    half = (losses[int(0.975 * RESAMPLES)] - losses[int(0.025 * RESAMPLES)]) / 2
    same = sum(one == other for one, other in zip(outputs, others, strict=True)) / len(outputs)
    return {
        "bleu": round(_score(metric, theirs) - _score(metric, ours), 2),
        "pm": round(half, 2),
        "same": round(100 * same, 1),
    }


def _statistics(metric: sacrebleu.BLEU, outputs: Sequence[str], references: Sequence[str]) -> "np.ndarray[Any, Any]":
    """N-gram counts of every line, [lines, 10]."""
    return np.array(metric._extract_corpus_statistics(list(outputs), [list(references)]))  # noqa: SLF001 - as its own bootstrap does


def _score(metric: sacrebleu.BLEU, lines: "np.ndarray[Any, Any]") -> float:
    return float(metric._compute_score_from_stats(lines.sum(0).tolist()).score)  # noqa: SLF001 - the same
