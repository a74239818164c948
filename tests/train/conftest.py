"""Shared fixtures of the training tests: one thread, a small base model, a small recipe and its data."""

import json
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
import torch

from models.train import recipe
from models.train.recipe import Recipe
from models.train.tokens import Tokens
from tests.train.tiny import LINES, PAIRS, full_tokenizer, write_lines, write_tiny


@pytest.fixture(autouse=True, scope="session")
def one_thread() -> None:
    """Use one torch thread, because small networks are not faster with two."""
    torch.set_num_threads(1)


@pytest.fixture(scope="session")
def full() -> dict[str, Any]:
    return full_tokenizer()


@pytest.fixture(scope="session")
def work(full: dict[str, Any], tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Create a work folder that contains the small base model, and return the folder."""
    folder = tmp_path_factory.mktemp("work")
    write_tiny(folder / "base", full)
    return folder


@pytest.fixture(scope="session")
def plan() -> Recipe:
    """Return the shipped training recipe, reduced to four sources and small batches."""
    shipped = recipe.load()
    kept = {name: shipped.sources[name] for name in ("newstest", "headlines", "shorter", "entailment")}
    kept["newstest"] = replace(kept["newstest"], files=kept["newstest"].files[:1], held_back=4)
    kept["headlines"] = replace(kept["headlines"], held_back=1)
    kept["entailment"] = replace(kept["entailment"], files=kept["entailment"].files[:1])
    stage = replace(shipped.stages[0], items=10**6, rate=0.01, cooldown=0.0, shares=dict.fromkeys(kept, 1.0))
    return replace(
        shipped,
        rank=4,
        warmup_steps=2,
        batch_tokens=200,
        sources=kept,
        stages=(stage,),
        held_back=dict.fromkeys(kept, 4),
    )


@pytest.fixture(scope="session")
def tokens(work: Path, plan: Recipe) -> Tokens:
    return Tokens(work / "base" / "tokenizer.json", plan.marks)


@pytest.fixture(scope="session")
def data(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Create a data folder with a few lines in each file of the small recipe, and return the folder."""
    folder = tmp_path_factory.mktemp("data")
    numbered = [(f"{german} {n}", f"{english} {n}") for n, (german, english) in enumerate(PAIRS)]
    write_lines(folder / "parallel" / "newstest-2008-2018.tsv.xz", ("\t".join(pair) for pair in numbered))
    for name, rows in LINES.items():
        write_lines(folder / name, map(json.dumps, rows))
    (folder / "eval").mkdir()
    for place, side in enumerate(("de", "en")):
        (folder / "eval" / f"wmt19.{side}").write_text("\n".join(pair[place] for pair in PAIRS[:4]) + "\n", "utf-8")
    return folder
