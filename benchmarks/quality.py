"""Quality of the models through the service's own pipeline: ``python -m benchmarks.quality --data DIR``.

Translation: sacreBLEU and chrF on held-out sets, beside other systems' outputs scored here and published figures.
Summaries: ROUGE F against the first three sentences and the extract, all at the length of those three sentences.
Every figure has a 95 % bootstrap interval.
"""

import asyncio
import csv
import json
import lzma
import random
import tempfile
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Annotated, Any

import typer
from rouge_score.rouge_scorer import RougeScorer

from benchmarks import bleu, doubts, record, tables, unquantised
from benchmarks.bleu import RESAMPLES, SEED
from service.app import plan_of
from service.events import ignore
from service.pipeline.call import Call
from service.pipeline.results import Method, Summary
from service.pipeline.service import Service
from service.settings import Settings
from service.summary.lengths import Length
from service.summary.words import count_words, words
from service.text.segment import segment

SETS = ("wmt19", "wmt20", "flores-dev")
PEERS = ("google", "microsoft", "bergamot-tiny")
PUBLISHED = {"opusmt": "opus-mt", "argos": "argos"}
ROUGE = ("rouge1", "rouge2", "rougeL")
AT_ONCE = 256


class GermanTokenizer:
    """Words of a German text for ROUGE; the library's own drops what is not ASCII."""

    def tokenize(self, text: str) -> list[str]:
        """Lower-case words."""
        return [word.lower() for word in words(text)]


def lines_of(path: Path) -> list[str]:
    """Lines of a UTF-8 file."""
    return path.read_text("utf-8").split("\n")[:-1]


async def translate_all(service: Service, sources: Sequence[str]) -> list[str]:
    """Translate every line, some at a time."""
    outputs: list[str] = []
    for start in range(0, len(sources), AT_ONCE):
        found = await service.translator.translate(sources[start : start + AT_ONCE], Call(priority="bulk"))
        outputs += [" ".join(translation.text.split()) for translation in found]
    return outputs


Outputs = dict[str, list[str]]


async def outputs_of(service: Service, data: Path, limit: int | None) -> Outputs:
    """Translations of every test set."""
    return {name: await translate_all(service, lines_of(data / f"{name}.de")[:limit]) for name in SETS}


def score_translation(made: Outputs, unquantised: Outputs, data: Path, limit: int | None) -> dict[str, Any]:
    """By test set and system: scores of ours, in int8 and in float32, of the peers' outputs, and published ones."""
    published = {row["set"]: row for row in csv.DictReader((data / "published-scores.tsv").open(), delimiter="\t")}
    table: dict[str, Any] = {}
    for name in SETS:
        references = lines_of(data / f"{name}.en")[:limit]
        table[name] = {
            "depesche starter": bleu.scores(made[name], references),
            "the same in float32": bleu.scores(unquantised[name], references),
        }
        for peer in PEERS:
            table[name][peer] = bleu.scores(lines_of(data / f"{name}.{peer}.en")[:limit], references)
        for column, system in PUBLISHED.items():
            table[name][f"{system} (published)"] = {"bleu": float(published[name][f"{column}.BLEU"])}
    return table


def score_quantisation(made: Outputs, unquantised: Outputs, data: Path, limit: int | None) -> dict[str, Any]:
    """By test set: BLEU that int8 costs against float32 of the same weights."""
    return {name: bleu.loss(made[name], unquantised[name], lines_of(data / f"{name}.en")[:limit]) for name in SETS}


def lead_3(article: str) -> Length:
    """The length of the first three sentences."""
    spans = segment(article).sentences[:3]
    return Length(max_words=sum(count_words(span.of(article)) for span in spans))


async def score_summaries(service: Service, rows: Sequence[dict[str, str]]) -> dict[str, Any]:
    """By method: ROUGE F in percent with intervals, share of verbatim sentences, articles with unsupported words."""
    scorer = RougeScorer(list(ROUGE), tokenizer=GermanTokenizer())
    table: dict[str, Any] = {}
    methods: tuple[Method, ...] = ("lead", "extractive", "abstractive")
    for method in methods:
        scores: dict[str, list[float]] = {name: [] for name in ROUGE}
        made: list[Summary] = []
        for row in rows:
            length = lead_3(row["article"])
            (summary,) = await service.summariser.summarise(
                [row["article"]], length, method, Call(), headline=row["title"]
            )
            made.append(summary)
            for name, score in scorer.score(row["summary"], summary.text).items():
                scores[name].append(100 * score.fmeasure)
        table[method] = {name: interval(values) for name, values in scores.items()} | {
            "verbatim_sentences": share([s.verbatim for summary in made for s in summary.sentences]),
            **_doubted(made, [row["article"] for row in rows]),
            "articles": len(rows),
            "mean_words": round(sum(count_words(s.text) for s in made) / len(made), 1),
        }
    return table


def _doubted(made: Sequence[Summary], sources: Sequence[str]) -> dict[str, Any]:
    """Summaries with something unsupported, and how much of them is copied."""
    texts = [[sentence.text for sentence in summary.sentences] for summary in made]
    pairs = list(zip(texts, sources, strict=True))
    missing = [doubts.unsupported_words(sentences, source) for sentences, source in pairs]
    return {
        "copied_4_grams": interval([doubts.copied(sentences, source) for sentences, source in pairs]),
        "articles_with_unsupported": sum(map(bool, missing)),
        "articles_with_unsupported_facts": sum(bool(doubts.facts(words)) for words in missing),
    }


def interval(values: Sequence[float]) -> dict[str, float]:
    """Mean, and the half-width of its 95 % bootstrap interval over articles."""
    rng = random.Random(SEED)
    means = sorted(sum(rng.choices(values, k=len(values))) / len(values) for _ in range(RESAMPLES))
    half = (means[int(0.975 * RESAMPLES)] - means[int(0.025 * RESAMPLES)]) / 2
    return {"mean": round(sum(values) / len(values), 1), "pm": round(half, 1)}


def share(flags: Sequence[bool]) -> float:
    """Percentage that is true."""
    return round(100 * sum(flags) / max(1, len(flags)), 1)


@asynccontextmanager
async def running(settings: Settings) -> AsyncIterator[Service]:
    """The service as it is set, ready, without its HTTP side."""
    service = Service(plan_of(settings), ignore, lambda: None)
    await service.start()
    try:
        yield service
    finally:
        await service.stop()


async def measure(data: Path, limit: int | None) -> dict[str, Any]:
    """Score both models as the service runs them, and the translator once more in float32."""
    with lzma.open(data / "summaries" / "wikinews-de.jsonl.xz", "rt", encoding="utf-8") as file:
        rows = [row for row in map(json.loads, file) if row["split"] == "test"][:limit]
    async with running(Settings(cache_bytes=0)) as service:
        models = [f"{model.name} {model.manifest.revision} {model.engine}" for model in service.models]
        summary = await score_summaries(service, rows)
        made = await outputs_of(service, data / "eval", limit)
    with tempfile.TemporaryDirectory() as scratch:
        async with running(Settings(cache_bytes=0, models_dir=unquantised.write(Path(scratch)))) as service:
            exact = await outputs_of(service, data / "eval", limit)
    return {
        "models": models,
        "translation": score_translation(made, exact, data / "eval", limit),
        "quantisation": score_quantisation(made, exact, data / "eval", limit),
        "summary": summary,
    }


def main(
    data: Annotated[Path, typer.Option(exists=True, file_okay=False, help="Folder of the data sets.")],
    limit: Annotated[int | None, typer.Option(help="Lines and articles of each set at most, for a quick look.")] = None,
    *,
    save: Annotated[
        bool, typer.Option("--record", help="Write results/quality.json and the tables of README and model cards.")
    ] = False,
) -> None:
    """Measure, print the tables, and record them on demand."""
    result = asyncio.run(measure(data, limit))
    made = tables.quality(result)
    print(*made.values(), sep="\n\n")
    if save:
        print(record.write("quality", result))
        print(*tables.rewrite(made), sep="\n")


if __name__ == "__main__":
    typer.run(main)
