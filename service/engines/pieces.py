"""What a tokenizer's files can do, whatever their format, and the SentencePiece format."""

from collections.abc import Sequence
from pathlib import Path
from typing import Protocol

import sentencepiece

from service.errors import ModelError


class Pieces(Protocol):
    """Text to pieces and back.

    ``control`` are the target pieces that stand for no text, ``single_bytes`` those that stand for one byte,
    ``writable`` all pieces of both sides that stand for text. ``complete`` tells whether `encode` knows which special
    pieces a source has; otherwise it begins and ends with text.
    """

    @property
    def control(self) -> frozenset[str]: ...

    @property
    def single_bytes(self) -> frozenset[str]: ...

    @property
    def writable(self) -> frozenset[str]: ...

    @property
    def complete(self) -> bool: ...

    def encode(self, text: str, *, special: bool = True) -> list[str]:
        """Source pieces, with special ones where asked for and known."""
        ...

    def encode_target(self, text: str) -> list[str]:
        """Target pieces, without special ones."""
        ...

    def decode(self, pieces: Sequence[str]) -> str:
        """The text of target pieces, none of which is in ``control``."""
        ...


class SentencePieces:
    """A SentencePiece model a side."""

    complete = False

    def __init__(
        self, source: sentencepiece.SentencePieceProcessor, target: sentencepiece.SentencePieceProcessor
    ) -> None:
        self._source = source
        self._target = target
        ids = range(target.get_piece_size())
        self.control = frozenset(target.id_to_piece(i) for i in ids if target.is_control(i) or target.is_unknown(i))
        self.single_bytes = frozenset(target.id_to_piece(i) for i in ids if target.is_byte(i))

    @property
    def writable(self) -> frozenset[str]:
        """See `Pieces`; made anew each time, as it is needed once and large."""
        models = [self._target] if self._source is self._target else [self._source, self._target]
        return frozenset(model.id_to_piece(i) for model in models for i in range(model.get_piece_size())) - self.control

    def encode(self, text: str, *, special: bool = False) -> list[str]:
        """See `Pieces.encode`."""
        del special  # a SentencePiece model knows none
        pieces: list[str] = self._source.encode(text, out_type=str)
        return pieces

    def encode_target(self, text: str) -> list[str]:
        """See `Pieces.encode_target`."""
        pieces: list[str] = self._target.encode(text, out_type=str)
        return pieces

    def decode(self, pieces: Sequence[str]) -> str:
        """See `Pieces.decode`."""
        text: str = self._target.decode(list(pieces))
        return text


def sentence_pieces(source: Path, target: Path) -> SentencePieces:
    """The models in both files, loaded once where they are one file.

    Raises:
        ModelError: a file is missing or is no SentencePiece model.
    """
    loaded = _load(source)
    return SentencePieces(loaded, loaded if target == source else _load(target))


def _load(path: Path) -> sentencepiece.SentencePieceProcessor:
    if not path.is_file():
        raise ModelError(f"tokenizer file {path.name} is missing")
    try:
        return sentencepiece.SentencePieceProcessor(model_file=str(path))
    except (OSError, RuntimeError) as error:
        raise ModelError(f"tokenizer file {path.name} is not a SentencePiece model") from error
