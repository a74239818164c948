"""The trimming of a multilingual vocabulary, and the conversion of a checkpoint to CTranslate2.

Both read safetensors with NumPy and do not need torch.
"""

import heapq
import json
import math
import re
import shutil
import unicodedata
from collections import defaultdict
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from weakref import WeakValueDictionary

import numpy as np
import transformers
import wordfreq
from ctranslate2.converters import transformers as loaders
from ctranslate2.specs.transformer_spec import TransformerSpec
from google.protobuf.message import DecodeError
from safetensors import SafetensorError, safe_open
from safetensors.numpy import save_file
from sentencepiece import SentencePieceProcessor, sentencepiece_model_pb2

from service.errors import ModelError
from service.hub.files import SAFETENSORS, weight_files
from service.languages.base import codes
from service.registry.manifest import Architecture, Manifest

T5_FAMILY = frozenset({"t5", "mt5"})
PAD, EOS_PIECE, UNKNOWN_PIECE = "<pad>", "</s>", "<unk>"
# The values of the field ``normalize_before``, which CTranslate2's loaders read. The configurations of these
# architectures do not have this field.
_NORMALIZE_BEFORE: Mapping[str, bool] = {"bart": False, "mbart": True}
# Names of weights that a checkpoint may store only once, because the model uses the same values in several places.
_TIED = ("model.shared.weight", "model.encoder.embed_tokens.weight", "model.decoder.embed_tokens.weight")
_TIED_T5 = ("shared.weight", "encoder.embed_tokens.weight", "decoder.embed_tokens.weight")
_HEAD = "lm_head.weight"
_FSMT_TARGET, _FSMT_HEAD = "model.decoder.embed_tokens.weight", "model.decoder.output_projection.weight"
_LEARNED_OFFSET = 2
"""The number of rows before the row of the first position in the position embeddings of BART and mBART."""
_FAIRSEQ_PADDING = 1
"""The index of the padding token in M2M100, which determines the row of the first position."""
_BLOCK = re.compile(r".*?(encoder|decoder)\.(layers|block)\.\d+\.")


class Checkpoint:
    """The weights of a checkpoint, read from one safetensors file or from several (shards).

    A weight is read from the file when it is requested, and returned in float32.
    """

    def __init__(self, folder: Path) -> None:
        """List the weights in ``folder``.

        Raises:
            ModelError: a file is missing or damaged.
        """
        self._folder = folder
        self._files: dict[str, str] = {}
        self._read: set[str] = set()
        self._arrays: WeakValueDictionary[str, Any] = WeakValueDictionary()
        for file in weight_files(folder):
            try:
                with safe_open(folder / file, framework="numpy") as weights:
                    self._files |= dict.fromkeys(weights.keys(), file)
            except (SafetensorError, OSError) as error:
                raise ModelError(f"{file} is not a safetensors file, or it is incomplete") from error

    def names(self) -> frozenset[str]:
        """Return the names of the weights."""
        return frozenset(self._files)

    def array(self, name: str) -> Any:
        """Return a weight in float32. All requests for the same weight share one array while the array is in use.

        Raises:
            ModelError: the weight has a numeric type that NumPy does not support, such as bfloat16.
        """
        self._read.add(name)
        found = self._arrays.get(name)
        if found is None:
            found = self._arrays[name] = self._stored(name).astype(np.float32)
        return found

    def rows(self, name: str) -> int:
        """Return the number of rows of a weight."""
        with safe_open(self._folder / self._files[name], framework="numpy") as weights:
            return int(weights.get_slice(name).get_shape()[0])

    def _stored(self, name: str) -> Any:
        with safe_open(self._folder / self._files[name], framework="numpy") as weights:
            try:
                return weights.get_tensor(name)
            except (TypeError, AttributeError, SafetensorError) as error:
                raise ModelError(f"the weight {name} has a numeric type that NumPy does not support") from error

    def unused_blocks(self) -> list[str]:
        """Return the sorted prefixes of the encoder and decoder blocks from which no weight has been read."""
        blocks = {found[0] for name in self._files if (found := _BLOCK.match(name))}
        used = {found[0] for name in self._read if (found := _BLOCK.match(name))}
        return sorted(blocks - used)


class Module:
    """A part of a model, with the attributes that CTranslate2's loaders read from a module of transformers.

    An attribute is a weight, a nested part, or an entry in ``extra``. ``extra`` maps the full names of further
    attributes, such as computed position encodings, to their values. ``prefix`` is the common prefix of the full names
    of this part's attributes.
    """

    def __init__(self, checkpoint: Checkpoint, config: Any, extra: Mapping[str, Any], prefix: str = "") -> None:
        self._checkpoint, self._extra, self._prefix = checkpoint, extra, prefix
        self._names = [*checkpoint.names(), *extra]
        self.config = config
        self.is_head = prefix == "lm_head."

    def __getattr__(self, name: str) -> Any:
        full = self._prefix + name
        if full in self._extra:
            found = self._extra[full]
            return self._checkpoint.array(found.name) if isinstance(found, Tied) else found
        if full in self._checkpoint.names():
            return self._checkpoint.array(full)
        if any(one.startswith(f"{full}.") for one in self._names):
            return Module(self._checkpoint, self.config, self._extra, f"{full}.")
        raise AttributeError(f"weight {full}")

    def __iter__(self) -> Iterator["Module"]:
        numbers = {
            int(number)
            for one in self._names
            if one.startswith(self._prefix) and (number := one.removeprefix(self._prefix).partition(".")[0]).isdecimal()
        }
        return (getattr(self, str(number)) for number in sorted(numbers))

    def __getitem__(self, number: int) -> "Module":
        return list(self)[number]


@dataclass(frozen=True, slots=True)
class Tied:
    """A weight that has the same values as the weight ``name`` of the checkpoint."""

    name: str


class _WithBiases:
    """A mixin for loaders of models in which each linear layer except the output projection has a bias."""

    def set_linear(self, spec: Any, module: Any) -> None:
        """Set the weight and the bias of a linear layer without torch."""
        spec.weight = module.weight
        spec.bias = module.bias


class _Head(_WithBiases):
    """A mixin for loaders of models whose output projection is ``lm_head``."""

    def set_linear(self, spec: Any, module: Any) -> None:
        """Set the weight and the bias of a linear layer or of the output projection. The projection may lack a bias."""
        if not module.is_head:
            super().set_linear(spec, module)
            return
        spec.weight = module.weight
        if (bias := getattr(module, "bias", None)) is not None:
            spec.bias = bias


class Marian(_Head, loaders.MarianMTLoader):  # type: ignore[misc]  # CTranslate2 has no types
    """A loader for Marian checkpoints."""


class Bart(_Head, loaders.BartLoader):  # type: ignore[misc]  # CTranslate2 has no types
    """A loader for BART checkpoints."""


class MBart(_Head, loaders.MBartLoader):  # type: ignore[misc]  # CTranslate2 has no types
    """A loader for mBART checkpoints."""


class M2M100(_Head, loaders.M2M100Loader):  # type: ignore[misc]  # CTranslate2 has no types
    """A loader for checkpoints of M2M100 and NLLB."""


class T5(loaders.T5Loader):  # type: ignore[misc]  # CTranslate2 has no types
    """A loader for checkpoints of T5 and mT5, whose linear layers have no biases."""

    def set_linear(self, spec: Any, module: Any) -> None:
        """Set the weight of a linear layer without torch."""
        spec.weight = module.weight


class Fsmt(_WithBiases, loaders.BartLoader):  # type: ignore[misc]  # CTranslate2 has no types
    """A loader for FSMT checkpoints (fairseq's WMT19 models), which CTranslate2 itself cannot load.

    The layers are those of BART, with layer normalisation after each sublayer but none after the embeddings. The
    position embeddings are sinusoidal and start at the padding index + 1. The source and the target have separate
    vocabularies, and the output projection has weights of its own, unless they are tied to the target embeddings.
    """

    def get_model_spec(self, model: Any) -> Any:
        """Return the specification of the model for CTranslate2."""
        config = model.config
        spec = TransformerSpec.from_config(
            (config.encoder_layers, config.decoder_layers),
            config.encoder_attention_heads,
            pre_norm=False,
            activation=loaders._SUPPORTED_ACTIVATIONS[config.activation_function],  # noqa: SLF001 - it has no public name
        )
        self.set_encoder(spec.encoder, model.model.encoder)
        self.set_decoder(spec.decoder, model.model.decoder)
        spec.decoder.projection.weight = model.model.decoder.output_projection.weight
        return spec


LOADERS: Mapping[Architecture, type[Any]] = {
    "marian": Marian,
    "t5": T5,
    "mt5": T5,
    "bart": Bart,
    "mbart": MBart,
    "m2m100": M2M100,
    "fsmt": Fsmt,
}


def write_ctranslate2(
    folder: Path,
    architecture: Architecture,
    pieces: Sequence[Mapping[str, int]],
    target: Path,
    quantization: str,
) -> None:
    """Write the checkpoint in ``folder`` to the new folder ``target`` in CTranslate2's format.

    ``pieces`` contains one mapping for both vocabularies, or one for sources and one for targets. Each maps a piece to
    its row in the embedding matrix. ``quantization`` is the data type of the weights. Only one copy of the weights, in
    float32, is in memory.

    Raises:
        ModelError: weights are missing, no weight of a block is used, a vocabulary has more pieces than the weights
            have rows or lacks a special piece, the configuration cannot be read, or CTranslate2 cannot convert the
            checkpoint.
    """
    checkpoint, config = Checkpoint(folder), read_config(folder)
    model = Module(checkpoint, config, _extra(checkpoint, config, architecture))
    start = getattr(config, "decoder_start_token_id", None)
    try:
        with np.errstate(all="ignore"):
            specification = _specification(model, architecture)
            embeddings = (specification.encoder.embeddings[0], specification.decoder.embeddings)
            _check_rows(pieces, [one.weight.shape[0] + (architecture == "marian") for one in embeddings])
            rows = [
                _row_names(names, one.weight.shape[0])
                for names, one in zip((pieces[0], pieces[-1]), embeddings, strict=True)
            ]
            specification.register_source_vocabulary(rows[0])
            specification.register_target_vocabulary(rows[1])
            _set_special_pieces(specification.config, architecture, rows[1], start)
            specification.validate()
    except AttributeError as error:
        raise ModelError(f"the checkpoint lacks weights: {str(error).removeprefix('weight ')}") from error
    except (ValueError, KeyError) as error:
        raise ModelError(f"CTranslate2 cannot convert this {architecture} checkpoint: {error}") from error
    if unused := checkpoint.unused_blocks():
        raise ModelError(f"the checkpoint's configuration does not use the weights {', '.join(unused[:3])}")
    specification.optimize(quantization=None if quantization == "float32" else quantization)
    target.mkdir(parents=True)
    specification.save(str(target))


def read_config(folder: Path) -> Any:
    """Return the configuration of the checkpoint in ``folder``, with the defaults of its architecture.

    Raises:
        ModelError: the configuration cannot be read.
    """
    try:
        return transformers.AutoConfig.from_pretrained(str(folder), local_files_only=True)
    except Exception as error:  # the classes of configurations raise errors of many types
        raise ModelError(f"transformers cannot read config.json: {type(error).__name__}: {error}") from error


def _specification(model: Module, architecture: Architecture) -> Any:
    """Return CTranslate2's specification of the model, after the correction of fields that its loaders misread.

    CTranslate2's T5 loader scales outputs if ``tie_word_embeddings`` is True, but version 5 of transformers always sets
    this field to True. In that version, ``scale_decoder_outputs`` determines whether T5 scales outputs. mT5 does not
    have this field and never scales outputs.
    """
    config = model.config
    if architecture in _NORMALIZE_BEFORE and not hasattr(config, "normalize_before"):
        config.normalize_before = _NORMALIZE_BEFORE[architecture]
    if architecture in T5_FAMILY:
        config.tie_word_embeddings = getattr(config, "scale_decoder_outputs", False)
    return LOADERS[architecture]().get_model_spec(model)


def _extra(checkpoint: Checkpoint, config: Any, architecture: Architecture) -> dict[str, Any]:
    """Return the attributes that the modules of transformers have but the checkpoint does not store."""
    extra = _tied(checkpoint, config, architecture) | _head_bias(checkpoint)
    for stack in ("encoder", "decoder"):
        if architecture in T5_FAMILY:
            extra |= _t5_attention(checkpoint, config, stack)
            continue
        place = f"model.{stack}.embed_positions."
        count, width = config.max_position_embeddings, config.d_model
        if architecture == "m2m100":
            extra[f"{place}offset"] = _FAIRSEQ_PADDING + 1
            extra[f"{place}weights"] = _fairseq_positions(count + _FAIRSEQ_PADDING + 1, width, _FAIRSEQ_PADDING)
        elif architecture == "fsmt":
            first = config.pad_token_id + 1
            extra[f"{place}weight"] = _fairseq_positions(count + first, width, config.pad_token_id)[first:]
        elif architecture == "marian":
            extra[f"{place}weight"] = _marian_positions(count, width)
        else:
            extra[f"{place}offset"] = _LEARNED_OFFSET
    return extra


def _tied(checkpoint: Checkpoint, config: Any, architecture: Architecture) -> dict[str, Any]:
    """Map the names of weights that the checkpoint stores under another name to that name."""
    stored = checkpoint.names()
    if architecture == "fsmt":
        shared = _FSMT_TARGET in stored and _FSMT_HEAD not in stored and config.tie_word_embeddings
        return {_FSMT_HEAD: Tied(_FSMT_TARGET)} if shared else {}
    names = _TIED_T5 if architecture in T5_FAMILY else (*_TIED, _HEAD)
    present = [name for name in names if name in stored]
    if not present:
        return {}
    if architecture in T5_FAMILY and getattr(config, "scale_decoder_outputs", False):
        names = (*names, _HEAD)
    return {name: Tied(present[0]) for name in names if name not in stored}


def _head_bias(checkpoint: Checkpoint) -> dict[str, Any]:
    """Return the bias of the output projection, which the checkpoint stores in a matrix of one row, unless it is zero.

    The matrix itself is hidden, because CTranslate2's loaders would read it with functions of torch.
    """
    if "final_logits_bias" not in checkpoint.names():
        return {}
    bias = checkpoint.array("final_logits_bias").squeeze()
    return {"final_logits_bias": None} | ({"lm_head.bias": bias} if bias.any() else {})


def _t5_attention(checkpoint: Checkpoint, config: Any, stack: str) -> dict[str, Any]:
    """Return the attributes of the attention layers of T5. Only the first block has a table of relative positions."""
    count = config.num_layers if stack == "encoder" else config.num_decoder_layers
    extra: dict[str, Any] = {}
    for block in range(count):
        own, cross = (f"{stack}.block.{block}.layer.{place}." for place in ("0.SelfAttention", "1.EncDecAttention"))
        extra[f"{own}has_relative_attention_bias"] = f"{own}relative_attention_bias.weight" in checkpoint.names()
        extra[f"{own}relative_attention_max_distance"] = config.relative_attention_max_distance
        if stack == "decoder":
            extra[f"{cross}has_relative_attention_bias"] = False
    return extra


def _fairseq_positions(count: int, width: int, padding: int) -> Any:
    """Return sinusoidal position encodings of shape [count, width], as in fairseq. The row ``padding`` is zero.

    The first half of a row contains the sines, and the second half the cosines.
    """
    half = width // 2
    scale = np.exp(np.arange(half, dtype=np.float32) * np.float32(-(math.log(10_000) / (half - 1))))
    angles = np.arange(count, dtype=np.float32)[:, None] * scale[None, :]
    found = np.concatenate([np.sin(angles), np.cos(angles)], axis=1).astype(np.float32)
    found[padding] = 0
    return found


def _marian_positions(count: int, width: int) -> Any:
    """Return sinusoidal position encodings of shape [count, width], as in Marian."""
    columns = np.arange(width)
    angles = np.arange(count)[:, None] / np.power(10_000, 2 * (columns // 2) / width)[None, :]
    return np.concatenate([np.sin(angles[:, 0::2]), np.cos(angles[:, 1::2])], axis=1).astype(np.float32)


def _check_rows(pieces: Sequence[Mapping[str, int]], rows: Sequence[int]) -> None:
    """Raise `ModelError` if a vocabulary has more pieces than its embedding matrix has rows.

    The matrix of Marian has a row for the padding piece, which CTranslate2's loader removes.
    """
    for names, count in zip((pieces[0], pieces[-1]), rows, strict=True):
        if max(names.values()) >= count:
            raise ModelError(
                f"the tokenizer has {max(names.values()) + 1} pieces, but the weights have {count} embedding rows"
            )


def _row_names(pieces: Mapping[str, int], count: int) -> list[str]:
    """Return the piece of each of the ``count`` embedding rows.

    Rows without a piece get names that no tokenizer uses.
    """
    names = {number: piece for piece, number in pieces.items()}
    return [names.get(number, f"<row {number}>") for number in range(count)]


def _set_special_pieces(config: Any, architecture: Architecture, rows: list[str], start: int | None) -> None:
    missing = {EOS_PIECE, UNKNOWN_PIECE} - set(rows)
    if missing:
        raise ModelError(f"the vocabulary of the checkpoint lacks the pieces {', '.join(sorted(missing))}")
    config.eos_token, config.unk_token = EOS_PIECE, UNKNOWN_PIECE
    config.bos_token = PAD if architecture in T5_FAMILY else "<s>"
    # Marian's decoder starts from a zero embedding, so the name of its start piece has no effect.
    config.decoder_start_token = EOS_PIECE if architecture == "marian" else rows[_required(start)]


def _required(start: int | None) -> int:
    if start is None:
        raise ModelError("the checkpoint's configuration has no decoder_start_token_id")
    return start


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

    There are up to ``WORDS_PER_LANGUAGE`` words of each language. The frequency of a word is its share of all words in
    running text. If several languages have the same word, the sum of its frequencies is returned.
    """
    found: defaultdict[str, float] = defaultdict(float)
    for language in sorted(counted_languages()):
        frequencies = wordfreq.get_frequency_dict(language, wordlist="best")
        for word in heapq.nlargest(WORDS_PER_LANGUAGE, frequencies, key=frequencies.__getitem__):
            found[word] += frequencies[word]
    return found


def kept_pieces(model: Any, words: Mapping[str, float], count: int, *, prefix: str = "") -> list[int]:
    """Return the ids of the pieces to keep in a reduced SentencePiece model, in ascending order.

    All indispensable pieces are kept. These are special pieces, bytes, numbers and punctuation (except East Asian
    ones), single letters of the ``SCRIPTS``, and the pieces of ``prefix``, which is the text before every input of the
    model. If the vocabulary has no byte pieces, all single characters are also indispensable. If there are fewer than
    ``count`` indispensable pieces, the pieces that are most frequent in ``words`` are added until the result has
    ``count`` ids, or until no further piece occurs in ``words``.
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
