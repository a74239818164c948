"""Trims a multilingual vocabulary to the pieces that German and English need."""

import heapq
import json
import shutil
import unicodedata
from collections import defaultdict
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import torch
import wordfreq
from google.protobuf.message import DecodeError
from safetensors import safe_open
from safetensors.torch import save_file
from sentencepiece import SentencePieceProcessor, sentencepiece_model_pb2

from service.errors import ModelError
from service.registry.manifest import Manifest

# Generated code without types.
ModelProto: Any = sentencepiece_model_pb2.ModelProto  # type: ignore[attr-defined]
LANGUAGES = frozenset({"de", "en"})
FAMILY = frozenset({"t5", "mt5"})
TRIM_ABOVE_PIECES = 100_000
KEPT_PIECES = 40_000
WORDS_PER_LANGUAGE = 200_000
# Scripts of foreign names and formulas in German and English texts.
SCRIPTS = ("LATIN", "GREEK", "CYRILLIC")
NORMAL, UNKNOWN, CONTROL, BYTE = 1, 2, 3, 6  # ModelProto.SentencePiece.Type
SPACE = "▁"
FIRST_EAST_ASIAN = "\u3000"  # punctuation of East Asian scripts begins here
# Tensors of T5 checkpoints that have one row per piece.
ROW_TENSORS = ("shared.weight", "encoder.embed_tokens.weight", "decoder.embed_tokens.weight", "lm_head.weight")


def trim_checkpoint(snapshot: Path, manifest: Manifest, folder: Path) -> Path:
    """Write the checkpoint without the rows of unneeded pieces to ``folder``, and return that folder.

    Returns ``snapshot`` unchanged if the model is not of the T5 family, serves other languages, or has at most
    ``TRIM_ABOVE_PIECES`` pieces.

    Raises:
        ModelError: the SentencePiece model is missing or damaged, or has pieces without a row.
    """
    languages = {manifest.source_lang, manifest.target_lang}
    if manifest.architecture not in FAMILY or not languages <= LANGUAGES or manifest.tokens.kind != "sentencepiece":
        return snapshot
    model = read_pieces(snapshot / manifest.tokens.source)
    if len(model.pieces) <= TRIM_ABOVE_PIECES:
        return snapshot
    kept = kept_pieces(model, word_frequencies(), KEPT_PIECES, prefix=manifest.tokens.prefix)
    write_trimmed(snapshot, manifest.tokens.source, model, kept, folder)
    return folder


def word_frequencies() -> dict[str, float]:
    """Frequent German and English words in lower case, with their share of running text (from wordfreq)."""
    found: defaultdict[str, float] = defaultdict(float)
    for language in sorted(LANGUAGES):
        frequencies = wordfreq.get_frequency_dict(language, wordlist="best")
        for word in heapq.nlargest(WORDS_PER_LANGUAGE, frequencies, key=frequencies.__getitem__):
            found[word] += frequencies[word]
    return found


def kept_pieces(model: Any, words: Mapping[str, float], count: int, *, prefix: str = "") -> list[int]:
    """Ids of ``count`` pieces in ascending order: the indispensable ones, then the most frequent ones in ``words``.

    Indispensable are special pieces and bytes, numbers, punctuation, single letters of the ``SCRIPTS`` (of all scripts
    if the vocabulary has no bytes to spell the others), and the pieces of ``prefix``. They may be more than ``count``.
    """
    processor = SentencePieceProcessor(model_proto=model.SerializeToString())
    has_bytes = any(piece.type == BYTE for piece in model.pieces)
    needed = {number for number, piece in enumerate(model.pieces) if _indispensable(piece, has_bytes=has_bytes)}
    needed |= set(processor.encode(prefix))
    counts = _piece_counts(processor, words)
    ranked = sorted(counts.keys() - needed, key=lambda number: (-counts[number], number))
    return sorted([*needed, *ranked[: max(0, count - len(needed))]])


def _indispensable(piece: Any, *, has_bytes: bool) -> bool:
    if piece.type != NORMAL:
        return bool(piece.type in {UNKNOWN, CONTROL, BYTE})
    text = piece.piece.replace(SPACE, "")
    if len(text) <= 1:
        return not has_bytes or not text or _european(text)
    return not any(character.isalpha() or character >= FIRST_EAST_ASIAN for character in text)


def _european(character: str) -> bool:
    if character.isalpha():
        return unicodedata.name(character, "").startswith(SCRIPTS)
    return character < FIRST_EAST_ASIAN


def _piece_counts(processor: SentencePieceProcessor, words: Mapping[str, float]) -> dict[int, float]:
    """Expected frequency of each piece in running text, over the words in lower case and capitalised."""
    counts: defaultdict[int, float] = defaultdict(float)
    for form in (str.lower, str.capitalize):
        for pieces, share in zip(processor.encode(list(map(form, words))), words.values(), strict=True):
            for number in pieces:
                counts[number] += share
    return counts


def write_trimmed(snapshot: Path, name: str, model: Any, kept: Sequence[int], folder: Path) -> None:
    """Write the checkpoint to ``folder`` with only the rows ``kept``, and its SentencePiece model as ``name``.

    Raises:
        ModelError: the weights have fewer rows than there are pieces.
    """
    folder.mkdir(parents=True)
    config = json.loads((snapshot / "config.json").read_text("utf-8"))
    (folder / "config.json").write_text(json.dumps({**config, "vocab_size": len(kept)}, indent=1), "utf-8")
    if (snapshot / "generation_config.json").is_file():
        shutil.copyfile(snapshot / "generation_config.json", folder / "generation_config.json")
    pieces = ModelProto()
    pieces.CopyFrom(model)
    del pieces.pieces[:]
    pieces.pieces.extend(model.pieces[number] for number in kept)
    pieces.trainer_spec.vocab_size = len(kept)
    (folder / name).write_bytes(pieces.SerializeToString())
    rows = torch.tensor(kept)
    with safe_open(snapshot / "model.safetensors", framework="pt") as weights:
        tensors = {key: _select_rows(key, weights.get_tensor(key), rows) for key in weights.keys()}  # noqa: SIM118 - not a mapping
    save_file(tensors, folder / "model.safetensors", metadata={"format": "pt"})


def _select_rows(key: str, tensor: torch.Tensor, rows: torch.Tensor) -> torch.Tensor:
    if key not in ROW_TENSORS:
        return tensor
    if int(rows.max()) >= tensor.shape[0]:
        raise ModelError(f"the tokenizer has pieces up to {int(rows.max())}, the weights {tensor.shape[0]} rows")
    return tensor[rows].contiguous()


def read_pieces(path: Path) -> Any:
    """Read a SentencePiece model.

    Raises:
        ModelError: the file is missing or is no SentencePiece model.
    """
    try:
        return ModelProto.FromString(path.read_bytes())
    except (OSError, DecodeError) as error:
        raise ModelError(f"tokenizer file {path.name} is not a SentencePiece model") from error
