"""A vocabulary of a hundred languages, cut to what German and English are written with."""

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
from service.manifest import Manifest

# What the library generates has no types.
ModelProto: Any = sentencepiece_model_pb2.ModelProto  # type: ignore[attr-defined]
LANGUAGES = frozenset({"de", "en"})
FAMILY = frozenset({"t5", "mt5"})
WORTH_PIECES = 100_000
KEPT_PIECES = 40_000
WORDS_A_LANGUAGE = 200_000
# What German and English texts write foreign names and formulas with.
SCRIPTS = ("LATIN", "GREEK", "CYRILLIC")
NORMAL, UNKNOWN, CONTROL, BYTE = 1, 2, 3, 6  # ModelProto.SentencePiece.Type
SPACE = "▁"
BEYOND = "\u3000"  # marks of East Asian scripts begin here
# Tensors of T5 checkpoints with a row a piece.
TABLES = ("shared.weight", "encoder.embed_tokens.weight", "decoder.embed_tokens.weight", "lm_head.weight")


def trimmed(snapshot: Path, manifest: Manifest, folder: Path) -> Path:
    """The checkpoint without the rows of pieces that German and English do not need, in ``folder``.

    ``snapshot`` itself where the model is not of the T5 family, has other languages, or no more than
    ``WORTH_PIECES`` pieces.

    Raises:
        ModelError: the SentencePiece model is missing or damaged, or has pieces without a row.
    """
    languages = {manifest.source_lang, manifest.target_lang}
    if manifest.architecture not in FAMILY or not languages <= LANGUAGES or manifest.tokens.kind != "sentencepiece":
        return snapshot
    model = read_pieces(snapshot / manifest.tokens.source)
    if len(model.pieces) <= WORTH_PIECES:
        return snapshot
    kept = kept_pieces(model, word_frequencies(), KEPT_PIECES, prefix=manifest.tokens.prefix)
    write_trimmed(snapshot, manifest.tokens.source, model, kept, folder)
    return folder


def word_frequencies() -> dict[str, float]:
    """The frequent words of German and English, in lower case, with their share of running text."""
    found: defaultdict[str, float] = defaultdict(float)
    for language in sorted(LANGUAGES):
        frequencies = wordfreq.get_frequency_dict(language, wordlist="best")
        for word in heapq.nlargest(WORDS_A_LANGUAGE, frequencies, key=frequencies.__getitem__):
            found[word] += frequencies[word]
    return found


def kept_pieces(model: Any, words: Mapping[str, float], most: int, *, prefix: str = "") -> list[int]:
    """Ids, in order, of ``most`` pieces: what any text needs, then those that the ``words`` need most often.

    Any text needs special pieces and bytes, numbers, marks, single letters of the ``SCRIPTS`` (of all scripts, where
    there are no bytes to spell the others), and what ``prefix`` is made of; these stay even if they are more.
    """
    processor = SentencePieceProcessor(model_proto=model.SerializeToString())
    spelt = any(piece.type == BYTE for piece in model.pieces)
    needed = {number for number, piece in enumerate(model.pieces) if _needed(piece, spelt=spelt)}
    needed |= set(processor.encode(prefix))
    counts = _counted(processor, words)
    ranked = sorted(counts.keys() - needed, key=lambda number: (-counts[number], number))
    return sorted([*needed, *ranked[: max(0, most - len(needed))]])


def _needed(piece: Any, *, spelt: bool) -> bool:
    if piece.type != NORMAL:
        return bool(piece.type in {UNKNOWN, CONTROL, BYTE})
    text = piece.piece.replace(SPACE, "")
    if len(text) <= 1:
        return not spelt or not text or _european(text)
    return not any(character.isalpha() or character >= BEYOND for character in text)


def _european(character: str) -> bool:
    if character.isalpha():
        return unicodedata.name(character, "").startswith(SCRIPTS)
    return character < BEYOND


def _counted(processor: SentencePieceProcessor, words: Mapping[str, float]) -> dict[int, float]:
    """How often each piece is needed for the words, in lower case and capitalised, by their share of running text."""
    counts: defaultdict[int, float] = defaultdict(float)
    for form in (str.lower, str.capitalize):
        for pieces, share in zip(processor.encode(list(map(form, words))), words.values(), strict=True):
            for number in pieces:
                counts[number] += share
    return counts


def write_trimmed(snapshot: Path, name: str, model: Any, kept: Sequence[int], folder: Path) -> None:
    """Write the checkpoint with the rows ``kept`` alone to ``folder``, and its SentencePiece model as ``name``.

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
        tensors = {key: _cut(key, weights.get_tensor(key), rows) for key in weights.keys()}  # noqa: SIM118 - no mapping
    save_file(tensors, folder / "model.safetensors", metadata={"format": "pt"})


def _cut(key: str, tensor: torch.Tensor, rows: torch.Tensor) -> torch.Tensor:
    if key not in TABLES:
        return tensor
    if int(rows.max()) >= tensor.shape[0]:
        raise ModelError(f"the tokenizer has pieces up to {int(rows.max())}, the weights {tensor.shape[0]} rows")
    return tensor[rows].contiguous()


def read_pieces(path: Path) -> Any:
    """The SentencePiece model in a file.

    Raises:
        ModelError: the file is missing or is no SentencePiece model.
    """
    try:
        return ModelProto.FromString(path.read_bytes())
    except (OSError, DecodeError) as error:
        raise ModelError(f"tokenizer file {path.name} is not a SentencePiece model") from error
