"""Measure the latency of a real server process: ``python -m benchmarks.latency [--against CHECKOUT]``.

With ``--against``, the service in the folder CHECKOUT is also measured. Both services are measured alternately, and
each ratio compares figures from the same round.
"""

import asyncio
import os
from typing import Annotated, Any

import typer

from benchmarks import record
from benchmarks.articles import Articles
from benchmarks.checkout import Against, Checkout, Data, Python, Threads, checkouts, in_turns, settings_of
from benchmarks.figures import compared, compared_table, own, own_table
from benchmarks.latency.parts import AGAINST, PARTS, TARGETS, Plan
from benchmarks.server import Server


async def measured(
    plan: Plan, names: list[str], subjects: list[Checkout], rounds: int, **settings: str
) -> dict[str, list[list[dict[str, float]]]]:
    """Measure the parts ``names`` of the benchmark on the checkouts ``subjects``.

    Return a list for each checkout, by name of the checkout. The list contains, for each part, the figures of all
    rounds. ``settings`` are settings of the servers.
    """
    found: dict[str, list[list[dict[str, float]]]] = {one.name: [] for one in subjects}
    for name in names:
        part = PARTS[name]

        async def measure(checkout: Checkout, server: Server, number: int, name: str = name) -> dict[str, float]:
            figures = await PARTS[name].measure(plan, checkout, server, number)
            print(f"{checkout.name}, {name}:", {what: round(value, 3) for what, value in figures.items()}, flush=True)
            return figures

        rows = await in_turns(subjects, measure, 1 if part.once else rounds, **settings, **part.settings)
        for one in subjects:
            found[one.name].append(rows[one.name])
    return found


def main(
    against: Against = None,
    python: Python = None,
    data: Data = None,
    threads: Threads = None,
    parts: Annotated[
        str,
        typer.Option(
            help=f"Comma-separated names of parts. Default: {', '.join(PARTS)}; with --against: {', '.join(AGAINST)}."
        ),
    ] = "",
    rounds: Annotated[int, typer.Option(min=1)] = 5,
    seconds: Annotated[float, typer.Option(min=0.1, help="Duration of each loop at a fixed rate.")] = 20.0,
    clients: Annotated[int, typer.Option(min=1, help="Number of clients that saturate the server.")] = 16,
    memory_articles: Annotated[int, typer.Option(min=12, help="Number of articles in the memory part.")] = 3_000,
    seed: Annotated[int, typer.Option(help="Seed that determines the articles.")] = 1,
    *,
    save: Annotated[bool, typer.Option("--record", help="Write a file to benchmarks/results.")] = False,
) -> None:
    """Measure and print the table. With --record, also write it to benchmarks/results.

    If a request fails, the benchmark ends with an error.
    """
    names = parts.split(",") if parts else list(AGAINST if against else PARTS)
    if unknown := sorted(set(names) - set(PARTS)):
        raise typer.BadParameter(f"unknown part: {', '.join(unknown)}")
    subjects, busy = checkouts(against, python), os.getloadavg()[0]
    plan = Plan(Articles.of(data, seed), seconds, clients, memory_articles)
    found = asyncio.run(measured(plan, names, subjects, rounds, **settings_of(threads)))
    rows: list[dict[str, Any]] = []
    for number in range(len(names)):
        if against is None:
            rows += own(found["here"][number], TARGETS)
        else:
            rows += compared(found["here"][number], found["other"][number])
    print(own_table(rows) if against is None else compared_table(rows))
    if save:
        sizes = {"rounds": rounds, "seconds": seconds, "clients": clients, "load_average_before": round(busy, 2)}
        what = {"source": "made articles" if data is None else "eval/*.de", "commits": [one.commit for one in subjects]}
        print(record.write("latency_against" if against else "latency", {**sizes, **what, "figures": rows}))


if __name__ == "__main__":
    typer.run(main)
