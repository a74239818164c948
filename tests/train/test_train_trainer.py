"""Tests of training: the loss falls, and an interrupted run continues as if it had not been interrupted."""

import json
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from safetensors.torch import load_file

from models.train import factors, items, sources
from models.train.gemma import Gemma, Shape
from models.train.items import HELD
from models.train.recipe import Recipe
from models.train.tokens import Tokens
from models.train.trainer import Plan, Trainer, run


@pytest.fixture(scope="module")
def made(data: Path, tokens: Tokens, plan: Recipe) -> dict[str, items.Items]:
    found: dict[str, items.Items] = {}
    for name, source in plan.sources.items():
        for part, examples in zip((name, name + HELD), sources.make(source, data, 1), strict=True):
            found[part] = items.tokenised(examples, tokens, source, plan.longest_tokens)
    return found


def trainer(work: Path, plan: Recipe, made: dict[str, items.Items], tokens: Tokens) -> Trainer:
    shape = Shape.of(json.loads((work / "base" / "config.json").read_text("utf-8")))
    network = Gemma(shape, load_file(work / "base" / "model.safetensors"), plan.rank, torch.float32)
    return Trainer(network, plan, made, tokens, seed=1)


def begun(work: Path, plan: Recipe, made: dict[str, items.Items], tokens: Tokens) -> Trainer:
    """Create a trainer that starts from small random factors."""
    one = trainer(work, plan, made, tokens)
    torch.manual_seed(3)
    one.start({name: torch.randn(factor.shape) * 0.1 for name, factor in one.network.named(one.average).items()})
    return one


def test_losses_fall_and_are_logged(
    work: Path, plan: Recipe, made: dict[str, items.Items], tokens: Tokens, tmp_path: Path
) -> None:
    one = begun(work, plan, made, tokens)
    before = one.scores()
    run(one, Plan(steps=30), tmp_path, lambda _: None)
    (line,) = [json.loads(line) for line in (tmp_path / "log.jsonl").read_text("utf-8").splitlines()]
    assert line["steps"] == 30
    assert line["held"].keys() == before.keys() == plan.held_back.keys()
    assert line["held"]["newstest"] < before["newstest"] - 0.3
    assert 0 <= line["held"]["entailment"] <= 1


def test_one_of_two_opposite_verdicts_is_right(
    work: Path, plan: Recipe, made: dict[str, items.Items], tokens: Tokens
) -> None:
    held = made["entailment" + HELD].item(0)
    verdicts = [[*ids, tokens.eos] for ids in tokens.encode((sources.YES, sources.NO))]
    prompt = held.ids[: held.prompt].tolist()
    shares = []
    for ids in verdicts:
        row = prompt + ids
        one = items.Items(np.array(row, np.uint16), np.array([len(row)]), np.array([held.prompt], np.uint16), 1.0)
        trained = begun(work, plan, made | {"entailment" + HELD: one}, tokens)
        shares.append(trained.scores()["entailment"])
    assert sorted(shares) == [0.0, 1.0]


def test_resumed_training_equals_unbroken(
    work: Path, plan: Recipe, made: dict[str, items.Items], tokens: Tokens, tmp_path: Path
) -> None:
    for name in ("whole", "broken"):
        (tmp_path / name).mkdir()
    whole = begun(work, plan, made, tokens)
    run(whole, Plan(steps=7), tmp_path / "whole", lambda _: None)
    run(begun(work, plan, made, tokens), Plan(steps=3), tmp_path / "broken", lambda _: None)
    resumed = trainer(work, plan, made, tokens)
    resumed.resume(tmp_path / "broken" / "state.pt")
    run(resumed, Plan(steps=4), tmp_path / "broken", lambda _: None)
    torch.testing.assert_close(resumed.factors, whole.factors, rtol=0, atol=0)
    torch.testing.assert_close(resumed.average, whole.average, rtol=0, atol=0)
    counts = ("steps", "items", "tokens")
    assert [resumed.progress[name] for name in counts] == [whole.progress[name] for name in counts]


def test_dropout_and_noise_end_with_the_step(
    work: Path, plan: Recipe, made: dict[str, items.Items], tokens: Tokens
) -> None:
    one = begun(work, plan, made, tokens)
    batches = [[made["newstest"].item(0), made["newstest"].item(1)]]
    plain = [one.step(batches, 0.0) for _ in range(2)]
    assert plain[0] == plain[1]
    assert one.step(batches, 0.0, dropout=0.5) != plain[0]
    assert one.step(batches, 0.0, target_noise=0.9) != plain[0]
    assert one.step(batches, 0.0) == plain[0]


def test_rate_warms_up_and_cools_down(
    work: Path,
    plan: Recipe,
    made: dict[str, items.Items],
    tokens: Tokens,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    one = begun(work, plan, made, tokens)
    rates = []

    def noted(*arguments: Any) -> float:
        loss = Trainer.step(one, *arguments)
        rates.append(one.optimiser.param_groups[0]["lr"])
        return loss

    monkeypatch.setattr(one, "step", noted)
    run(one, Plan(steps=10, cooldown=0.5), tmp_path, lambda _: None)
    assert rates[0] == pytest.approx(plan.stages[0].rate / 2)
    assert rates[1:6] == pytest.approx([plan.stages[0].rate] * 5)
    assert rates[6:] == pytest.approx([plan.stages[0].rate * left for left in (0.8, 0.6, 0.4, 0.2)])


def test_stage_ends_after_its_items(
    work: Path,
    plan: Recipe,
    made: dict[str, items.Items],
    tokens: Tokens,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(items, "WINDOW_ITEMS", 60)
    stage = replace(plan.stages[0], items=60, cooldown=1.0)
    one = begun(work, replace(plan, stages=(stage,)), made, tokens)
    run(one, Plan(steps=1_000), tmp_path, lambda _: None)
    assert one.position.stage == 1
    assert one.optimiser.param_groups[0]["lr"] < stage.rate / 2
    assert 0 < one.progress["items"] <= 60


def test_factors_of_another_rank_are_refused(
    work: Path, plan: Recipe, made: dict[str, items.Items], tokens: Tokens
) -> None:
    one = trainer(work, plan, made, tokens)
    given = {name: factor.detach() for name, factor in one.network.named(one.average).items()}
    with pytest.raises(ValueError, match="do not fit this network and rank"):
        one.start(factors.summed([given], plan.rank - 1)[0])
