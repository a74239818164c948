"""The command: ``python -m benchmarks.scale``; ``--help`` names what can be chosen."""

import asyncio
import os
import statistics
import time
from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import asdict
from pathlib import Path
from typing import Annotated, Any

import typer

from benchmarks import record, tables
from benchmarks.load.articles import Article, read
from benchmarks.scale import calibration, measured, report
from benchmarks.scale.capacity import Assumed, Costs, need
from benchmarks.scale.cluster import Missing, require_programs, running
from benchmarks.scale.demand import Demands
from benchmarks.scale.forecast import hits_by_replicas, latency_by_load
from benchmarks.scale.pages import pages
from benchmarks.scale.plan import Plan
from benchmarks.scale.simulation import Cluster, Outcome, closed_loop
from service.cores import available_cores

ALONE, CROWD = 24, 24
DAYS = (1_000, 10_000, 100_000, 1_000_000)
USUAL = Plan()
Runs = Mapping[int, list[Outcome]]
_started_s = time.monotonic()


def say(message: str) -> None:
    """Progress, with the seconds since the start."""
    print(f"{time.monotonic() - _started_s:6.0f} s  {message}", flush=True)


async def measure(
    plan: Plan, articles: Sequence[Article], processes: Sequence[int]
) -> tuple[Demands, Runs, Mapping[int, list[measured.Costs]]]:
    """Service times, then the rounds, in each of which every number of processes has its turn."""
    runs: dict[int, list[Outcome]] = defaultdict(list)
    costs: dict[int, list[measured.Costs]] = defaultdict(list)
    async with running(max(2, *processes)) as cluster:
        say("all processes are ready")
        demands = await calibration.measure(cluster, articles[:ALONE], articles[ALONE : ALONE + CROWD])
        say(f"service times: {report.service_times(demands)}")
        for number, order in enumerate(plan.orders, 1):
            for count in processes:
                outcome, cost = await measured.run(cluster, count, articles[ALONE + CROWD :], order, plan.clients)
                runs[count].append(outcome)
                costs[count].append(cost)
                say(f"round {number}, {count} processes: {outcome.per_s:.2f} articles a second")
    return demands, runs, costs


def simulated(plan: Plan, demands: Demands, cores: Mapping[int, Sequence[float]]) -> Runs:
    """The same rounds in the simulation; ``cores`` were free in each, by the number of processes."""
    orders = list(enumerate(plan.orders, plan.seed))
    return {
        count: [
            closed_loop(Cluster(count, most), demands, order, plan.clients, seed)
            for (seed, order), most in zip(orders, free, strict=True)
        ]
        for count, free in cores.items()
    }


def forecast(plan: Plan, demands: Demands, costs: Sequence[Mapping[str, Any]]) -> dict[str, Any]:
    """What follows from the measured figures: hits, latencies and the capacity model."""
    most = costs[-1]
    unit = Costs(
        miss_core_s=statistics.mean(one.core_s for one in demands.misses),
        hit_core_s=statistics.mean(demands.shared_s),
        redis_core_s_a_request=most["redis_core_ms_a_request"] / 1_000,
        redis_bytes_an_article=most["redis_bytes_an_article"],
    )
    return {
        "hits_by_replicas": hits_by_replicas(demands, plan.exponent, plan.seed),
        "latency_by_load": list(latency_by_load(demands, plan.seed)),
        "assumed": asdict(Assumed()),
        "needs": report.needs([need(unit, day, Assumed()) for day in DAYS]),
    }


def result_of(plan: Plan, articles: Sequence[Article], processes: Sequence[int]) -> dict[str, Any]:
    """Everything that is recorded."""
    busy, cores = os.getloadavg()[0], available_cores()
    demands, runs, found = asyncio.run(measure(plan, articles, processes))
    models = simulated(plan, demands, {count: [one.free_cores for one in found[count]] for count in processes})
    costs = [report.costs(count, found[count]) for count in processes]
    return {
        **asdict(plan),
        "cores": cores,
        "load_average_before": round(busy, 2),
        "compared": [report.compared(count, runs[count], models[count]) for count in processes],
        "costs": costs,
        "demands": asdict(demands),
        "service_times": report.service_times(demands),
        **forecast(plan, demands, costs),
    }


def main(
    data: Annotated[
        Path | None,
        typer.Option(exists=True, file_okay=False, help="Folder of the data sets; none: the test sentences."),
    ] = None,
    processes: Annotated[str, typer.Option(help="Numbers of processes, with commas.")] = "1,2,4",
    rounds: Annotated[int, typer.Option(min=1)] = USUAL.rounds,
    requests: Annotated[int, typer.Option(min=4, help="Requests of each run.")] = USUAL.requests,
    clients: Annotated[int, typer.Option(min=1, help="Concurrent clients.")] = USUAL.clients,
    catalogue: Annotated[int, typer.Option(min=1, help="Articles that may be asked for.")] = USUAL.catalogue,
    exponent: Annotated[float, typer.Option(min=0.0, help="Of Zipf's law: how uneven requests are.")] = USUAL.exponent,
    seed: Annotated[int, typer.Option(help="Chooses the articles and their order.")] = USUAL.seed,
    *,
    save: Annotated[bool, typer.Option("--record", help="Write results/scale.json and docs/scaling.md.")] = False,
) -> None:
    """Measure, simulate, print the tables, and record them on demand. A request that fails ends the run."""
    try:
        require_programs()
    except Missing as missing:
        print(f"skipped, nothing was measured: {missing}")
        return
    plan = Plan(rounds, requests, clients, catalogue, exponent, seed)
    articles = read(data, ALONE + CROWD + catalogue, seed)
    source = "test sentences" if data is None else "wikinews-de and wmt19"
    result = {"source": source, **result_of(plan, articles, sorted(int(count) for count in processes.split(",")))}
    made = pages({**record.provenance(), **result})
    print("\n\n".join(made.values()))
    if save:
        print(record.write("scale", result), *tables.rewrite(made))


if __name__ == "__main__":
    typer.run(main)
