"""The tokenizer files of a snapshot, in the formats that the service reads without torch."""

import json
import shutil
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import sentencepiece
import transformers

from service.errors import ModelError
from service.manifest import Manifest

TOKENIZER, VOCABULARY = "tokenizer.json", "vocabulary.json"
TORCH = "torch"
FSMT_SOURCE, FSMT_TARGET = "vocab-src.json", "vocab-tgt.json"
FSMT_FILES = (FSMT_SOURCE, FSMT_TARGET, "merges.txt", "tokenizer_config.json")


@dataclass(frozen=True, slots=True)
class Written:
    """What the manifest's ``tokens`` say of the files that were written, and the row of each target piece."""

    tokens: Mapping[str, str | None]
    pieces: Mapping[str, int]


def write(snapshot: Path, manifest: Manifest, folder: Path) -> Written:
    """Write the tokenizer files of ``snapshot`` to the model's ``folder``.

    Raises:
        ModelError: a file is missing or damaged, or the tokenizer has no form that the service reads.
    """
    if manifest.tokens.kind == "sentencepiece":
        return _sentencepiece(snapshot, manifest, folder)
    return _fsmt(snapshot, folder) if manifest.architecture == "fsmt" else _tokenizers(snapshot, folder)


def _sentencepiece(snapshot: Path, manifest: Manifest, folder: Path) -> Written:
    tokens = manifest.tokens
    for name in {tokens.source, tokens.target}:
        _copy(snapshot / name, folder / name)
    if manifest.architecture in {"t5", "mt5"}:
        model = sentencepiece.SentencePieceProcessor()
        try:
            model.load(str(folder / tokens.source))
        except (OSError, RuntimeError) as error:
            raise ModelError(f"tokenizer file {tokens.source} is not a SentencePiece model") from error
        ids = range(model.get_piece_size())
        return Written({"vocabulary": None}, {model.id_to_piece(number): number for number in ids})
    if manifest.architecture == "marian":
        pieces = _read(snapshot / (tokens.vocabulary or "vocab.json"))
    else:
        pieces = _pretrained(snapshot).get_vocab()
    (folder / VOCABULARY).write_text(json.dumps(pieces, ensure_ascii=False), "utf-8")
    return Written({"vocabulary": VOCABULARY}, pieces)


def _tokenizers(snapshot: Path, folder: Path) -> Written:
    tokenizer = _pretrained(snapshot)
    backend = getattr(tokenizer, "backend_tokenizer", None)
    if backend is None:
        name = type(tokenizer).__name__
        raise ModelError(f"{name} has no form that the tokenizers library reads; name its SentencePiece files")
    (folder / TOKENIZER).write_text(backend.to_str(), "utf-8")
    pieces = tokenizer.get_vocab()
    (folder / VOCABULARY).write_text(json.dumps(pieces, ensure_ascii=False), "utf-8")
    return Written({"source": TOKENIZER, "target": TOKENIZER, "vocabulary": VOCABULARY}, pieces)


def _fsmt(snapshot: Path, folder: Path) -> Written:
    (folder / TORCH).mkdir(exist_ok=True)
    for name in FSMT_FILES:
        _copy(snapshot / name, folder / TORCH / name)
    source, target = (f"{TORCH}/{name}" for name in (FSMT_SOURCE, FSMT_TARGET))
    return Written({"source": source, "target": target, "vocabulary": source}, _read(snapshot / FSMT_TARGET))


def _pretrained(snapshot: Path) -> Any:
    try:
        return transformers.AutoTokenizer.from_pretrained(str(snapshot), local_files_only=True)
    except Exception as error:  # whatever the tokenizer's class and its libraries raise
        raise ModelError(f"transformers cannot load the tokenizer: {type(error).__name__}: {error}") from error


def _read(path: Path) -> dict[str, int]:
    try:
        pieces: dict[str, int] = json.loads(path.read_text("utf-8"))
    except (OSError, ValueError) as error:
        raise ModelError(f"tokenizer file {path.name} cannot be read") from error
    return pieces


def _copy(source: Path, target: Path) -> None:
    try:
        shutil.copyfile(source, target)
    except FileNotFoundError as error:
        raise ModelError(f"tokenizer file {source.name} is missing") from error
