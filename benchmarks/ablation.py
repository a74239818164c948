"""Short trainings compared by equal updates: ``python -m benchmarks.ablation with=WORK without=OTHER --of WHAT``.

Reads what ``python -m models.train`` left in the folders: the held-back losses that the trainings logged, which can be
compared where the held-back items are the same.
"""

import json
from pathlib import Path
from typing import Annotated, Any

import numpy as np
import typer

from benchmarks import record
from models.train.items import HELD


def row(work: Path) -> dict[str, Any]:
    """One training: items drawn at its end, and the held-back losses by updates."""
    lines = [json.loads(line) for line in (work / "log.jsonl").read_text("utf-8").splitlines()]
    return {"items": lines[-1]["items"], "held": {str(line["steps"]): line["held"] for line in lines}}


def held_back(work: Path) -> dict[str, list[int]]:
    """Ids of all held-back items, by source."""
    with np.load(work / "items.npz") as arrays:
        names = [name for name in arrays.files if name.endswith(f"{HELD}/ids")]
        return {name: arrays[name].tolist() for name in names}


def compared(works: dict[str, Path]) -> dict[str, Any]:
    """All trainings, cut to the updates that each of them reported losses at.

    Raises:
        ValueError: their held-back items differ.
    """
    first, *others = works.items()
    for name, work in others:
        if held_back(work) != held_back(first[1]):
            raise ValueError(f"the held-back items of {name} are not those of {first[0]}: losses cannot be compared")
    rows = {name: row(work) for name, work in works.items()}
    common = set.intersection(*(set(one["held"]) for one in rows.values()))
    for one in rows.values():
        one["held"] = {steps: held for steps, held in one["held"].items() if steps in common}
    return rows


def main(
    trainings: Annotated[list[str], typer.Argument(help="NAME=FOLDER of each training.")],
    of: Annotated[str, typer.Option(help="What they differ in: the last part of the record's name.")],
    setting: Annotated[str, typer.Option(help="The options of train that all of them had.")] = "",
    *,
    save: Annotated[bool, typer.Option("--record", help="Write the table to benchmarks/results.")] = False,
) -> None:
    """Print the rows, and record them on demand."""
    works = {name: Path(folder) for name, _, folder in (each.partition("=") for each in trainings)}
    table = compared(works)
    for name, one in table.items():
        print(name, json.dumps(one))
    if save:
        print(record.write(f"ablation-{of}", {"setting": setting, "table": table}))


if __name__ == "__main__":
    typer.run(main)
