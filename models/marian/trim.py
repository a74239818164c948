"""Trim the target vocabulary to the pieces that outputs need, which makes the output layer of the decoder smaller.

Source and target share one vocabulary. A third of the vocabulary consists of German words that English sentences do not
need.
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
    """Return the sorted ids of the pieces that occur in ``targets`` and of the pieces that can spell any text.

    The pieces that can spell any text are the special pieces, bytes, and single characters with and without a preceding
    space. Padding is left out.
    """
    seen = {piece for target in vocabulary.encode(list(targets)) for piece in target}
    return sorted(seen | vocabulary.spelling_ids())


class TrimmingLoader(MarianMTLoader):  # type: ignore[misc]  # ctranslate2 ships no types
    """A Marian loader for CTranslate2 that keeps only the target pieces whose ids are in ``kept``.

    All other pieces are removed from the embedding and the output layer of the decoder.
    """

    def __init__(self, kept: list[int]) -> None:
        self._kept = kept

    def get_model_spec(self, model: Any) -> Any:
        """Return the specification of ``model`` with only the rows of the kept pieces in the decoder."""
        spec = super().get_model_spec(model)
        decoder = spec.decoder
        decoder.embeddings.weight = decoder.projection.weight = decoder.projection.weight[self._kept]
        decoder.projection.bias = decoder.projection.bias[self._kept]
        return spec

    def set_vocabulary(self, spec: Any, tokens: list[str]) -> None:
        """Register the whole vocabulary for the source and the kept pieces for the target."""
        spec.register_source_vocabulary(tokens)
        spec.register_target_vocabulary([tokens[i] for i in self._kept])


class TrimmingConverter(ctranslate2.converters.Converter):  # type: ignore[misc]  # ctranslate2 ships no types
    """A CTranslate2 converter for the float16 Marian checkpoint in ``folder``.

    It keeps only the target pieces whose ids are in ``kept``.
    """

    def __init__(self, folder: Path, kept: list[int]) -> None:
        self._folder = folder
        self._kept = kept

    def _load(self) -> Any:
        model = transformers.MarianMTModel.from_pretrained(self._folder, dtype=torch.float16)
        tokenizer = transformers.AutoTokenizer.from_pretrained(self._folder)
        with torch.no_grad():
            return TrimmingLoader(self._kept)(model, tokenizer)
