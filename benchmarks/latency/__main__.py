"""The command: ``python -m benchmarks.latency``; ``--help`` names what can be chosen."""

import asyncio
import os
from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import Annotated

import typer

from benchmarks import record
from benchmarks.latency import alone, edit, hits, memory, neighbour, probes, start
from benchmarks.latency.finding import Finding, table
from benchmarks.latency.plan import Plan

PARTS: dict[str, Callable[[Plan], Awaitable[list[Finding]]]] = {
    "alone": alone.measure,
    "edit": edit.measure,
    "hits": hits.measure,
    "probes": probes.measure,
    "neighbour": neighbour.measure,
    "memory": memory.measure,
    "start": start.measure,
}

USUAL = Plan(data=None)


async def measured(plan: Plan, parts: list[str]) -> list[Finding]:
    """The findings of the parts, one after the other."""
    findings: list[Finding] = []
    for name in parts:
        found = await PARTS[name](plan)
        print("\n".join(f"{one.part}: {one.what}: {one.figure:g} {one.unit}" for one in found), flush=True)
        findings += found
    return findings


def main(
    data: Annotated[
        Path | None,
        typer.Option(exists=True, file_okay=False, help="Folder of the data sets; none: the test sentences."),
    ] = None,
    parts: Annotated[str, typer.Option(help="Parts to measure, with commas.")] = ",".join(PARTS),
    rounds: Annotated[int, typer.Option(min=1)] = USUAL.rounds,
    seconds: Annotated[float, typer.Option(min=0.1, help="Length of each loop at a fixed rate.")] = USUAL.seconds,
    clients: Annotated[int, typer.Option(min=1, help="Clients that saturate the server.")] = USUAL.clients,
    memory_articles: Annotated[int, typer.Option(min=12, help="Articles of the memory part.")] = USUAL.memory_articles,
    seed: Annotated[int, typer.Option(help="Chooses the articles and the places of edits.")] = USUAL.seed,
    *,
    save: Annotated[bool, typer.Option("--record", help="Write benchmarks/results/latency.json.")] = False,
) -> None:
    """Measure, print the table, and record it on demand. A request that fails ends the run."""
    chosen = parts.split(",")
    if unknown := sorted(set(chosen) - set(PARTS)):
        raise typer.BadParameter(f"there is no part {', '.join(unknown)}")
    plan = Plan(data, rounds, seconds, clients, memory_articles, seed)
    busy = os.getloadavg()[0]
    findings = asyncio.run(measured(plan, chosen))
    print(table(findings))
    if save:
        result = {
            "rounds": rounds,
            "seconds": seconds,
            "clients": clients,
            "source": "test sentences" if data is None else "wikinews-de and wmt19",
            "load_average_before": round(busy, 2),
            "findings": [one.record() for one in findings],
        }
        print(record.write("latency", result))


if __name__ == "__main__":
    typer.run(main)
