"""The trimming of a multilingual vocabulary to the pieces that German and English need."""

import heapq
import json
import shutil
import unicodedata
from collections import defaultdict
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import wordfreq
from google.protobuf.message import DecodeError
from safetensors.numpy import save_file
from sentencepiece import SentencePieceProcessor, sentencepiece_model_pb2

from service.errors import ModelError
from service.hub.conversion import T5_FAMILY, Checkpoint
from service.hub.files import SAFETENSORS
from service.languages.base import codes
from service.registry.manifest import Manifest

# Generated code without type annotations.
ModelProto: Any = sentencepiece_model_pb2.ModelProto  # type: ignore[attr-defined]
TRIM_ABOVE_PIECES = 100_000
KEPT_PIECES = 40_000
WORDS_PER_LANGUAGE = 200_000
# The scripts of German and English text, and of the foreign names and formulas in news texts.
SCRIPTS = ("LATIN", "GREEK", "CYRILLIC")
NORMAL, UNKNOWN, CONTROL, BYTE = 1, 2, 3, 6  # ModelProto.SentencePiece.Type
SPACE = "▁"
FIRST_EAST_ASIAN = "\u3000"  # the first punctuation character of East Asian scripts
# Tensors of T5 checkpoints with one row per piece.
ROW_TENSORS = ("shared.weight", "encoder.embed_tokens.weight", "decoder.embed_tokens.weight", "lm_head.weight")


def trim_checkpoint(snapshot: Path, manifest: Manifest, folder: Path) -> Path:
    """Write the checkpoint to ``folder`` without the embedding rows of unneeded pieces, and return ``folder``.

    Return ``snapshot`` instead, without writing anything, if the model is not of the T5 family or has no SentencePiece
    tokenizer, uses a language that is not in `counted_languages`, or has at most ``TRIM_ABOVE_PIECES`` pieces.

    Raises:
        ModelError: the SentencePiece model is missing or damaged, or has pieces without an embedding row.
    """
    languages = {manifest.source_lang, manifest.target_lang}
    trimmable = manifest.architecture in T5_FAMILY and manifest.tokens.kind == "sentencepiece"
    if not trimmable or not languages <= counted_languages():
        return snapshot
    model = read_pieces(snapshot / manifest.tokens.source)
    if len(model.pieces) <= TRIM_ABOVE_PIECES:
        return snapshot
    kept = kept_pieces(model, word_frequencies(), KEPT_PIECES, prefix=manifest.tokens.prefix)
    write_trimmed(snapshot, manifest.tokens.source, model, kept, folder)
    return folder


def counted_languages() -> set[str]:
    """Return the codes of the supported languages for which the library wordfreq has a word list."""
    return set(codes()) & wordfreq.available_languages().keys()


def word_frequencies() -> dict[str, float]:
    """Return the most frequent words of `counted_languages`, in lower case, with their frequencies from wordfreq.

    The frequency of a word is its share of all words in running text. If several languages have the same word, the sum
    of its frequencies is returned.
    """
    found: defaultdict[str, float] = defaultdict(float)
    for language in sorted(counted_languages()):
        frequencies = wordfreq.get_frequency_dict(language, wordlist="best")
        for word in heapq.nlargest(WORDS_PER_LANGUAGE, frequencies, key=frequencies.__getitem__):
            found[word] += frequencies[word]
    return found


def kept_pieces(model: Any, words: Mapping[str, float], count: int, *, prefix: str = "") -> list[int]:
    """Return the ids of the pieces to keep in a reduced SentencePiece model, in ascending order.

    All indispensable pieces are kept. These are special pieces, bytes, numbers, punctuation, single letters of the
    ``SCRIPTS``, and the pieces of ``prefix``, which is the text before every input of the model. If the vocabulary has
    no byte pieces, the single letters of all scripts are also indispensable. If there are fewer than ``count``
    indispensable pieces, the pieces that are most frequent in ``words`` are added until the result has ``count`` ids.
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
    """Return the expected frequency of each piece id in running text.

    ``words`` maps words to their frequencies. Each word is counted twice: in lower case, and with a capital first
    letter.
    """
    counts: defaultdict[int, float] = defaultdict(float)
    for form in (str.lower, str.capitalize):
        for pieces, share in zip(processor.encode(list(map(form, words))), words.values(), strict=True):
            for number in pieces:
                counts[number] += share
    return counts


def write_trimmed(snapshot: Path, name: str, model: Any, kept: Sequence[int], folder: Path) -> None:
    """Write a reduced copy of the checkpoint in ``snapshot`` to ``folder``.

    The copy contains only the pieces whose ids are in ``kept``, with their embedding rows. ``model`` is the
    SentencePiece model of the original, and ``name`` is the file name for the reduced SentencePiece model.

    Raises:
        ModelError: the weights have fewer embedding rows than the tokenizer has pieces.
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
    checkpoint, rows = Checkpoint(snapshot), np.array(kept)
    tensors = {key: _select_rows(key, checkpoint.array(key), rows) for key in checkpoint.names()}
    save_file(tensors, folder / SAFETENSORS, metadata={"format": "pt"})


def _select_rows(key: str, weight: Any, rows: Any) -> Any:
    if key not in ROW_TENSORS:
        return weight
    if int(rows.max()) >= weight.shape[0]:
        raise ModelError(
            f"the highest piece id of the tokenizer is {int(rows.max())},"
            f" but the weights have {weight.shape[0]} embedding rows"
        )
    return np.ascontiguousarray(weight[rows])


def read_pieces(path: Path) -> Any:
    """Return the SentencePiece model that is stored in the file ``path``.

    Raises:
        ModelError: the file is missing or is not a SentencePiece model.
    """
    try:
        return ModelProto.FromString(path.read_bytes())
    except (OSError, DecodeError) as error:
        raise ModelError(f"tokenizer file {path.name} is missing or is not a SentencePiece model") from error
