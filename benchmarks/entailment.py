"""Measure how well the summary model recognises entailment: ``python -m benchmarks.entailment --data DIR``.

The model answers the question of whether a hypothesis follows from a premise with “ja” or “nein”. The entailment score
is log P(ja) - log P(nein). A hypothesis is accepted if its score reaches a threshold. For each threshold, precision is
the share of accepted hypotheses that follow from their premises. Recall is the share of hypotheses that are accepted
among those that follow. The pairs are the test splits of the files in DIR/guard, which are not used for training.
"""

import asyncio
import json
import lzma
import random
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, Any

import typer

from benchmarks import record
from benchmarks.trust.shares import wilson
from service.app import plan_of
from service.events import ignore
from service.generation.base import Scorer
from service.generation.local import EngineChoice, load_generator
from service.registry.catalog import Catalog, choose
from service.settings import Settings
from service.summarization.candidates import entailment_outputs

FILES = {"rte3-de": ("premise", "hypothesis", "entailment"), "pawsx-de-human": ("sentence1", "sentence2", "paraphrase")}
THRESHOLDS = (-2.0, -1.0, 0.0, 1.0, 2.0, 3.0, 4.0)
SEED = 1
PAIRS_A_CALL = 32


@dataclass(frozen=True, slots=True)
class Pair:
    """A premise, a hypothesis, and whether human annotators judged that the hypothesis follows from the premise."""

    premise: str
    hypothesis: str
    follows: bool


def test_pairs(data: Path, name: str, limit: int | None) -> list[Pair]:
    """Return the pairs in the test split of the data set ``name``, in random order.

    If ``limit`` is not None, at most ``limit`` pairs are returned.
    """
    fields = FILES[name]
    with lzma.open(data / "guard" / f"{name}.jsonl.xz", "rt", encoding="utf-8") as lines:
        rows = [row for row in map(json.loads, lines) if row["split"] == "test"]
    pairs = [Pair(*(row[field] for field in fields)) for row in rows]
    random.Random(SEED).shuffle(pairs)
    return pairs[:limit]


async def scores(scorer: Scorer, pairs: Sequence[Pair]) -> list[float]:
    """Return the entailment score of each pair, in order."""
    found: list[float] = []
    for start in range(0, len(pairs), PAIRS_A_CALL):
        part = pairs[start : start + PAIRS_A_CALL]
        outputs = [one for pair in part for one in entailment_outputs(pair.premise, pair.hypothesis)]
        log_probs = await scorer.log_probs(outputs)
        found += [yes - no for yes, no in zip(log_probs[::2], log_probs[1::2], strict=True)]
    return found


def row(pairs: Sequence[Pair], found: Sequence[float], threshold: float) -> dict[str, Any]:
    """Return precision and recall in per cent at a threshold, with their 95% intervals.

    ``found`` contains the entailment score of each pair. Precision is None if no hypothesis is accepted, and recall is
    None if no hypothesis follows from its premise.
    """
    accepted = [pair.follows for pair, score in zip(pairs, found, strict=True) if score >= threshold]
    right, follow = sum(accepted), sum(pair.follows for pair in pairs)
    return {
        "threshold": threshold,
        "accepted": len(accepted),
        "precision": _share(right, len(accepted)),
        "recall": _share(right, follow),
    }


def _share(found: int, of: int) -> dict[str, float] | None:
    if not of:
        return None
    least, most = wilson(found, of)
    return {"percent": round(100 * found / of, 1), "least": least, "most": most}


async def measure(data: Path, limit: int | None) -> dict[str, Any]:
    """Return precision and recall of the configured summary model, for each data set and at several thresholds.

    ``data`` is the folder of the data sets. If ``limit`` is not None, at most ``limit`` pairs of each data set are
    used.

    Raises:
        SystemExit: the summary model is not causal, so it has no entailment score.
    """
    plan = plan_of(Settings())
    catalog = Catalog(plan.models_dir, plan.installed_dir)
    entry = choose(catalog, "summary", plan.source_lang, plan.source_lang, plan.profile, plan.names.get("summary"))
    if entry is None or not entry.manifest.causal:
        raise SystemExit("the served summary model is not causal, so it has no entailment score")
    kind = plan.engine or entry.manifest.engine
    choice = EngineChoice(kind, plan.device, plan.threads, plan.replicas, plan.compute_type)
    model = await load_generator(entry, choice, plan.limits, ignore, lambda: None)
    await model.start()
    try:
        table = {}
        for name in FILES:
            pairs = test_pairs(data, name, limit)
            found = await scores(model, pairs)
            least = entry.manifest.acceptance.least_entailment
            table[name] = {
                "pairs": len(pairs),
                "follow": sum(pair.follows for pair in pairs),
                "rows": [row(pairs, found, threshold) for threshold in sorted({*THRESHOLDS, least})],
            }
        return {"model": entry.manifest.id, "revision": entry.manifest.revision, "least": least, "table": table}
    finally:
        await model.close(0.0)


def main(
    data: Annotated[Path, typer.Option(exists=True, file_okay=False, help="Folder of the data sets.")],
    limit: Annotated[
        int | None, typer.Option(min=1, help="Maximum number of pairs of a file, for a quick look.")
    ] = None,
    *,
    save: Annotated[bool, typer.Option("--record", help="Write benchmarks/results/entailment.json.")] = False,
) -> None:
    """Measure and print the tables. With --record, also write them to benchmarks/results/entailment.json."""
    result = asyncio.run(measure(data, limit))
    for name, found in result["table"].items():
        print(
            f"\n{name}: {found['pairs']} pairs, of which {found['follow']} follow; least_entailment {result['least']}\n"
        )
        print("| threshold | accepted | precision | 95 % | recall | 95 % |\n|---|---|---|---|---|---|")
        for one in found["rows"]:
            cells = " | ".join(_cells(one[name]) for name in ("precision", "recall"))
            print(f"| {one['threshold']:+} | {one['accepted']} | {cells} |")
    if save:
        print(record.write("entailment", result))


def _cells(share: dict[str, float] | None) -> str:
    return "– | –" if share is None else f"{share['percent']} % | {share['least']}–{share['most']}"


if __name__ == "__main__":
    typer.run(main)
