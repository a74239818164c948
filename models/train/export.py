"""Export the result of a training run in three forms.

The forms are low-rank factors to commit, a transformers folder with the factors added to the base model, and a
CTranslate2 model.
"""

import json
import shutil
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import torch
from ctranslate2.converters import TransformersConverter
from safetensors.torch import load_file, save_file
from torch import Tensor

from models.train import base, factors
from models.train.curve import read
from models.train.gemma import Shape, places
from models.train.recipe import Recipe
from service.generation.engines.ctranslate2_file import gemma3_state, read_weights
from service.registry.catalog import Entry
from service.registry.joining import ready


def _state(work: Path) -> dict[str, Any]:
    state: dict[str, Any] = torch.load(work / "state.pt", map_location="cpu", weights_only=True)
    return state


def averaged(work: Path) -> dict[str, Tensor]:
    """Return the running average of each low-rank factor in ``WORK/state.pt``, by name."""
    state = _state(work)
    weights = load_file(work / "base" / "model.safetensors")
    shape = Shape.of(json.loads((work / "base" / "config.json").read_text("utf-8")))
    found = places(shape.layers, weights, state["rank"])
    return {name: state["average"][start:][: x * y].view(x, y) for name, (start, (x, y)) in found.items()}


def recovered(work: Path, entry: Entry, rank: int) -> tuple[dict[str, Tensor], float]:
    """Return the low-rank factors that turn ``WORK/base`` into an exported model, and the approximation error.

    A training run can start from these factors if the checkpoint of the previous run is lost and only the exported
    model ``entry`` is left. The error includes the rounding of the quantised weights.

    Raises:
        ModelError: the files of the model are missing or damaged, or the model does not have the structure of the base.
    """
    base_weights = load_file(work / "base" / "model.safetensors")
    embedded = _layers(work, entry, base_weights)
    return factors.between({layer: base_weights[f"{layer}.weight"] for layer in embedded}, embedded, rank)


def rebase(work: Path, entry: Entry) -> None:
    """Replace the linear layers in ``WORK/base`` with the dequantised layers of an exported model.

    The values are rounded to the dtype of the base. Training with new factors then continues from these weights. The
    factors from `recovered` are a coarser approximation.

    Raises:
        ModelError: the files of the model are missing or damaged, or the model does not have the structure of the base.
    """
    path = work / "base" / "model.safetensors"
    weights = load_file(path)
    for layer, matrix in _layers(work, entry, weights).items():
        weights[f"{layer}.weight"] = matrix.to(weights[f"{layer}.weight"].dtype)
    new = path.with_suffix(".new")
    save_file(weights, new, metadata={"format": "pt"})
    new.replace(path)


def _layers(work: Path, entry: Entry, base_weights: Mapping[str, Tensor]) -> dict[str, Tensor]:
    """Return the float32 matrix [out, in] of each linear layer of an exported model, by the name of the layer."""
    folder = ready(entry, "ctranslate2").folder / entry.manifest.engines["ctranslate2"].folder
    config = json.loads((folder / "transformers.json").read_text("utf-8"))
    state = gemma3_state(read_weights(folder / "model.bin"), config)
    shape = Shape.of(json.loads((work / "base" / "config.json").read_text("utf-8")))
    layers = sorted({name.rpartition(".")[0] for name in places(shape.layers, base_weights, rank=1)})
    return {layer: torch.from_numpy(state[f"{layer}.weight"]) for layer in layers}


def write_factors(work: Path, path: Path, plan: Recipe) -> None:
    """Write the averaged factors to ``path``, and a README to the same folder.

    The README contains the number of items drawn from each source, the terms of use of each source, and the scores.
    ``plan`` is the training recipe.
    """
    path.parent.mkdir(parents=True, exist_ok=True)
    factors.write(path, averaged(work))
    last = read(work / "log.jsonl")[-1]
    taken: dict[str, int] = _state(work)["position"]["taken"]
    drawn = "".join(f"| {name} | {taken.get(name, 0):,} | {source.terms} |\n" for name, source in plan.sources.items())
    rows = "".join(f"| {name} | {score} |\n" for name, score in last["held"].items())
    (path.parent / "README.md").write_text(README.format(name=path.name, rows=rows, drawn=drawn, **last), "utf-8")


README = """# Start factors

`{name}` contains `LAYER.a` (rank × in) and `LAYER.b` (out × rank), bfloat16, for every linear layer of the base, which
`python -m models.train base` writes. The product b·a is added to the layer's weights. `train` starts from these
factors; `export --start` adds them to the base. They are derived from Gemma and changed by fine-tuning, so
the terms of use of Gemma apply.

Training so far: {items:,} items in {steps:,} steps, {tokens:,} padded tokens, {seconds:,} seconds.

| held-back set | loss per target token; for verdicts, the share of correct ones |
|---|---|
{rows}
| source | items drawn, counted in whole windows | terms |
|---|---|---|
{drawn}"""


def write_models(work: Path, added: factors.Factors, quantization: str) -> None:
    """Add the low-rank factors ``added`` to the base model, and write the result to ``WORK/hf`` in bfloat16.

    The result is also converted to the numeric type ``quantization`` for CTranslate2 and written to ``WORK/ct2``.
    Existing folders are replaced.
    """
    folder, made = work / "base", work / "hf"
    shutil.rmtree(made, ignore_errors=True)
    made.mkdir()
    weights = factors.added(load_file(folder / "model.safetensors"), added)
    read_json = {name: json.loads((folder / f"{name}.json").read_text("utf-8")) for name in ("config", "tokenizer")}
    base.write_folder(made, read_json["config"], weights, read_json["tokenizer"])
    shutil.copy(folder / "tokenizer_config.json", made)
    TransformersConverter(str(made)).convert(str(work / "ct2"), quantization=quantization, force=True)
