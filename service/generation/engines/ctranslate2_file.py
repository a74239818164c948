"""Functions that read the weights in CTranslate2's ``model.bin`` and rename them for the transformers library.

The format is that of ``ModelSpec._serialize`` in ctranslate2.specs.model_spec: a header, variables with their type and
shape, and aliases of variables. In an int8 model, each row of a matrix was multiplied by a scale and then rounded. The
file contains these scales.
"""

import struct
from collections.abc import Mapping
from pathlib import Path
from typing import Any, BinaryIO

import numpy as np
import numpy.typing as npt

from service.errors import ModelError

VERSION, DECODER = 6, "TransformerDecoderSpec"
TYPES = ("<f4", "i1", "<i2", "<i4", "<f2", "bfloat16")
"""The data types, in the order of their numbers in the file. numpy has no bfloat16."""
Floats = npt.NDArray[np.float32]

_NORMS = {
    "input_layer_norm": "input_layernorm",
    "post_attention_layer_norm": "post_attention_layernorm",
    "pre_feedforward_layer_norm": "pre_feedforward_layernorm",
    "post_feedforward_layer_norm": "post_feedforward_layernorm",
    "self_attention/q_norm": "self_attn.q_norm",
    "self_attention/k_norm": "self_attn.k_norm",
}
_MATRICES = {
    "self_attention/linear_1": "self_attn.o_proj",
    "ffn/linear_0": "mlp.gate_proj",
    "ffn/linear_0_noact": "mlp.up_proj",
    "ffn/linear_1": "mlp.down_proj",
}


def read_weights(path: Path) -> dict[str, Floats]:
    """Return the matrices and vectors of a decoder-only model in float32, under their names in the file.

    Raises:
        ModelError: the file is missing, damaged or in another format, or contains another kind of model.
    """
    try:
        with path.open("rb") as file:
            variables, aliases = _variables(file), _aliases(file)
    except (OSError, struct.error, ValueError, IndexError, TypeError) as error:
        raise ModelError(f"{path.name} is not a valid CTranslate2 model file: {error}") from error
    weights: dict[str, Floats] = {}
    for name, found in variables.items():
        if name.endswith("_scale") or not found.shape:
            continue
        scale = variables.get(f"{name}_scale")
        weights[name] = found.astype(np.float32)
        if scale is not None:
            weights[name] /= scale[:, np.newaxis]
    return weights | {alias: weights[name] for alias, name in aliases.items() if name in weights}


def _variables(file: BinaryIO) -> dict[str, npt.NDArray[Any]]:
    (version,) = _numbers(file, "I")
    name = _string(file)
    if (version, name) != (VERSION, DECODER):
        raise ValueError(f"expected a {DECODER} in format {VERSION}, found a {name} in format {version}")
    _revision, count = _numbers(file, "II")
    return dict(_variable(file) for _ in range(count))


def _variable(file: BinaryIO) -> tuple[str, npt.NDArray[Any]]:
    name = _string(file)
    (rank,) = _numbers(file, "B")
    shape = _numbers(file, f"{rank}I")
    kind, size = _numbers(file, "<BI")
    content = _exactly(file, size)
    if TYPES[kind] == "bfloat16":  # the upper half of a float32
        values = (np.frombuffer(content, "<u2").astype("<u4") << 16).view("<f4")
    else:
        values = np.frombuffer(content, TYPES[kind])
    return name, values.reshape(shape)


def _aliases(file: BinaryIO) -> dict[str, str]:
    (count,) = _numbers(file, "I")
    return {_string(file): _string(file) for _ in range(count)}


def _numbers(file: BinaryIO, form: str) -> tuple[int, ...]:
    form = "<" + form.removeprefix("<")
    return struct.unpack(form, _exactly(file, struct.calcsize(form)))


def _string(file: BinaryIO) -> str:
    (size,) = _numbers(file, "H")
    return _exactly(file, size)[:-1].decode()  # it ends with a zero byte


def _exactly(file: BinaryIO, size: int) -> bytes:
    content = file.read(size)
    if len(content) < size:
        raise ValueError("the file ends too early")
    return content


def gemma3_state(weights: Mapping[str, Floats], config: Mapping[str, Any]) -> dict[str, Floats]:
    """Return the weights of a Gemma 3 decoder under the names of transformers' ``Gemma3ForCausalLM``.

    ``weights`` is the result of `read_weights`. In each layer, CTranslate2 stacks the query, key and value matrices
    into one matrix. ``config`` is the content of transformers' ``config.json``. It contains the sizes that are needed
    to split this matrix.

    Raises:
        ModelError: the model lacks a weight, or ``config`` lacks a size.
    """
    try:
        embeddings = weights["decoder/embeddings/weight"]
        state = {"model.embed_tokens.weight": embeddings, "model.norm.weight": weights["decoder/layer_norm/gamma"]}
        state["lm_head.weight"] = weights.get("decoder/projection/weight", embeddings)
        queries, keys = (config[name] * config["head_dim"] for name in ("num_attention_heads", "num_key_value_heads"))
        for number in range(config["num_hidden_layers"]):
            ours, theirs = f"decoder/layer_{number}", f"model.layers.{number}"
            stacked = np.split(weights[f"{ours}/self_attention/linear_0/weight"], [queries, queries + keys])
            for name, part in zip(("q_proj", "k_proj", "v_proj"), stacked, strict=True):
                state[f"{theirs}.self_attn.{name}.weight"] = part
            state |= {f"{theirs}.{to}.weight": weights[f"{ours}/{name}/gamma"] for name, to in _NORMS.items()}
            state |= {f"{theirs}.{to}.weight": weights[f"{ours}/{name}/weight"] for name, to in _MATRICES.items()}
    except KeyError as error:
        raise ModelError(f"the entry {error} is missing from the weights or the configuration") from error
    return state
