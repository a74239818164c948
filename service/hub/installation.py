"""The steps of a conversion: trim, write tokenizer files, write CTranslate2's format, check. Imports torch."""

import json
import shutil
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from service.errors import ModelError
from service.generation.engines.ctranslate2 import CTranslate2Engine
from service.generation.engines.loading import Vocabulary, read_vocabulary
from service.generation.engines.tokenizers import Tokenizer
from service.generation.engines.torch import TorchEngine
from service.hub import checkpoint, conversion_check
from service.hub.trimming import trim_checkpoint
from service.registry.manifest import EngineFiles, EngineKind, Manifest

CONVERTED, TORCH = "ct2", "torch"
# Architectures that CTranslate2 has no converter for.
TORCH_ALONE = frozenset({"encoder_decoder_bert", "fsmt"})
MODEL_TYPES = {"encoder_decoder_bert": "encoder-decoder", "m2m100": "m2m_100"}
CHECKPOINT_FILES = ("config.json", "generation_config.json", "model.safetensors")
UNKNOWN_SHARE_MAX = 0.05


def install(
    snapshot: Path, manifest: Manifest, folder: Path, scratch: Path, quantization: str, *, keep: bool
) -> tuple[Manifest, dict[EngineKind, EngineFiles]]:
    """Write the model's files to ``folder``; returns the manifest with its token fields, and the files per engine.

    Raises:
        ModelError: as `conversion.convert`.
        OSError: a folder cannot be written.
    """
    config = _read_config(snapshot, manifest)
    source = trim_checkpoint(snapshot, manifest, scratch / "trimmed")
    written = checkpoint.write_tokenizer(source, manifest, folder)
    target_code = manifest.tokens.target_code or _forced_first_piece(config, written.pieces)
    tokens = manifest.tokens.model_copy(update={**written.tokens, "target_code": target_code})
    described = manifest.model_copy(update={"tokens": tokens})
    engines: dict[EngineKind, EngineFiles] = {}
    if manifest.architecture not in TORCH_ALONE:
        _write_converted(source, described, folder, scratch, quantization, written.pieces)
        engines["ctranslate2"] = EngineFiles(folder=CONVERTED, compute_type=quantization)
    if keep or not engines:
        _copy_checkpoint(source, folder / TORCH)
        engines["torch"] = EngineFiles(folder=TORCH, compute_type="float32")
    _check(source, described, folder, scratch / CONVERTED if "ctranslate2" in engines else None, quantization)
    return described, engines


def _read_config(snapshot: Path, manifest: Manifest) -> dict[str, Any]:
    """The checkpoint's configuration with its generation defaults; the architecture must match the manifest."""
    config = _read_json(snapshot / "config.json")
    expected = MODEL_TYPES.get(manifest.architecture, manifest.architecture)
    found = config.get("model_type")
    if found != expected:
        raise ModelError(f"{manifest.id}: the checkpoint is of architecture {found!r}, the manifest says {expected!r}")
    if not (snapshot / "model.safetensors").is_file():
        raise ModelError(f"{manifest.id}: the snapshot has no model.safetensors")
    defaults = snapshot / "generation_config.json"
    return {**config, **(_read_json(defaults) if defaults.is_file() else {})}


def _read_json(path: Path) -> dict[str, Any]:
    try:
        content: dict[str, Any] = json.loads(path.read_text("utf-8"))
    except (OSError, ValueError) as error:
        raise ModelError(f"{path.name} of the snapshot cannot be read") from error
    return content


def _forced_first_piece(config: Mapping[str, Any], pieces: Mapping[str, int]) -> str:
    """The piece that the configuration forces at the start of every output, or an empty string."""
    number = config.get("forced_bos_token_id")
    return next((piece for piece, row in pieces.items() if row == number), "")


def _write_converted(
    source: Path, manifest: Manifest, folder: Path, scratch: Path, quantization: str, pieces: Mapping[str, int]
) -> None:
    """Write the model to ``folder`` in ``quantization``, and to ``scratch`` in float32 for the check."""
    model = checkpoint.load_checkpoint(source)
    rows = model.get_input_embeddings().weight.shape[0]
    if max(pieces.values()) >= rows:
        raise ModelError(f"{manifest.id}: the tokenizer has {max(pieces.values()) + 1} pieces, the weights {rows}")
    checkpoint.write_ctranslate2(model, manifest.architecture, pieces, scratch / CONVERTED, "float32")
    if quantization == "float32":
        shutil.copytree(scratch / CONVERTED, folder / CONVERTED)
    else:
        checkpoint.write_ctranslate2(model, manifest.architecture, pieces, folder / CONVERTED, quantization)


def _copy_checkpoint(source: Path, folder: Path) -> None:
    folder.mkdir(exist_ok=True)
    for name in CHECKPOINT_FILES:
        if (source / name).is_file():
            shutil.copyfile(source / name, folder / name)


def _check(source: Path, manifest: Manifest, folder: Path, float32: Path | None, quantization: str) -> None:
    """Check the tokenizer against the weights, and the converted model against its checkpoint."""
    items = conversion_check.probe_inputs(manifest, Tokenizer(manifest, folder))
    vocabulary = read_vocabulary(manifest, folder)
    _check_language_codes(manifest, vocabulary)
    unknown = conversion_check.unknown_share(items, frozenset(vocabulary.source))
    if unknown > UNKNOWN_SHARE_MAX:
        raise ModelError(f"{manifest.id}: the model has no rows for {unknown:.0%} of what the tokenizer writes")
    reference = TorchEngine(source, vocabulary)
    if float32 is None:
        conversion_check.check_unconverted(reference, items)
        return
    converted = CTranslate2Engine(float32, written=vocabulary.written, compute_type="float32")
    outputs = conversion_check.compare_outputs(converted, reference, items)
    converted.close()
    if quantization != "float32":
        conversion_check.check_quantized(float32, folder / CONVERTED, items, outputs)


def _check_language_codes(manifest: Manifest, vocabulary: Vocabulary) -> None:
    tokens = manifest.tokens
    for name, code, pieces in (
        ("source_code", tokens.source_code, vocabulary.source),
        ("target_code", tokens.target_code, vocabulary.target),
    ):
        if code and code not in pieces:
            raise ModelError(f"{manifest.id}: the model has no piece {code!r}, which tokens.{name} names")
