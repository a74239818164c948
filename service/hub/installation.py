"""The installation of a model: write its tokenizer and vocabulary, convert the checkpoint, and check the outputs."""

import json
import shutil
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import sentencepiece
import tokenizers
import transformers

from service.domain import EngineInput
from service.errors import ModelError
from service.generation.engines.ctranslate2 import CTranslate2Engine
from service.generation.engines.loading import Vocabulary, read_vocabulary
from service.generation.engines.tokenizers import Tokenizer
from service.hub.acceptance import (
    check_quantized,
    check_unconverted,
    compare_outputs,
    first_outputs,
    probe_inputs,
    unknown_share,
)
from service.hub.conversion import T5_FAMILY, trim_checkpoint, write_ctranslate2
from service.hub.files import INDEX, weight_files
from service.hub.requirements import CONVERTIBLE, has, require_torch
from service.registry.manifest import EngineFiles, EngineKind, Manifest

TOKENIZER, VOCABULARY = "tokenizer.json", "vocabulary.json"
FSMT_FOLDER = "fsmt"  # the files of FSMT's tokenizer
FSMT_SOURCE, FSMT_TARGET = "vocab-src.json", "vocab-tgt.json"
FSMT_FILES = (FSMT_SOURCE, FSMT_TARGET, "merges.txt", "tokenizer_config.json")
CONVERTED, TORCH = "ct2", "torch"
MODEL_TYPES = {"encoder_decoder_bert": "encoder-decoder", "m2m100": "m2m_100"}
CONFIGURATIONS = ("config.json", "generation_config.json", INDEX)
UNKNOWN_SHARE_MAX = 0.05


@dataclass(frozen=True, slots=True)
class WrittenTokenizer:
    """The result of writing the tokenizer files of a model.

    ``tokens`` contains new values for fields of the manifest's ``tokens`` table. ``pieces`` contains one mapping for
    both vocabularies, or one for sources and one for targets. Each maps a piece to its row in the embedding matrix.
    """

    tokens: Mapping[str, str | None]
    pieces: tuple[Mapping[str, int], ...]


def install(
    snapshot: Path,
    manifest: Manifest,
    folder: Path,
    scratch: Path,
    quantization: str,
    *,
    keep: bool = False,
    trim: bool = True,
) -> tuple[Manifest, dict[EngineKind, EngineFiles]]:
    """Write the model's files to ``folder``, and check the model.

    ``snapshot`` contains the downloaded files, and ``scratch`` is a folder for temporary files. ``quantization`` is the
    data type of the converted weights. If ``keep`` is True, the checkpoint is also installed, so that the torch engine
    can use the model. The checkpoint of an architecture without a CTranslate2 converter is always installed. If
    ``trim`` is False, the vocabulary keeps all pieces.

    Returns:
        The manifest with the completed ``tokens`` table, and the files of each engine.

    Raises:
        ModelError: for the same reasons as `service.hub.pull.convert`.
        OSError: a folder cannot be written.
    """
    config = _read_config(snapshot, manifest)
    source = trim_checkpoint(snapshot, manifest, scratch / "trimmed") if trim else snapshot
    written = write_tokenizer(source, manifest, folder)
    target_code = manifest.tokens.target_code or _forced_first_piece(config, written.pieces[-1])
    tokens = manifest.tokens.model_copy(update={**written.tokens, "target_code": target_code})
    described = manifest.model_copy(update={"tokens": tokens})
    engines: dict[EngineKind, EngineFiles] = {}
    if manifest.architecture in CONVERTIBLE:
        _write_converted(source, described, folder, scratch, quantization, written.pieces)
        engines["ctranslate2"] = EngineFiles(folder=CONVERTED, compute_type=quantization)
    if keep or not engines:
        _copy_checkpoint(source, folder / TORCH)
        engines["torch"] = EngineFiles(folder=TORCH, compute_type="float32")
    _check(source, described, folder, scratch / CONVERTED if "ctranslate2" in engines else None, quantization)
    return described, engines


def write_tokenizer(snapshot: Path, manifest: Manifest, folder: Path) -> WrittenTokenizer:
    """Write the tokenizer from the download folder ``snapshot`` to ``folder``, in formats that do not require torch.

    Raises:
        ModelError: a file is missing or damaged, or the service does not support the tokenizer.
    """
    if manifest.tokens.kind == "sentencepiece":
        return _write_sentencepiece(snapshot, manifest, folder)
    return _write_fsmt(snapshot, folder) if manifest.architecture == "fsmt" else _write_tokenizers(snapshot, folder)


def _write_sentencepiece(snapshot: Path, manifest: Manifest, folder: Path) -> WrittenTokenizer:
    tokens = manifest.tokens
    for name in {tokens.source, tokens.target}:
        _copy(snapshot / name, folder / name)
    if manifest.architecture in T5_FAMILY:
        model = sentencepiece.SentencePieceProcessor()
        try:
            model.load(str(folder / tokens.source))
        except (OSError, RuntimeError) as error:
            raise ModelError(f"tokenizer file {tokens.source} is not a SentencePiece model") from error
        ids = range(model.get_piece_size())
        return WrittenTokenizer({"vocabulary": None}, ({model.id_to_piece(number): number for number in ids},))
    if manifest.architecture == "marian":
        pieces = _read_pieces(snapshot / (tokens.vocabulary or "vocab.json"))
    else:
        pieces = _load_tokenizer(snapshot).get_vocab()
    (folder / VOCABULARY).write_text(json.dumps(pieces, ensure_ascii=False), "utf-8")
    return WrittenTokenizer({"vocabulary": VOCABULARY}, (pieces,))


def _write_tokenizers(snapshot: Path, folder: Path) -> WrittenTokenizer:
    """Write vocabulary.json and tokenizer.json.

    A published tokenizer.json is copied. If there is none, transformers creates it from the published tokenizer files.
    The classes of transformers would build a tokenizer from the vocabulary and ignore other settings in tokenizer.json,
    such as whether the text is converted to lower case.
    """
    if (snapshot / TOKENIZER).is_file():
        _copy(snapshot / TOKENIZER, folder / TOKENIZER)
        pieces = _read_tokenizer(folder / TOKENIZER).get_vocab()
    else:
        tokenizer = _load_tokenizer(snapshot)
        backend = getattr(tokenizer, "backend_tokenizer", None)
        if backend is None:
            name = type(tokenizer).__name__
            raise ModelError(f"the tokenizers library cannot read {name}; list its SentencePiece files in the manifest")
        (folder / TOKENIZER).write_text(backend.to_str(), "utf-8")
        pieces = tokenizer.get_vocab()
    (folder / VOCABULARY).write_text(json.dumps(pieces, ensure_ascii=False), "utf-8")
    return WrittenTokenizer({"source": TOKENIZER, "target": TOKENIZER, "vocabulary": VOCABULARY}, (pieces,))


def _read_tokenizer(path: Path) -> tokenizers.Tokenizer:
    try:
        return tokenizers.Tokenizer.from_file(str(path))
    except Exception as error:  # the library raises bare Exceptions
        raise ModelError(f"tokenizer file {path.name} cannot be read by the tokenizers library") from error


def _write_fsmt(snapshot: Path, folder: Path) -> WrittenTokenizer:
    (folder / FSMT_FOLDER).mkdir(exist_ok=True)
    for name in FSMT_FILES:
        _copy(snapshot / name, folder / FSMT_FOLDER / name)
    source, target = (f"{FSMT_FOLDER}/{name}" for name in (FSMT_SOURCE, FSMT_TARGET))
    tokens = {"source": source, "target": target, "vocabulary": source}
    return WrittenTokenizer(tokens, (_read_pieces(snapshot / FSMT_SOURCE), _read_pieces(snapshot / FSMT_TARGET)))


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


def _read_config(snapshot: Path, manifest: Manifest) -> dict[str, Any]:
    """Return the checkpoint's configuration, including the default values for the generation of outputs.

    Raises:
        ModelError: the architecture differs from the manifest, or a file is missing or cannot be read.
    """
    config = _read_json(snapshot / "config.json")
    expected = MODEL_TYPES.get(manifest.architecture, manifest.architecture)
    found = config.get("model_type")
    if found != expected:
        raise ModelError(f"{manifest.id}: the checkpoint has architecture {found!r}, but the manifest has {expected!r}")
    weight_files(snapshot)
    defaults = snapshot / "generation_config.json"
    return {**config, **(_read_json(defaults) if defaults.is_file() else {})}


def _read_json(path: Path) -> dict[str, Any]:
    try:
        content: dict[str, Any] = json.loads(path.read_text("utf-8"))
    except (OSError, ValueError) as error:
        raise ModelError(f"{path.name} in the snapshot cannot be read") from error
    return content


def _forced_first_piece(config: Mapping[str, Any], pieces: Mapping[str, int]) -> str:
    """Return the piece that the configuration requires at the start of every output, or an empty string."""
    number = config.get("forced_bos_token_id")
    return next((piece for piece, row in pieces.items() if row == number), "")


def _write_converted(
    source: Path,
    manifest: Manifest,
    folder: Path,
    scratch: Path,
    quantization: str,
    pieces: Sequence[Mapping[str, int]],
) -> None:
    """Write the model to ``folder`` in the data type ``quantization``, and to ``scratch`` in float32 for the check."""
    write_ctranslate2(source, manifest.architecture, pieces, scratch / CONVERTED, "float32")
    if quantization == "float32":
        shutil.copytree(scratch / CONVERTED, folder / CONVERTED)
    else:
        write_ctranslate2(source, manifest.architecture, pieces, folder / CONVERTED, quantization)


def _copy_checkpoint(source: Path, folder: Path) -> None:
    folder.mkdir(exist_ok=True)
    for name in (*CONFIGURATIONS, *weight_files(source)):
        if (source / name).is_file():
            shutil.copyfile(source / name, folder / name)


def _check(source: Path, manifest: Manifest, folder: Path, float32: Path | None, quantization: str) -> None:
    """Check that the tokenizer fits the weights, and that the model's outputs agree with those of its checkpoint.

    ``float32`` is the folder of the converted model before quantisation, or None if the model is not converted. If
    torch is not installed, the outputs are not compared with those of the checkpoint. `require_torch` allows this only
    for models whose outputs are later scored against references.
    """
    items = probe_inputs(manifest, Tokenizer(manifest, folder))
    vocabulary = read_vocabulary(manifest, folder)
    _check_language_codes(manifest, vocabulary)
    unknown = unknown_share(items, frozenset(vocabulary.source))
    if unknown > UNKNOWN_SHARE_MAX:
        raise ModelError(
            f"{manifest.id}: {unknown:.0%} of the tokens in the probe sentences are not in the model's vocabulary"
        )
    reference = _reference_outputs(source, manifest, vocabulary, items)
    if float32 is None:
        check_unconverted(reference or [])
        return
    engine = CTranslate2Engine(float32, written=vocabulary.written, compute_type="float32")
    converted = first_outputs(engine, items)
    if reference is not None:
        compare_outputs(converted, reference)
    if quantization != "float32":
        check_quantized(float32, folder / CONVERTED, items, [one.tokens for one in converted])


def _reference_outputs(source: Path, manifest: Manifest, vocabulary: Vocabulary, items: Sequence[EngineInput]) -> Any:
    """Return the outputs of the checkpoint on torch, or None if torch is not needed and not installed.

    Raises:
        ModelError: torch is needed and not installed, or it cannot load the checkpoint.
    """
    require_torch(manifest, manifest.id)
    if not has("torch"):
        return None
    from service.generation.engines.torch import TorchEngine  # noqa: PLC0415 - an optional extra

    return first_outputs(TorchEngine(source, vocabulary), items)


def _check_language_codes(manifest: Manifest, vocabulary: Vocabulary) -> None:
    tokens = manifest.tokens
    for name, code, pieces in (
        ("source_code", tokens.source_code, vocabulary.source),
        ("target_code", tokens.target_code, vocabulary.target),
    ):
        if code and code not in pieces:
            raise ModelError(f"{manifest.id}: the model has no piece {code!r} for tokens.{name}")
