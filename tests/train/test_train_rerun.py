"""The recipe from scratch on a hundredth of the real data: both models are trained, exported, loaded and answer."""

import json
import time
import warnings
from pathlib import Path

import pytest
from fastapi.testclient import TestClient
from typer.testing import CliRunner

from models.train.__main__ import app
from service.app import create_app
from service.registry.catalog import Catalog
from service.settings import Settings
from tests.conftest import wait_until_ready

MOST_PROCESSOR_S = 300
TEXT = "Der Stadtrat von Jena stimmte am Dienstag dem Umbau zu. Er kostet 12 Millionen Euro. Im Mai wird eröffnet."


def run(*args: str) -> str:
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # transformers recommends sacremoses to whoever loads a Marian tokenizer
        done = CliRunner().invoke(app, list(args), catch_exceptions=False)
    assert done.exit_code == 0, done.output
    return done.output


@pytest.fixture(scope="module")
def shared() -> Path:
    """The folder of the training data beside the checkout."""
    folder = Path(__file__).parents[3] / "shared"
    if not folder.is_dir():
        pytest.skip("the training data is not beside the checkout")
    return folder


@pytest.fixture(scope="module")
def models(shared: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """What the recipe exports, a narrow network, made in less than five minutes of processor time."""
    work, models = (tmp_path_factory.mktemp(name) for name in ("work", "models"))
    data, at, started_s = ("--data", str(shared / "data")), ("--work", str(work)), time.process_time()
    sample = ("--sample", "0.01")
    slice_of = (
        "--report-steps",
        "10",
        "--warmup",
        "5",
        "--batch-tokens",
        "600",
        "--width",
        "64",
        "--encoder-layers",
        "2",
    )
    assert "length ratio" in run("corpus", *data, *at, *sample)
    run("vocabulary", *at, "--size", "2000")
    run("align", "translation", *at)
    run("train", "translation", *at, "--steps", "40", *slice_of)
    run("export", "translation", *at, "--models", str(models))
    assert "'kept'" in run("gaps", *data, *at, *sample)
    run("align", "summary", *at)
    run("train", "summary", *at, "--steps", "10", *slice_of, "--init", str(work / "translation" / "checkpoint.pt"))
    run("export", "summary", *at, "--models", str(models))
    assert time.process_time() - started_s < MOST_PROCESSOR_S
    log = [json.loads(line) for line in (work / "translation" / "log.jsonl").read_text("utf-8").splitlines()]
    losses = [line["dev_loss"] for line in log if "dev_loss" in line]
    assert losses[-1] < losses[0]
    return models


@pytest.mark.slow
def test_the_service_loads_both_models_and_answers_with_them(models: Path) -> None:
    with TestClient(create_app(Settings(models_dir=models)), raise_server_exceptions=False) as client:
        wait_until_ready(client)
        response = client.post("/v1/articles", json={"body": TEXT})
    assert response.status_code == 200, response.text
    answer = response.json()
    assert answer["translation"]["text"].strip()
    assert answer["summary"]["sentences"]
    revisions = {name: Catalog(models).entry(name).manifest.revision for name in ("starter-de-en", "starter-sum-de")}
    assert {model["revision"] for model in answer["models"].values()} == set(revisions.values())
