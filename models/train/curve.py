"""Plot the training log: the losses on held-back items against the number of items seen in training."""

import json
from pathlib import Path
from typing import Any
from xml.sax.saxutils import escape

WIDTH, HEIGHT, MARGIN = 900, 420, 50
COLOURS = ("#1b6ca8", "#c0392b", "#27865a", "#8e44ad", "#b9770e", "#117a8b", "#7b241c", "#5d6d7e", "#2e4053", "#a04000")


def read(log: Path) -> list[dict[str, Any]]:
    """Return the records of a training log, which contains one JSON object per line.

    Raises:
        ValueError: the log is empty.
    """
    lines = [json.loads(line) for line in log.read_text("utf-8").splitlines()]
    if not lines:
        raise ValueError(f"{log} is empty")
    return lines


def svg(lines: list[dict[str, Any]]) -> str:
    """Return an SVG plot of the records from `read`, with one curve for each held-out set."""
    sets = list(dict.fromkeys(name for line in lines for name in line["held"]))
    values = [value for line in lines for value in line["held"].values()]
    most, top, bottom = max(line["items"] for line in lines) or 1, max(values), min(values)
    span = (top - bottom) or 1.0

    def place(items: float, value: float) -> str:
        x = MARGIN + items / most * (WIDTH - 4 * MARGIN)
        return f"{x:.1f},{HEIGHT - MARGIN - (value - bottom) / span * (HEIGHT - 2 * MARGIN):.1f}"

    parts = [
        f'<text x="{MARGIN}" y="20">held-back loss, {bottom:.2f} to {top:.2f}, against up to {most:,} items</text>'
    ]
    for number, name in enumerate(sets):
        colour = COLOURS[number % len(COLOURS)]
        points = " ".join(place(line["items"], line["held"][name]) for line in lines if name in line["held"])
        last = next(line["held"][name] for line in reversed(lines) if name in line["held"])
        label = f"{escape(name)} {last:.3f}"
        parts.append(f'<polyline points="{points}" fill="none" stroke="{colour}" stroke-width="1.5"/>')
        parts.append(f'<text x="{WIDTH - 3 * MARGIN + 10}" y="{MARGIN + 18 * number}" fill="{colour}">{label}</text>')
    inside = "\n".join(parts)
    return (
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {WIDTH} {HEIGHT}" font-family="sans-serif" '
        f'font-size="12">\n<rect width="{WIDTH}" height="{HEIGHT}" fill="white"/>\n{inside}\n</svg>\n'
    )
