"""Sentences a second of both engines, side by side in one run: ``python -m benchmarks.engines``."""

import statistics
import time
from dataclasses import replace
from pathlib import Path
from typing import Annotated

import typer

from benchmarks import record, tables
from service.cores import available_cores
from service.engines.base import Engine
from service.engines.load import load_engine
from service.engines.tokenizer import Tokenizer
from service.manifest import EngineKind
from service.registry.catalog import Catalog
from service.settings import Settings
from service.types import EngineInput

SENTENCES = Path(__file__).parent.parent / "tests" / "data" / "sentences.txt"
KINDS: tuple[EngineKind, ...] = ("torch", "ctranslate2")
BATCHES = (1, 16, 64)


def timed(engine: Engine, items: list[EngineInput], batch: int) -> float:
    """Sentences a second over all ``items``, ``batch`` at a time."""
    start = time.perf_counter()
    for first in range(0, len(items), batch):
        engine.generate(items[first : first + batch])
    return len(items) / (time.perf_counter() - start)


def rates(
    engines: dict[EngineKind, Engine], items: list[EngineInput], rounds: int
) -> dict[int, dict[str, list[float]]]:
    """By batch size and engine: one rate a round. The engines take turns, so that a noisy moment hits both."""
    found: dict[int, dict[str, list[float]]] = {}
    for batch in BATCHES:
        found[batch] = {kind: [] for kind in engines}
        for engine in engines.values():
            engine.generate(items[:batch])
        for _ in range(rounds):
            for kind, engine in engines.items():
                found[batch][kind].append(timed(engine, items[: max(16, batch)], batch))
    return found


def main(
    model: str = "starter-de-en",
    rounds: int = 5,
    beam_size: int = 1,
    *,
    save: Annotated[bool, typer.Option("--record", help="Write benchmarks/results/engines.json.")] = False,
) -> None:
    """Measure and print; ratios are of the same round, with their spread."""
    entry = Catalog(Settings().models_dir).entry(model)
    threads = available_cores()
    engines = {k: load_engine(entry.manifest, entry.folder, k, device="cpu", threads=threads) for k in KINDS}
    tokenizer = Tokenizer(entry.manifest, entry.folder)
    sources = [tokenizer.encode(sentence) for sentence in SENTENCES.read_text("utf-8").splitlines() * 4][: max(BATCHES)]
    options = [replace(entry.manifest.decoding_options(len(s)), beam_size=beam_size, hypotheses=1) for s in sources]
    items = [EngineInput(source, option) for source, option in zip(sources, options, strict=True)]
    print(f"{model}, beam {beam_size}, {threads} threads, {rounds} rounds; sentences a second, median (least to most)")
    table = []
    for batch, by_engine in rates(engines, items, rounds).items():
        ratios = [c / t for c, t in zip(by_engine["ctranslate2"], by_engine["torch"], strict=True)]
        row = {
            "batch": batch,
            **{kind: _spread(values) for kind, values in by_engine.items()},
            "ratio": _spread(ratios),
        }
        table.append(row)
        cells = " | ".join(f"{name} {low:.1f} ({least:.1f} to {most:.1f})" for name, (low, least, most) in _cells(row))
        print(f"batch {batch:3d} | {cells}")
    if save:
        result = {"model": model, "beam_size": beam_size, "rounds": rounds, "table": table}
        print(record.write("engines", result))
        print(*tables.rewrite({"speed": tables.speed({**record.provenance(), **result})}), sep="\n")


def _spread(values: list[float]) -> tuple[float, float, float]:
    return (round(statistics.median(values), 2), round(min(values), 2), round(max(values), 2))


def _cells(row: dict[str, object]) -> list[tuple[str, tuple[float, float, float]]]:
    return [(name, value) for name, value in row.items() if isinstance(value, tuple)]


if __name__ == "__main__":
    typer.run(main)
