"""Text to tokens and back, by the model's own SentencePiece files."""

from pathlib import Path

import sentencepiece

from service.errors import ModelError
from service.manifest import Manifest
from service.types import Tokens

EOS = "</s>"


class Tokenizer:
    """Encodes sources and decodes targets of one model. Safe to share between threads."""

    def __init__(self, manifest: Manifest, folder: Path) -> None:
        """Load the SentencePiece files that the manifest names from the model's ``folder``.

        Raises:
            ModelError: a file is missing or is no SentencePiece model.
        """
        self.prefix = manifest.tokens.prefix
        self._source = _load(folder / manifest.tokens.source)
        self._target = _load(folder / manifest.tokens.target)
        self.control = frozenset(
            self._target.id_to_piece(i)
            for i in range(self._target.get_piece_size())
            if self._target.is_control(i) or self._target.is_unknown(i)
        )
        self._bytes = frozenset(
            self._target.id_to_piece(i) for i in range(self._target.get_piece_size()) if self._target.is_byte(i)
        )

    def encode(self, text: str) -> Tokens:
        """Source tokens of ``text``, end-of-sentence last."""
        pieces = self._source.encode(self.prefix + text, out_type=str)
        return (*pieces, EOS)

    def decode(self, tokens: Tokens) -> str:
        """Text of target tokens; control pieces are left out."""
        text: str = self._target.decode([token for token in tokens if token not in self.control])
        return text

    def pieces(self, text: str) -> frozenset[str]:
        """The target pieces that ``text`` is made of."""
        return frozenset(self._target.encode(text, out_type=str))

    @property
    def byte_pieces(self) -> frozenset[str]:
        """The pieces that stand for single bytes of characters outside the vocabulary."""
        return self._bytes


def _load(path: Path) -> sentencepiece.SentencePieceProcessor:
    if not path.is_file():
        raise ModelError(f"tokenizer file {path.name} is missing")
    try:
        return sentencepiece.SentencePieceProcessor(model_file=str(path))
    except (OSError, RuntimeError) as error:
        raise ModelError(f"tokenizer file {path.name} is not a SentencePiece model") from error
