"""The plot of a soak: resident memory and the cache's part of it over minutes, as SVG."""

import math
from collections.abc import Sequence

import svg

from benchmarks.soak.memory import Growth, Sample

WIDTH, HEIGHT, MARGIN = 800, 360, 56
TICKS = 5
INK, MEMORY, CACHE = "#222", "#0b5394", "#b45f06"


class Axes:
    """Where a time in seconds and a size in MiB lie, both from zero to a round number beyond the largest."""

    def __init__(self, samples: Sequence[Sample]) -> None:
        self.minutes = _round_up(max(one.at_s for one in samples) / 60)
        self.mib = _round_up(max(one.resident_mib for one in samples))

    def x(self, at_s: float) -> float:
        """Pixels from the left."""
        return round(MARGIN + (WIDTH - 2 * MARGIN) * at_s / 60 / self.minutes, 1)

    def y(self, mib: float) -> float:
        """Pixels from the top."""
        return round(HEIGHT - MARGIN - (HEIGHT - 2 * MARGIN) * mib / self.mib, 1)


def plot(samples: Sequence[Sample], title: str) -> str:
    """The whole file."""
    axes, growth = Axes(samples), Growth.of(samples)
    drawn = svg.SVG(
        width=WIDTH,
        height=HEIGHT,
        viewBox=svg.ViewBoxSpec(0, 0, WIDTH, HEIGHT),
        style="font: 12px sans-serif",
        elements=[
            svg.Rect(width=WIDTH, height=HEIGHT, fill="white"),
            _words(MARGIN, 24, title),
            *_grid(axes),
            _line(axes, [(one.at_s, one.resident_mib) for one in samples], MEMORY),
            _line(axes, [(one.at_s, one.cached_mib) for one in samples], CACHE),
            _words(MARGIN + 8, axes.y(growth.most_mib) - 8, "resident memory, MiB", MEMORY),
            _words(MARGIN + 8, axes.y(samples[-1].cached_mib) - 8, "of it the cache, by its own count", CACHE),
            _words(WIDTH / 2, HEIGHT - 12, "minutes"),
        ],
    )
    return str(drawn) + "\n"


def _round_up(value: float) -> float:
    """The next number of one digit and a power of ten, and its half steps, that is not below ``value``."""
    step = 10.0 ** math.floor(math.log10(value)) / 2
    return round(math.ceil(value / step) * step, 6)


def _grid(axes: Axes) -> list[svg.Element]:
    parts = [tick / TICKS for tick in range(TICKS + 1)]
    across: list[svg.Element] = []
    for part in parts:
        y, x = axes.y(part * axes.mib), axes.x(part * axes.minutes * 60)
        across += [
            svg.Line(x1=MARGIN, x2=WIDTH - MARGIN, y1=y, y2=y, stroke="#ddd"),
            _words(8, y + 4, f"{part * axes.mib:g}"),
            _words(x - 6, HEIGHT - MARGIN + 18, f"{part * axes.minutes:g}"),
        ]
    return across


def _line(axes: Axes, points: Sequence[tuple[float, float]], colour: str) -> svg.Element:
    placed = [svg.Point(axes.x(at_s), axes.y(mib)) for at_s, mib in points]
    return svg.Polyline(points=placed, fill="none", stroke=colour, stroke_width=1.5)


def _words(x: float, y: float, words: str, colour: str = INK) -> svg.Element:
    return svg.Text(x=x, y=y, text=words, fill=colour)
