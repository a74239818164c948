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
    """Return BLEU and chrF with the half-widths of their 95% bootstrap intervals, and sacreBLEU's signatures.

    A signature states how sacreBLEU computed a score. If ``caseless`` is True, the scores ignore case.
    """
    found: dict[str, Any] = {}
    for name, metric in _metrics(caseless=caseless).items():
        score = metric.corpus_score(list(outputs), [list(references)], n_bootstrap=RESAMPLES)
        found[name] = round(float(score.score), 1)
        found[f"{name}_pm"] = round(float(score._ci), 1)  # noqa: SLF001 - sacrebleu has no public name for the interval
        found[f"{name}_signature"] = str(metric.get_signature())
    return found


def loss(outputs: Sequence[str], others: Sequence[str], references: Sequence[str]) -> dict[str, float]:
    """Return how much lower the BLEU of ``outputs`` is than that of ``others``, the outputs of another system.

    In the result, ``bleu`` is the difference, ``pm`` is the half-width of its 95% interval, and ``same`` is the
    percentage of outputs that are identical in both systems. The interval is computed by paired bootstrap (Koehn 2004):
    each resample uses the same lines for both systems.
    """
    lost, half = _difference(sacrebleu.BLEU(), outputs, others, references)
    same = sum(one == other for one, other in zip(outputs, others, strict=True)) / len(outputs)
    return {"bleu": lost, "pm": half, "same": round(100 * same, 1)}


def gain(
    outputs: Sequence[str], others: Sequence[str], references: Sequence[str], *, caseless: bool = False
) -> dict[str, float]:
    """Return how much higher BLEU and chrF of ``outputs`` are than those of ``others``, the outputs of another system.

    The half-width of the 95% interval of each difference is also returned. The intervals are computed by paired
    bootstrap. If ``caseless`` is True, the scores ignore case.
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
    """Return the score of ``others`` minus that of ``outputs``.

    Also return the half-width of the 95% confidence interval of this difference.
    """
    ours, theirs = (_statistics(metric, texts, references) for texts in (outputs, others))
    rng = random.Random(SEED)
    places = range(len(references))
    drawn = (rng.choices(places, k=len(places)) for _ in range(RESAMPLES))
    differences = sorted(_score(metric, theirs[lines]) - _score(metric, ours[lines]) for lines in drawn)
    half = (differences[int(0.975 * RESAMPLES)] - differences[int(0.025 * RESAMPLES)]) / 2
    return round(_score(metric, theirs) - _score(metric, ours), 2), round(half, 2)


def _statistics(metric: Metric, outputs: Sequence[str], references: Sequence[str]) -> "np.ndarray[Any, Any]":
    """Return the n-gram counts from which ``metric`` computes its score, as an array with one row for each line."""
    return np.array(metric._extract_corpus_statistics(list(outputs), [list(references)]))  # noqa: SLF001 - as sacrebleu's own bootstrap does


def _score(metric: Metric, lines: "np.ndarray[Any, Any]") -> float:
    return float(metric._compute_score_from_stats(lines.sum(0).tolist()).score)  # noqa: SLF001 - the same
