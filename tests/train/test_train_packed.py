"""Tests of the packed base model: unpacking restores it, and a base model made from another file is rejected."""

from pathlib import Path

import gguf
import numpy as np
import pytest
import torch
from safetensors.torch import load_file, save_file

from models.train import packed
from models.train.base import EMBEDDING, BaseError

QUERY = "model.layers.0.self_attn.q_proj.weight"
IDS = [0, 2, 5]


@pytest.fixture
def source(tmp_path: Path) -> Path:
    """Write a GGUF file with a matrix, an embedding and a norm, and return its path."""
    rng = np.random.default_rng(1)
    writer = gguf.GGUFWriter(tmp_path / "model.gguf", "gemma3")
    writer.add_tensor("blk.0.attn_norm.weight", np.ones(64, np.float32))
    for name, rows in (("blk.0.attn_q.weight", 8), ("token_embd.weight", 6)):
        raw = gguf.quants.quantize(rng.normal(size=(rows, 64)).astype(np.float32), gguf.GGMLQuantizationType.Q8_0)
        writer.add_tensor(name, raw, raw_dtype=gguf.GGMLQuantizationType.Q8_0)
    writer.write_header_to_file()
    writer.write_kv_data_to_file()
    writer.write_tensors_to_file()
    writer.close()
    return tmp_path / "model.gguf"


@pytest.fixture
def base(source: Path, tmp_path: Path) -> Path:
    """Create the base model from the GGUF file ``source``, and return its folder.

    One row of the embedding belongs to a task mark and is not in the file.
    """
    found = {tensor.name: tensor for tensor in gguf.GGUFReader(source).tensors}
    weights = {"model.norm.weight": torch.zeros(64, dtype=torch.bfloat16)}
    for name, of_gguf in ((QUERY, "blk.0.attn_q.weight"), (EMBEDDING, "token_embd.weight")):
        values = gguf.quants.dequantize(np.array(found[of_gguf].data), gguf.GGMLQuantizationType.Q8_0)
        weights[name] = torch.from_numpy(values).to(torch.bfloat16)
    weights[EMBEDDING] = weights[EMBEDDING][IDS].clone()
    weights[EMBEDDING][1] = 0.5
    folder = tmp_path / "base"
    folder.mkdir()
    save_file(weights, folder / "model.safetensors")
    for name in packed.FILES:
        (folder / name).write_text("{}", "utf-8")
    return folder


def test_base_round_trips_exactly(source: Path, base: Path, tmp_path: Path) -> None:
    packed.pack(source, base, tmp_path / "packed", IDS)
    packed.unpack(tmp_path / "packed", tmp_path / "back")
    expected, found = (load_file(folder / "model.safetensors") for folder in (base, tmp_path / "back"))
    assert expected.keys() == found.keys()
    assert all(torch.equal(expected[name], found[name]) for name in expected)
    assert {path.name for path in (tmp_path / "back").iterdir()} == {*packed.FILES, "model.safetensors"}


def test_base_of_another_file_is_refused(source: Path, base: Path, tmp_path: Path) -> None:
    weights = load_file(base / "model.safetensors")
    weights[QUERY] = weights[QUERY] + 1
    save_file(weights, base / "model.safetensors")
    with pytest.raises(BaseError, match=r"self_attn\.q_proj"):
        packed.pack(source, base, tmp_path / "packed", IDS)
