"""Figures (measured values) with their spread over several rounds, ratios between two systems, and Markdown tables."""

import statistics
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from typing import Any, Self


@dataclass(frozen=True, slots=True)
class Spread:
    """The median, minimum and maximum of a figure over all rounds."""

    median: float
    least: float
    most: float

    @classmethod
    def of(cls, values: Sequence[float]) -> Self:
        """Return the spread of one or more values, rounded to four significant digits."""
        return cls(*(float(f"{one:.4g}") for one in (statistics.median(values), min(values), max(values))))

    def __str__(self) -> str:
        return f"{self.median:g} ({self.least:g} to {self.most:g})"


def percentile(values: Sequence[float], percent: int) -> float:
    """Return the ``percent``-th percentile, interpolated between the two nearest values."""
    return statistics.quantiles(values, n=100, method="inclusive")[percent - 1]


def ratios(over: Sequence[float], under: Sequence[float]) -> Spread:
    """Return the spread of the ratios ``over`` / ``under`` of the same round.

    ``over`` and ``under`` contain the values of a figure for two systems, with one value for each round.
    """
    return Spread.of([one / other for one, other in zip(over, under, strict=True)])


def by_figure(rounds: Sequence[Mapping[str, float]]) -> dict[str, list[float]]:
    """Return the values of each figure in all rounds, by name of the figure."""
    return {name: [one[name] for one in rounds] for name in rounds[0]}


def own(rounds: Sequence[Mapping[str, float]], targets: Mapping[str, float]) -> list[dict[str, Any]]:
    """Return a row for each figure of one system, with the spread and the target (the maximum allowed value).

    ``rounds`` contains the figures of each round, by name. In a row, ``reached`` is True if the median is not greater
    than the target. If the figure has no target, ``target`` and ``reached`` are None.
    """
    rows = []
    for name, values in by_figure(rounds).items():
        spread, target = Spread.of(values), targets.get(name)
        reached = None if target is None else spread.median <= target
        rows.append({"figure": name, **asdict(spread), "target": target, "reached": reached})
    return rows


def compared(here: Sequence[Mapping[str, float]], other: Sequence[Mapping[str, float]]) -> list[dict[str, Any]]:
    """Return a row for each figure, with its spread for each of two systems and the spread of the ratio here / other.

    ``here`` and ``other`` contain the figures of the two systems: for each round, the values by name of the figure.
    """
    ours, theirs = by_figure(here), by_figure(other)
    return [
        {
            "figure": name,
            "other": asdict(Spread.of(theirs[name])),
            "here": asdict(Spread.of(values)),
            "ratio": asdict(ratios(values, theirs[name])),
        }
        for name, values in ours.items()
    ]


def own_table(rows: Sequence[Mapping[str, Any]]) -> str:
    """Format the rows returned by `own` as a Markdown table."""
    lines = ["| figure | median (minimum to maximum) | maximum allowed | result |", "|---|---|---|---|"]
    for row in rows:
        spread = Spread(row["median"], row["least"], row["most"])
        target = "–" if row["target"] is None else f"{row['target']:g}"
        verdict = {None: "", True: "reached", False: "missed"}[row["reached"]]
        lines.append(f"| {row['figure']} | {spread} | {target} | {verdict} |")
    return "\n".join(lines)


def compared_table(rows: Sequence[Mapping[str, Any]]) -> str:
    """Format the rows returned by `compared` as a Markdown table."""
    lines = ["| figure | other | here | here / other |", "|---|---|---|---|"]
    for row in rows:
        cells = (str(Spread(**row[name])) for name in ("other", "here", "ratio"))
        lines.append(f"| {row['figure']} | " + " | ".join(cells) + " |")
    return "\n".join(lines)
