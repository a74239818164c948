"""The command: ``python -m benchmarks.production``; ``--help`` names what can be chosen."""

import json
import subprocess
import sys
from pathlib import Path
from typing import Annotated, Any

import typer

from benchmarks import record, tables
from benchmarks.production import models, summary, translation

GIB = 2**30


def memory(work: Path) -> dict[str, Any]:
    """Resident bytes of a process of its own that serves both models, loaded and after work."""
    folders = [str(models.opus(work).folder), str(models.mt5(work, trimmed=True).folder)]
    command = [sys.executable, "-m", "benchmarks.production.memory", *folders]
    done = subprocess.run(command, cwd=record.ROOT, capture_output=True, text=True, check=True)
    found: dict[str, Any] = json.loads(done.stdout)
    return {**found, "peak_gib": round(found["worked"]["peak"] / GIB, 3)}


def on_gpu() -> dict[str, Any]:
    """The card, and the memory that torch took of it at most."""
    import torch  # noqa: PLC0415 - only where there is a GPU

    free, total = torch.cuda.mem_get_info()
    return {"name": torch.cuda.get_device_name(), "used_gib": round((total - free) / GIB, 2)}


def main(
    work: Annotated[Path, typer.Option(help="Folder for the weights, 5 GB; what is there is used again.")],
    device: str = "cpu",
    rounds: int = 5,
    *,
    save: Annotated[
        bool, typer.Option("--record", help="Write benchmarks/results/production[-cuda].json, for cpu the table, too.")
    ] = False,
) -> None:
    """Measure and print; rates and ratios are medians, with the least and the most of all rounds."""
    work.mkdir(parents=True, exist_ok=True)
    result: dict[str, Any] = {"device": device, "rounds": rounds}
    result["translation"] = translation.measure(work, device, rounds)
    print(json.dumps(result["translation"], indent=1), flush=True)
    result["summary"] = summary.measure(work, device, rounds)
    print(json.dumps(result["summary"], indent=1), flush=True)
    result["memory"] = memory(work) if device == "cpu" else on_gpu()
    print(json.dumps(result["memory"], indent=1), flush=True)
    if save:
        print(record.write("production" if device == "cpu" else f"production-{device}", result))
        if device == "cpu":
            print(*tables.rewrite({"production": tables.production({**record.provenance(), **result})}), sep="\n")


if __name__ == "__main__":
    typer.run(main)
