"""Tests of the command line for training: all commands with the small model, and error messages."""

import json
from pathlib import Path

import pytest
import torch
from safetensors.torch import load_file
from transformers import Gemma3ForCausalLM
from typer.testing import CliRunner

from models.train import __main__ as command
from models.train import curve, factors, machine, recipe
from models.train.recipe import Recipe

RUNNER = CliRunner()


def called(*arguments: str | Path) -> str:
    result = RUNNER.invoke(command.app, [str(argument) for argument in arguments], catch_exceptions=False)
    assert result.exit_code == 0, result.output
    return result.output


@pytest.fixture
def steps(work: Path, data: Path, plan: Recipe, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Run the command `items` and three training steps, and return the work folder."""
    monkeypatch.setattr(recipe, "load", lambda _path=None: plan)
    monkeypatch.setattr(machine, "keep_memory", lambda: True)
    (work / "state.pt").unlink(missing_ok=True)
    (work / "log.jsonl").unlink(missing_ok=True)
    called("items", "--data", data, "--work", work)
    weights = load_file(work / "base" / "model.safetensors")
    torch.manual_seed(5)
    layers = {name.removesuffix(".weight") for name in weights if name.endswith("_proj.weight")}
    made = {f"{name}.a": torch.randn(plan.rank, weights[f"{name}.weight"].shape[1]) for name in layers}
    made |= {f"{name}.b": torch.randn(weights[f"{name}.weight"].shape[0], plan.rank) * 0.1 for name in layers}
    factors.write(work / "start.safetensors", made)
    called(
        "train", "--work", work, "--start", work / "start.safetensors", "--steps", "3", "--no-compile", "--workers", "1"
    )
    return work


def test_commands_from_items_to_scores(steps: Path, data: Path, tmp_path: Path) -> None:
    landed = tmp_path / "start" / "factors.safetensors"
    called("factors", "--work", steps, "--to", landed)
    readme = (tmp_path / "start" / "README.md").read_text("utf-8")
    assert "in 3 steps" in readme
    assert readme.count("| newstest | ") == 2
    called("export", "--work", steps, "--quantization", "float32")
    model = Gemma3ForCausalLM.from_pretrained(steps / "hf", dtype=torch.float32)
    expected = factors.added(load_file(steps / "base" / "model.safetensors"), factors.read(landed))
    for name, weight in expected.items():
        torch.testing.assert_close(model.state_dict()[name], weight, rtol=0.02, atol=0.02)
    found = json.loads(called("score", "--data", data, "--work", steps, "--set", "wmt19", "--threads", "1"))
    assert found.keys() == {"set", "lines", "beam", "bleu", "chrf", "tokens_per_s"}
    assert 0 <= found["bleu"] <= 100
    called("curve", "--work", steps, "--to", tmp_path / "curve.svg")
    assert "newstest" in (tmp_path / "curve.svg").read_text("utf-8")


def test_training_resumes(steps: Path) -> None:
    called("train", "--work", steps, "--steps", "2", "--no-compile", "--workers", "1")
    logged = [json.loads(line)["steps"] for line in (steps / "log.jsonl").read_text("utf-8").splitlines()]
    assert logged == [3, 5]


def test_training_without_a_start_begins_with_new_factors(steps: Path, tmp_path: Path) -> None:
    (steps / "state.pt").unlink()
    called("train", "--work", steps, "--steps", "1", "--no-compile", "--workers", "1")
    called("factors", "--work", steps, "--to", tmp_path / "trained.safetensors")
    trained = factors.read(tmp_path / "trained.safetensors")
    changes = [trained[f"{name[:-2]}.b"] @ trained[name] for name in trained if name.endswith(".a")]
    assert all(0 < float(change.abs().max()) < 0.2 for change in changes)


def test_missing_part_is_named_on_the_command_line(tmp_path: Path) -> None:
    (tmp_path / "wheels").mkdir()
    result = RUNNER.invoke(
        command.app, ["base", "--wheels", str(tmp_path / "wheels"), "--work", str(tmp_path / "work")]
    )
    assert result.exit_code == 1
    assert "part1" in result.output
    assert "Traceback" not in result.output


def test_curve_has_a_line_for_each_set() -> None:
    lines = [{"items": n, "held": {"a": 3.0 - n, "b <": 1.0}} for n in range(3)]
    picture = curve.svg(lines)
    assert picture.count("<polyline") == 2
    assert "b &lt; 1.000" in picture


def test_empty_log_is_refused(tmp_path: Path) -> None:
    (tmp_path / "log.jsonl").write_text("", "utf-8")
    with pytest.raises(ValueError, match="empty"):
        curve.read(tmp_path / "log.jsonl")


def test_mixed_factors_are_the_weighted_sum(steps: Path, tmp_path: Path, plan: Recipe) -> None:
    start = factors.read(steps / "start.safetensors")
    called("factors", "--work", steps, "--to", tmp_path / "trained.safetensors")
    trained = factors.read(tmp_path / "trained.safetensors")
    called("mix", "--work", steps, f"0.25={steps / 'start.safetensors'}", f"0.75={tmp_path / 'trained.safetensors'}")
    called("factors", "--work", steps, "--to", tmp_path / "mixed.safetensors")
    expected, _ = factors.summed([factors.scaled(start, 0.25), factors.scaled(trained, 0.75)], plan.rank)
    zero = load_file(steps / "base" / "model.safetensors")
    made, wanted = (factors.added(zero, one) for one in (factors.read(tmp_path / "mixed.safetensors"), expected))
    for name, weight in wanted.items():
        torch.testing.assert_close(made[name], weight, rtol=0.02, atol=0.02)


def test_training_begins_with_the_named_stage(steps: Path, plan: Recipe) -> None:
    (steps / "state.pt").unlink()
    start = ("--start", steps / "start.safetensors")
    options: list[str | Path] = ["train", "--work", steps, *start, "--steps", "1", "--no-compile", "--workers", "1"]
    called(*options, "--stage", plan.stages[-1].name)
    state = torch.load(steps / "state.pt", weights_only=True)
    assert state["position"]["stage"] == len(plan.stages) - 1
    (steps / "state.pt").unlink()
    result = RUNNER.invoke(command.app, [str(one) for one in [*options, "--stage", "none"]])
    assert result.exit_code == 2
    assert "the recipe has no stage none" in result.output.replace("\n", " ")
