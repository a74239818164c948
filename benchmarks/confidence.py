"""Fit and measure the confidence of a translation model: ``python -m benchmarks.confidence MARKS [--record]``.

``MARKS`` is a file with tab-separated columns, one line for each translated sentence: the SHA-256 of the source line,
the log-probability per token, the number of findings for review, and 1 if the translation has a major error, or 0 if
not. A major error changes or omits content, or makes the sentence unusable. The file contains no text.

A sentence that two readers marked has two lines. The hash decides whether a line belongs to the fit (five of eight) or
to the test. The program fits the coefficients by logistic regression, prints them as the table ``confidence`` of the
manifest, and measures the confidence on the test lines.
"""

import math
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, Any

import numpy as np
import typer

from benchmarks import record
from service.registry.catalog import Catalog
from service.registry.manifest import ConfidenceTable, confidence_features
from service.settings import Settings

BINS = 5
RIDGE = 0.1
"""The strength of the L2 penalty. It does not apply to the intercept."""
STEPS = 50
MODEL = "gemma-news-de-en"
ENGINE = "ctranslate2"


@dataclass(frozen=True, slots=True)
class Marked:
    """A translated sentence that a person has marked. ``good`` is True if it has no major error."""

    line: str
    log_prob: float
    doubts: int
    good: bool

    @property
    def fits(self) -> bool:
        """True if the sentence belongs to the fit, and False if it belongs to the test."""
        return int(self.line, 16) % 8 < 5


def read(path: Path) -> list[Marked]:
    """Read the marked sentences from a file."""
    rows = (line.split("\t") for line in path.read_text("utf-8").splitlines())
    return [Marked(line, float(log_prob), int(doubts), error == "0") for line, log_prob, doubts, error in rows]


def fit(marked: Sequence[Marked]) -> tuple[float, ...]:
    """Return the coefficients: the intercept, and one for each feature (see `confidence_features`).

    They maximise the log-likelihood of the marks minus an L2 penalty of the strength `RIDGE`. The method is Newton's.
    """
    x = np.array([(1.0, *confidence_features(one.log_prob, one.doubts)) for one in marked])
    y = np.array([float(one.good) for one in marked])
    penalty = np.diag([0.0, *[RIDGE] * (x.shape[1] - 1)])
    weights = np.zeros(x.shape[1])
    for _ in range(STEPS):
        p = 1 / (1 + np.exp(-x @ weights))
        gradient = x.T @ (y - p) - penalty @ weights
        weights += np.linalg.solve(x.T @ (x * (p * (1 - p))[:, None]) + penalty, gradient)
    return tuple(round(float(weight), 4) for weight in weights)


def bins(values: Sequence[float], good: Sequence[bool]) -> list[dict[str, Any]]:
    """Return the reliability diagram, with one entry for each of five equal ranges of the confidence.

    In an entry, ``said`` is the mean confidence of the sentences in the range, and ``true`` is the share of these
    sentences that have no major error. Ranges without sentences are left out.
    """
    found = []
    for number in range(BINS):
        inside = [n for n, value in enumerate(values) if min(int(value * BINS), BINS - 1) == number]
        if inside:
            said, true = (sum(of[n] for n in inside) / len(inside) for of in (values, good))
            row = {"from": number / BINS, "to": (number + 1) / BINS, "sentences": len(inside)}
            found.append(row | {"said": round(said, 3), "true": round(true, 3)})
    return found


def calibration_error(rows: Sequence[dict[str, Any]]) -> float:
    """Return the expected calibration error: the mean distance between ``said`` and ``true``, weighted by sentences."""
    total = sum(int(row["sentences"]) for row in rows)
    apart = sum(row["sentences"] * abs(float(row["said"]) - float(row["true"])) for row in rows)
    return round(float(apart) / max(1, total), 3)


def ranking(values: Sequence[float], good: Sequence[bool]) -> float:
    """Return the probability that a good sentence has a higher confidence than a bad one (the area under the ROC).

    Ties count half.
    """
    pairs = [
        (a, b)
        for a, fine in zip(values, good, strict=True)
        if fine
        for b, other in zip(values, good, strict=True)
        if not other
    ]
    return round(float(sum((a > b) + (a == b) / 2 for a, b in pairs)) / max(1, len(pairs)), 3)


def measured(table: ConfidenceTable, marked: Sequence[Marked]) -> dict[str, Any]:
    """Return how well the confidence of ``table`` agrees with the marks.

    The result contains the calibration error, the ranking, the bins and counts of sentences.
    """
    values = [table.confidence(one.log_prob, one.doubts) or 0.0 for one in marked]
    good = [one.good for one in marked]
    rows = bins(values, good)
    low = [n for n, value in enumerate(values) if value < table.below]
    bad = sum(not one for one in good)
    return {
        "sentences": len(marked),
        "with_major_error": bad,
        "calibration_error": calibration_error(rows),
        "ranking": ranking(values, good),
        "low_confidence": len(low),
        "low_confidence_with_major_error": sum(not good[n] for n in low),
        "bins": rows,
    }


def main(
    marks: Annotated[Path, typer.Argument(exists=True, dir_okay=False, help="File of marked sentences.")],
    *,
    below: Annotated[float, typer.Option(help="Confidence below which a sentence needs a review.")] = 0.4,
    save: Annotated[bool, typer.Option("--record", help="Write results/confidence.json.")] = False,
) -> None:
    """Fit the coefficients, print them and the measurements. With --record, write the measurements to a file."""
    marked = read(marks)
    fitted, tested = [one for one in marked if one.fits], [one for one in marked if not one.fits]
    weights = fit(fitted)
    manifest = Catalog(Settings().models_dir).entry(MODEL).manifest
    names = ("intercept", "log_prob", "doubts")
    coefficients = dict(zip(names, weights, strict=True))
    count = len({one.line for one in fitted})
    table = ConfidenceTable(engine=ENGINE, revision=manifest.revision, below=below, sentences=count, **coefficients)
    print("[confidence]", *(f"{name} = {value!r}".replace("'", '"') for name, value in table), sep="\n")
    result: dict[str, Any] = {
        "model": MODEL,
        "revision": manifest.revision,
        "fit": measured(table, fitted),
        "test": measured(table, tested),
    }
    for part in ("fit", "test"):
        print(part, {name: value for name, value in result[part].items() if name != "bins"})
        for row in result[part]["bins"]:
            said, true = f"said {row['said']:.2f}", f"true {row['true']:.2f}"
            print(f"  {row['from']:.1f}-{row['to']:.1f}: {row['sentences']:4} {said} {true}")
    if not all(map(math.isfinite, weights)):
        raise typer.Exit(1)
    if save:
        print(record.write("confidence", result))


if __name__ == "__main__":
    typer.run(main)
