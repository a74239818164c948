"""Simulated and measured side by side, medians of the rounds, and what the measured runs cost."""

import statistics
from collections.abc import Callable, Sequence
from typing import Any

from benchmarks.scale.caches import Tier
from benchmarks.scale.capacity import Need
from benchmarks.scale.demand import Demands
from benchmarks.scale.measured import TIERS, Costs
from benchmarks.scale.simulation import Outcome

MIB = 2**20
# By figure: how it is read from a run, and how far the simulation may be off, as a part of what was measured.
FIGURES: dict[str, tuple[Callable[[Outcome], float], float | None]] = {
    "articles_per_s": (lambda run: run.per_s, 0.20),
    "p50_s": (lambda run: quantile(run, 50), None),
    "p95_s": (lambda run: quantile(run, 95), 0.35),
}


def quantile(run: Outcome, percent: int) -> float:
    """That percentile of the latencies."""
    return statistics.quantiles(run.latencies_s, n=100, method="inclusive")[percent - 1]


def compared(processes: int, measured: Sequence[Outcome], simulated: Sequence[Outcome]) -> dict[str, Any]:
    """The medians of both, and how far the simulation is off."""
    row: dict[str, Any] = {"processes": processes}
    for name, (read, most) in FIGURES.items():
        real, model = sorted(map(read, measured)), statistics.median(map(read, simulated))
        off = model / statistics.median(real) - 1.0
        row[name] = {
            "measured": round(statistics.median(real), 3),
            "least": round(real[0], 3),
            "most": round(real[-1], 3),
            "simulated": round(model, 3),
            "off": round(off, 3),
            "reached": None if most is None else abs(off) <= most,
        }
    row["shares"] = {tier: {"measured": _share(measured, tier), "simulated": _share(simulated, tier)} for tier in TIERS}
    return row


def _share(runs: Sequence[Outcome], tier: Tier) -> float:
    return round(statistics.median(run.share(tier) for run in runs), 3)


def costs(processes: int, found: Sequence[Costs]) -> dict[str, Any]:
    """Medians of what the runs with so many processes cost."""

    def median(read: Callable[[Costs], float], digits: int) -> float:
        return round(statistics.median(map(read, found)), digits)

    return {
        "processes": processes,
        "core_s_a_request": median(lambda one: one.core_s / one.requests, 4),
        "free_cores": [one.free_cores for one in found],
        "resident_mib": median(lambda one: one.resident_bytes / MIB, 1),
        "memory_tier_mib": median(lambda one: one.cached_bytes / MIB, 2),
        "redis_bytes_an_article": median(lambda one: one.redis["memory_bytes"] / one.distinct, 0),
        "redis_core_ms_a_request": median(lambda one: one.redis["core_s"] / one.requests * 1_000, 3),
        "redis_commands_a_request": median(lambda one: one.redis["commands"] / one.requests, 1),
        "redis_traffic_bytes_a_request": median(lambda one: one.redis["traffic_bytes"] / one.requests, 0),
    }


def service_times(demands: Demands) -> dict[str, Any]:
    """Means of the measured demands, in milliseconds of one core."""
    misses = demands.misses
    means = {
        "miss_text": [one.text_s for one in misses],
        "miss_translation": [one.translation_s for one in misses],
        "miss_summary": [one.summary_s for one in misses],
        "memory_hit": demands.memory_s,
        "shared_hit": demands.shared_s,
        "outside": [demands.outside_s],
    }
    found: dict[str, Any] = {f"{name}_ms": round(statistics.mean(values) * 1_000, 2) for name, values in means.items()}
    sentences = statistics.mean(one.sentences for one in misses)
    return found | {
        "sentences": round(sentences, 1),
        "common": round(demands.common, 3),
        "batch_articles": demands.batch_articles,
    }


def needs(found: Sequence[Need]) -> list[dict[str, Any]]:
    """Rows of the capacity model."""
    return [
        {
            "articles_a_day": one.articles_a_day,
            "requests_per_s": round(one.requests_per_s, 2),
            "busy_cores": round(one.busy_cores, 2),
            "pods": one.pods,
            "redis_cores": round(one.redis_cores, 4),
            "redis_mib": round(one.redis_bytes / MIB, 1),
        }
        for one in found
    ]
