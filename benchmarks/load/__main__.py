"""The command: ``python -m benchmarks.load``; ``--help`` names what can be chosen."""

import asyncio
import os
import statistics
import time
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import Annotated, Any, cast

import typer

from benchmarks import record
from benchmarks.load import libretranslate, peers, report
from benchmarks.load.articles import Article, read
from benchmarks.load.rounds import Work, interleaved, open_loops
from benchmarks.load.weights import Name, Weights, prepare

WORK = Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache") / "depesche-benchmarks"
SYSTEMS, WEIGHTS = "a1,a2,b,c,d", "embedded,full"
WARM_UP_ARTICLES = 16
ALONE_ARTICLES = 8
BESIDE_WARM_UP = 6
OF_CLOSED_LOOP = (0.5, 0.8)
# Parts of the articles by system: so many that a round of each takes some seconds to half a minute on two cores.
SHARES: dict[Name, dict[str, float]] = {
    "embedded": {"a1": 0.08, "a2": 0.25, "b": 0.25, "b-ships": 0.25, "a2-beam4": 0.15, "a2-bfloat16": 0.25},
    "full": {"a1": 0.03, "a2": 0.08} | {"a2-beam4": 0.04, "a2-bfloat16": 0.08, "c-beam4": 0.15, "d-beam4": 0.15},
}
OPEN_SHARES: dict[Name, float] = {"embedded": 1.0, "full": 0.25}
_started_s = time.monotonic()


def say(message: str) -> None:
    """Progress, with the seconds since the start."""
    print(f"{time.monotonic() - _started_s:6.0f} s  {message}", flush=True)


async def measure(
    weights: Weights, letters: Sequence[str], work: Work, rounds: int, *, venv: Path, also: bool, seed: int
) -> tuple[dict[str, Any], list[str]]:
    """All systems with one set of weights: the result's part for them, and notes for the reader."""
    notes: list[str] = []
    if weights.name == "full":
        notes.append("full: random weights; every output of every system is 32 tokens long")
    installed = None
    if "b" in letters and weights.name == "embedded":
        installed = libretranslate.install(venv, weights, WORK)
        if not installed.own_splitter:
            notes.append("b: its sentence splitter's model could not be downloaded; it cuts sentences as Depesche does")
    systems = peers.measured(letters, weights, installed)
    found = await interleaved(systems, work, rounds, say)
    mean_sentences = statistics.mean(len(article.sentences) for article in work.articles)
    result: dict[str, Any] = {
        "systems": report.rates(systems, found, mean_sentences),
        "ratios": report.ratios(report.TARGETS[weights.name], found),
        "beside": {},
        "open_loop": [],
    }
    if also:
        others = peers.beside(letters, weights, notes)
        result["beside"] = report.rates(
            others,
            await interleaved(others, replace(work, warm_up=work.warm_up[:BESIDE_WARM_UP]), 1, say),
            mean_sentences,
        )
    if also and (pair := peers.alone(letters, weights)):
        one_client = Work(work.articles[:ALONE_ARTICLES], work.warm_up[:1], 1, {})
        found_alone = await interleaved(pair, one_client, rounds, say)
        result["ratios"] += report.ratios([report.ALONE], found_alone, ", one client")
    if also and "d" in found:
        closed = statistics.median(one.sentences_per_s for one in found["d"]) / mean_sentences
        rates_per_s = [part * closed for part in OF_CLOSED_LOOP]
        arrivals = work.articles[: max(2, round(len(work.articles) * OPEN_SHARES[weights.name]))]
        loads = await open_loops(peers.depesche(weights), arrivals, rates_per_s, seed)
        result["open_loop"] = [report.latencies(*one) for one in zip(loads, rates_per_s, strict=True)]
        say("open loops done")
    return result, notes


def main(
    data: Annotated[
        Path | None,
        typer.Option(exists=True, file_okay=False, help="Folder of the data sets; none: the test sentences."),
    ] = None,
    systems: Annotated[str, typer.Option(help="Letters of the systems, with commas.")] = SYSTEMS,
    weights: Annotated[str, typer.Option(help="embedded, full or both, with a comma.")] = WEIGHTS,
    rounds: Annotated[int, typer.Option(min=1)] = 3,
    clients: Annotated[int, typer.Option(min=1, help="Concurrent clients of the closed loop.")] = 16,
    articles: Annotated[int, typer.Option(min=2, help="Articles a round, for the fast.")] = 96,
    seed: Annotated[int, typer.Option(help="Chooses the articles, their order and the arrivals.")] = 1,
    venv: Annotated[Path, typer.Option(help="LibreTranslate's environment; made where missing.")] = WORK
    / "libretranslate",
    *,
    also: Annotated[
        bool, typer.Option("--also/--targets-only", help="Beam 4, bfloat16, one client and open loops, too.")
    ] = True,
    save: Annotated[bool, typer.Option("--record", help="Write benchmarks/results/load.json.")] = False,
) -> None:
    """Measure, print the table, and record it on demand. A request that fails ends the run."""
    load = read(data, articles + min(articles, WARM_UP_ARTICLES), seed)
    busy = os.getloadavg()[0]
    result = _heading(load[:articles], rounds=rounds, clients=clients, given=data is not None, busy=busy)
    for name in cast("list[Name]", weights.split(",")):
        made = prepare(name, WORK)
        work = Work(load[:articles], load[articles:], clients, SHARES[name])
        part, notes = asyncio.run(measure(made, systems.split(","), work, rounds, venv=venv, also=also, seed=seed))
        result["weights"][name] = part
        result["notes"] += notes
    result["notes"] = list(dict.fromkeys(result["notes"]))
    print(report.table(result))
    if save:
        print(record.write("load", result))


def _heading(load: Sequence[Article], *, rounds: int, clients: int, given: bool, busy: float) -> dict[str, Any]:
    """What was measured, before any figure."""
    return {
        "rounds": rounds,
        "clients": clients,
        "articles": len(load),
        "sentences_an_article": round(statistics.mean(len(article.sentences) for article in load), 1),
        "source": "wikinews-de and wmt19" if given else "test sentences",
        "load_average_before": round(busy, 2),
        "weights": {},
        "notes": [],
    }


if __name__ == "__main__":
    typer.run(main)
