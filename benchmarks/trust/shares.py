"""Percentages with confidence intervals, and the percentage of outputs that have findings of each kind."""

from collections.abc import Mapping, Sequence
from math import sqrt
from typing import Any

from service.checks.base import Code, Finding, needs_review

Codes = Mapping[str, frozenset[Code]]


def wilson(found: int, of: int, z: float = 1.96) -> list[float]:
    """Return the limits of the confidence interval for the share ``found`` / ``of``, in per cent (Wilson, 1927).

    ``z`` is the quantile of the normal distribution. By default, the result is the 95% interval.
    """
    if not of:
        return [0.0, 100.0]
    share, spread = found / of, z * z / of
    middle = (share + spread / 2) / (1 + spread)
    half = z / (1 + spread) * sqrt(share * (1 - share) / of + spread / (4 * of))
    return [round(100 * (middle - half), 1), round(100 * (middle + half), 1)]


def share(found: int, of: int) -> dict[str, Any]:
    """Return the share ``found`` / ``of`` in per cent, with its 95% interval."""
    return {"percent": round(100 * found / max(1, of), 1), "interval": wilson(found, of), "found": found, "of": of}


def with_findings(findings: Sequence[Sequence[Finding]]) -> dict[str, Any]:
    """Return the share of outputs with at least one finding, and the share with a finding that needs review.

    ``findings`` contains the findings for each output.
    """
    of = len(findings)
    return share(sum(map(bool, findings)), of) | {"for_review": share(sum(map(needs_review, findings)), of)}


def by_kind(findings: Sequence[Sequence[Finding]], codes: Codes) -> dict[str, Any]:
    """Return the result of `with_findings` for each kind of error.

    ``codes`` maps each kind to the codes of the findings that reveal it. The entry ``any`` counts the outputs with a
    finding of any kind. The entry ``needs review`` counts the outputs with a finding that needs review.
    """
    table = {kind: with_findings([[f for f in one if f.code in of] for one in findings]) for kind, of in codes.items()}
    return {
        **table,
        "any": share(sum(map(bool, findings)), len(findings)),
        "needs review": share(sum(map(needs_review, findings)), len(findings)),
    }
