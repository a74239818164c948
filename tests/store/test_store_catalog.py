"""The catalogue: models by name, with the nearest names for one that there is not."""

from pathlib import Path

import pytest

from service.errors import ModelError
from service.store.catalog import Catalog
from tests.store.library import write_model


@pytest.fixture
def catalog(tmp_path: Path) -> Catalog:
    for name in ("opus-de-en", "starter-de-en", "starter-sum-de"):
        write_model(tmp_path, name)
    return Catalog(tmp_path)


def test_names_are_the_stems_of_the_manifests_in_order(catalog: Catalog) -> None:
    assert catalog.names() == ["opus-de-en", "starter-de-en", "starter-sum-de"]


def test_a_model_is_found_by_its_name_with_its_folder(catalog: Catalog, tmp_path: Path) -> None:
    entry = catalog.entry("opus-de-en")
    assert (entry.name, entry.manifest.id, entry.folder) == (
        "opus-de-en",
        "test/opus-de-en",
        tmp_path / "embedded" / "opus-de-en",
    )


def test_the_nearest_names_are_offered(catalog: Catalog) -> None:
    with pytest.raises(ModelError, match=r"no model 'opus-de-em'; there is opus-de-en$"):
        catalog.entry("opus-de-em")


def test_all_names_are_offered_where_none_is_near(catalog: Catalog) -> None:
    with pytest.raises(ModelError, match="there is opus-de-en, starter-de-en, starter-sum-de"):
        catalog.entry("xyz")


def test_an_empty_catalogue_says_so(tmp_path: Path) -> None:
    with pytest.raises(ModelError, match="there is none at all"):
        Catalog(tmp_path).entry("starter-de-en")


@pytest.mark.parametrize("name", ["../catalog/opus-de-en", "", "opus-de-en.toml"])
def test_a_name_is_no_path(catalog: Catalog, name: str) -> None:
    with pytest.raises(ModelError, match="there is no model"):
        catalog.entry(name)


def test_a_model_is_installed_while_all_its_files_are_there(catalog: Catalog) -> None:
    entry = catalog.entry("opus-de-en")
    assert entry.installed
    (entry.folder / "pieces.model").unlink()
    assert not entry.installed
