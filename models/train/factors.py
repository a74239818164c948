"""Low-rank factors of weight changes: read and write them, add them to weights, and approximate their sum."""

from collections.abc import Iterable, Mapping
from pathlib import Path

import torch
from safetensors.torch import load_file, save_file
from torch import Tensor
from torch.nn import functional

READABLE = 0o644
Factors = Mapping[str, Tensor]
"""``LAYER.a`` [rank, in] and ``LAYER.b`` [out, rank] of each linear layer. The product b a is added to its weights."""


def read(path: Path) -> dict[str, Tensor]:
    """Read factors from a file and convert them to float32.

    Raises:
        ValueError: the file contains only one of the two factors of a layer.
    """
    factors = {name: factor.float() for name, factor in load_file(path).items()}
    if odd := {name[:-2] for name in factors if not {f"{name[:-2]}.a", f"{name[:-2]}.b"} <= factors.keys()}:
        raise ValueError(f"{path.name} has only one of the two factors of {min(odd)}")
    return factors


def write(path: Path, factors: Factors) -> None:
    """Write the factors atomically, in bfloat16."""
    new = path.with_suffix(".new")
    save_file({name: factor.detach().to(torch.bfloat16).contiguous().cpu() for name, factor in factors.items()}, new)
    new.chmod(READABLE)  # safetensors writes files that only the owner can read
    new.replace(path)


def added(weights: Mapping[str, Tensor], factors: Factors) -> dict[str, Tensor]:
    """Return the weights in float32. The product b a of a layer's factors is added to ``LAYER.weight``."""
    made = {name: weight.float() for name, weight in weights.items()}
    for layer in {name[:-2] for name in factors}:
        made[f"{layer}.weight"] = made[f"{layer}.weight"] + factors[f"{layer}.b"] @ factors[f"{layer}.a"]
    return made


def untrained(shapes: Mapping[str, tuple[int, int]]) -> dict[str, Tensor]:
    """Return factors that change nothing: ``a`` has random rows of unit length, and ``b`` is zero (Hu et al. 2021).

    ``shapes`` contains the shape of each factor, by name.
    """
    return {
        name: torch.zeros(shape) if name.endswith(".b") else functional.normalize(torch.randn(shape), dim=1)
        for name, shape in shapes.items()
    }


def scaled(factors: Factors, weight: float) -> dict[str, Tensor]:
    """Return factors whose product is ``weight`` times the product of ``factors``."""
    return {name: factor * weight if name.endswith(".b") else factor for name, factor in factors.items()}


def between(base: Mapping[str, Tensor], weights: Mapping[str, Tensor], rank: int) -> tuple[dict[str, Tensor], float]:
    """Return the factors of rank ``rank`` that best approximate ``weights`` minus ``base``, and the error.

    ``base`` and ``weights`` contain the matrix [out, in] of each layer, by the name of the layer. The rows of ``a``,
    the columns of ``b`` and the error are defined as for `summed`.
    """
    made: dict[str, Tensor] = {}
    lost = whole = 0.0
    for layer, matrix in base.items():
        u, values, v = torch.linalg.svd(weights[layer].float() - matrix.float(), full_matrices=False)
        made[f"{layer}.a"] = v[:rank].contiguous()
        made[f"{layer}.b"] = u[:, :rank] * values[:rank]
        whole += float(values.square().sum())
        lost += float(values[rank:].square().sum())
    return made, lost / whole if whole else 0.0


def summed(sets: Iterable[Factors], rank: int) -> tuple[dict[str, Tensor], float]:
    """Return the factors of rank ``rank`` that best approximate the sum of ``sets``, and the approximation error.

    Each of ``sets`` contains the factors of all layers. The result is computed by singular value decomposition. The
    rows of ``a`` have unit length, as at the start of training, and the columns of ``b`` are multiplied by the singular
    values. The error is the share of the squared norm of the sum that the approximation loses.
    """
    listed = list(sets)
    made: dict[str, Tensor] = {}
    lost = whole = 0.0
    for layer in sorted({name[:-2] for factors in listed for name in factors}):
        a = torch.cat([factors[f"{layer}.a"] for factors in listed])
        b = torch.cat([factors[f"{layer}.b"] for factors in listed], dim=1)
        q_b, r_b = torch.linalg.qr(b)
        q_a, r_a = torch.linalg.qr(a.T)
        u, values, v = torch.linalg.svd(r_b @ r_a.T)
        made[f"{layer}.a"] = v[:rank] @ q_a.T
        made[f"{layer}.b"] = (q_b @ u)[:, :rank] * values[:rank]
        whole += float(values.square().sum())
        lost += float(values[rank:].square().sum())
    return made, lost / whole if whole else 0.0
