"""Compare the speed of the engines torch and CTranslate2 in the service: ``python -m benchmarks.engines``.

Speed is measured in sentences per second.
"""

import asyncio
import contextlib
import time
from dataclasses import asdict
from typing import Annotated, Any

import typer

from benchmarks import record, tables
from benchmarks.articles import Articles
from benchmarks.checkout import Checkout
from benchmarks.figures import Spread, ratios
from benchmarks.server import NO_STORE, Server

KINDS = ("torch", "ctranslate2")
BATCHES = (1, 16, 64)
SENTENCES = 64


async def rates(rounds: int, seed: int) -> dict[int, dict[str, list[float]]]:
    """Return the sentences per second in each round, by request size (in sentences) and by engine.

    A single client sends all requests, one after another. ``seed`` determines the sentences.
    """
    sentences = Articles.of(None, seed).take("engines", 1, SENTENCES, SENTENCES)[0].sentences
    found: dict[int, dict[str, list[float]]] = {batch: {kind: [] for kind in KINDS} for batch in BATCHES}
    async with contextlib.AsyncExitStack() as stack:
        here = Checkout.here()
        running = {kind: await stack.enter_async_context(here.server(engine=kind)) for kind in KINDS}
        for batch in BATCHES:
            for number in range(rounds + 1):
                for kind, server in running.items():
                    rate = await _rate(server, sentences[: max(16, batch)], batch)
                    if number:  # the first round is the warm-up
                        found[batch][kind].append(rate)
    return found


async def _rate(server: Server, sentences: tuple[str, ...], batch: int) -> float:
    started_s = time.perf_counter()
    for first in range(0, len(sentences), batch):
        await server.post("/v1/translate", {"text": list(sentences[first : first + batch])}, NO_STORE)
    return len(sentences) / (time.perf_counter() - started_s)


def main(
    rounds: Annotated[int, typer.Option(min=1)] = 5,
    seed: Annotated[int, typer.Option(help="Seed that determines the sentences.")] = 1,
    *,
    save: Annotated[bool, typer.Option("--record", help="Write results/engines.json and the table in README.")] = False,
) -> None:
    """Measure and print the speeds and the ratio of the two engines. Each ratio compares speeds from the same round."""
    rows: list[dict[str, Any]] = []
    for batch, by_engine in asyncio.run(rates(rounds, seed)).items():
        spreads = {kind: asdict(Spread.of(values)) for kind, values in by_engine.items()}
        rows.append({"batch": batch, **spreads, "ratio": asdict(ratios(by_engine["ctranslate2"], by_engine["torch"]))})
    result = {"rounds": rounds, "table": rows}
    table = tables.speed({**record.provenance(), **result})
    print(table)
    if save:
        print(record.write("engines", result))
        print(*tables.rewrite({"speed": table}), sep="\n")


if __name__ == "__main__":
    typer.run(main)
