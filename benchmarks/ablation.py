"""Short trainings side by side, by equal updates: ``python -m benchmarks.ablation with=WORK without=OTHER --of WHAT``.

Reads what ``python -m models.train`` left in the folders: the corpora's sizes, and the held-back loss and chrF that
the trainings logged. Losses can be compared where the folders have the same ``pieces.model`` and held-back slice.
"""

import hashlib
import json
from pathlib import Path
from typing import Annotated, Any

import typer

from benchmarks import record

SAME = ("pieces.model", "translation/dev.tsv")


def row(work: Path) -> dict[str, Any]:
    """One training: pairs, held-back loss by updates, and the last chrF with the updates behind it."""
    folder = work / "translation"
    log = [json.loads(line) for line in (folder / "log.jsonl").read_text("utf-8").splitlines()]
    scored = [line for line in log if "dev_chrf" in line]
    return {
        "pairs": len((folder / "train.tsv").read_text("utf-8").splitlines()),
        "dev_loss": {str(line["steps"]): line["dev_loss"] for line in log if "dev_loss" in line},
        "dev_chrf": {str(line["steps"]): line["dev_chrf"] for line in scored},
    }


def compared(works: dict[str, Path]) -> dict[str, Any]:
    """All trainings, cut to the updates that each of them reported a loss at.

    Raises:
        ValueError: their vocabularies or held-back slices differ.
    """
    for name in SAME:
        if len({hashlib.sha256((work / name).read_bytes()).digest() for work in works.values()}) > 1:
            raise ValueError(f"{name} is not the same in all folders: their losses cannot be compared")
    rows = {name: row(work) for name, work in works.items()}
    common = set.intersection(*(set(one["dev_loss"]) for one in rows.values()))
    for one in rows.values():
        one["dev_loss"] = {steps: loss for steps, loss in one["dev_loss"].items() if steps in common}
    return rows


def main(
    trainings: Annotated[list[str], typer.Argument(help="NAME=FOLDER of each training.")],
    of: Annotated[str, typer.Option(help="What they differ in: the name of their table in the record.")],
    setting: Annotated[str, typer.Option(help="The options of train that all of them had.")] = "",
    *,
    save: Annotated[
        bool, typer.Option("--record", help="Write their table of benchmarks/results/ablation.json.")
    ] = False,
) -> None:
    """Print the rows, and record them on demand."""
    works = {name: Path(folder) for name, _, folder in (each.partition("=") for each in trainings)}
    table = compared(works)
    for name, one in table.items():
        print(name, json.dumps(one))
    if save:
        print(record.write_part("ablation", of, {"setting": setting, "table": table}))


if __name__ == "__main__":
    typer.run(main)
