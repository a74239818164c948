"""The command: ``python -m benchmarks.soak``; ``--help`` names what can be chosen."""

import asyncio
import os
import random
import sys
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Annotated, Any

import typer

from benchmarks import record
from benchmarks.latency.finding import Failed
from benchmarks.load.articles import read
from benchmarks.load.server import Server, free_port
from benchmarks.soak.callers import Caller
from benchmarks.soak.load import Tally, soak
from benchmarks.soak.memory import Growth, Sample, watch
from benchmarks.soak.plot import plot
from benchmarks.soak.texts import Newsroom

ARTICLES = 60
# Small enough to be full within the first minutes: what grows afterwards is not the cache.
CACHE_BYTES = 8 * 2**20
PLOT = record.RESULTS / "soak.svg"


@dataclass(frozen=True, slots=True)
class Plan:
    """How long, how many at once, and how often memory is looked at."""

    data: Path | None
    minutes: float = 20.0
    clients: int = 6
    every_s: float = 5.0
    seed: int = 1


@dataclass(frozen=True, slots=True)
class Soaked:
    """What came of it: outcomes, samples of memory, and the exit code after SIGTERM."""

    tally: Tally
    samples: list[Sample]
    exit_code: int | None


async def run(plan: Plan) -> Soaked:
    """Soak one new process.

    Raises:
        SystemExit: it did not become ready.
        Failed: it ended.
    """
    port, admin_port = free_port(), free_port()
    extra = {
        "DEPESCHE_PORT": str(port),
        "DEPESCHE_ADMIN_PORT": str(admin_port),
        "DEPESCHE_PROFILE": "embedded",
        "DEPESCHE_CACHE_BYTES": str(CACHE_BYTES),
        "DEPESCHE_LOG_LEVEL": "error",
    }
    sentences = [sentence for one in read(plan.data, ARTICLES, plan.seed) for sentence in one.sentences]
    samples: list[Sample] = []
    server = Server([sys.executable, "-m", "service", "serve"], port, "/readyz", extra=extra)
    async with server:
        admin, texts = f"http://127.0.0.1:{admin_port}", Newsroom(sentences, plan.seed)
        caller = Caller(server.http, admin, texts, random.Random(plan.seed))
        tally = await _watched(server, caller, plan, samples)
    return Soaked(tally, samples, server.exit_code)


async def _watched(server: Server, caller: Caller, plan: Plan, samples: list[Sample]) -> Tally:
    watching = asyncio.create_task(watch(server, server.pid, plan.every_s, samples))
    loading = asyncio.create_task(soak(caller, plan.clients, plan.minutes * 60))
    try:
        await asyncio.wait([watching, loading], return_when=asyncio.FIRST_COMPLETED)
        if watching.done():
            raise Failed("memory could not be read: the process is gone") from watching.exception()
        return loading.result()
    finally:
        watching.cancel()
        loading.cancel()


def result_of(plan: Plan, soaked: Soaked, load_average: float) -> dict[str, Any]:
    """What is recorded."""
    growth, tally = Growth.of(soaked.samples), soaked.tally
    return {
        "minutes": plan.minutes,
        "clients": plan.clients,
        "cache_bytes": CACHE_BYTES,
        "source": "test sentences" if plan.data is None else "wikinews-de and wmt19",
        "load_average_before": round(load_average, 2),
        "load_average_after": round(os.getloadavg()[0], 2),
        "requests": sum(tally.counts.values()),
        "unexpected": tally.unexpected,
        "outcomes": tally.by_outcome(),
        "by_kind": tally.by_kind(),
        "exit_code": soaked.exit_code,
        "resident_mib_by_quarter": growth.quarters_mib,
        "growth_mib": growth.mib,
        "growth_percent": growth.percent,
        "most_mib": growth.most_mib,
        "samples": [asdict(one) for one in soaked.samples],
    }


def words(result: dict[str, Any]) -> str:
    """The result in two lines."""
    quarters = ", ".join(f"{one:g}" for one in result["resident_mib_by_quarter"])
    grown = f"growth from the first to the last {result['growth_mib']:+g} MiB ({result['growth_percent']:+g} %)"
    asked = f"{result['requests']:,} requests in {result['minutes']:g} minutes, {result['unexpected']} unexpected"
    return (
        f"{asked}, exit code {result['exit_code']}: {result['outcomes']}\n"
        f"resident MiB by quarter: {quarters}; {grown}, most {result['most_mib']:g}"
    )


def main(
    data: Annotated[
        Path | None,
        typer.Option(exists=True, file_okay=False, help="Folder of the data sets; none: the test sentences."),
    ] = None,
    minutes: Annotated[float, typer.Option(min=0.05)] = 20.0,
    clients: Annotated[int, typer.Option(min=1, help="Callers at once.")] = 6,
    every_s: Annotated[float, typer.Option(min=0.1, help="Seconds between two looks at memory.")] = 5.0,
    seed: Annotated[int, typer.Option(help="Chooses the texts and the kinds of callers.")] = 1,
    *,
    save: Annotated[bool, typer.Option("--record", help="Write results/soak.json and results/soak.svg.")] = False,
) -> None:
    """Soak, print the figures, and record them with a plot on demand; exit code 1 where something unexpected came."""
    plan, busy = Plan(data, minutes, clients, every_s, seed), os.getloadavg()[0]
    soaked = asyncio.run(run(plan))
    result = result_of(plan, soaked, busy)
    print(words(result))
    if save:
        print(record.write("soak", result))
        title = f"{minutes:g} minutes, {clients} callers at once, {result['requests']:,} requests"
        PLOT.write_text(plot(soaked.samples, title), "utf-8")
    if result["unexpected"] or soaked.exit_code != 0:
        raise typer.Exit(1)


if __name__ == "__main__":
    typer.run(main)
