"""Verification: an engine reads exactly the files that the manifest names."""

from pathlib import Path

import pytest

from service.errors import WeightsMismatch
from service.store.catalog import Catalog, Entry
from service.store.verify import verify
from tests.store.library import FILES, write_model


@pytest.fixture
def entry(tmp_path: Path) -> Entry:
    write_model(tmp_path, "small")
    return Catalog(tmp_path).entry("small")


def test_files_as_the_manifest_names_them_pass_for_both_engines(entry: Entry) -> None:
    verify(entry, "ctranslate2")
    verify(entry, "torch")


@pytest.mark.parametrize("name", [name for name in FILES if not name.startswith("float16/model")])
def test_a_flipped_byte_is_named(entry: Entry, name: str) -> None:
    content = bytearray((entry.folder / name).read_bytes())
    content[len(content) // 2] ^= 1
    (entry.folder / name).write_bytes(content)
    with pytest.raises(WeightsMismatch, match=f"small: {name} is not the file"):
        verify(entry, "ctranslate2")


@pytest.mark.parametrize("name", ["ct2-int8/model.bin", "pieces.model", "float16/vocab.json"])
def test_a_missing_file_is_named(entry: Entry, name: str) -> None:
    (entry.folder / name).unlink()
    with pytest.raises(WeightsMismatch, match=f"small: {name} cannot be read"):
        verify(entry, "ctranslate2")


@pytest.mark.parametrize("name", ["ct2-int8/target_vocabulary.txt", "ct2-int8/deeper/model.bin"])
def test_a_file_that_is_not_in_the_manifest_is_named(entry: Entry, name: str) -> None:
    (entry.folder / name).parent.mkdir(exist_ok=True)
    (entry.folder / name).write_bytes(b"weights of someone else")
    with pytest.raises(WeightsMismatch, match=f"small: {name} is not in the manifest"):
        verify(entry, "ctranslate2")


def test_weights_that_the_manifest_leaves_out_are_not_loaded(entry: Entry) -> None:
    files = {name: digest for name, digest in entry.manifest.files.items() if name != "ct2-int8/model.bin"}
    partial = Entry(entry.name, entry.manifest.model_copy(update={"files": files}), entry.folder)
    with pytest.raises(WeightsMismatch, match=r"small: ct2-int8/model\.bin is not in the manifest"):
        verify(partial, "ctranslate2")


def test_the_other_engines_files_may_be_missing_or_different(entry: Entry) -> None:
    (entry.folder / "float16" / "model.safetensors").unlink()
    (entry.folder / "float16" / "notes.txt").write_text("not read by this engine", "utf-8")
    verify(entry, "ctranslate2")


def test_a_model_card_beside_the_engines_folders_is_no_weight(entry: Entry) -> None:
    (entry.folder / "README.md").write_text("What the model is.", "utf-8")
    verify(entry, "ctranslate2")
