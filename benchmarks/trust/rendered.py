"""Format the results of the trust benchmarks as Markdown tables."""

from collections.abc import Mapping
from typing import Any

_COLUMNS = (
    *("kind", "error", "found", "95 % interval", "found for review", "errors"),
    *("good outputs flagged", "95 % interval", "flagged for review"),
)
_HEAD = (
    f"| {' | '.join(_COLUMNS)} |",
    "|---|---|---|---|---|---|---|---|---|",
)


def found_and_flagged(recall: Mapping[str, Any], false_alarms: Mapping[str, Any]) -> str:
    """Return a table of the shares of planted errors that were found and of good outputs that were flagged.

    ``recall`` contains the shares that were found, by kind of error and by error. ``false_alarms`` contains the shares
    that were flagged, by kind of error.
    """
    lines = list(_HEAD)
    for kind, rows in recall.items():
        for error, row in rows.items():
            flagged = _flagged(false_alarms[kind]) if error == "all" else "| | |"
            lines.append(f"| {kind} | {error} | {_found(row)} {flagged}")
    for name in ("any", "needs review"):
        row = false_alarms[name]
        lines.append(f"| {name} | | | | | | {row['percent']} % | {_interval(row)} | |")
    return "\n".join(lines)


def rows(parts: Mapping[str, Any]) -> str:
    """Return a table of the shares of references that need review, with one line for each part of the data sets."""
    lines = ["| part | findings read | need review | 95 % interval | without lost quotation marks |", "|---" * 5 + "|"]
    for name, row in parts.items():
        read = "yes" if row["read"] else "no"
        lines.append(
            f"| {name} | {read} | {row['found']} of {row['of']}, {row['percent']} % | {_interval(row)} "
            f"| {row['kept_marks']['percent']} % |"
        )
    return "\n".join(lines)


def alarms(columns: Mapping[str, Mapping[str, Any]]) -> str:
    """Return a table of the shares of outputs that were flagged, with one column for each set of outputs.

    ``columns`` contains the result of `shares.by_kind` for each set, by name. Each cell contains the share of outputs
    with at least one finding, followed by the share with a finding that needs review.
    """
    kinds = list(next(iter(columns.values())))
    lines = [f"| kind | {' | '.join(columns)} |", "|---" * (len(columns) + 1) + "|"]
    lines += [f"| {kind} | {' | '.join(_both(table[kind]) for table in columns.values())} |" for kind in kinds]
    return "\n".join(lines)


def _both(row: Mapping[str, Any]) -> str:
    review = f" ({row['for_review']['percent']})" if "for_review" in row else ""
    return f"{row['percent']}{review} %"


def _found(row: Mapping[str, Any]) -> str:
    return f"{row['percent']} % | {_interval(row)} | {row['for_review']['percent']} % | {row['of']}"


def _flagged(row: Mapping[str, Any]) -> str:
    return f"| {row['percent']} % | {_interval(row)} | {row['for_review']['percent']} % |"


def _interval(row: Mapping[str, Any]) -> str:
    low, high = row["interval"]
    return f"{low}–{high}"
