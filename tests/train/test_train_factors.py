"""Tests of low-rank factors: files, sums, and the nearest factors of a lower rank."""

from pathlib import Path

import pytest
import torch
from safetensors.torch import save_file
from torch import Tensor

from models.train import factors


def random_factors(seed: int, rank: int) -> dict[str, Tensor]:
    generator = torch.Generator().manual_seed(seed)
    return {
        "layer.a": torch.randn(rank, 12, generator=generator),
        "layer.b": torch.randn(9, rank, generator=generator),
    }


def product(found: factors.Factors) -> Tensor:
    return found["layer.b"] @ found["layer.a"]


def test_sum_of_the_same_rank_is_exact() -> None:
    sets = [random_factors(1, 2), random_factors(2, 3)]
    made, lost = factors.summed(sets, 5)
    torch.testing.assert_close(product(made), sum(map(product, sets)))
    assert lost < 1e-9
    torch.testing.assert_close(made["layer.a"].norm(dim=1), torch.ones(5))


def test_loss_of_a_lower_rank_matches_singular_values() -> None:
    sets = [random_factors(1, 2), random_factors(2, 3)]
    made, lost = factors.summed(sets, 2)
    whole = sum(map(product, sets), torch.zeros(9, 12))
    expected = (whole - product(made)).square().sum() / whole.square().sum()
    assert lost == pytest.approx(float(expected), abs=1e-5)
    assert 0.05 < lost < 0.9


def test_written_factors_are_read_and_added(tmp_path: Path) -> None:
    made = random_factors(3, 2)
    factors.write(tmp_path / "factors.safetensors", made)
    read = factors.read(tmp_path / "factors.safetensors")
    weights = factors.added({"layer.weight": torch.ones(9, 12), "other.weight": torch.ones(1)}, read)
    torch.testing.assert_close(weights["layer.weight"], 1 + product(made), rtol=0.05, atol=0.05)
    assert weights["other.weight"] == 1
    assert [path.name for path in tmp_path.iterdir()] == ["factors.safetensors"]


def test_single_factor_is_named(tmp_path: Path) -> None:
    save_file({"layer.a": torch.ones(2, 3)}, tmp_path / "half.safetensors")
    with pytest.raises(ValueError, match=r"half\.safetensors has only one of the two factors of layer"):
        factors.read(tmp_path / "half.safetensors")


def test_untrained_factors_change_nothing() -> None:
    made = factors.untrained({"one.a": (2, 3), "one.b": (4, 2)})
    torch.testing.assert_close(made["one.b"] @ made["one.a"], torch.zeros(4, 3))
    torch.testing.assert_close(made["one.a"].norm(dim=1), torch.ones(2))
