"""Pack the base model for transfer, with its weights quantised as in the original GGUF file, and restore it.

The packed model is as small as the original download. It contains only the pieces of the vocabulary that the base model
keeps.
"""

import shutil
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import gguf
import numpy as np
import torch
from numpy.typing import NDArray
from safetensors.torch import load_file, save_file
from torch import Tensor

from models.train.base import EMBEDDING, READABLE, BaseError

LAYERS = {
    "attn_q": "self_attn.q_proj",
    "attn_k": "self_attn.k_proj",
    "attn_v": "self_attn.v_proj",
    "attn_output": "self_attn.o_proj",
    "ffn_gate": "mlp.gate_proj",
    "ffn_up": "mlp.up_proj",
    "ffn_down": "mlp.down_proj",
}
"""Maps the GGUF name of each matrix in a layer to its name in transformers."""
MOST_MARKS = 32
FILES = ("config.json", "tokenizer.json", "tokenizer_config.json")


def _name(of_gguf: str) -> str | None:
    """Return the transformers name of the matrix with the GGUF name ``of_gguf``, or None for any other tensor."""
    if of_gguf == "token_embd.weight":
        return EMBEDDING
    _, *where = of_gguf.split(".")
    if len(where) == 3 and where[1] in LAYERS:
        return f"model.layers.{where[0]}.{LAYERS[where[1]]}.weight"
    return None


def _plain(raw: NDArray[np.uint8], kind: int) -> Tensor:
    values: NDArray[np.float32] = gguf.quants.dequantize(raw, gguf.GGMLQuantizationType(kind))
    return torch.from_numpy(values).to(torch.bfloat16)


def pack(source: Path, base: Path, to: Path, ids: Sequence[int]) -> None:
    """Write the model in the folder ``base`` to the folder ``to``, quantised as in the GGUF file ``source``.

    ``ids`` are the ids, in the vocabulary of ``source``, of the pieces that the base model keeps.

    Raises:
        BaseError: the base model was not made from ``source``.
    """
    to.mkdir(parents=True, exist_ok=True)
    rest = load_file(base / "model.safetensors")
    arrays: dict[str, Any] = {}
    for tensor in gguf.GGUFReader(source).tensors:
        name = _name(tensor.name)
        if name is None:
            continue
        raw = np.asarray(tensor.data)[list(ids)] if name == EMBEDDING else np.asarray(tensor.data)
        kind = int(tensor.tensor_type)
        weight, made = rest.pop(name), _plain(raw, kind)
        other = (weight != made).any(dim=1) if weight.shape == made.shape else None
        if other is None or int(other.sum()) > (MOST_MARKS if name == EMBEDDING else 0):
            raise BaseError(f"{name} of {base} does not match {source.name}")
        rest |= {f"{name}.rows": other.nonzero().flatten(), f"{name}.values": weight[other]} if other.any() else {}
        arrays[f"{kind}/{name}"] = raw
    np.savez(to / "matrices.npz", **arrays)
    save_file(rest, to / "rest.safetensors")
    for file in FILES:
        shutil.copy(base / file, to)


def unpack(packed: Path, base: Path) -> None:
    """Restore the base model from the folder ``packed``, which `pack` wrote, to the folder ``base``."""
    base.mkdir(parents=True, exist_ok=True)
    weights = load_file(packed / "rest.safetensors")
    with np.load(packed / "matrices.npz") as arrays:
        for key in arrays.files:
            kind, name = key.split("/")
            weights[name] = _plain(arrays[key], int(kind))
            if f"{name}.rows" in weights:
                weights[name][weights.pop(f"{name}.rows")] = weights.pop(f"{name}.values")
    save_file(weights, base / "model.safetensors", metadata={"format": "pt"})
    (base / "model.safetensors").chmod(READABLE)
    for file in FILES:
        shutil.copy(packed / file, base)
