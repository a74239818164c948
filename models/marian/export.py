"""Export a Marian model in two formats, and write its manifest.

The formats are a transformers checkpoint in float16 and a CTranslate2 model in int8.
"""

import hashlib
import json
import shutil
import tempfile
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import ctranslate2.converters
import torch
from safetensors.torch import save_file
from torch import Tensor

from models.marian.network import Shape
from models.marian.pieces import EOS, PAD, Pieces
from models.marian.trim import TrimmingConverter

NEVER = -1e4
READABLE = 0o644
TARGET_VOCABULARY = "target_vocabulary.json"

_MANIFEST = """# Written by `models.marian.export`.
id = "depesche/{terms.name}"
revision = "{revision}"
task = "{terms.task}"
architecture = "marian"
source_lang = "{terms.source_lang}"
target_lang = "{terms.target_lang}"
licence = "{terms.licence}"
commercial_use = "{terms.commercial_use}"
quality = "starter"
weights = "embedded/{terms.name}"

[tokens]
source = "pieces.model"
target = "pieces.model"
vocabulary = "float16/vocab.json"
{target}max_source_tokens = {terms.max_source_tokens}
max_output_tokens = {terms.max_output_tokens}
output_ratio = {terms.output_ratio}

[decoding]
{decoding}
[acceptance]
{acceptance}
[engines.ctranslate2]
folder = "ct2-int8"
compute_type = "int8"

[engines.torch]
folder = "float16"
compute_type = "float32"

[files]
{hashes}"""


@dataclass(frozen=True)
class Terms:
    """The manifest fields that cannot be derived from the files of the model."""

    name: str
    task: str
    source_lang: str
    target_lang: str
    licence: str
    commercial_use: str
    max_source_tokens: int
    max_output_tokens: int
    decoding: dict[str, float | int]
    output_ratio: float = 2.0
    acceptance: dict[str, float] = field(default_factory=dict)


def _attention(name: str, weights: dict[str, Tensor], prefix: str) -> dict[str, Tensor]:
    parts = zip(("q_proj", "k_proj", "v_proj"), weights[f"{prefix}.project.weight"].chunk(3), strict=True)
    biases = zip(("q_proj", "k_proj", "v_proj"), weights[f"{prefix}.project.bias"].chunk(3), strict=True)
    return {
        **{f"{name}.{part}.weight": tensor for part, tensor in parts},
        **{f"{name}.{part}.bias": tensor for part, tensor in biases},
        f"{name}.out_proj.weight": weights[f"{prefix}.out.weight"],
        f"{name}.out_proj.bias": weights[f"{prefix}.out.bias"],
    }


def _layer(side: str, number: int, weights: dict[str, Tensor]) -> dict[str, Tensor]:
    ours, theirs = f"{side}.{number}", f"model.{side}.layers.{number}"
    named = _attention(f"{theirs}.self_attn", weights, f"{ours}.attention")
    norms = {"attention_norm": "self_attn_layer_norm", "norm": "final_layer_norm"}
    if side == "decoder":
        named |= _attention(f"{theirs}.encoder_attn", weights, f"{ours}.cross")
        norms["cross_norm"] = "encoder_attn_layer_norm"
    for mine, other in (*norms.items(), ("widen", "fc1"), ("narrow", "fc2")):
        for kind in ("weight", "bias"):
            named[f"{theirs}.{other}.{kind}"] = weights[f"{ours}.{mine}.{kind}"]
    return named


def marian_weights(shape: Shape, weights: dict[str, Tensor]) -> dict[str, Tensor]:
    """Return the weights under the names that MarianMTModel in transformers uses.

    Tied weights occur only once. The position table is left out, because MarianMTModel computes it.
    """
    named = {"model.shared.weight": weights["embedding.weight"]}
    bias = torch.cat([weights["output_bias"], torch.tensor([NEVER])])
    named["final_logits_bias"] = bias.unsqueeze(0)
    for side, layers in (("encoder", shape.encoder_layers), ("decoder", shape.decoder_layers)):
        for number in range(layers):
            named |= _layer(side, number, weights)
    return {name: tensor.contiguous() for name, tensor in named.items()}


def network_weights(shape: Shape, named: dict[str, Tensor]) -> dict[str, Tensor]:
    """Return the weights of a transformers checkpoint in float32, under the names that `network` uses.

    ``named`` contains the weights of the checkpoint by name. This function is the inverse of `marian_weights`. It
    allows training to start from an exported checkpoint.
    """
    weights = {"embedding.weight": named["model.shared.weight"], "output_bias": named["final_logits_bias"][0, :-1]}
    for side, layers in (("encoder", shape.encoder_layers), ("decoder", shape.decoder_layers)):
        for number in range(layers):
            weights |= _network_layer(side, number, named)
    return {name: tensor.float().clone() for name, tensor in weights.items()}


def _network_layer(side: str, number: int, named: dict[str, Tensor]) -> dict[str, Tensor]:
    ours, theirs = f"{side}.{number}", f"model.{side}.layers.{number}"
    attentions = {"attention": "self_attn"} | ({"cross": "encoder_attn"} if side == "decoder" else {})
    pairs = {"attention_norm": "self_attn_layer_norm", "norm": "final_layer_norm", "widen": "fc1", "narrow": "fc2"}
    if side == "decoder":
        pairs["cross_norm"] = "encoder_attn_layer_norm"
    weights = {}
    for kind in ("weight", "bias"):
        for mine, other in attentions.items():
            parts = [named[f"{theirs}.{other}.{part}.{kind}"] for part in ("q_proj", "k_proj", "v_proj")]
            weights[f"{ours}.{mine}.project.{kind}"] = torch.cat(parts)
            weights[f"{ours}.{mine}.out.{kind}"] = named[f"{theirs}.{other}.out_proj.{kind}"]
        for mine, other in pairs.items():
            weights[f"{ours}.{mine}.{kind}"] = named[f"{theirs}.{other}.{kind}"]
    return weights


def marian_config(shape: Shape, eos_id: int) -> dict[str, Any]:
    """Return the contents of ``config.json`` for a network of this shape.

    ``eos_id`` is the id of the end-of-sentence token.
    """
    return {
        "architectures": ["MarianMTModel"],
        "model_type": "marian",
        "vocab_size": shape.vocabulary,
        "d_model": shape.width,
        "encoder_layers": shape.encoder_layers,
        "decoder_layers": shape.decoder_layers,
        "encoder_attention_heads": shape.heads,
        "decoder_attention_heads": shape.heads,
        "encoder_ffn_dim": shape.feed_forward,
        "decoder_ffn_dim": shape.feed_forward,
        "max_position_embeddings": shape.positions,
        "activation_function": "relu",
        "scale_embedding": True,
        "share_encoder_decoder_embeddings": True,
        "tie_word_embeddings": True,
        "static_position_embeddings": True,
        "dropout": 0.1,
        "eos_token_id": eos_id,
        "forced_eos_token_id": None,
        "pad_token_id": shape.vocabulary - 1,
        "decoder_start_token_id": shape.vocabulary - 1,
        "torch_dtype": "float16",
    }


def write_float16(
    folder: Path, shape: Shape, weights: dict[str, Tensor], pieces: Pieces, kept: list[int] | None = None
) -> None:
    """Write a transformers checkpoint: ``config.json``, the weights as float16 safetensors, and ``vocab.json``.

    The checkpoint contains the whole vocabulary, because later training starts from it. If ``kept`` is given,
    ``target_vocabulary.json`` lists the pieces with these ids. Outputs may then contain only these pieces.
    """
    folder.mkdir(parents=True, exist_ok=True)
    half = {name: tensor.half() for name, tensor in marian_weights(shape, weights).items()}
    save_file(half, folder / "model.safetensors", metadata={"format": "pt"})
    _write_json(folder / "config.json", marian_config(shape, pieces.eos_id))
    vocabulary = pieces.vocabulary()
    _write_json(folder / "vocab.json", vocabulary)
    if kept is not None:
        _write_json(folder / TARGET_VOCABULARY, [list(vocabulary)[i] for i in kept])


def write_ctranslate2(
    folder: Path, float16: Path, pieces: Pieces, kept: list[int] | None = None, as_type: str = "int8"
) -> None:
    """Convert the transformers checkpoint in the folder ``float16``, and write a CTranslate2 model to ``folder``.

    ``as_type`` is the numeric type of the converted weights. ``kept`` contains the ids of the pieces that outputs may
    contain. If ``kept`` is None, outputs may contain all pieces.
    """
    with tempfile.TemporaryDirectory() as scratch:
        whole = Path(scratch) / "checkpoint"
        shutil.copytree(float16, whole)
        for side in ("source", "target"):
            shutil.copy(pieces.path, whole / f"{side}.spm")
        names = {"eos_token": EOS, "unk_token": "<unk>", "pad_token": PAD}
        _write_json(whole / "tokenizer_config.json", {"tokenizer_class": "MarianTokenizer", **names})
        plain = ctranslate2.converters.TransformersConverter(str(whole))
        converter = plain if kept is None else TrimmingConverter(whole, kept)
        converter.convert(str(folder), quantization=as_type, force=True)


def write_manifest(path: Path, folder: Path, terms: Terms) -> None:
    """Write the manifest of the model in ``folder`` to ``path``. It contains ``terms`` and the SHA-256 of each file."""
    files = digests(folder)
    revision = hashlib.sha256("".join(files.values()).encode()).hexdigest()[:12]
    decoding, acceptance = (
        "".join(f"{name} = {value}\n" for name, value in table.items()) for table in (terms.decoding, terms.acceptance)
    )
    listed = f"float16/{TARGET_VOCABULARY}"
    text = _MANIFEST.format(
        terms=terms,
        revision=revision,
        target=f'target_vocabulary = "{listed}"\n' if listed in files else "",
        decoding=decoding,
        acceptance=acceptance,
        hashes="".join(f'"{name}" = "{digest}"\n' for name, digest in files.items()),
    )
    path.write_text(text, "utf-8")


def digests(folder: Path) -> dict[str, str]:
    """Return the SHA-256 of each file under ``folder``, by relative path. Model cards (``.md``) are left out."""
    files = (file for file in sorted(folder.rglob("*")) if file.is_file() and file.suffix != ".md")
    return {str(file.relative_to(folder)): hashlib.sha256(file.read_bytes()).hexdigest() for file in files}


def write_model(
    models: Path,
    shape: Shape,
    weights: dict[str, Tensor],
    pieces: Pieces,
    terms: Terms,
    *,
    kept: list[int] | None = None,
) -> None:
    """Write a model in both formats to ``MODELS/embedded/NAME``, and its manifest to ``MODELS/catalog/NAME.toml``.

    MODELS is the folder ``models``, and NAME is the name in ``terms``. ``kept`` contains the ids of the pieces that
    outputs may contain. If ``kept`` is None, outputs may contain all pieces.
    """
    folder = models / "embedded" / terms.name
    (folder / "float16" / TARGET_VOCABULARY).unlink(missing_ok=True)
    write_float16(folder / "float16", shape, weights, pieces, kept)
    write_ctranslate2(folder / "ct2-int8", folder / "float16", pieces, kept)
    shutil.copy(pieces.path, folder / "pieces.model")
    # safetensors writes files that only the owner can read, but the service runs as a different user.
    for file in folder.rglob("*"):
        if file.is_file():
            file.chmod(READABLE)
    (models / "catalog").mkdir(exist_ok=True)
    write_manifest(models / "catalog" / f"{terms.name}.toml", folder, terms)


def _write_json(path: Path, value: object) -> None:
    path.write_text(json.dumps(value, ensure_ascii=False, indent=1) + "\n", "utf-8")
