"""Figures with their spread over rounds, ratios of two systems within rounds, and their tables."""

import statistics
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from typing import Any, Self


@dataclass(frozen=True, slots=True)
class Spread:
    """The median of the rounds with the least and the most of them."""

    median: float
    least: float
    most: float

    @classmethod
    def of(cls, values: Sequence[float]) -> Self:
        """The spread of at least one value, to four significant digits."""
        return cls(*(float(f"{one:.4g}") for one in (statistics.median(values), min(values), max(values))))

    def __str__(self) -> str:
        return f"{self.median:g} ({self.least:g} to {self.most:g})"


def percentile(values: Sequence[float], percent: int) -> float:
    """The ``percent``-th of 100 quantiles, interpolated between the two values next to it."""
    return statistics.quantiles(values, n=100, method="inclusive")[percent - 1]


def ratios(over: Sequence[float], under: Sequence[float]) -> Spread:
    """The spread of the ratios within rounds."""
    return Spread.of([one / other for one, other in zip(over, under, strict=True)])


def by_figure(rounds: Sequence[Mapping[str, float]]) -> dict[str, list[float]]:
    """The values of all rounds by the figure's name."""
    return {name: [one[name] for one in rounds] for name in rounds[0]}


def own(rounds: Sequence[Mapping[str, float]], targets: Mapping[str, float]) -> list[dict[str, Any]]:
    """A row for each figure, with its target where it has one: the most that it may be."""
    rows = []
    for name, values in by_figure(rounds).items():
        spread, target = Spread.of(values), targets.get(name)
        reached = None if target is None else spread.median <= target
        rows.append({"figure": name, **asdict(spread), "target": target, "reached": reached})
    return rows


def compared(here: Sequence[Mapping[str, float]], other: Sequence[Mapping[str, float]]) -> list[dict[str, Any]]:
    """A row for each figure: both spreads, and that of the ratio here / other."""
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
    """The rows of `own` as Markdown."""
    lines = ["| figure | median (least to most) | at most | |", "|---|---|---|---|"]
    for row in rows:
        spread = Spread(row["median"], row["least"], row["most"])
        target = "–" if row["target"] is None else f"{row['target']:g}"
        verdict = {None: "", True: "reached", False: "missed"}[row["reached"]]
        lines.append(f"| {row['figure']} | {spread} | {target} | {verdict} |")
    return "\n".join(lines)


def compared_table(rows: Sequence[Mapping[str, Any]]) -> str:
    """The rows of `compared` as Markdown."""
    lines = ["| figure | other | here | here / other |", "|---|---|---|---|"]
    for row in rows:
        cells = (str(Spread(**row[name])) for name in ("other", "here", "ratio"))
        lines.append(f"| {row['figure']} | " + " | ".join(cells) + " |")
    return "\n".join(lines)
