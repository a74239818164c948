"""Compare the losses of short training runs that differ in one respect, after equal numbers of updates.

Usage: ``python -m benchmarks.ablation NAME=WORK NAME=WORK --of WHAT``. Each argument assigns a name to a training run,
whose work folder is WORK. WHAT describes the difference between the runs. The losses are measured on held-back items,
which are examples that are not used for training. The program reads the losses from the logs that ``python -m
models.train`` writes. Losses are comparable only if all runs hold back the same items.
"""

import json
from pathlib import Path
from typing import Annotated, Any

import numpy as np
import typer

from benchmarks import record
from models.train.items import HELD


def row(work: Path) -> dict[str, Any]:
    """Return the progress and the losses of the training run in the work folder ``work``.

    The entry ``items`` is the number of items that the run has drawn. The entry ``held`` maps numbers of updates to the
    losses on the held-back items after these updates.
    """
    lines = [json.loads(line) for line in (work / "log.jsonl").read_text("utf-8").splitlines()]
    return {"items": lines[-1]["items"], "held": {str(line["steps"]): line["held"] for line in lines}}


def held_back(work: Path) -> dict[str, list[int]]:
    """Return the token ids of the items that a training run holds back, by source.

    ``work`` is the work folder of the run.
    """
    with np.load(work / "items.npz") as arrays:
        names = [name for name in arrays.files if name.endswith(f"{HELD}/ids")]
        return {name: arrays[name].tolist() for name in names}


def compared(works: dict[str, Path]) -> dict[str, Any]:
    """Return the result of `row` for each training run, by name. ``works`` maps the names to the work folders.

    The losses are limited to those numbers of updates at which all runs measured their losses.

    Raises:
        ValueError: the runs hold back different items.
    """
    first, *others = works.items()
    for name, work in others:
        if held_back(work) != held_back(first[1]):
            raise ValueError(f"losses are not comparable: {name} and {first[0]} hold back different items")
    rows = {name: row(work) for name, work in works.items()}
    common = set.intersection(*(set(one["held"]) for one in rows.values()))
    for one in rows.values():
        one["held"] = {steps: held for steps, held in one["held"].items() if steps in common}
    return rows


def main(
    trainings: Annotated[list[str], typer.Argument(help="The training runs, each as NAME=FOLDER.")],
    of: Annotated[str, typer.Option(help="What differs between the runs. The name of the record ends with this text.")],
    setting: Annotated[str, typer.Option(help="The options of `train` that are the same for all runs.")] = "",
    *,
    save: Annotated[bool, typer.Option("--record", help="Write the table to benchmarks/results.")] = False,
) -> None:
    """Print the progress and the losses of each training run. With --record, also write them to benchmarks/results."""
    works = {name: Path(folder) for name, _, folder in (each.partition("=") for each in trainings)}
    table = compared(works)
    for name, one in table.items():
        print(name, json.dumps(one))
    if save:
        print(record.write(f"ablation-{of}", {"setting": setting, "table": table}))


if __name__ == "__main__":
    typer.run(main)
