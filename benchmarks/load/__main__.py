"""Measure throughput in new articles per second: ``python -m benchmarks.load [--against CHECKOUT] [--peers]``.

The program measures the service from this checkout. ``--against`` adds the service from the folder CHECKOUT, and
``--peers`` adds other systems. All systems use the weights of the small model `MODEL`, so that the program measures the
service around the model. All systems run during all rounds, and in each round they are measured one after another. Each
round uses new articles, which are the same for all systems. The load generator is wrk (a Debian package).
"""

import asyncio
import contextlib
import os
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, Any

import typer

from benchmarks import record
from benchmarks.articles import Articles
from benchmarks.checkout import Against, Data, Python, Threads, checkouts, settings_of
from benchmarks.figures import compared, compared_table, own, own_table
from benchmarks.load.libretranslate import libretranslate
from benchmarks.load.systems import Raw, System, Weights, depesche, naive

MODEL = "starter-de-en"
WARM_UP_ARTICLES = 16
RATE = "articles a second"


@dataclass(frozen=True, slots=True)
class Plan:
    """The parameters of the benchmark.

    ``data`` is the folder of the data sets, or None for generated articles. ``clients`` is the number of concurrent
    clients, and ``articles`` is the number of articles that are counted in each round.
    """

    data: Path | None
    rounds: int
    clients: int
    articles: int
    seed: int


async def measure(systems: Sequence[System], plan: Plan) -> dict[str, list[dict[str, float]]]:
    """Measure all systems in each round. Return the figures of all rounds, by name of the system.

    Raises:
        Failed: a request failed, or a sentence has no translation.
    """
    articles = Articles.of(plan.data, plan.seed)
    warm_up = articles.take("warm-up", WARM_UP_ARTICLES)
    found: dict[str, list[dict[str, float]]] = {system.name: [] for system in systems}
    async with contextlib.AsyncExitStack() as running:
        for system in systems:
            await running.enter_async_context(system)
            await system.warm_up(warm_up)
        for number in range(plan.rounds):
            some = articles.take(f"round {number}", 2 * plan.articles)
            for system in systems if number % 2 == 0 else reversed(systems):
                figures = await system.round(some, plan.clients)
                found[system.name].append(figures)
                print(f"round {number + 1}, {system.name}: {figures[RATE]:.3g} {RATE}", flush=True)
    return found


def peers() -> list[System]:
    """Return the systems to compare the service with.

    These systems use the weights and the beam size of the model `MODEL`.
    """
    weights = Weights.of(MODEL)
    return [naive(weights, "sentence"), naive(weights, "article"), libretranslate(weights), Raw(weights)]


def result_of(systems: Sequence[System], found: dict[str, list[dict[str, float]]]) -> dict[str, Any]:
    """Return the result to record: the figures for each system, and how they compare with those of this checkout.

    This checkout must be the last of ``systems``. ``found`` is the result of `measure`.
    """
    *others, ours = systems
    rates = {name: [{RATE: one[RATE]} for one in rounds] for name, rounds in found.items()}
    return {
        "systems": {one.name: {"what": one.what, "figures": own(found[one.name], {})} for one in systems},
        "against": {one.name: compared(rates[ours.name], rates[one.name]) for one in others},
    }


def main(
    against: Against = None,
    python: Python = None,
    data: Data = None,
    threads: Threads = None,
    rounds: Annotated[int, typer.Option(min=1)] = 5,
    clients: Annotated[int, typer.Option(min=1, help="Concurrent clients.")] = 16,
    articles: Annotated[
        int, typer.Option(min=1, help="Articles per round. Use at least four times the number of clients.")
    ] = 96,
    seed: Annotated[int, typer.Option(help="Seed that determines the articles.")] = 1,
    *,
    with_peers: Annotated[bool, typer.Option("--peers", help="Also measure other systems.")] = False,
    save: Annotated[bool, typer.Option("--record", help="Write a file to benchmarks/results.")] = False,
) -> None:
    """Measure and print the tables. With --record, also write them to benchmarks/results.

    If a request fails, the benchmark ends with an error.
    """
    plan, busy = Plan(data, rounds, clients, articles, seed), os.getloadavg()[0]
    settings = {"translation_model": MODEL, **settings_of(threads)}
    ours: list[System] = [depesche(one, **settings) for one in checkouts(against, python)]
    systems = [*(peers() if with_peers else ()), *ours]
    result = result_of(systems, asyncio.run(measure(systems, plan)))
    for name, system in result["systems"].items():
        print(f"\n{name}: {system['what']}\n\n{own_table(system['figures'])}")
    for name, rows in result["against"].items():
        print(f"\nother: {name}\n\n{compared_table(rows)}")
    if save:
        sizes = {"rounds": rounds, "clients": clients, "articles": articles, "load_average_before": round(busy, 2)}
        source = "made articles" if data is None else "eval/*.de"
        name = "load_peers" if with_peers else "load_against" if against else "load"
        print(record.write(name, {**sizes, "source": source, **result}))


if __name__ == "__main__":
    typer.run(main)
