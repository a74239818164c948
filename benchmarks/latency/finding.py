"""A finding: one figure with its spread, beside the most that it may be."""

import statistics
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, field
from typing import Any

DIGITS = 3


class Failed(Exception):
    """What was to be measured did not happen as it had to."""


@dataclass(frozen=True, slots=True)
class Finding:
    """``figure`` in ``unit`` with the least and the most of its rounds or requests; ``target`` is the most allowed.

    ``beside`` holds further figures that explain it, by name.
    """

    part: str
    what: str
    unit: str
    figure: float
    least: float
    most: float
    target: float | None = None
    beside: Mapping[str, Any] = field(default_factory=dict)

    @classmethod
    def of(
        cls, part: str, what: str, unit: str, values: Sequence[float], target: float | None = None, **beside: Any
    ) -> "Finding":
        """The median of ``values``, one a round, with their spread."""
        figure, least, most = (round(value, DIGITS) for value in (statistics.median(values), min(values), max(values)))
        return cls(part, what, unit, figure, least, most, target, beside)

    @property
    def reached(self) -> bool | None:
        """Whether the figure keeps its target; None without one."""
        return None if self.target is None else self.figure <= self.target

    def record(self) -> dict[str, Any]:
        """As it is written to a file."""
        return {**asdict(self), "reached": self.reached}


def quantile(values: Sequence[float], percent: int) -> float:
    """The ``percent``-th of 100 quantiles, interpolated between the two values next to it."""
    return statistics.quantiles(values, n=100, method="inclusive")[percent - 1]


def table(findings: Sequence[Finding]) -> str:
    """All findings as Markdown."""
    lines = ["| part | figure | at most | measured (least to most) | |", "|---|---|---|---|---|"]
    for one in findings:
        target = "–" if one.target is None else f"{one.target:g} {one.unit}"
        measured = f"{one.figure:g} ({one.least:g} to {one.most:g}) {one.unit}".rstrip()
        verdict = {None: "", True: "reached", False: "missed"}[one.reached]
        lines.append(f"| {one.part} | {one.what} | {target.strip()} | {measured} | {verdict} |")
    return "\n".join(lines)
