"""Extractive selection against the lead: ROUGE on held-out German articles at equal length.

Usage: python -m benchmarks.selection --data DIR [--articles N]
"""

import json
import lzma
import re
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated

import typer
from rouge_score import rouge_scorer

from service.summary.lengths import Length
from service.summary.selection import select
from service.summary.words import count_words
from service.text.segment import segment

METRICS = ("rouge1", "rouge2", "rougeL")
LEAD_SENTENCES = 3
_WORD = re.compile(r"[^\W_]+")

Method = Callable[[Sequence[str], Length, str], list[int]]


class GermanTokenizer:
    """Lower-cased words with their umlauts, which the scorer's own tokenizer throws away."""

    def tokenize(self, text: str) -> list[str]:
        """Words of ``text``."""
        return _WORD.findall(text.lower())


@dataclass(frozen=True)
class Case:
    """An article without its opening, the opening as the reference, and the title."""

    title: str
    sentences: list[str]
    reference: str


def _rows(path: Path, split: str) -> Iterator[dict[str, str]]:
    with lzma.open(path, "rt", encoding="utf-8") as lines:
        rows: Iterator[dict[str, str]] = map(json.loads, lines)
        yield from (row for row in rows if row["split"] == split)


def read_news(data: Path) -> Iterator[Case]:
    """The development split of the news set; its reference is the first paragraph, which the article lacks."""
    for row in _rows(data / "summaries" / "wikinews-de.jsonl.xz", "dev"):
        spans = segment(row["article"]).sentences
        yield Case(row["title"], [span.of(row["article"]).strip() for span in spans], row["summary"])


def read_encyclopaedia(data: Path) -> Iterator[Case]:
    """The validation split of the encyclopaedia; its reference is the lead, which is taken off the article."""
    for row in _rows(data / "summaries" / "wikipedia-klexikon.jsonl.xz", "validation"):
        lead = row.get("lead") or ""
        lines = (line.strip() for line in row["article"].removeprefix(lead).split("\n"))
        yield Case(row["title"], [line for line in lines if line and not line.startswith("==")], " ".join(lead.split()))


def first_sentences(sentences: Sequence[str], _budget: Length, _headline: str) -> list[int]:
    """The baseline: the first three sentences."""
    return list(range(min(LEAD_SENTENCES, len(sentences))))


def selected(sentences: Sequence[str], budget: Length, headline: str) -> list[int]:
    """What the service selects."""
    return select(sentences, budget=budget, headline=headline)


METHODS: dict[str, Method] = {"lead-3": first_sentences, "selection": selected}


def score(cases: Sequence[Case], method: Method) -> dict[str, float]:
    """Mean F of each metric in per cent, and the mean number of words; the budget is the lead-3's words."""
    scorer = rouge_scorer.RougeScorer(METRICS, tokenizer=GermanTokenizer())
    totals = dict.fromkeys((*METRICS, "words"), 0.0)
    for case in cases:
        budget = Length(max_words=max(1, sum(map(count_words, case.sentences[:LEAD_SENTENCES]))))
        text = " ".join(case.sentences[n] for n in method(case.sentences, budget, case.title))
        found = scorer.score(case.reference, text)
        for metric in METRICS:
            totals[metric] += 100 * found[metric].fmeasure
        totals["words"] += count_words(text)
    return {name: total / len(cases) for name, total in totals.items()}


def main(data: Annotated[Path, typer.Option(exists=True, file_okay=False)], articles: int = 150) -> None:
    """Print the table for the first articles of each set that have a reference and more than three sentences."""
    for name, reader in (("news", read_news), ("encyclopaedia", read_encyclopaedia)):
        usable = [case for case in reader(data) if case.reference and len(case.sentences) > LEAD_SENTENCES]
        for method, function in METHODS.items():
            result = score(usable[:articles], function)
            cells = "  ".join(f"{metric} {value:5.2f}" for metric, value in result.items())
            print(f"{name:14} {len(usable[:articles]):4d} articles  {method:10} {cells}")


if __name__ == "__main__":
    typer.run(main)
