"""The ceiling: CTranslate2 called raw, without HTTP, on sentences that are tokenised, sorted and batched beforehand.

A program, ``python -m benchmarks.load.ceiling``: one JSON list of sentences a line on standard input, one JSON answer a
line on standard output. The first line chooses the threads and the batch size that are fastest on it; only the calls of
the model count as time.
"""

import itertools
import json
import sys
import time
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Annotated, Any

import ctranslate2
import typer

from benchmarks.load.search import Search
from service.cores import available_cores
from service.engines.tokenizer import Tokenizer
from service.registry.catalog import Catalog, Entry
from service.text.normalise import for_model


@dataclass(frozen=True, slots=True)
class Choice:
    """How the cores are used: ``inter_threads`` batches at once, each on ``intra_threads`` cores."""

    inter_threads: int
    intra_threads: int
    batch_sentences: int


def choices(cores: int, batches: Sequence[int]) -> list[Choice]:
    """All ways to give every core something to do, with each of the batch sizes."""
    splits = [(inter, cores // inter) for inter in range(1, cores + 1) if cores % inter == 0]
    return [Choice(*split, batch) for split, batch in itertools.product(splits, batches)]


class Raw:
    """The model at one choice, warm."""

    def __init__(self, entry: Entry, search: Search, choice: Choice) -> None:
        files = entry.manifest.engines["ctranslate2"]
        self._model = ctranslate2.Translator(
            str(entry.folder / files.folder),
            compute_type=files.compute_type,
            inter_threads=choice.inter_threads,
            intra_threads=choice.intra_threads,
        )
        self._search = search
        self._choice = choice

    def translate(self, sources: list[tuple[str, ...]]) -> tuple[list[list[str]], float]:
        """The outputs in order, and the seconds that the model took."""
        order = sorted(range(len(sources)), key=lambda number: -len(sources[number]))
        batch = [list(sources[number]) for number in order]
        started_s = time.perf_counter()
        results = self._model.translate_batch(
            batch,
            max_batch_size=self._choice.batch_sentences,
            beam_size=self._search.beam_size,
            max_input_length=0,
            max_decoding_length=self._search.max_output_tokens,
            no_repeat_ngram_size=self._search.no_repeat_ngram,
            repetition_penalty=self._search.repetition_penalty,
            length_penalty=self._search.length_penalty,
            disable_unk=True,
        )
        seconds = time.perf_counter() - started_s
        outputs: list[list[str]] = [[] for _ in sources]
        for number, result in zip(order, results, strict=True):
            outputs[number] = result.hypotheses[0]
        return outputs, seconds


def fastest(entry: Entry, search: Search, batches: Sequence[int], sources: list[tuple[str, ...]]) -> tuple[Raw, Choice]:
    """The choice that translates ``sources`` in the least time."""
    tried: list[tuple[float, Choice]] = []
    for choice in choices(available_cores(), batches):
        raw = Raw(entry, search, choice)
        raw.translate(sources[: choice.inter_threads * choice.batch_sentences])
        tried.append((raw.translate(sources)[1], choice))
    chosen = min(tried, key=lambda one: one[0])[1]
    return Raw(entry, search, chosen), chosen


def main(
    models_dir: Path,
    model: str,
    search: Annotated[str, typer.Argument(help="JSON of a Search.")],
    batches: Annotated[list[int], typer.Argument(help="Batch sizes to choose from, in sentences.")],
) -> None:
    """Answer until the input ends."""
    entry = Catalog(models_dir).entry(model)
    tokenizer = Tokenizer(entry.manifest, entry.folder)

    def encoded(line: str) -> list[tuple[str, ...]]:
        return [tokenizer.encode(for_model(sentence)) for sentence in json.loads(line)]

    raw, chosen = fastest(entry, Search.parse(search), batches, encoded(sys.stdin.readline()))
    _say(asdict(chosen))
    for line in sys.stdin:
        outputs, seconds = raw.translate(encoded(line))
        _say({"seconds": seconds, "outputs": [tokenizer.decode(tuple(tokens)) for tokens in outputs]})


def _say(answer: dict[str, Any]) -> None:
    sys.stdout.write(json.dumps(answer) + "\n")
    sys.stdout.flush()


if __name__ == "__main__":
    typer.run(main)
