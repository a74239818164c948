"""Tests of a service whose summary model is a set of rules."""

import shutil
from pathlib import Path

import pytest
from fastapi.testclient import TestClient

from service.app import create_app
from service.errors import ModelError
from service.generation.rules import load_rules
from service.registry.catalog import Catalog, Entry
from service.settings import Settings
from tests.conftest import ROOT, wait_until_ready

RULES = "rules-sum-de"
TEXT = (
    "Der Stadtrat stimmte dem Umbau des Hallenbads am Dienstagabend mit großer Mehrheit zu. Im vergangenen Jahr kamen "
    "rund 90.000 Gäste. Die Schulen weichen während der Bauzeit in zwei Nachbarstädte aus."
)


def entry() -> Entry:
    return Catalog(ROOT / "models").entry(RULES)


def test_responses_name_the_rules(models_dir: Path, tmp_path: Path) -> None:
    models = shutil.copytree(models_dir, tmp_path / "models")
    (models / "catalog" / "starter-sum-de.toml").unlink()
    shutil.copy(ROOT / "models" / "catalog" / f"{RULES}.toml", models / "catalog")
    with TestClient(create_app(Settings(models_dir=models))) as client:
        wait_until_ready(client)
        answer = client.post("/v1/summarize", json={"text": TEXT}).json()
        served = {model["name"]: model for model in client.get("/v1/models").json()["models"]}
        headlines = client.post("/v1/summarize", json={"text": TEXT, "headlines": 1}).json()["summaries"][0]
    assert answer["model"] == served[RULES]
    assert (answer["model"]["engine"], answer["model"]["host"]) == ("rules", "process")
    assert answer["model"]["revision"] == load_rules(entry()).manifest.revision
    sentences = answer["summaries"][0]["sentences"]
    assert "Im letzten Jahr sind etwa 90.000 Gäste gekommen." in [one["text"] for one in sentences]
    assert headlines["headlines"] == []
    assert "headlines_unavailable" in [warning["code"] for warning in headlines["warnings"]]


def test_rules_have_no_files_and_are_installed() -> None:
    assert entry().installed
    assert Catalog(ROOT / "models").embedded(RULES)
    assert not entry().manifest.files


def test_language_without_rules_is_refused() -> None:
    found = entry()
    english = found.manifest.model_copy(update={"source_lang": "en", "target_lang": "en"})
    with pytest.raises(ModelError, match="the language 'en' has no rules that reword sentences"):
        load_rules(Entry(found.name, english, found.folder))
