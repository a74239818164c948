"""The command: ``python -m benchmarks.faults rolling`` or ``redis``; ``--help`` names what can be chosen."""

import asyncio
import os
from typing import Annotated, Any

import typer

from benchmarks import record
from benchmarks.faults.outage import break_redis
from benchmarks.faults.rolling import roll
from benchmarks.scale.cluster import require_programs

app = typer.Typer(add_completion=False)
Clients = Annotated[int, typer.Option(min=1, help="Callers at once.")]
Save = Annotated[bool, typer.Option("--record", help="Write the result beside the other records.")]


def _told(name: str, result: dict[str, Any], *, save: bool) -> None:
    """Print and record a result; exit code 1 where a request failed, or a process that was told to end."""
    print({key: value for key, value in result.items() if key != "phases"}, *result.get("phases", ()), sep="\n")
    if save:
        print(record.write(name, result))
    if result["failed"] or any(result.get("exit_codes", ())):
        raise typer.Exit(1)


@app.command()
def rolling(
    processes: Annotated[int, typer.Option(min=2)] = 4,
    requests: Annotated[int, typer.Option(min=1, help="Requests at least.")] = 5_000,
    clients: Clients = 8,
    *,
    save: Save = False,
) -> None:
    """Restart every process behind nginx, one after the other, under load."""
    require_programs()
    busy = round(os.getloadavg()[0], 2)
    done = asyncio.run(roll(processes, requests, clients))
    beside = {"processes": processes, "clients": clients, "load_average_before": busy}
    _told("rolling", {**beside, **done.record()}, save=save)


@app.command()
def redis(
    requests: Annotated[int, typer.Option(min=1, help="Requests of each phase at least.")] = 1_000,
    clients: Clients = 8,
    *,
    save: Save = False,
) -> None:
    """Kill, restore, pause and resume Redis under load."""
    require_programs()
    busy = round(os.getloadavg()[0], 2)
    done = asyncio.run(break_redis(requests, clients))
    _told("redis_outage", {"clients": clients, "load_average_before": busy, **done.record()}, save=save)


if __name__ == "__main__":
    app()
