"""Which row of a checkpoint stands for which piece, on either side, and which pieces may be written."""

import json
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from service.engines.tokenizer import Tokenizer
from service.errors import ModelError
from service.manifest import Manifest


@dataclass(frozen=True, slots=True)
class Vocabulary:
    """Piece to id of both sides, mostly the same; outputs are written with ``written`` alone, end-of-sentence apart."""

    source: dict[str, int]
    target: dict[str, int]
    written: frozenset[str]


def read_vocabulary(manifest: Manifest, folder: Path) -> Vocabulary:
    """The vocabulary of the checkpoint in ``folder``.

    Raises:
        ModelError: a file is missing or damaged.
    """
    written = Tokenizer(manifest, folder).writable
    tokens = manifest.tokens
    if manifest.architecture == "fsmt":
        return Vocabulary(_read(folder, tokens.source), _read(folder, tokens.target), written)
    pieces: dict[str, int] = (
        _in_order(manifest, folder) if tokens.vocabulary is None else _read(folder, tokens.vocabulary)
    )
    if tokens.target_vocabulary is not None:
        written &= frozenset(_read(folder, tokens.target_vocabulary))
    return Vocabulary(pieces, pieces, written)


def _in_order(manifest: Manifest, folder: Path) -> dict[str, int]:
    """The order of the SentencePiece model."""
    import sentencepiece  # noqa: PLC0415 - only where a checkpoint has no vocabulary of its own

    model = sentencepiece.SentencePieceProcessor(model_file=str(folder / manifest.tokens.source))
    return {model.id_to_piece(number): number for number in range(model.get_piece_size())}


def _read(folder: Path, name: str) -> Any:
    try:
        return json.loads((folder / name).read_text("utf-8"))
    except (OSError, ValueError) as error:
        raise ModelError(f"{name} cannot be read") from error
