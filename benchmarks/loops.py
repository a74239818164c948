"""Repetition loops in translations and summaries of real articles: ``python -m benchmarks.loops --data DIR``.

Half of the articles are news (German Wikinews), half encyclopaedia (German Wikipedia). A loop is a phrase of two to
twelve words that follows itself, or a word that stands three times in a row, where the source has none. What the
service itself would warn of (`service.trust.repetition`, which also counts phrases that come back later) stands beside.
"""

import asyncio
import json
import lzma
import random
import re
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Annotated, Any

import typer

from benchmarks import record
from benchmarks.quality import running
from service.pipeline.call import Call
from service.pipeline.service import Service
from service.settings import Settings
from service.summary.lengths import PRESETS
from service.trust.passage import Passage
from service.trust.repetition import repeated_words

SETS = {"news": "wikinews-de", "encyclopaedia": "wikipedia-klexikon"}
MOST_PERIOD = 12
MOST_ARTICLE_CHARS = 12_000
PASSAGE_CHARS = (200, 1_500)
AT_ONCE = 16
SEED = 1
_WORD = re.compile(r"[^\W_]+(?:['’-][^\W_]+)*")
_STOP = re.compile(r"[^\w\s,'’-]+")


def loop(text: str) -> str | None:
    """The first loop of a text, as its words; None where there is none. What a full stop parts is no loop."""
    clauses = (_WORD.findall(clause.lower()) for clause in _STOP.split(text))
    return next((found for words in clauses if (found := _looped(words))), None)


def _looped(words: list[str]) -> str | None:
    for place in range(len(words)):
        if words[place : place + 1] * 3 == words[place : place + 3]:
            return " ".join(words[place : place + 3])
        for period in range(2, MOST_PERIOD + 1):
            phrase = words[place : place + period]
            if len(phrase) == period and phrase == words[place + period : place + 2 * period]:
                return " ".join(phrase * 2)
    return None


def articles(data: Path, name: str, count: int) -> list[str]:
    """Articles of 200 characters or more, drawn with a fixed seed.

    Each is cut at a line's end before it is longer than `MOST_ARTICLE_CHARS`.
    """
    with lzma.open(data / "summaries" / f"{SETS[name]}.jsonl.xz", "rt", encoding="utf-8") as lines:
        found = [str(json.loads(line)["article"]) for line in lines]
    found = [article for article in found if len(article) >= PASSAGE_CHARS[0]]
    drawn = random.Random(SEED).sample(found, min(count, len(found)))
    return ["\n".join(_within(article.split("\n"))) for article in drawn]


def _within(lines: Sequence[str]) -> Iterator[str]:
    left = MOST_ARTICLE_CHARS
    for place, line in enumerate(lines):
        left -= len(line) + 1
        if left < 0 and place:
            return
        yield line


def passage(article: str) -> str:
    """The first paragraph of an article that is neither short nor long; else its beginning."""
    least, most = PASSAGE_CHARS
    blocks = [" ".join(block.split()) for block in re.split(r"\n\n|\n(?==)", article)]
    return next((block for block in blocks if least <= len(block) <= most), blocks[0][:most])


async def translations(service: Service, texts: Sequence[str]) -> list[tuple[str, str]]:
    """A passage of each text, with its translation."""
    passages = [passage(text) for text in texts]
    made = await service.translator.translate(passages, Call(priority="bulk"))
    return [(source, one.text) for source, one in zip(passages, made, strict=True)]


async def summaries(service: Service, texts: Sequence[str]) -> list[tuple[str, str]]:
    """Each text, with its summary of the default length."""
    made = await service.summariser.summarise(texts, PRESETS["medium"], "abstractive", Call(priority="bulk"))
    return [(source, one.text) for source, one in zip(texts, made, strict=True)]


TASKS = {"translation": translations, "summary": summaries}


def counted(pairs: Sequence[tuple[str, str]]) -> dict[str, Any]:
    """Outputs, those that are empty, those with a loop, and those that the service would warn of."""
    loops = [found for source, output in pairs if (found := loop(output)) and not loop(source)]
    return {
        "outputs": len(pairs),
        "empty": sum(not output.strip() for _, output in pairs),
        "loops": len(loops),
        "of_these": loops[:5],
        "warned": sum(any(repeated_words(Passage.of(text, "de"), Passage.of(output, "en"))) for text, output in pairs),
    }


async def measure(data: Path, outputs: int) -> dict[str, Any]:
    """By task and kind of article: what was counted."""
    table: dict[str, Any] = {task: {} for task in TASKS}
    async with running(Settings(cache_bytes=0)) as service:
        for kind in SETS:
            texts = articles(data, kind, outputs // len(SETS))
            for task, make in TASKS.items():
                pairs = []
                for start in range(0, len(texts), AT_ONCE):
                    pairs += await make(service, texts[start : start + AT_ONCE])
                table[task][kind] = counted(pairs)
                print(task, kind, table[task][kind], flush=True)
        models = [f"{model.name} {model.manifest.revision} {model.engine}" for model in service.models]
    return {"models": models, "table": table}


def main(
    data: Annotated[Path, typer.Option(exists=True, file_okay=False, help="Folder of the data sets.")],
    outputs: Annotated[int, typer.Option(help="Outputs a task.")] = 1_000,
    *,
    save: Annotated[bool, typer.Option("--record", help="Write benchmarks/results/loops.json.")] = False,
) -> None:
    """Count, print, and record on demand."""
    result = asyncio.run(measure(data, outputs))
    if save:
        print(record.write("loops", result))


if __name__ == "__main__":
    typer.run(main)
