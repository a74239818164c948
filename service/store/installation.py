"""The steps of an installation: trim, tokenizer files, CTranslate2's format, and the checks of each. Imports torch."""

import json
import shutil
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from service.engines.ctranslate2 import CTranslate2Engine
from service.engines.tokenizer import Tokenizer
from service.engines.torch import TorchEngine
from service.engines.vocabulary import Vocabulary, read_vocabulary
from service.errors import ModelError
from service.manifest import EngineFiles, EngineKind, Manifest
from service.store import agreement, probe, specification, tokenizer_files
from service.store.trim import trimmed

CONVERTED, TORCH = "ct2", "torch"
# CTranslate2 has no converter for these.
TORCH_ALONE = frozenset({"encoder_decoder_bert", "fsmt"})
MODEL_TYPES = {"encoder_decoder_bert": "encoder-decoder", "m2m100": "m2m_100"}
CHECKPOINT_FILES = ("config.json", "generation_config.json", "model.safetensors")
MOST_UNKNOWN = 0.05


def install(
    snapshot: Path, manifest: Manifest, folder: Path, scratch: Path, quantization: str, *, keep: bool
) -> tuple[Manifest, dict[EngineKind, EngineFiles]]:
    """Write the model's files to ``folder``; returns the manifest with what its tokens are, and the engines' files.

    Raises:
        ModelError: see `convert`.
    """
    config = _configuration(snapshot, manifest)
    checkpoint = trimmed(snapshot, manifest, scratch / "trimmed")
    written = tokenizer_files.write(checkpoint, manifest, folder)
    code = manifest.tokens.target_code or _forced_first(config, written.pieces)
    tokens = manifest.tokens.model_copy(update={**written.tokens, "target_code": code})
    described = manifest.model_copy(update={"tokens": tokens})
    engines: dict[EngineKind, EngineFiles] = {}
    if manifest.architecture not in TORCH_ALONE:
        _write_converted(checkpoint, described, folder, scratch, quantization, written.pieces)
        engines["ctranslate2"] = EngineFiles(folder=CONVERTED, compute_type=quantization)
    if keep or not engines:
        _copy_checkpoint(checkpoint, folder / TORCH)
        engines["torch"] = EngineFiles(folder=TORCH, compute_type="float32")
    _check(checkpoint, described, folder, scratch / CONVERTED if "ctranslate2" in engines else None, quantization)
    return described, engines


def _configuration(snapshot: Path, manifest: Manifest) -> dict[str, Any]:
    """The checkpoint's configuration, generation's included; it must be of the manifest's architecture."""
    config = _read(snapshot / "config.json")
    wanted = MODEL_TYPES.get(manifest.architecture, manifest.architecture)
    found = config.get("model_type")
    if found != wanted:
        raise ModelError(f"{manifest.id}: the checkpoint is of architecture {found!r}, the manifest says {wanted!r}")
    if not (snapshot / "model.safetensors").is_file():
        raise ModelError(f"{manifest.id}: the snapshot has no model.safetensors")
    defaults = snapshot / "generation_config.json"
    return {**config, **(_read(defaults) if defaults.is_file() else {})}


def _read(path: Path) -> dict[str, Any]:
    try:
        content: dict[str, Any] = json.loads(path.read_text("utf-8"))
    except (OSError, ValueError) as error:
        raise ModelError(f"{path.name} of the snapshot cannot be read") from error
    return content


def _forced_first(config: Mapping[str, Any], pieces: Mapping[str, int]) -> str:
    """The piece that the checkpoint makes every output begin with; empty: none."""
    number = config.get("forced_bos_token_id")
    return next((piece for piece, row in pieces.items() if row == number), "")


def _write_converted(
    checkpoint: Path, manifest: Manifest, folder: Path, scratch: Path, quantization: str, pieces: Mapping[str, int]
) -> None:
    """The installed model in ``quantization``, and one in float32 to compare with the checkpoint."""
    model = specification.load_checkpoint(checkpoint)
    _check_rows(model, manifest, pieces)
    specification.write(model, manifest.architecture, pieces, scratch / CONVERTED, "float32")
    if quantization == "float32":
        shutil.copytree(scratch / CONVERTED, folder / CONVERTED)
    else:
        specification.write(model, manifest.architecture, pieces, folder / CONVERTED, quantization)


def _check_rows(model: Any, manifest: Manifest, pieces: Mapping[str, int]) -> None:
    rows = model.get_input_embeddings().weight.shape[0]
    if max(pieces.values()) >= rows:
        raise ModelError(f"{manifest.id}: the tokenizer has {max(pieces.values()) + 1} pieces, the weights {rows}")


def _check_codes(manifest: Manifest, vocabulary: Vocabulary) -> None:
    tokens = manifest.tokens
    for name, code, pieces in (
        ("source_code", tokens.source_code, vocabulary.source),
        ("target_code", tokens.target_code, vocabulary.target),
    ):
        if code and code not in pieces:
            raise ModelError(f"{manifest.id}: the model has no piece {code!r}, which tokens.{name} names")


def _copy_checkpoint(checkpoint: Path, folder: Path) -> None:
    folder.mkdir(exist_ok=True)
    for name in CHECKPOINT_FILES:
        if (checkpoint / name).is_file():
            shutil.copyfile(checkpoint / name, folder / name)


def _check(checkpoint: Path, manifest: Manifest, folder: Path, float32: Path | None, quantization: str) -> None:
    """The model writes what its checkpoint writes, and its tokenizer's pieces are those it has rows for."""
    items = probe.inputs(manifest, Tokenizer(manifest, folder))
    vocabulary = read_vocabulary(manifest, folder)
    _check_codes(manifest, vocabulary)
    unknown = probe.unknown_share(items, frozenset(vocabulary.source))
    if unknown > MOST_UNKNOWN:
        raise ModelError(f"{manifest.id}: the model has no rows for {unknown:.0%} of what the tokenizer writes")
    reference = TorchEngine(checkpoint, vocabulary)
    if float32 is None:
        agreement.check_alone(reference, items)
        return
    converted = CTranslate2Engine(float32, written=vocabulary.written, compute_type="float32")
    outputs = agreement.compare(converted, reference, items)
    converted.close()
    if quantization != "float32":
        agreement.check_quantized(float32, folder / CONVERTED, items, outputs)
