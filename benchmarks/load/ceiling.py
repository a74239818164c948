"""Measure an upper bound for throughput: CTranslate2 without a service, on batches that are prepared in advance.

Usage: ``python -m benchmarks.load.ceiling WEIGHTS SEARCH``. WEIGHTS is the folder of the model, and SEARCH is a JSON
object with the search settings. Each line of standard input is a JSON list of sentences. For each line, the program
writes a JSON object with the outputs and the duration to standard output. The duration is only the time that the model
takes, because the sentences are tokenised and sorted in advance. The first line is also used to find the fastest number
of threads and batch size.
"""

import itertools
import json
import os
import sys
import time
from pathlib import Path
from typing import Any

import ctranslate2
import sentencepiece
import typer

BATCHES = (8, 16, 32, 64)
EOS = "</s>"


class Raw:
    """A CTranslate2 model that translates ``inter`` batches in parallel, each on ``intra`` cores.

    A batch contains up to ``batch_sentences`` sentences.
    """

    def __init__(self, weights: Path, search: dict[str, Any], inter: int, intra: int, batch_sentences: int) -> None:
        self._model = ctranslate2.Translator(
            str(weights / "ct2-int8"), compute_type="int8", inter_threads=inter, intra_threads=intra
        )
        self._batch_sentences = batch_sentences
        self._search = search

    def translate(self, sources: list[list[str]]) -> tuple[list[list[str]], float]:
        """Return the output tokens in the order of ``sources``, and the seconds that the model took.

        Each source is a list of tokens.
        """
        order = sorted(range(len(sources)), key=lambda number: -len(sources[number]))
        batch = [sources[number] for number in order]
        started_s = time.perf_counter()
        results = self._model.translate_batch(
            batch,
            max_batch_size=self._batch_sentences,
            beam_size=self._search["beam_size"],
            max_input_length=0,
            max_decoding_length=self._search["max_output_tokens"],
            no_repeat_ngram_size=self._search["no_repeat_ngram"],
            length_penalty=self._search["length_penalty"],
            disable_unk=True,
        )
        seconds = time.perf_counter() - started_s
        outputs: list[list[str]] = [[] for _ in sources]
        for number, result in zip(order, results, strict=True):
            outputs[number] = result.hypotheses[0]
        return outputs, seconds


def fastest(weights: Path, search: dict[str, Any], sources: list[list[str]]) -> Raw:
    """Return a model with the numbers of threads and the batch size with which ``sources`` are translated fastest.

    All combinations that use every core are tried. ``weights`` is the folder of the model, and ``search`` contains the
    search settings.
    """
    cores = len(os.sched_getaffinity(0))
    splits = [(inter, cores // inter) for inter in range(1, cores + 1) if cores % inter == 0]
    tried: list[tuple[float, Raw]] = []
    for (inter, intra), batch_sentences in itertools.product(splits, BATCHES):
        raw = Raw(weights, search, inter, intra, batch_sentences)
        raw.translate(sources[:batch_sentences])
        tried.append((raw.translate(sources)[1], raw))
    return min(tried, key=lambda one: one[0])[1]


def main(weights: Path, search: str) -> None:
    """Translate each line of standard input until the input ends.

    ``weights`` is the folder of the model, and ``search`` is a JSON object with the search settings.
    """
    pieces: Any = sentencepiece.SentencePieceProcessor(model_file=str(weights / "pieces.model"))
    raw: Raw | None = None
    for line in sys.stdin:
        sources = [[*pieces.encode(sentence, out_type=str), EOS] for sentence in json.loads(line)]
        raw = raw or fastest(weights, json.loads(search), sources)
        outputs, seconds = raw.translate(sources)
        answer = {"seconds": seconds, "outputs": [pieces.decode(tokens) for tokens in outputs]}
        sys.stdout.write(json.dumps(answer) + "\n")
        sys.stdout.flush()


if __name__ == "__main__":
    typer.run(main)
