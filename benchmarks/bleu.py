"""BLEU and chrF with confidence intervals, and differences between two systems, computed with sacreBLEU."""

import random
from collections.abc import Sequence
from typing import Any

import numpy as np
import sacrebleu
from sacrebleu.metrics.base import Metric

RESAMPLES = 500
SEED = 12345


def scores(outputs: Sequence[str], references: Sequence[str], *, caseless: bool = False) -> dict[str, Any]:
    """Return BLEU and chrF with the half-widths of their 95 % bootstrap intervals, and sacreBLEU's signatures."""
    found: dict[str, Any] = {}
    for name, metric in _metrics(caseless=caseless).items():
        score = metric.corpus_score(list(outputs), [list(references)], n_bootstrap=RESAMPLES)
        found[name] = round(float(score.score), 1)
        found[f"{name}_pm"] = round(float(score._ci), 1)  # noqa: SLF001 - sacrebleu has no public name for the interval
        found[f"{name}_signature"] = str(metric.get_signature())
    return found


def loss(outputs: Sequence[str], others: Sequence[str], references: Sequence[str]) -> dict[str, float]:
    """Return how much lower the BLEU of ``outputs`` is than that of ``others``, the outputs of another system.

    ``bleu`` is the difference, ``pm`` the half-width of its 95 % interval, and ``same`` the percentage of lines that
    are identical in both outputs. The interval is computed by paired bootstrap (Koehn 2004): each resample uses the
    same lines for both systems, so the interval is that of the difference.
    """
    lost, half = _difference(sacrebleu.BLEU(), outputs, others, references)
    same = sum(one == other for one, other in zip(outputs, others, strict=True)) / len(outputs)
    return {"bleu": lost, "pm": half, "same": round(100 * same, 1)}


def gain(
    outputs: Sequence[str], others: Sequence[str], references: Sequence[str], *, caseless: bool = False
) -> dict[str, float]:
    """Return how much higher BLEU and chrF of ``outputs`` are than those of ``others``, the outputs of another system.

    Each difference comes with the half-width of its 95 % interval, computed by paired bootstrap.
    """
    found: dict[str, float] = {}
    for name, metric in _metrics(caseless=caseless).items():
        found[name], found[f"{name}_pm"] = _difference(metric, others, outputs, references)
    return found


def _metrics(*, caseless: bool) -> dict[str, Metric]:
    return {"bleu": sacrebleu.BLEU(lowercase=caseless), "chrf": sacrebleu.CHRF(lowercase=caseless)}


def _difference(
    metric: Metric, outputs: Sequence[str], others: Sequence[str], references: Sequence[str]
) -> tuple[float, float]:
    """Return the score of ``others`` minus that of ``outputs``, and the half-width of its 95 % interval."""
    ours, theirs = (_statistics(metric, texts, references) for texts in (outputs, others))
    rng = random.Random(SEED)
    places = range(len(references))
    drawn = (rng.choices(places, k=len(places)) for _ in range(RESAMPLES))
    differences = sorted(_score(metric, theirs[lines]) - _score(metric, ours[lines]) for lines in drawn)
    half = (differences[int(0.975 * RESAMPLES)] - differences[int(0.025 * RESAMPLES)]) / 2
    return round(_score(metric, theirs) - _score(metric, ours), 2), round(half, 2)


def _statistics(metric: Metric, outputs: Sequence[str], references: Sequence[str]) -> "np.ndarray[Any, Any]":
    """Return the n-gram counts from which ``metric`` computes its score, for each line, [lines, counts]."""
    return np.array(metric._extract_corpus_statistics(list(outputs), [list(references)]))  # noqa: SLF001 - as sacrebleu's own bootstrap does


def _score(metric: Metric, lines: "np.ndarray[Any, Any]") -> float:
    return float(metric._compute_score_from_stats(lines.sum(0).tolist()).score)  # noqa: SLF001 - the same
