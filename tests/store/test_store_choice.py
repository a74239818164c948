"""The choice at start: by name, or by profile and by what is installed, task by task."""

from pathlib import Path
from typing import get_args

import pytest

from service.errors import ModelError
from service.manifest import Manifest, Quality, Task, dumps
from service.store.catalog import Catalog
from service.store.choice import DEFAULTS, Profile, choose

MODELS = Path(__file__).parent.parent.parent / "models"
WEIGHTS = "ct2/model.bin"


@pytest.fixture
def catalog(tmp_path: Path) -> Catalog:
    return Catalog(MODELS, tmp_path)


def install(folder: Path, task: Task) -> str:
    """As a pull leaves it: the production model of ``task`` beside its own manifest."""
    name = DEFAULTS["production"][task]
    published = Catalog(MODELS).published(name).model_dump()
    described = {
        "revision": "1",
        "engines": {"ctranslate2": {"folder": "ct2", "compute_type": "int8"}},
        "files": {WEIGHTS: "0" * 64},
    }
    (folder / name / WEIGHTS).parent.mkdir(parents=True)
    (folder / name / WEIGHTS).touch()
    (folder / name / "manifest.toml").write_text(dumps(Manifest.model_validate({**published, **described})), "utf-8")
    return name


@pytest.mark.parametrize("quality", get_args(Quality))
@pytest.mark.parametrize("task", get_args(Task))
def test_the_catalogue_has_the_models_of_the_profiles(catalog: Catalog, task: Task, quality: Quality) -> None:
    manifest = catalog.entry(DEFAULTS[quality][task]).manifest
    assert (manifest.task, manifest.quality) == (task, quality)


@pytest.mark.parametrize(
    ("profile", "quality"), [("auto", "starter"), ("embedded", "starter"), ("production", "production")]
)
def test_before_a_pull_only_the_production_profile_asks_for_its_model(
    catalog: Catalog, profile: Profile, quality: Quality
) -> None:
    assert choose(catalog, "summary", profile).manifest.quality == quality


def test_auto_takes_what_is_installed_task_by_task(catalog: Catalog, tmp_path: Path) -> None:
    name = install(tmp_path, "translation")
    assert choose(catalog, "translation", "auto").name == name
    assert choose(catalog, "summary", "auto").name == DEFAULTS["starter"]["summary"]
    assert choose(catalog, "translation", "embedded").name == DEFAULTS["starter"]["translation"]


def test_auto_leaves_a_model_alone_that_lacks_a_file(catalog: Catalog, tmp_path: Path) -> None:
    (tmp_path / install(tmp_path, "translation") / WEIGHTS).unlink()
    assert choose(catalog, "translation", "auto").name == DEFAULTS["starter"]["translation"]


def test_a_name_goes_before_the_profile(catalog: Catalog) -> None:
    assert choose(catalog, "translation", "production", "starter-de-en").name == "starter-de-en"


def test_a_model_of_another_task_is_refused(catalog: Catalog) -> None:
    with pytest.raises(ModelError, match="starter-sum-de is a summary model, not a translation model"):
        choose(catalog, "translation", "auto", "starter-sum-de")


def test_auto_needs_no_pretrained_model_in_the_catalogue(tmp_path: Path) -> None:
    (tmp_path / "catalog").mkdir()
    for name in DEFAULTS["starter"].values():
        (tmp_path / "catalog" / f"{name}.toml").write_bytes((MODELS / "catalog" / f"{name}.toml").read_bytes())
    assert choose(Catalog(tmp_path), "summary", "auto").name == DEFAULTS["starter"]["summary"]
