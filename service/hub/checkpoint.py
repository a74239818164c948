"""Checkpoints: loads them, and writes tokenizer and weights in the formats of the service. Imports torch."""

import contextlib
import json
import shutil
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import sentencepiece
import torch
import transformers
from ctranslate2.converters import transformers as loaders

from service.errors import ModelError
from service.registry.manifest import Architecture, Manifest

TOKENIZER, VOCABULARY = "tokenizer.json", "vocabulary.json"
FSMT_FOLDER = "torch"  # FSMT's tokenizer reads its files from the checkpoint's folder
FSMT_SOURCE, FSMT_TARGET = "vocab-src.json", "vocab-tgt.json"
FSMT_FILES = (FSMT_SOURCE, FSMT_TARGET, "merges.txt", "tokenizer_config.json")
LOADERS: Mapping[Architecture, type[Any]] = {
    "marian": loaders.MarianMTLoader,
    "t5": loaders.T5Loader,
    "mt5": loaders.MT5Loader,
    "bart": loaders.BartLoader,
    "mbart": loaders.MBartLoader,
    "m2m100": loaders.M2M100Loader,
}
# Pre- or post-normalisation. CTranslate2's loaders expect it in the configuration, which lacks it for these classes.
NORMALIZE_BEFORE: Mapping[str, bool] = {"bart": False, "mbart": True}
START: Mapping[str, str] = {"t5": "<pad>", "mt5": "<pad>"}
PAD, EOS, UNKNOWN = "<pad>", "</s>", "<unk>"


@dataclass(frozen=True, slots=True)
class WrittenTokenizer:
    """The fields of the manifest's ``tokens`` for the written files, and the row of each target piece."""

    tokens: Mapping[str, str | None]
    pieces: Mapping[str, int]


def write_tokenizer(snapshot: Path, manifest: Manifest, folder: Path) -> WrittenTokenizer:
    """Write the tokenizer files of ``snapshot`` to the model's ``folder``, in formats that need no torch.

    Raises:
        ModelError: a file is missing or damaged, or the service cannot read the tokenizer.
    """
    if manifest.tokens.kind == "sentencepiece":
        return _write_sentencepiece(snapshot, manifest, folder)
    return _write_fsmt(snapshot, folder) if manifest.architecture == "fsmt" else _write_tokenizers(snapshot, folder)


def load_checkpoint(folder: Path) -> Any:
    """Load the checkpoint in float32.

    Raises:
        ModelError: transformers cannot load the checkpoint, or weights are missing.
    """
    try:
        model, report = transformers.AutoModelForSeq2SeqLM.from_pretrained(
            str(folder), dtype=torch.float32, local_files_only=True, output_loading_info=True
        )
    except (OSError, ValueError, RuntimeError, KeyError) as error:
        raise ModelError(f"transformers cannot load the checkpoint: {error}") from error
    if report["missing_keys"]:
        raise ModelError(f"the checkpoint lacks weights: {', '.join(sorted(report['missing_keys'])[:3])}")
    return model.eval()


def write_ctranslate2(
    model: Any, architecture: Architecture, pieces: Mapping[str, int], folder: Path, quantization: str
) -> None:
    """Write ``model`` to ``folder`` in CTranslate2's format; ``pieces`` maps each piece to its row.

    Raises:
        ModelError: CTranslate2 does not support the shape of the model.
    """
    try:
        with torch.no_grad(), _corrected(model.config, architecture):
            specification = LOADERS[architecture]().get_model_spec(model)
        rows = _row_names(pieces, specification.encoder.embeddings[0].weight.shape[0])
        specification.register_source_vocabulary(rows)
        specification.register_target_vocabulary(rows)
        _set_special_pieces(specification.config, model, architecture, rows)
        specification.validate()
    except (ValueError, KeyError, AttributeError) as error:
        raise ModelError(f"CTranslate2 cannot convert this {architecture} checkpoint: {error}") from error
    specification.optimize(quantization=None if quantization == "float32" else quantization)
    folder.mkdir(parents=True)
    specification.save(str(folder))


@contextlib.contextmanager
def _corrected(config: Any, architecture: Architecture) -> Iterator[None]:
    """Correct configuration fields that CTranslate2's loaders misread.

    The T5 loader scales outputs if ``tie_word_embeddings`` is set, but transformers 5 always sets it. In transformers 5
    ``scale_decoder_outputs`` decides; mT5 does not have this field and never scales.
    """
    if architecture in NORMALIZE_BEFORE and not hasattr(config, "normalize_before"):
        config.normalize_before = NORMALIZE_BEFORE[architecture]
    tied = config.tie_word_embeddings
    if architecture in {"t5", "mt5"}:
        config.tie_word_embeddings = getattr(config, "scale_decoder_outputs", False)
    try:
        yield
    finally:
        config.tie_word_embeddings = tied


def _row_names(pieces: Mapping[str, int], count: int) -> list[str]:
    """A name for each row. Rows without a piece get names that no tokenizer uses."""
    names = {number: piece for piece, number in pieces.items()}
    return [names.get(number, f"<row {number}>") for number in range(count)]


def _set_special_pieces(config: Any, model: Any, architecture: Architecture, rows: list[str]) -> None:
    missing = {EOS, UNKNOWN} - set(rows)
    if missing:
        raise ModelError(f"the vocabulary lacks {', '.join(sorted(missing))}")
    config.eos_token, config.unk_token = EOS, UNKNOWN
    config.bos_token = PAD if architecture in START else "<s>"
    # Marian's decoder starts from a zero embedding; the name of its start piece has no effect.
    start = getattr(model.config, "decoder_start_token_id", None)
    config.decoder_start_token = EOS if architecture == "marian" else START.get(architecture) or rows[_required(start)]


def _required(start: int | None) -> int:
    if start is None:
        raise ModelError("the configuration has no decoder_start_token_id")
    return start


def _write_sentencepiece(snapshot: Path, manifest: Manifest, folder: Path) -> WrittenTokenizer:
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
        return WrittenTokenizer({"vocabulary": None}, {model.id_to_piece(number): number for number in ids})
    if manifest.architecture == "marian":
        pieces = _read_pieces(snapshot / (tokens.vocabulary or "vocab.json"))
    else:
        pieces = _load_tokenizer(snapshot).get_vocab()
    (folder / VOCABULARY).write_text(json.dumps(pieces, ensure_ascii=False), "utf-8")
    return WrittenTokenizer({"vocabulary": VOCABULARY}, pieces)


def _write_tokenizers(snapshot: Path, folder: Path) -> WrittenTokenizer:
    tokenizer = _load_tokenizer(snapshot)
    backend = getattr(tokenizer, "backend_tokenizer", None)
    if backend is None:
        name = type(tokenizer).__name__
        raise ModelError(f"the tokenizers library cannot read {name}; name its SentencePiece files in the manifest")
    (folder / TOKENIZER).write_text(backend.to_str(), "utf-8")
    pieces = tokenizer.get_vocab()
    (folder / VOCABULARY).write_text(json.dumps(pieces, ensure_ascii=False), "utf-8")
    return WrittenTokenizer({"source": TOKENIZER, "target": TOKENIZER, "vocabulary": VOCABULARY}, pieces)


def _write_fsmt(snapshot: Path, folder: Path) -> WrittenTokenizer:
    (folder / FSMT_FOLDER).mkdir(exist_ok=True)
    for name in FSMT_FILES:
        _copy(snapshot / name, folder / FSMT_FOLDER / name)
    source, target = (f"{FSMT_FOLDER}/{name}" for name in (FSMT_SOURCE, FSMT_TARGET))
    tokens = {"source": source, "target": target, "vocabulary": source}
    return WrittenTokenizer(tokens, _read_pieces(snapshot / FSMT_TARGET))


def _load_tokenizer(snapshot: Path) -> Any:
    try:
        return transformers.AutoTokenizer.from_pretrained(str(snapshot), local_files_only=True)
    except Exception as error:  # tokenizer classes and their libraries raise errors of many types
        raise ModelError(f"transformers cannot load the tokenizer: {type(error).__name__}: {error}") from error


def _read_pieces(path: Path) -> dict[str, int]:
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
