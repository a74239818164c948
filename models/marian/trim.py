"""The target vocabulary: the pieces that outputs need, so that the decoder's output layer has rows for no others.

Both sides share one vocabulary, and a third of it is German words that no English sentence is written with.
"""

from collections.abc import Iterable
from pathlib import Path
from typing import Any

import ctranslate2.converters
import torch
import transformers
from ctranslate2.converters.transformers import MarianMTLoader

from models.marian.pieces import Pieces


def target_pieces(vocabulary: Pieces, targets: Iterable[str]) -> list[int]:
    """Ids, in order, of the pieces that ``targets`` are made of and of those that can spell any other text.

    The latter are single characters, with and without the space before them, bytes, and the special pieces. Padding,
    the last id, is not among them.
    """
    seen = {piece for target in vocabulary.encode(list(targets)) for piece in target}
    return sorted(seen | vocabulary.spelling_ids())


class TrimmingLoader(MarianMTLoader):  # type: ignore[misc]  # ctranslate2 ships no types
    """CTranslate2's Marian loader, leaving the decoder the rows ``kept``."""

    def __init__(self, kept: list[int]) -> None:
        self._kept = kept

    def get_model_spec(self, model: Any) -> Any:
        """The whole model's weights, then without the rows of other pieces."""
        spec = super().get_model_spec(model)
        decoder = spec.decoder
        decoder.embeddings.weight = decoder.projection.weight = decoder.projection.weight[self._kept]
        decoder.projection.bias = decoder.projection.bias[self._kept]
        return spec

    def set_vocabulary(self, spec: Any, tokens: list[str]) -> None:
        """One vocabulary a side."""
        spec.register_source_vocabulary(tokens)
        spec.register_target_vocabulary([tokens[i] for i in self._kept])


class TrimmingConverter(ctranslate2.converters.Converter):  # type: ignore[misc]  # ctranslate2 ships no types
    """Converts the float16 Marian checkpoint in ``folder``, leaving the decoder the rows ``kept``."""

    def __init__(self, folder: Path, kept: list[int]) -> None:
        self._folder = folder
        self._kept = kept

    def _load(self) -> Any:
        model = transformers.MarianMTModel.from_pretrained(self._folder, dtype=torch.float16)
        tokenizer = transformers.AutoTokenizer.from_pretrained(self._folder)
        with torch.no_grad():
            return TrimmingLoader(self._kept)(model, tokenizer)
