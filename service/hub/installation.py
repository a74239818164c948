"""The installation of a model: convert the checkpoint, write the tokenizer and vocabulary, and check the outputs."""

import contextlib
import heapq
import json
import math
import shutil
import statistics
import unicodedata
from collections import defaultdict
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import ctranslate2
import sentencepiece
import torch
import transformers
import wordfreq
from ctranslate2.converters import transformers as loaders
from google.protobuf.message import DecodeError
from safetensors import safe_open
from safetensors.torch import save_file
from sentencepiece import SentencePieceProcessor, sentencepiece_model_pb2

from service.domain import DecodingOptions, EngineInput, Hypothesis, Tokens
from service.errors import ModelError
from service.generation.engines.base import Engine
from service.generation.engines.ctranslate2 import CTranslate2Engine
from service.generation.engines.loading import Vocabulary, read_vocabulary
from service.generation.engines.tokenizers import EOS, Tokenizer
from service.generation.engines.torch import TorchEngine
from service.languages.base import codes
from service.registry.manifest import Architecture, EngineFiles, EngineKind, Manifest

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
# CTranslate2's loaders read this field from the configuration, but the configurations of these classes lack it.
NORMALIZE_BEFORE: Mapping[str, bool] = {"bart": False, "mbart": True}
PAD, EOS_PIECE, UNKNOWN_PIECE = "<pad>", "</s>", "<unk>"


@dataclass(frozen=True, slots=True)
class WrittenTokenizer:
    """The result of writing the tokenizer files of a model.

    ``tokens`` contains new values for fields of the manifest's ``tokens`` table. ``pieces`` maps each target piece to
    its row in the embedding matrix.
    """

    tokens: Mapping[str, str | None]
    pieces: Mapping[str, int]


def write_tokenizer(snapshot: Path, manifest: Manifest, folder: Path) -> WrittenTokenizer:
    """Write the tokenizer from the download folder ``snapshot`` to ``folder``, in formats that do not require torch.

    Raises:
        ModelError: a file is missing or damaged, or the service does not support the tokenizer.
    """
    if manifest.tokens.kind == "sentencepiece":
        return _write_sentencepiece(snapshot, manifest, folder)
    return _write_fsmt(snapshot, folder) if manifest.architecture == "fsmt" else _write_tokenizers(snapshot, folder)


def load_checkpoint(folder: Path) -> Any:
    """Return the model that is stored in ``folder``, with its weights in float32.

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
    """Write ``model``, which transformers has loaded, to ``folder`` in CTranslate2's format.

    ``pieces`` maps each piece to its row in the embedding matrix. ``quantization`` is the data type of the weights.

    Raises:
        ModelError: CTranslate2 cannot convert the checkpoint, or the vocabulary lacks a special piece.
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
    """Correct fields of ``config`` that CTranslate2's loaders misread, until the end of the ``with`` block.

    CTranslate2's T5 loader scales outputs if ``tie_word_embeddings`` is True, but version 5 of transformers always sets
    this field to True. In that version, ``scale_decoder_outputs`` determines whether T5 scales outputs. mT5 does not
    have this field and never scales outputs.
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
    """Return the piece of each of the ``count`` embedding rows.

    Rows without a piece get names that no tokenizer uses.
    """
    names = {number: piece for piece, number in pieces.items()}
    return [names.get(number, f"<row {number}>") for number in range(count)]


def _set_special_pieces(config: Any, model: Any, architecture: Architecture, rows: list[str]) -> None:
    missing = {EOS_PIECE, UNKNOWN_PIECE} - set(rows)
    if missing:
        raise ModelError(f"the vocabulary lacks {', '.join(sorted(missing))}")
    config.eos_token, config.unk_token = EOS_PIECE, UNKNOWN_PIECE
    config.bos_token = PAD if architecture in FAMILY else "<s>"
    # Marian's decoder starts from a zero embedding, so the name of its start piece has no effect.
    start = getattr(model.config, "decoder_start_token_id", None)
    config.decoder_start_token = EOS_PIECE if architecture == "marian" else rows[_required(start)]


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
        raise ModelError(f"the tokenizers library cannot read {name}; list its SentencePiece files in the manifest")
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


# Generated code without type annotations.
ModelProto: Any = sentencepiece_model_pb2.ModelProto  # type: ignore[attr-defined]
FAMILY = frozenset({"t5", "mt5"})
TRIM_ABOVE_PIECES = 100_000
KEPT_PIECES = 40_000
WORDS_PER_LANGUAGE = 200_000
# Scripts that occur in news texts in foreign names and formulas.
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
    trimmable = manifest.architecture in FAMILY and manifest.tokens.kind == "sentencepiece"
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

    The frequency of a word is its share of all words in running text. If several languages have the same word, its
    frequencies are added up.
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
    rows = torch.tensor(kept)
    with safe_open(snapshot / "model.safetensors", framework="pt") as weights:
        tensors = {key: _select_rows(key, weights.get_tensor(key), rows) for key in weights.keys()}  # noqa: SIM118 - not a mapping
    save_file(tensors, folder / "model.safetensors", metadata={"format": "pt"})


def _select_rows(key: str, tensor: torch.Tensor, rows: torch.Tensor) -> torch.Tensor:
    if key not in ROW_TENSORS:
        return tensor
    if int(rows.max()) >= tensor.shape[0]:
        raise ModelError(
            f"the highest piece id of the tokenizer is {int(rows.max())},"
            f" but the weights have {tensor.shape[0]} embedding rows"
        )
    return tensor[rows].contiguous()


def read_pieces(path: Path) -> Any:
    """Return the SentencePiece model that is stored in the file ``path``.

    Raises:
        ModelError: the file is missing or is not a SentencePiece model.
    """
    try:
        return ModelProto.FromString(path.read_bytes())
    except (OSError, DecodeError) as error:
        raise ModelError(f"tokenizer file {path.name} is not a SentencePiece model") from error


SENTENCES = Path(__file__).parent / "data" / "probe.txt"
OUTPUT_TOKENS = 24
# Rounding differs between the engines, so they may choose different pieces if the probabilities are almost equal.
SCORE_TOLERANCE = 5e-3
TIES_MAX = 1 / 6
# The maximum change in log-probability per token that int8 may cause (docs/adr/0012-conversion-check.md).
SHIFT_MAX = 0.25


def probe_sentences() -> list[str]:
    """Return the sentences that are used to check the outputs of a new model."""
    return SENTENCES.read_text("utf-8").splitlines()


def probe_inputs(manifest: Manifest, tokenizer: Tokenizer) -> list[EngineInput]:
    """Return the probe sentences as engine inputs for a greedy search of at most ``OUTPUT_TOKENS`` tokens."""
    options = DecodingOptions(max_output_tokens=OUTPUT_TOKENS, target_prefix=manifest.tokens.target_prefix)
    return [EngineInput(tokenizer.encode(sentence), options) for sentence in probe_sentences()]


def unknown_share(items: list[EngineInput], known: frozenset[str]) -> float:
    """Return the share (0 to 1) of the tokens in ``items`` that are not in the vocabulary ``known``."""
    tokens = [token for item in items for token in item.tokens if token != EOS]
    return sum(token not in known for token in tokens) / max(1, len(tokens))


def compare_outputs(converted: Engine, reference: Engine, items: Sequence[EngineInput]) -> list[Tokens]:
    """Compare the greedy outputs of two float32 engines, and return the outputs of ``reference``.

    Raises:
        ModelError: the outputs differ by more than rounding errors can explain, so the conversion is wrong.
    """
    ours, theirs = ([found[0] for found in engine.generate(items)] for engine in (converted, reference))
    same = sum(one.tokens == other.tokens for one, other in zip(ours, theirs, strict=True))
    gaps = [abs(one - other) for one, other in zip(_scores(ours), _scores(theirs), strict=True)]
    if len(items) - same > TIES_MAX * len(items) or not all(gap <= SCORE_TOLERANCE for gap in gaps):
        raise ModelError(
            f"the converted model differs from the checkpoint: {same} of {len(items)} outputs are equal,"
            f" and the scores differ by up to {max(gaps):.3f}"
        )
    return [one.tokens for one in theirs]


def check_quantized(float32: Path, quantized: Path, items: Sequence[EngineInput], outputs: Sequence[Tokens]) -> float:
    """Measure how much int8 quantization changes the probabilities that a model assigns to ``outputs``.

    Return the mean absolute change in log-probability per token. The model in the folder ``float32`` generated
    ``outputs`` from ``items``, and both models score them. Outputs that each model generates itself cannot be compared,
    because they diverge after the first difference.

    Raises:
        ModelError: the change is above `SHIFT_MAX`, or all outputs are empty.
    """
    written = [(item, tokens) for item, tokens in zip(items, outputs, strict=True) if tokens]
    if not written:
        raise ModelError("the checkpoint's outputs are empty for all probe sentences")
    sources = [list(item.tokens) for item, _ in written]
    targets = [[*item.options.target_prefix, *tokens] for item, tokens in written]
    before = _score(float32, "float32", sources, targets)
    after = _score(quantized, "int8", sources, targets)
    shift = statistics.fmean(abs(one - other) for one, other in zip(before, after, strict=True))
    if shift > SHIFT_MAX:
        raise ModelError(f"int8 changes the log-probability by {shift:.2f} per token; the limit is {SHIFT_MAX}")
    return shift


def check_unconverted(reference: Engine, items: Sequence[EngineInput]) -> None:
    """Check that a checkpoint without a converted model generates outputs with scores.

    Raises:
        ModelError: each output is empty or has no score.
    """
    found = [hypotheses[0] for hypotheses in reference.generate(items)]
    silent = sum(not one.tokens or math.isnan(score) for one, score in zip(found, _scores(found), strict=True))
    if silent == len(found):
        raise ModelError("the checkpoint's outputs are empty for all probe sentences")


def _score(folder: Path, compute_type: str, sources: list[list[str]], targets: list[list[str]]) -> list[float]:
    """Return the mean log-probability per token of each target, without the end token that CTranslate2 appends."""
    model: Any = ctranslate2.Translator(str(folder), device="cpu", compute_type=compute_type)
    scores = model.score_batch(sources, targets, max_input_length=0)
    model.unload_model()
    return [statistics.fmean(one.log_probs[:-1]) for one in scores]


def _scores(found: Sequence[Hypothesis]) -> list[float]:
    """Return the score of each hypothesis, or NaN if it has no score. Every comparison with NaN is False."""
    return [math.nan if one.score is None else one.score for one in found]


CONVERTED, TORCH = "ct2", "torch"
# Architectures without a CTranslate2 converter.
TORCH_ALONE = frozenset({"encoder_decoder_bert", "fsmt"})
MODEL_TYPES = {"encoder_decoder_bert": "encoder-decoder", "m2m100": "m2m_100"}
CHECKPOINT_FILES = ("config.json", "generation_config.json", "model.safetensors")
UNKNOWN_SHARE_MAX = 0.05


def install(
    snapshot: Path, manifest: Manifest, folder: Path, scratch: Path, quantization: str, *, keep: bool
) -> tuple[Manifest, dict[EngineKind, EngineFiles]]:
    """Write the model's files to ``folder``, and check the model.

    ``snapshot`` contains the downloaded files, and ``scratch`` is a folder for temporary files. If ``keep`` is True,
    the installed files include the checkpoint, so that the torch engine can use the model. For architectures without a
    CTranslate2 converter, they always include it.

    Returns:
        The manifest with the completed ``tokens`` table, and the files of each engine.

    Raises:
        ModelError: for the same reasons as `service.hub.pull.convert`.
        OSError: a folder cannot be written.
    """
    config = _read_config(snapshot, manifest)
    source = trim_checkpoint(snapshot, manifest, scratch / "trimmed")
    written = write_tokenizer(source, manifest, folder)
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
    """Return the checkpoint's configuration, including the default values for the generation of outputs.

    Raises:
        ModelError: the architecture differs from the manifest, or a file is missing or cannot be read.
    """
    config = _read_json(snapshot / "config.json")
    expected = MODEL_TYPES.get(manifest.architecture, manifest.architecture)
    found = config.get("model_type")
    if found != expected:
        raise ModelError(f"{manifest.id}: the checkpoint has architecture {found!r}, but the manifest has {expected!r}")
    if not (snapshot / "model.safetensors").is_file():
        raise ModelError(f"{manifest.id}: the snapshot has no model.safetensors")
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
    source: Path, manifest: Manifest, folder: Path, scratch: Path, quantization: str, pieces: Mapping[str, int]
) -> None:
    """Write the model to ``folder`` with the given quantization, and to ``scratch`` in float32 for the check."""
    model = load_checkpoint(source)
    rows = model.get_input_embeddings().weight.shape[0]
    if max(pieces.values()) >= rows:
        raise ModelError(
            f"{manifest.id}: the tokenizer has {max(pieces.values()) + 1} pieces,"
            f" but the weights have {rows} embedding rows"
        )
    write_ctranslate2(model, manifest.architecture, pieces, scratch / CONVERTED, "float32")
    if quantization == "float32":
        shutil.copytree(scratch / CONVERTED, folder / CONVERTED)
    else:
        write_ctranslate2(model, manifest.architecture, pieces, folder / CONVERTED, quantization)


def _copy_checkpoint(source: Path, folder: Path) -> None:
    folder.mkdir(exist_ok=True)
    for name in CHECKPOINT_FILES:
        if (source / name).is_file():
            shutil.copyfile(source / name, folder / name)


def _check(source: Path, manifest: Manifest, folder: Path, float32: Path | None, quantization: str) -> None:
    """Check that the tokenizer fits the weights, and that the model's outputs agree with those of its checkpoint.

    ``float32`` is the folder of the converted model before quantization, or None if the model is not converted.
    """
    items = probe_inputs(manifest, Tokenizer(manifest, folder))
    vocabulary = read_vocabulary(manifest, folder)
    _check_language_codes(manifest, vocabulary)
    unknown = unknown_share(items, frozenset(vocabulary.source))
    if unknown > UNKNOWN_SHARE_MAX:
        raise ModelError(
            f"{manifest.id}: {unknown:.0%} of the tokens in the probe sentences are not in the model's vocabulary"
        )
    reference = TorchEngine(source, vocabulary)
    if float32 is None:
        check_unconverted(reference, items)
        return
    converted = CTranslate2Engine(float32, written=vocabulary.written, compute_type="float32")
    outputs = compare_outputs(converted, reference, items)
    converted.close()
    if quantization != "float32":
        check_quantized(float32, folder / CONVERTED, items, outputs)


def _check_language_codes(manifest: Manifest, vocabulary: Vocabulary) -> None:
    tokens = manifest.tokens
    for name, code, pieces in (
        ("source_code", tokens.source_code, vocabulary.source),
        ("target_code", tokens.target_code, vocabulary.target),
    ):
        if code and code not in pieces:
            raise ModelError(f"{manifest.id}: the model has no piece {code!r} for tokens.{name}")
