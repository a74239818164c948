"""Tests that a folder and a manifest are enough to add a third language, and that no other file has to change."""

import shutil
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest
from fastapi.testclient import TestClient

import service.languages
from service.app import create_app
from service.checks.assessment import checks_of
from service.errors import ModelError
from service.languages.base import codes, language
from service.registry.catalog import Catalog, choose
from service.settings import Settings
from tests.conftest import wait_until_ready
from tests.languages import DE, EN

FRENCH = '''
"""French, as far as a model needs it."""

from service.languages.base import Language, SentenceGrammar

LANGUAGE = Language(
    code="fr",
    name="French",
    warm_up="Bonjour à tous.",
    probe="Le gouvernement a présenté jeudi le budget, et beaucoup de villes attendent de l'argent.",
    sentences=SentenceGrammar(splitter="fr"),
)
'''
TEXT = "Le train est arrivé à Lyon. Les voyageurs attendent le prochain train depuis deux heures."
REPOSITORY = Path(__file__).parents[1]


def files_of_the_repository() -> dict[Path, int]:
    """Return the time of the last change of each source file and manifest, in nanoseconds."""
    folders = (REPOSITORY / "service", REPOSITORY / "models" / "catalog")
    files = (path for folder in folders for path in folder.rglob("*") if "__pycache__" not in path.parts)
    return {path: path.stat().st_mtime_ns for path in files}


@pytest.fixture
def french(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """Add a package for the French language to the search path of `service.languages` during a test."""
    package = tmp_path / "languages" / "fr"
    package.mkdir(parents=True)
    (package / "__init__.py").write_text(FRENCH, "utf-8")
    monkeypatch.setattr(service.languages, "__path__", [*service.languages.__path__, str(package.parent)])
    yield
    language.cache_clear()
    sys.modules.pop("service.languages.fr", None)


@pytest.fixture
def french_models(tmp_path: Path, models_dir: Path) -> Path:
    """Return a models folder with one model: the tiny translation model, with French as its source language."""
    folder = tmp_path / "models"
    (folder / "catalog").mkdir(parents=True)
    shutil.copytree(models_dir / "embedded" / "starter-de-en", folder / "embedded" / "starter-fr-en")
    manifest = (models_dir / "catalog" / "starter-de-en.toml").read_text("utf-8")
    manifest = manifest.replace("starter-de-en", "starter-fr-en").replace('source_lang = "de"', 'source_lang = "fr"')
    (folder / "catalog" / "starter-fr-en.toml").write_text(manifest, "utf-8")
    return folder


@pytest.mark.usefixtures("french")
def test_a_folder_and_a_manifest_add_a_language(french_models: Path) -> None:
    before = files_of_the_repository()
    settings = Settings(models_dir=french_models, source_lang="fr")
    with TestClient(create_app(settings)) as client:
        wait_until_ready(client)
        answer = client.post("/v1/translate", json={"text": TEXT, "source_lang": "fr", "target_lang": "en"})
        assert answer.status_code == 200
        (translation,) = answer.json()["translations"]
        assert len(translation["sentences"]) == 2
        assert "source_not_french" not in [warning["code"] for warning in translation["warnings"]]
        assert answer.json()["model"]["name"] == "starter-fr-en"

        refused = client.post("/v1/translate", json={"text": TEXT, "source_lang": "de"})
        assert refused.status_code == 422
        assert refused.json()["errors"][0]["pointer"] == "/source_lang"
        summary = client.post("/v1/summarize", json={"text": TEXT})
        assert (summary.status_code, summary.json()["code"]) == (422, "task_not_served")
        assert [one["code"] for one in client.get("/languages").json()] == ["fr", "en"]
        fields = client.get("/openapi.json").json()["components"]["schemas"]["TranslateRequest"]["properties"]
        assert fields["source_lang"]["const"] == "fr"
    assert files_of_the_repository() == before


@pytest.mark.usefixtures("french")
def test_checks_without_a_grammar_are_listed_as_missing() -> None:
    checks = checks_of(language("fr"), EN)
    running = ["quotations", "repetition", "words", "compounds", "literals", "signs", "markup"]
    assert [name for name, _ in checks.running] == running
    missing = ("numbers", "units", "names", "negation", "opposites", "length", "untranslated", "genitives", "dates")
    assert checks.missing == missing
    assert checks_of(DE, EN).missing == ()


@pytest.mark.usefixtures("french")
def test_a_model_for_other_languages_is_refused_at_start(french_models: Path) -> None:
    message = "starter-fr-en is a translation model for fr→en, but the service needs de→en"
    with pytest.raises(ModelError, match=message):
        choose(Catalog(french_models), "translation", "de", "en", "auto", "starter-fr-en")


def test_a_language_without_a_folder_is_refused() -> None:
    assert codes() == ("de", "en")
    with pytest.raises(ModelError, match="unknown language 'fr'; the service supports de, en"):
        create_app(Settings(source_lang="fr"))
