"""What became of the lines: counted by code, the failures with their line numbers, never a text."""

from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

MOST_FAILURES_LISTED = 1_000


@dataclass(frozen=True, slots=True)
class Verdict:
    """What is counted of one line: its error's code (None: it has a result), and the codes of its warnings."""

    line: int
    error: str | None
    warnings: tuple[str, ...]


def verdict(record: Mapping[str, Any]) -> Verdict:
    """That of one record of the output."""
    if "error" in record:
        return Verdict(record["line"], record["error"]["code"], ())
    parts = [part for part in record["result"].values() if isinstance(part, dict)]
    warnings = tuple(warning["code"] for part in parts for warning in part.get("warnings", ()))
    return Verdict(record["line"], None, warnings)


class Tally:
    """Counts verdicts, those of earlier runs too; bounded in memory."""

    def __init__(self) -> None:
        self.lines = 0
        self.errors: Counter[str] = Counter()
        self._warnings: Counter[str] = Counter()
        self._failures: list[Verdict] = []

    @property
    def failed(self) -> int:
        """Lines that hold an error."""
        return self.errors.total()

    def add(self, one: Verdict) -> None:
        """Count one line."""
        self.lines += 1
        self._warnings.update(one.warnings)
        if one.error is not None:
            self.errors[one.error] += 1
            if len(self._failures) < MOST_FAILURES_LISTED:
                self._failures.append(one)

    def report(self) -> dict[str, Any]:
        """As it goes into the report; of the failures the first ``MOST_FAILURES_LISTED``, the output has them all."""
        return {
            "lines": self.lines,
            "done": self.lines - self.failed,
            "failed": self.failed,
            "errors_by_code": dict(self.errors.most_common()),
            "warnings_by_code": dict(self._warnings.most_common()),
            "failures": [{"line": one.line, "code": one.error} for one in self._failures],
            "failures_not_listed": self.failed - len(self._failures),
        }
