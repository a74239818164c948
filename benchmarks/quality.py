"""Measure the quality of the models in the running service: ``python -m benchmarks.quality --data DIR``.

Translations are scored with BLEU and chrF on held-out test sets. The program also scores the stored outputs of other
systems and lists published scores. Summaries are scored with ROUGE F for three methods: the first three sentences of
the article, the extractive summary and the abstractive summary. The extractive and the abstractive summary may have at
most as many words as the first three sentences. Each computed score has a 95% bootstrap interval.
"""

import asyncio
import csv
import json
import lzma
import random
from collections.abc import Sequence
from pathlib import Path
from typing import Annotated, Any

import sacrebleu
import typer
from rouge_score.rouge_scorer import RougeScorer

from benchmarks import bleu, record, tables
from benchmarks.bleu import RESAMPLES, SEED
from benchmarks.checkout import Checkout
from benchmarks.server import NO_STORE, Server
from benchmarks.texts import copied_percent, kept_translations, lines_of, words

SETS = ("wmt19", "wmt20", "flores-dev")
PEERS = ("google", "microsoft", "bergamot-tiny")
PUBLISHED = {"opusmt": "opus-mt", "argos": "argos"}
ROUGE = ("rouge1", "rouge2", "rougeL")
METHODS = ("lead", "extractive", "abstractive")
LEAD_SENTENCES = 3
# The worst outputs are quoted, so they come from the set whose terms allow it (CC BY-SA 4.0).
WORST_SET = "flores-dev"
WORST = 10
# The engine `torch` computes in float32 with the stored weights, without quantisation.
REFERENCE = {"engine": "torch"}

Outputs = dict[str, list[str]]


class GermanTokenizer:
    """A tokenizer for German text that ROUGE can use. The default tokenizer of ROUGE drops non-ASCII characters."""

    def tokenize(self, text: str) -> list[str]:
        """Return the words in lower case."""
        return words(text)


async def outputs_of(server: Server, data: Path, limit: int | None, kept: Path) -> Outputs:
    """Return the service's translations of the source sentences of each test set, by name of the test set.

    ``data`` is the folder of the test sets. If ``limit`` is not None, only the first ``limit`` sentences are
    translated. The translations are stored in the folder ``kept``, so that an interrupted run continues where it
    stopped. The folder also contains a list of the commits of the service that produced the translations.
    """
    sources = {name: lines_of(data / f"{name}.de")[:limit] for name in SETS}
    if any(_kept_lines(kept / f"{name}.en") < len(lines) for name, lines in sources.items()):
        _add_commit(kept / "commits")
    return {name: await kept_translations(server, lines, kept / f"{name}.en") for name, lines in sources.items()}


def _kept_lines(file: Path) -> int:
    return len(lines_of(file)) if file.exists() else 0


def _add_commit(file: Path) -> None:
    """Add the commit of this checkout as a line of ``file``, unless the file already contains it."""
    file.parent.mkdir(parents=True, exist_ok=True)
    known = file.read_text("utf-8").split() if file.exists() else []
    file.write_text("\n".join(dict.fromkeys([*known, record.commit(record.ROOT)])) + "\n", "utf-8")


def score_translation(made: Outputs, data: Path, limit: int | None) -> dict[str, Any]:
    """Return the scores of each system on each test set.

    The systems are the service, whose outputs are ``made``, and other systems whose outputs are stored in the folder
    ``data``. Published scores of further systems are included. If ``limit`` is not None, only the first ``limit`` lines
    of each test set are scored.
    """
    with (data / "published-scores.tsv").open(encoding="utf-8") as file:
        published = {row["set"]: row for row in csv.DictReader(file, delimiter="\t")}
    table: dict[str, Any] = {}
    for name in SETS:
        wanted = lines_of(data / f"{name}.en")[:limit]
        table[name] = {"depesche": bleu.scores(made[name], wanted)}
        for peer in PEERS:
            table[name][peer] = bleu.scores(lines_of(data / f"{name}.{peer}.en")[:limit], wanted)
        for column, system in PUBLISHED.items():
            table[name][f"{system} (published)"] = {"bleu": float(published[name][f"{column}.BLEU"])}
    return table


def score_quantisation(made: Outputs, reference: Outputs, data: Path) -> dict[str, Any]:
    """Return the loss in BLEU from float32 (``reference``) to int8 (``made``) with the same weights, by test set.

    Only the lines in ``reference`` are compared, which are the first lines of each test set. ``lines`` counts them.
    """
    table: dict[str, Any] = {}
    for name, lines in reference.items():
        n = len(lines)
        table[name] = {"lines": n, **bleu.loss(made[name][:n], lines, lines_of(data / f"{name}.en")[:n])}
    return table


def worst_outputs(made: Outputs, data: Path) -> list[dict[str, Any]]:
    """Return the outputs for `WORST_SET` with the lowest chrF, worst first, with the number of the line and the source.

    Lines are counted from one. chrF is computed for each line separately.
    """
    wanted, outputs = lines_of(data / f"{WORST_SET}.en"), made[WORST_SET]
    scored = [(sacrebleu.sentence_chrf(output, [wanted[n]]).score, n) for n, output in enumerate(outputs)]
    sources = lines_of(data / f"{WORST_SET}.de")
    return [
        {"line": n + 1, "chrf": round(score, 1), "source": sources[n], "output": outputs[n]}
        for score, n in sorted(scored)[:WORST]
    ]


async def score_summaries(server: Server, rows: Sequence[dict[str, str]]) -> dict[str, Any]:
    """Return the scores for each summarisation method.

    The scores are ROUGE F in per cent, the percentages of verbatim sentences and of copied 4-grams, and the number of
    summaries that need review. ``rows`` contains articles with their reference summaries.
    """
    scorer = RougeScorer(list(ROUGE), tokenizer=GermanTokenizer())
    lengths = []
    for row in rows:
        lead = await _summary(server, row, method="lead", max_sentences=LEAD_SENTENCES)
        lengths.append(max(5, len(lead["text"].split())))
    table: dict[str, Any] = {}
    for method in METHODS:
        made = [await _summary(server, row, method=method, max_words=n) for row, n in zip(rows, lengths, strict=True)]
        scores = [scorer.score(row["summary"], one["text"]) for row, one in zip(rows, made, strict=True)]
        pairs = zip(made, rows, strict=True)
        table[method] = {
            **{name: interval([100 * one[name].fmeasure for one in scores]) for name in ROUGE},
            "verbatim_sentences": share([sentence["verbatim"] for one in made for sentence in one["sentences"]]),
            "copied_4_grams": interval([copied_percent(one["text"], row["article"]) for one, row in pairs]),
            "needs_review": sum(one["needs_review"] for one in made),
            "articles": len(rows),
            "mean_words": round(sum(len(one["text"].split()) for one in made) / len(made), 1),
        }
    return table


async def _summary(server: Server, row: dict[str, str], **options: Any) -> dict[str, Any]:
    body = {"text": row["article"], "headline": row["title"], **options}
    (found,) = (await server.post("/v1/summarize", body, NO_STORE))["summaries"]
    return dict(found)


def interval(values: Sequence[float]) -> dict[str, float]:
    """Return the mean of ``values`` and the half-width of its 95% bootstrap interval."""
    rng = random.Random(SEED)
    means = sorted(sum(rng.choices(values, k=len(values))) / len(values) for _ in range(RESAMPLES))
    half = (means[int(0.975 * RESAMPLES)] - means[int(0.025 * RESAMPLES)]) / 2
    return {"mean": round(sum(values) / len(values), 1), "pm": round(half, 1)}


def share(flags: Sequence[bool]) -> float:
    """Return the percentage of flags that are true."""
    return round(100 * sum(flags) / max(1, len(flags)), 1)


async def measure(data: Path, limit: int | None, reference_lines: int, kept: Path) -> dict[str, Any]:
    """Start the service, score its translation model and its summary model, and return the result to record.

    The translation model is scored in int8, and on the first ``reference_lines`` lines of each test set also in
    float32. The folder ``kept`` contains a folder of translations for each numeric type and revision.
    """
    with lzma.open(data / "summaries" / "wikinews-de.jsonl.xz", "rt", encoding="utf-8") as file:
        rows = [row for row in map(json.loads, file) if row["split"] == "test" and row["article"].strip()][:limit]
    here = Checkout.here()
    async with here.server() as server:
        models = (await server.http.get("/v1/models")).raise_for_status().json()["models"]
        revision = "-".join(one["revision"] for one in models if one["task"] == "translation")
        made = await outputs_of(server, data / "eval", limit, kept / f"{revision}-int8")
        summary = await score_summaries(server, rows)
    reference: Outputs = {}
    if reference_lines:
        fewer = min(reference_lines, limit or reference_lines)
        async with here.server(**REFERENCE) as server:
            reference = await outputs_of(server, data / "eval", fewer, kept / f"{revision}-float32")
    return {
        "translated_at": (kept / f"{revision}-int8" / "commits").read_text("utf-8").split(),
        "models": [f"{one['name']} {one['revision']} {one['engine']}" for one in models],
        "translation": score_translation(made, data / "eval", limit),
        "quantisation": score_quantisation(made, reference, data / "eval"),
        "worst": worst_outputs(made, data / "eval"),
        "summary": summary,
    }


def main(
    data: Annotated[Path, typer.Option(exists=True, file_okay=False, help="Folder of the data sets.")],
    limit: Annotated[
        int | None, typer.Option(help="Maximum number of lines and articles of each set, for a quick look.")
    ] = None,
    reference_lines: Annotated[
        int,
        typer.Option(
            min=0, help="Number of lines of each test set that are also translated in float32, which is slow."
        ),
    ] = 100,
    kept: Annotated[
        Path, typer.Option(help="Folder that keeps the translations, so that an interrupted run can continue.")
    ] = Path("build/quality"),
    *,
    save: Annotated[
        bool, typer.Option("--record", help="Write results/quality.json and the tables in README and the model cards.")
    ] = False,
) -> None:
    """Measure and print the tables. With --record, also write them to the results, README and the model cards."""
    result = asyncio.run(measure(data, limit, reference_lines, kept))
    made = tables.quality(result)
    print(*made.values(), sep="\n\n")
    if save:
        print(record.write("quality", result))
        print(*tables.rewrite(made), sep="\n")


if __name__ == "__main__":
    typer.run(main)
