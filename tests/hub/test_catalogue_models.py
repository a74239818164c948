"""Tests that each model in the catalogue can be downloaded from a model hub, converted, verified and served."""

import json
import warnings
from collections.abc import Iterator
from pathlib import Path
from subprocess import CompletedProcess
from typing import Any

import pytest
from fastapi.testclient import TestClient

from service.app import create_app
from service.domain import Tokens
from service.generation.engines.loading import load_engine
from service.generation.engines.tokenizers import Tokenizer
from service.hub.acceptance import probe_inputs
from service.hub.pull import convert
from service.hub.requirements import CONVERTIBLE
from service.registry.catalog import Catalog
from service.registry.manifest import EngineKind, Manifest
from service.settings import Settings
from tests.conftest import wait_until_ready
from tests.hub.desk import Desk
from tests.hub.repositories import SHAPES, Repository, catalogue, repository
from tests.hub_server import Repo, serving

SHIPPED = Catalog(Path(__file__).parents[2] / "models")
NAMES = [name for name in SHIPPED.names() if SHIPPED.published(name).hub is not None]
CONVERTED = [name for name in NAMES if SHIPPED.published(name).architecture in CONVERTIBLE]
STORY = (
    "Der Stadtrat stimmte dem Umbau des Hallenbads am Dienstagabend mit großer Mehrheit zu. "
    "Die Schulen weichen während der Bauzeit in zwei Nachbarstädte aus. "
    "Im vergangenen Jahr kamen rund 90.000 Gäste in das Bad, das seit 1974 besteht."
)


@pytest.fixture(scope="module")
def repositories(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Repository]:
    """Return the files that the hub has for each model in the catalogue, with tiny weights."""
    root = tmp_path_factory.mktemp("repositories")
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # transformers warns that sacremoses is missing
        return {name: repository(name, root / name) for name in NAMES if name in SHAPES}


@pytest.fixture(scope="module")
def desk(
    tmp_path_factory: pytest.TempPathFactory, repositories: dict[str, Repository], models_dir: Path
) -> Iterator[Desk]:
    """Yield a `Desk` (a helper that runs the command line) with the manifests of all hub models and a local hub."""
    with serving() as hub:
        made = Desk(tmp_path_factory.mktemp("desk"), hub, program="service")
        catalogue(made.models, NAMES, models_dir)
        for name, repository in repositories.items():
            of_the_hub = SHIPPED.published(name).hub
            assert of_the_hub is not None
            hub.repos[of_the_hub.repo] = Repo(repository.files)
        yield made


@pytest.fixture(scope="module")
def pulled(desk: Desk, repositories: dict[str, Repository]) -> CompletedProcess[str]:
    """Download all models with one command, and return its result. The command imports the libraries only once."""
    return desk.run("pull", "--licence-accepted", *repositories)


@pytest.fixture(scope="module")
def verified(desk: Desk, pulled: CompletedProcess[str]) -> CompletedProcess[str]:
    assert pulled.returncode == 0, pulled.stderr
    return desk.run("verify")


def test_every_model_has_a_tiny_checkpoint() -> None:
    assert sorted(SHAPES) == NAMES


@pytest.mark.parametrize("name", NAMES)
def test_model_is_pulled_verified_and_served(
    name: str, desk: Desk, pulled: CompletedProcess[str], verified: CompletedProcess[str]
) -> None:
    entry = Catalog(desk.models, desk.installed).entry(name)
    assert entry.installed
    assert f"{name} {entry.manifest.revision} is installed in" in pulled.stderr
    told = f"{name}: {len(entry.manifest.files)} files match the manifest, and 20 outputs were generated again\n"
    assert told in verified.stdout
    answer = answered(desk, entry.manifest, name)
    model, (result,) = answer["model"], answer.get("translations") or answer["summaries"]
    assert model["id"] == entry.manifest.id
    assert (model["revision"], model["quality"]) == (entry.manifest.revision, "production")
    assert model["engine"] == ("ctranslate2" if entry.manifest.architecture in CONVERTIBLE else "torch")
    assert result["text"]


def answered(desk: Desk, manifest: Manifest, name: str) -> dict[str, Any]:
    """Start an application that serves the model ``name``, and return its response to a request."""
    places = {"models_dir": desk.models, "installed_dir": desk.installed, f"{manifest.task}_model": name}
    settings = Settings.model_validate({**places, "engine_replicas": 1, "threads": 1})
    with TestClient(create_app(settings)) as client:
        wait_until_ready(client)
        path = "/v1/translate" if manifest.task == "translation" else "/v1/summarize"
        answer = client.post(path, json={"text": STORY})
    assert answer.status_code == 200, answer.text
    found: dict[str, Any] = json.loads(answer.text)
    return found


@pytest.mark.parametrize("name", CONVERTED)
def test_engines_agree_in_float32(name: str, desk: Desk, repositories: dict[str, Repository], tmp_path: Path) -> None:
    snapshot, published = repositories[name].checkpoint, Catalog(desk.models).published(name)
    manifest = convert(snapshot, published, tmp_path / name, quantization="float32", keep_checkpoint=True)
    ours = written(manifest, tmp_path / name, "ctranslate2")
    assert ours == written(manifest, tmp_path / name, "torch")
    assert len(set(ours)) >= len(ours) // 2  # outputs depend on their sources


def written(manifest: Manifest, folder: Path, kind: EngineKind) -> list[Tokens]:
    """Return the tokens that the engine ``kind`` outputs in a greedy search, for each probe sentence of the model."""
    engine = load_engine(manifest, folder, kind, device="cpu", threads=1, compute_type="float32")
    try:
        return [found[0].tokens for found in engine.generate(probe_inputs(manifest, Tokenizer(manifest, folder)))]
    finally:
        engine.close()
