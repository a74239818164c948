"""Articles with summaries: reads the data sets, and splits them into paragraphs of clean sentences."""

import json
import lzma
import random
import re
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

import sentencex

from models.train.german import is_clean

Split = Literal["train", "dev"]
_SPLITS = {
    "wikinews-de": {"train": "train", "dev": "dev"},
    "wikipedia-klexikon": {"train": "train", "dev": "validation"},
}
# What is split off after an ordinal or an abbreviation is no sentence: "am 19. | Januar".
_CUT = re.compile(r"\b(?:\d{1,2}|[A-Za-z]{1,2}|bzw|ca|etc|St|Nr|Dr|Chr|Mio|Mrd|Tel|Abs|Art)\.$")

Paragraph = tuple[str, ...]


@dataclass(frozen=True)
class Article:
    """One article: its own text, the opening that sums it up, and a retelling in simple words where there is one.

    Sentences that are no clean prose are left out of every part; a paragraph breaks where one was.
    """

    title: str
    opening: tuple[Paragraph, ...]
    body: tuple[Paragraph, ...]
    retelling: tuple[Paragraph, ...] = ()


def _runs(sentences: list[str]) -> Iterator[Paragraph]:
    run: list[str] = []
    before = ""
    for sentence in [*sentences, ""]:
        if is_clean(sentence) and not _CUT.search(before):
            run.append(sentence)
        elif run:
            yield tuple(run)
            run = []
        before = sentence


def _from_lines(text: str) -> tuple[Paragraph, ...]:
    blocks = text.split("\n\n")
    return tuple(run for block in blocks for run in _runs([" ".join(line.split()) for line in block.split("\n")]))


def _from_prose(text: str) -> tuple[Paragraph, ...]:
    blocks = (" ".join(block.split()) for block in text.split("\n"))
    split = ([str(part).strip() for part in sentencex.segment("de", block)] for block in blocks if block)
    return tuple(run for sentences in split for run in _runs(sentences))


def read_news(path: Path, split: Split) -> Iterator[Article]:
    """Articles of the news set: the first paragraph is the opening, the body is the rest."""
    for row in _rows(path, "wikinews-de", split):
        yield Article(row["title"], _from_prose(row["summary"]), _from_prose(row["article"]))


def read_encyclopaedia(path: Path, split: Split, share: float, rng: random.Random) -> Iterator[Article]:
    """A random share of the encyclopaedia, one sentence a line: the lead is the opening, the body what follows it."""
    for row in _rows(path, "wikipedia-klexikon", split):
        if rng.random() >= share:
            continue
        text, lead = row["article"], row.get("lead") or ""
        body = text.removeprefix(lead)
        yield Article(row["title"], _from_lines(lead), _from_lines(body), _from_lines(row["klexikon"]))


def _rows(path: Path, name: str, split: Split) -> Iterator[dict[str, str]]:
    with lzma.open(path / "summaries" / f"{name}.jsonl.xz", "rt", encoding="utf-8") as lines:
        for line in lines:
            row: dict[str, str] = json.loads(line)
            if row["split"] == _SPLITS[name][split]:
                yield row
