"""The command: ``python -m benchmarks.scale``; ``--help`` names what can be chosen."""

import asyncio
import os
import statistics
import time
from collections import defaultdict
from collections.abc import Sequence
from dataclasses import asdict
from pathlib import Path
from typing import Annotated, Any

import typer

from benchmarks import record
from benchmarks.load.articles import Article, read
from benchmarks.scale import calibration, measured, report
from benchmarks.scale.capacity import Assumed, Costs, need
from benchmarks.scale.cluster import Missing, require_programs, running
from benchmarks.scale.demand import Demands
from benchmarks.scale.forecast import hits_by_replicas, latency_by_load
from benchmarks.scale.simulation import Cluster, Outcome, closed_loop
from benchmarks.scale.traffic import zipf
from service.cores import available_cores

ALONE, CROWD = 24, 24
DAYS = (1_000, 10_000, 100_000, 1_000_000)
Runs = dict[int, list[Outcome]]
_started_s = time.monotonic()


def say(message: str) -> None:
    """Progress, with the seconds since the start."""
    print(f"{time.monotonic() - _started_s:6.0f} s  {message}", flush=True)


async def measure(
    articles: Sequence[Article], orders: Sequence[Sequence[int]], processes: Sequence[int], clients: int
) -> tuple[Demands, Runs, dict[int, list[measured.Costs]]]:
    """Service times, then a round for each of the orders in which each number of processes has its turn."""
    runs: Runs = defaultdict(list)
    costs: dict[int, list[measured.Costs]] = defaultdict(list)
    async with running(max(2, *processes)) as cluster:
        say("all processes are ready")
        demands = await calibration.measure(cluster, articles[:ALONE], articles[ALONE : ALONE + CROWD])
        say(f"service times: {report.service_times(demands)}")
        for number, order in enumerate(orders, 1):
            for count in processes:
                outcome, cost = await measured.run(cluster, count, articles[ALONE + CROWD :], order, clients)
                runs[count].append(outcome)
                costs[count].append(cost)
                say(f"round {number}, {count} processes: {outcome.per_s:.2f} articles a second")
    return demands, runs, costs


def simulated(demands: Demands, orders: Sequence[Sequence[int]], processes: Sequence[int], clients: int) -> Runs:
    """The same rounds in the simulation."""
    cores = available_cores()
    return {
        count: [closed_loop(Cluster(count, cores), demands, order, clients, seed) for seed, order in enumerate(orders)]
        for count in processes
    }


def forecast(demands: Demands, costs: Sequence[dict[str, Any]], exponent: float, seed: int) -> dict[str, Any]:
    """What follows from the measured figures: hits, latencies and the capacity model."""
    most = costs[-1]
    unit = Costs(
        miss_core_s=statistics.mean(one.core_s for one in demands.misses),
        hit_core_s=statistics.mean(demands.shared_s),
        redis_core_s_a_request=most["redis_core_ms_a_request"] / 1_000,
        redis_bytes_an_article=most["redis_bytes_an_article"],
    )
    return {
        "hits_by_replicas": hits_by_replicas(demands, exponent, seed),
        "latency_by_load": list(latency_by_load(demands, seed)),
        "assumed": asdict(Assumed()),
        "needs": report.needs([need(unit, day, Assumed()) for day in DAYS]),
    }


def main(
    data: Annotated[
        Path | None,
        typer.Option(exists=True, file_okay=False, help="Folder of the data sets; none: the test sentences."),
    ] = None,
    processes: Annotated[str, typer.Option(help="Numbers of processes, with commas.")] = "1,2,4",
    rounds: Annotated[int, typer.Option(min=1)] = 5,
    requests: Annotated[int, typer.Option(min=4, help="Requests of each run.")] = 60,
    clients: Annotated[int, typer.Option(min=1, help="Concurrent clients.")] = 8,
    catalogue: Annotated[int, typer.Option(min=1, help="Articles that may be asked for.")] = 60,
    exponent: Annotated[float, typer.Option(min=0.0, help="Of Zipf's law: how uneven requests are.")] = 1.0,
    seed: Annotated[int, typer.Option(help="Chooses the articles and their order.")] = 1,
    *,
    save: Annotated[bool, typer.Option("--record", help="Write benchmarks/results/scale.json.")] = False,
) -> None:
    """Measure, simulate, print the tables, and record them on demand. A request that fails ends the run."""
    try:
        require_programs()
    except Missing as missing:
        print(f"skipped, nothing was measured: {missing}")
        return
    busy = os.getloadavg()[0]
    counts = sorted(int(count) for count in processes.split(","))
    articles = read(data, ALONE + CROWD + catalogue, seed)
    orders = [zipf(requests, catalogue, exponent, seed + number) for number in range(rounds)]
    demands, runs, costs = asyncio.run(measure(articles, orders, counts, clients))
    models = simulated(demands, orders, counts, clients)
    cost_rows = [report.costs(count, costs[count]) for count in counts]
    result = {
        "rounds": rounds,
        "requests": requests,
        "clients": clients,
        "catalogue": catalogue,
        "exponent": exponent,
        "source": "test sentences" if data is None else "wikinews-de and wmt19",
        "load_average_before": round(busy, 2),
        "compared": [report.compared(count, runs[count], models[count]) for count in counts],
        "costs": cost_rows,
        "service_times": report.service_times(demands),
        **forecast(demands, cost_rows, exponent, seed),
    }
    print(report.tables(result))
    if save:
        print(record.write("scale", result))


if __name__ == "__main__":
    typer.run(main)
