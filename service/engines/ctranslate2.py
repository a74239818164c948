"""The CTranslate2 engine: the default on a CPU."""

import json
import re
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import ctranslate2

from service.engines.grouping import by_options
from service.engines.tokenizer import EOS
from service.errors import EngineError, ModelError
from service.types import DecodingOptions, EngineInput, Hypothesis

# Padding, and T5's sentinels, which belong to its pre-training alone.
NEVER_WRITTEN = re.compile(r"<pad>|<extra_id_\d+>")


class CTranslate2Engine:
    """A converted model. Weights are int8 unless ``compute_type`` says otherwise."""

    name = "ctranslate2"

    def __init__(self, folder: Path, *, compute_type: str, device: str = "cpu", threads: int = 1) -> None:
        """Load the model in ``folder``; ``threads`` cores share one call.

        Raises:
            ModelError: there is no such model, or its format or device is not supported.
        """
        try:
            self._model = ctranslate2.Translator(
                str(folder), device=device, compute_type=compute_type, inter_threads=1, intra_threads=threads
            )
        except (RuntimeError, ValueError) as error:
            raise ModelError(f"CTranslate2 cannot load {folder.name}: {error}") from error
        self._vocabulary = _target_vocabulary(folder)
        self._never = [[piece] for piece in self._vocabulary if NEVER_WRITTEN.fullmatch(piece)]

    def generate(self, items: Sequence[EngineInput]) -> list[list[Hypothesis]]:
        """See `Engine.generate`."""
        return by_options(items, self._call)

    def _call(self, sources: list[list[str]], options: DecodingOptions) -> list[list[Hypothesis]]:
        if options.alignment and options.beam_size > 1:
            # CTranslate2 4.8 gives the first target token of a beam its neighbour's attention; alone it is right.
            return [hypotheses for source in sources for hypotheses in self._translate([source], options)]
        return self._translate(sources, options)

    def _translate(self, sources: list[list[str]], options: DecodingOptions) -> list[list[Hypothesis]]:
        try:
            results = self._model.translate_batch(
                sources,
                beam_size=options.beam_size,
                num_hypotheses=options.hypotheses,
                max_input_length=0,
                max_decoding_length=options.max_output_tokens,
                min_decoding_length=options.min_output_tokens,
                length_penalty=options.length_penalty,
                repetition_penalty=options.repetition_penalty,
                no_repeat_ngram_size=options.no_repeat_ngram,
                disable_unk=True,
                suppress_sequences=self._suppressed(options) or None,
                return_scores=True,
                return_end_token=True,
                return_attention=options.alignment,
            )
        except (RuntimeError, ValueError) as error:
            raise EngineError(f"CTranslate2 raised {type(error).__name__}") from error
        return [_hypotheses(result) for result in results]

    def _suppressed(self, options: DecodingOptions) -> list[list[str]]:
        if options.allowed is None:
            return self._never
        return [[piece] for piece in self._vocabulary if piece != EOS and piece not in options.allowed]

    def close(self) -> None:
        """See `Engine.close`."""
        self._model.unload_model()


def _target_vocabulary(folder: Path) -> tuple[str, ...]:
    for name in ("shared_vocabulary.json", "target_vocabulary.json"):
        if (folder / name).is_file():
            return tuple(json.loads((folder / name).read_text("utf-8")))
    raise ModelError(f"{folder.name} has no target vocabulary")


def _hypotheses(result: Any) -> list[Hypothesis]:
    attention = result.attention or [None] * len(result.hypotheses)
    return [
        _hypothesis(tokens, score, rows)
        for tokens, score, rows in zip(result.hypotheses, result.scores, attention, strict=True)
    ]


def _hypothesis(tokens: list[str], score: float, attention: list[list[float]] | None) -> Hypothesis:
    ended = bool(tokens) and tokens[-1] == EOS
    written = tuple(tokens[:-1] if ended else tokens)
    rows = None if attention is None else tuple(map(tuple, attention[: len(written)]))
    return Hypothesis(written, score, "eos" if ended else "length", rows)
