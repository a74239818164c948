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
from collections.abc import Sequence
from pathlib import Path
from typing import Annotated, Any

import sacrebleu
import typer
from rouge_score.rouge_scorer import RougeScorer

from benchmarks import record, tables
from service.app import plan_of
from service.events import ignore
from service.pipeline.call import Call
from service.pipeline.results import Method, Summary
from service.pipeline.service import Service
from service.settings import Settings
from service.summary.guard import unsupported
from service.summary.lengths import Length
from service.summary.words import count_words, words
from service.text.segment import segment

SETS = ("wmt19", "wmt20", "flores-dev")
PEERS = ("google", "microsoft", "bergamot-tiny")
PUBLISHED = {"opusmt": "opus-mt", "argos": "argos"}
ROUGE = ("rouge1", "rouge2", "rougeL")
AT_ONCE = 256
RESAMPLES = 500
SEED = 12345


class GermanTokenizer:
    """Words of a German text for ROUGE; the library's own drops what is not ASCII."""

    def tokenize(self, text: str) -> list[str]:
        """Lower-case words."""
        return [word.lower() for word in words(text)]


def lines_of(path: Path) -> list[str]:
    """Lines of a UTF-8 file."""
    return path.read_text("utf-8").split("\n")[:-1]


def translation_score(outputs: Sequence[str], references: Sequence[str]) -> dict[str, Any]:
    """BLEU and chrF with half-widths of their intervals, and the signatures."""
    found: dict[str, Any] = {}
    for name, metric in (("bleu", sacrebleu.BLEU()), ("chrf", sacrebleu.CHRF())):
        score = metric.corpus_score(list(outputs), [list(references)], n_bootstrap=RESAMPLES)
        found[name] = round(float(score.score), 1)
        found[f"{name}_pm"] = round(float(score._ci), 1)  # noqa: SLF001 - sacrebleu keeps the interval there
        found[f"{name}_signature"] = str(metric.get_signature())
    return found


async def translate_all(service: Service, sources: Sequence[str]) -> list[str]:
    """Translate every line, some at a time."""
    outputs: list[str] = []
    for start in range(0, len(sources), AT_ONCE):
        found = await service.translator.translate(sources[start : start + AT_ONCE], Call(priority="bulk"))
        outputs += [" ".join(translation.text.split()) for translation in found]
    return outputs


async def score_translation(service: Service, data: Path, limit: int | None) -> dict[str, Any]:
    """By test set and system: scores of ours, of the peers' outputs, and what others published."""
    published = {row["set"]: row for row in csv.DictReader((data / "published-scores.tsv").open(), delimiter="\t")}
    table: dict[str, Any] = {}
    for name in SETS:
        sources, references = (lines_of(data / f"{name}.{side}")[:limit] for side in ("de", "en"))
        table[name] = {"depesche starter": translation_score(await translate_all(service, sources), references)}
        for peer in PEERS:
            table[name][peer] = translation_score(lines_of(data / f"{name}.{peer}.en")[:limit], references)
        for column, system in PUBLISHED.items():
            table[name][f"{system} (published)"] = {"bleu": float(published[name][f"{column}.BLEU"])}
    return table


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
            "articles_with_unsupported": sum(
                any(unsupported(sentence.text, [row["article"]]) for sentence in summary.sentences)
                for summary, row in zip(made, rows, strict=True)
            ),
            "articles": len(rows),
            "mean_words": round(sum(count_words(s.text) for s in made) / len(made), 1),
        }
    return table


def interval(values: Sequence[float]) -> dict[str, float]:
    """Mean, and the half-width of its 95 % bootstrap interval over articles."""
    rng = random.Random(SEED)
    means = sorted(sum(rng.choices(values, k=len(values))) / len(values) for _ in range(RESAMPLES))
    half = (means[int(0.975 * RESAMPLES)] - means[int(0.025 * RESAMPLES)]) / 2
    return {"mean": round(sum(values) / len(values), 1), "pm": round(half, 1)}


def share(flags: Sequence[bool]) -> float:
    """Percentage that is true."""
    return round(100 * sum(flags) / max(1, len(flags)), 1)


async def measure(data: Path, limit: int | None) -> dict[str, Any]:
    """Load the service as it is set and score both models."""
    service = Service(plan_of(Settings(cache_bytes=0)), ignore, lambda: None)
    await service.start()
    try:
        with lzma.open(data / "summaries" / "wikinews-de.jsonl.xz", "rt", encoding="utf-8") as file:
            rows = [row for row in map(json.loads, file) if row["split"] == "test"][:limit]
        models = [f"{model.name} {model.manifest.revision} {model.engine}" for model in service.models]
        return {
            "models": models,
            "translation": await score_translation(service, data / "eval", limit),
            "summary": await score_summaries(service, rows),
        }
    finally:
        await service.stop()


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
    print(tables.translation(result["translation"]))
    print(tables.summary(result["summary"]))
    if save:
        print(record.write("quality", result))
        made = {"translation": tables.translation(result["translation"]), "summary": tables.summary(result["summary"])}
        print(*tables.rewrite(made), sep="\n")


if __name__ == "__main__":
    typer.run(main)
