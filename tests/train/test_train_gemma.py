"""Tests of the training network: outputs equal those of transformers, and gradients those of separate factors."""

import json
from pathlib import Path
from typing import Any

import pytest
import torch
from safetensors.torch import load_file
from torch.nn import functional
from transformers import Gemma3ForCausalLM

from models.train import factors
from models.train.gemma import Gemma, Shape
from tests.train.tiny import write_tiny

RANK = 4


def network(work: Path) -> Gemma:
    """Create the small network in float32 with random low-rank factors."""
    shape = Shape.of(json.loads((work / "base" / "config.json").read_text("utf-8")))
    made = Gemma(shape, load_file(work / "base" / "model.safetensors"), RANK, torch.float32)
    torch.manual_seed(2)
    made.load(torch.randn(made.flat.numel()) * 0.1)
    return made


def reference(work: Path, made: Gemma) -> Gemma3ForCausalLM:
    """Create the network of ``made`` in transformers, with the low-rank factors of ``made`` added to its weights."""
    model = Gemma3ForCausalLM.from_pretrained(work / "base", dtype=torch.float32, attn_implementation="eager")
    named = {name: factor.detach() for name, factor in made.named(made.flat).items()}
    weights = factors.added({n: w for n, w in model.state_dict().items() if n != "lm_head.weight"}, named)
    model.load_state_dict({**weights, "lm_head.weight": weights["model.embed_tokens.weight"]})
    return model


def test_hidden_states_equal_transformers(work: Path) -> None:
    made = network(work)
    ids = torch.randint(20, 300, (3, 17))
    expected = reference(work, made).model(input_ids=ids, use_cache=False).last_hidden_state
    torch.testing.assert_close(made.hidden(ids), expected, rtol=1e-4, atol=1e-4)


def test_padding_changes_nothing(work: Path) -> None:
    made = network(work)
    ids = torch.randint(20, 300, (2, 9))
    padded = functional.pad(ids, (0, 5))
    torch.testing.assert_close(made.hidden(padded)[:, :9], made.hidden(ids))


def test_loss_and_gradients_equal_plain_factors(work: Path) -> None:
    made = network(work)
    ids, places = torch.randint(20, 300, (2, 11)), torch.tensor([3, 4, 5, 14, 15])
    labels, weights = torch.randint(20, 300, (5,)), torch.tensor([1.0, 1.0, 6.0, 1.0, 2.0])
    gradients = torch.autograd.grad(made.losses(ids, places, labels, weights).sum(), made.leaves())
    collected = torch.cat([gradient.flatten() for gradient in gradients])

    model = reference(work, made)
    named = {name: factor.detach().clone().requires_grad_() for name, factor in made.named(made.flat).items()}
    base = load_file(work / "base" / "model.safetensors")
    weights_of = {
        f"{layer}.weight": base[f"{layer}.weight"].float() + named[f"{layer}.b"] @ named[f"{layer}.a"]
        for layer in {name[:-2] for name in named}
    }
    logits = torch.func.functional_call(model, weights_of, (), {"input_ids": ids, "use_cache": False}).logits
    loss = functional.cross_entropy(logits.flatten(0, 1)[places], labels, reduction="none") * weights
    loss.sum().backward()  # type: ignore[no-untyped-call]  # torch leaves it untyped
    torch.testing.assert_close(made.losses(ids, places, labels, weights), loss, rtol=1e-4, atol=1e-4)
    for name, gradient in made.named(collected).items():
        torch.testing.assert_close(gradient, named[name].grad, rtol=1e-3, atol=1e-3, msg=name)


def test_row_longer_than_window_is_refused(work: Path) -> None:
    with pytest.raises(ValueError, match="window of 128"):
        network(work).hidden(torch.zeros(1, 129, dtype=torch.long))


def test_several_key_value_heads_are_refused(full: dict[str, Any], tmp_path: Path) -> None:
    write_tiny(tmp_path / "base", full, num_key_value_heads=2)
    with pytest.raises(ValueError, match="num_key_value_heads is 2"):
        network(tmp_path)
