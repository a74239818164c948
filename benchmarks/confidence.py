"""Fit and measure the confidence of a translation model: ``python -m benchmarks.confidence MARKS [--record]``.

``MARKS`` is a file with tab-separated columns, one line for each mark of a translated sentence: the SHA-256 of the
source line, the log-probability per token, the number of findings for review, and 1 if the translation has a major
error, or 0 if not. A major error changes or omits content, or makes the sentence unusable. The file contains no text.

A sentence that two readers marked has two lines. The program fits the coefficients by logistic regression on all marks,
and prints them as the table ``confidence`` of the manifest. It measures the confidence by cross-validation: the hash
assigns each sentence to one of five folds, and its confidence is computed with coefficients that were fitted on the
other folds (Stone 1974, "Cross-Validatory Choice and Assessment of Statistical Predictions").
"""

from collections.abc import Callable, Sequence
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
FOLDS = 5
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
    def fold(self) -> int:
        """The fold of the sentence, from 0 to 4."""
        return int(self.line, 16) % FOLDS


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

    In an entry, ``marks`` is the number of marks in the range, ``said`` is their mean confidence, and ``true`` is the
    share of them that state no major error. Ranges without marks are left out.
    """
    found = []
    for number in range(BINS):
        inside = [n for n, value in enumerate(values) if min(int(value * BINS), BINS - 1) == number]
        if inside:
            said, true = (sum(of[n] for n in inside) / len(inside) for of in (values, good))
            row = {"from": number / BINS, "to": (number + 1) / BINS, "marks": len(inside)}
            found.append(row | {"said": round(said, 3), "true": round(true, 3)})
    return found


def calibration_error(rows: Sequence[dict[str, Any]]) -> float:
    """Return the expected calibration error: the mean distance between ``said`` and ``true``, weighted by marks."""
    total = sum(int(row["marks"]) for row in rows)
    apart = sum(row["marks"] * abs(float(row["said"]) - float(row["true"])) for row in rows)
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


def cross_validated(marked: Sequence[Marked], table: Callable[[Sequence[Marked]], ConfidenceTable]) -> list[float]:
    """Return the confidence of each sentence, in order. ``table`` fits a table on the sentences of the other folds."""
    tables = [table([one for one in marked if one.fold != fold]) for fold in range(FOLDS)]
    return [tables[one.fold].confidence(one.log_prob, one.doubts) or 0.0 for one in marked]


def measured(values: Sequence[float], marked: Sequence[Marked], below: float) -> dict[str, Any]:
    """Return how well the confidence ``values`` agrees with the marks: the calibration error, ranking and counts.

    ``below`` is the threshold of a low confidence.
    """
    good = [one.good for one in marked]
    rows = bins(values, good)
    low = [n for n, value in enumerate(values) if value < below]
    return {
        "sentences": len({one.line for one in marked}),
        "marks": len(marked),
        "with_major_error": sum(not one for one in good),
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
    revision = Catalog(Settings().models_dir).entry(MODEL).manifest.revision

    def table(some: Sequence[Marked]) -> ConfidenceTable:
        coefficients = dict(zip(("intercept", "log_prob", "doubts"), fit(some), strict=True))
        count = len({one.line for one in some})
        return ConfidenceTable(engine=ENGINE, revision=revision, below=below, sentences=count, **coefficients)

    print("[confidence]", *(f"{name} = {value!r}".replace("'", '"') for name, value in table(marked)), sep="\n")
    values = cross_validated(marked, table)
    folds = [[n for n, one in enumerate(marked) if one.fold == fold] for fold in range(FOLDS)]
    result: dict[str, Any] = {
        "model": MODEL,
        "revision": revision,
        "all": measured(values, marked, below),
        "folds": [measured([values[n] for n in fold], [marked[n] for n in fold], below) for fold in folds],
    }
    for name, part in (("all", result["all"]), *enumerate(result["folds"])):
        print(name, {key: value for key, value in part.items() if key != "bins"})
    for row in result["all"]["bins"]:
        print(f"  {row['from']:.1f}-{row['to']:.1f}: {row['marks']:4} said {row['said']:.2f} true {row['true']:.2f}")
    if save:
        print(record.write("confidence", result))


if __name__ == "__main__":
    typer.run(main)
