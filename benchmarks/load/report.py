"""Figures of a run: rates, ratios within rounds beside their targets, and the table of both."""

import statistics
from collections.abc import Mapping, Sequence
from typing import Any

from benchmarks.load.clients import Load
from benchmarks.load.system import Round, System

# By weights: numerator, denominator, least ratio of their articles a second.
TARGETS = {
    "embedded": (("d", "a1", 5.0), ("d", "b", 2.0), ("d", "b-ships", 4.0), ("d", "c", 0.75)),
    "full": (("d", "a1", 10.0), ("d", "a2", 4.0), ("d", "c", 0.90)),
}


# One article alone may take 1.1 times what raw CTranslate2 takes for its sentences.
ALONE = ("d", "c", 0.91)


def spread(values: Sequence[float], digits: int = 3) -> dict[str, float]:
    """Median, least and most."""
    found = {"median": statistics.median(values), "least": min(values), "most": max(values)}
    return {name: round(value, digits) for name, value in found.items()}


def rates(systems: Sequence[System], found: Mapping[str, Sequence[Round]], mean_sentences: float) -> dict[str, Any]:
    """By system: articles of ``mean_sentences`` a second, the median latency in a round, and how much was written."""
    table: dict[str, Any] = {}
    for system in systems:
        done = found[system.name]
        latencies_s = [one.latency_s for one in done if one.latency_s is not None]
        table[system.name] = {
            "what": system.what,
            "articles_per_s": spread([one.sentences_per_s / mean_sentences for one in done]),
            "sentences_a_round": done[0].sentences,
            "latency_s": spread(latencies_s) if latencies_s else None,
            "chars_a_sentence": round(statistics.mean(one.chars / one.sentences for one in done), 1),
        }
        choice = getattr(system, "choice", None)
        if choice:
            table[system.name]["choice"] = choice
    return table


def ratios(
    targets: Sequence[tuple[str, str, float]], found: Mapping[str, Sequence[Round]], of: str = ""
) -> list[dict[str, Any]]:
    """Each target whose two systems were measured: the ratios of their rates in the same round; ``of`` what."""
    table: list[dict[str, Any]] = []
    for over, under, target in targets:
        if over in found and under in found:
            pairs = zip(found[over], found[under], strict=True)
            measured = spread([one.sentences_per_s / other.sentences_per_s for one, other in pairs])
            reached = measured["median"] >= target
            table.append({"ratio": f"{over}/{under}{of}", "target": target, "measured": measured, "reached": reached})
    return table


def latencies(load: Load, rate_per_s: float) -> dict[str, float]:
    """Quantiles of an open loop's latencies, from the scheduled time."""
    cuts = statistics.quantiles(load.latencies_s, n=100, method="inclusive")
    found = {f"p{at}_s": round(cuts[at - 1], 3) for at in (50, 95, 99)}
    return {"rate_per_s": round(rate_per_s, 3), "requests": len(load.latencies_s), **found}


def table(result: Mapping[str, Any]) -> str:
    """The whole result as Markdown."""
    parts = [part for name, found in result["weights"].items() for part in _weights(name, found)]
    notes = [f"- {note}" for note in result["notes"]]
    return "\n".join([*parts, *notes])


def _weights(name: str, found: Mapping[str, Any]) -> list[str]:
    lines = [
        f"### {name} weights",
        "",
        "| system | | articles a second | latency, s | characters a sentence |",
        "|---|---|---|---|---|",
    ]
    for system, row in {**found["systems"], **found["beside"]}.items():
        cells = (row["what"], _cell(row["articles_per_s"]), _cell(row["latency_s"]), row["chars_a_sentence"])
        lines.append(f"| {system} | " + " | ".join(map(str, cells)) + " |")
    lines += ["", "| ratio | target | measured | |", "|---|---|---|---|"]
    for row in found["ratios"]:
        reached = "reached" if row["reached"] else "missed"
        lines.append(f"| {row['ratio']} | ≥ {row['target']} | {_cell(row['measured'])} | {reached} |")
    if found["open_loop"]:
        lines += ["", "| d, Poisson arrivals a second | p50, s | p95, s | p99, s |", "|---|---|---|---|"]
        lines += [
            f"| {row['rate_per_s']} | {row['p50_s']} | {row['p95_s']} | {row['p99_s']} |" for row in found["open_loop"]
        ]
    return [*lines, ""]


def _cell(values: Mapping[str, float] | None) -> str:
    return "–" if values is None else f"{values['median']} ({values['least']} to {values['most']})"
