"""The confidence of a translated sentence: the estimated probability that it contains no major error.

The estimate is a logistic regression. Its coefficients are part of the model's manifest, and `benchmarks.confidence`
fits them.
"""

import math

from service.registry.manifest import ConfidenceTable

LEAST_LOG_PROB = -5.0
MOST_DOUBTS = 3


def features(log_prob: float, doubts: int) -> tuple[float, float]:
    """Return the features of a translated sentence: its log-probability and its doubts.

    ``log_prob`` is the log-probability per token that the model assigned to the translation. It is limited to -5 or
    more. ``doubts`` is the number of findings that need a review. It is limited to 3.
    """
    return max(log_prob, LEAST_LOG_PROB), float(min(doubts, MOST_DOUBTS))


def confidence(table: ConfidenceTable, log_prob: float | None, doubts: int) -> float | None:
    """Return the probability that a translated sentence has no major error, rounded to three decimals.

    The parameters are those of `features`. The result is None if the log-probability is unknown or not finite.
    """
    if log_prob is None or not math.isfinite(log_prob):
        return None
    weights = (table.log_prob, table.doubts)
    total = table.intercept + sum(w * x for w, x in zip(weights, features(log_prob, doubts), strict=True))
    return round(1 / (1 + math.exp(-max(-50.0, min(total, 50.0)))), 3)
