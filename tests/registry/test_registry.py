"""Tests of the registry: the catalogue, the choice of a model at startup, and the check of a model's files."""

from pathlib import Path

import pytest

from service.errors import ModelError, WeightsMismatch
from service.hub.pull import wanted
from service.registry.catalog import Catalog, Entry, Profile, choose, recommended
from service.registry.manifest import Hub, Manifest, Quality, Task, dumps
from service.registry.verify import verify
from tests.hub.library import FILES, write_model

MODELS = Path(__file__).parents[2] / "models"
SHIPPED = Catalog(MODELS)
MANIFESTS = {name: SHIPPED.published(name) for name in SHIPPED.names()}
HUB_MODELS = {name: (manifest, manifest.hub) for name, manifest in MANIFESTS.items() if manifest.hub}
WEIGHTS = "ct2/model.bin"
TARGETS: dict[Task, str] = {"translation": "en", "summary": "de"}
DEFAULTS: dict[Quality, dict[Task, str]] = {
    "starter": {"translation": "starter-de-en", "summary": "rules-sum-de"},
    "production": {"translation": "wmt19-de-en", "summary": "mt5-small-sum-de-mit-v1"},
}


def chosen(catalog: Catalog, task: Task, profile: Profile, name: str | None = None) -> Entry:
    """Return the entry of the model that is chosen for ``task`` with German texts."""
    entry = choose(catalog, task, "de", TARGETS[task], profile, name)
    assert entry is not None
    return entry


@pytest.fixture
def catalog(tmp_path: Path) -> Catalog:
    for name in ("opus-de-en", "starter-de-en", "starter-sum-de"):
        write_model(tmp_path, name)
    return Catalog(tmp_path)


def test_names_are_sorted_manifest_stems(catalog: Catalog) -> None:
    assert catalog.names() == ["opus-de-en", "starter-de-en", "starter-sum-de"]


def test_entry_has_name_manifest_and_folder(catalog: Catalog, tmp_path: Path) -> None:
    entry = catalog.entry("opus-de-en")
    folder = tmp_path / "embedded" / "opus-de-en"
    assert (entry.name, entry.manifest.id, entry.folder) == ("opus-de-en", "test/opus-de-en", folder)


def test_unknown_name_lists_similar_names(catalog: Catalog) -> None:
    with pytest.raises(ModelError, match=r"no model 'opus-de-em'; possible names: opus-de-en$"):
        catalog.entry("opus-de-em")


def test_unknown_name_lists_all_names(catalog: Catalog) -> None:
    with pytest.raises(ModelError, match="names: opus-de-en, starter-de-en, starter-sum-de"):
        catalog.entry("xyz")


def test_empty_catalogue_is_named(tmp_path: Path) -> None:
    with pytest.raises(ModelError, match="possible names: none"):
        Catalog(tmp_path).entry("starter-de-en")


@pytest.mark.parametrize("name", ["../catalog/opus-de-en", "", "opus-de-en.toml"])
def test_path_is_refused_as_name(catalog: Catalog, name: str) -> None:
    with pytest.raises(ModelError, match="there is no model"):
        catalog.entry(name)


def test_model_is_installed_while_all_files_exist(catalog: Catalog) -> None:
    entry = catalog.entry("opus-de-en")
    assert entry.installed
    (entry.folder / "pieces.model").unlink()
    assert not entry.installed


def test_default_production_models_allow_commercial_use() -> None:
    for task, name in DEFAULTS["production"].items():
        manifest, hub = HUB_MODELS[name]
        assert (manifest.task, manifest.commercial_use, hub.restricted) == (task, "yes", False)


@pytest.mark.parametrize(("manifest", "hub"), HUB_MODELS.values(), ids=HUB_MODELS)
def test_model_without_free_use_is_restricted(manifest: Manifest, hub: Hub) -> None:
    assert hub.restricted == (manifest.commercial_use != "yes")
    if manifest.licence == "none stated":
        assert manifest.commercial_use == "unclear"
    assert ("NC" in manifest.licence) == (manifest.commercial_use == "no")


@pytest.mark.parametrize(("manifest", "hub"), HUB_MODELS.values(), ids=HUB_MODELS)
def test_published_scores_have_a_source(manifest: Manifest, hub: Hub) -> None:
    authors = (hub.repo.split("/")[0], "deutsche-telekom")
    assert all(any(author in score.source for author in authors) for score in manifest.published)
    assert manifest.verified == ()


@pytest.mark.parametrize(("manifest", "hub"), HUB_MODELS.values(), ids=HUB_MODELS)
def test_tokenizer_files_are_pulled(manifest: Manifest, hub: Hub) -> None:
    tokens = manifest.tokens
    files = [tokens.source, tokens.target, tokens.vocabulary] if tokens.kind == "sentencepiece" else []
    needed = {file for file in files if file}
    present = ["config.json", "model.safetensors", "README.md", *needed, *hub.patterns]
    pulled = wanted([name for name in present if "*" not in name], hub)
    assert needed <= {*pulled}
    assert "README.md" not in pulled


@pytest.mark.parametrize("manifest", [manifest for manifest, _ in HUB_MODELS.values()], ids=HUB_MODELS)
def test_production_summariser_has_hypotheses(manifest: Manifest) -> None:
    if manifest.task == "summary":
        assert not manifest.acceptance.source_pieces_only
        assert manifest.decoding.hypotheses == manifest.decoding.beam_size > 1


@pytest.mark.parametrize("name", HUB_MODELS)
def test_name_equals_the_repository_name(name: str) -> None:
    _, hub = HUB_MODELS[name]
    assert name == hub.repo.split("/")[1].replace("_", "-")


@pytest.fixture
def shipped(tmp_path: Path) -> Catalog:
    return Catalog(MODELS, tmp_path)


def install(folder: Path, task: Task, name: str = "") -> str:
    """Install a production model with an empty weights file, by default that for ``task``. Return the model's name."""
    name = name or DEFAULTS["production"][task]
    described = {
        "revision": "1",
        "engines": {"ctranslate2": {"folder": "ct2", "compute_type": "int8"}},
        "files": {WEIGHTS: "0" * 64},
    }
    (folder / name / WEIGHTS).parent.mkdir(parents=True)
    (folder / name / WEIGHTS).touch()
    manifest = Manifest.model_validate({**SHIPPED.published(name).model_dump(), **described})
    (folder / name / "manifest.toml").write_text(dumps(manifest), "utf-8")
    return name


@pytest.mark.parametrize(("quality", "task"), [(quality, task) for quality in DEFAULTS for task in DEFAULTS[quality]])
def test_catalogue_has_the_default_models(shipped: Catalog, task: Task, quality: Quality) -> None:
    manifest = shipped.entry(DEFAULTS[quality][task]).manifest
    assert (manifest.task, manifest.quality) == (task, quality)


@pytest.mark.parametrize(
    ("profile", "quality"), [("auto", "starter"), ("embedded", "starter"), ("production", "production")]
)
def test_only_production_needs_a_pulled_model(shipped: Catalog, profile: Profile, quality: Quality) -> None:
    assert chosen(shipped, "summary", profile).manifest.quality == quality


def test_auto_prefers_an_installed_model_for_its_task(shipped: Catalog, tmp_path: Path) -> None:
    name = install(tmp_path, "translation")
    assert chosen(shipped, "translation", "auto").name == name
    assert chosen(shipped, "summary", "auto").name == DEFAULTS["starter"]["summary"]
    assert shipped.embedded(chosen(shipped, "translation", "embedded").name)


def test_auto_uses_the_only_installed_production_model(shipped: Catalog, tmp_path: Path) -> None:
    install(tmp_path, "translation", "opus-mt-de-en")
    assert chosen(shipped, "translation", "auto").name == "opus-mt-de-en"
    assert chosen(shipped, "translation", "production").name == "opus-mt-de-en"
    install(tmp_path, "translation", "madlad400-3b-mt")  # now it is unclear which one to use
    assert shipped.embedded(chosen(shipped, "translation", "auto").name)
    install(tmp_path, "translation")
    assert chosen(shipped, "translation", "auto").name == DEFAULTS["production"]["translation"]


def test_recommended_model_is_the_preferred_translation_model(shipped: Catalog, catalog: Catalog) -> None:
    assert recommended(shipped) == DEFAULTS["production"]["translation"]
    with pytest.raises(ModelError, match="the catalogue recommends no translation model"):
        recommended(catalog)


def test_auto_skips_an_incomplete_model(shipped: Catalog, tmp_path: Path) -> None:
    (tmp_path / install(tmp_path, "translation") / WEIGHTS).unlink()
    found = chosen(shipped, "translation", "auto").name
    assert shipped.embedded(found)
    assert found == chosen(shipped, "translation", "embedded").name


def test_name_overrides_the_profile(shipped: Catalog) -> None:
    assert chosen(shipped, "translation", "production", "starter-de-en").name == "starter-de-en"


def test_model_for_another_task_is_refused(shipped: Catalog) -> None:
    with pytest.raises(ModelError, match="rules-sum-de is a summary model, not a translation model"):
        chosen(shipped, "translation", "auto", "rules-sum-de")


def test_model_for_other_languages_is_refused(tmp_path: Path) -> None:
    write_model(tmp_path, "fr-es", source_lang="fr", target_lang="es")
    with pytest.raises(ModelError, match="fr-es is a translation model for fr→es, but the service needs de→en"):
        choose(Catalog(tmp_path), "translation", "de", "en", "auto", "fr-es")


def test_languages_without_a_model_have_none(catalog: Catalog) -> None:
    assert choose(catalog, "translation", "fr", "en", "auto") is None


def test_one_of_several_models_must_be_preferred(catalog: Catalog) -> None:
    with pytest.raises(ModelError, match="exactly one starter translation model for de→en must be preferred"):
        choose(catalog, "translation", "de", "en", "embedded")


def test_auto_works_without_production_models(tmp_path: Path) -> None:
    (tmp_path / "catalog").mkdir()
    for name in DEFAULTS["starter"].values():
        (tmp_path / "catalog" / f"{name}.toml").write_bytes((MODELS / "catalog" / f"{name}.toml").read_bytes())
    assert chosen(Catalog(tmp_path), "summary", "auto").name == DEFAULTS["starter"]["summary"]


@pytest.fixture
def entry(catalog: Catalog) -> Entry:
    return catalog.entry("opus-de-en")


def test_unchanged_files_pass_for_both_engines(entry: Entry) -> None:
    verify(entry, "ctranslate2")
    verify(entry, "torch")


@pytest.mark.parametrize("name", [name for name in FILES if not name.startswith("float16/model")])
def test_flipped_byte_is_found(entry: Entry, name: str) -> None:
    content = bytearray((entry.folder / name).read_bytes())
    content[len(content) // 2] ^= 1
    (entry.folder / name).write_bytes(content)
    with pytest.raises(WeightsMismatch, match=f"opus-de-en: {name} does not match its SHA-256"):
        verify(entry, "ctranslate2")


@pytest.mark.parametrize("name", ["ct2-int8/model.bin", "pieces.model", "float16/vocab.json"])
def test_missing_file_is_found(entry: Entry, name: str) -> None:
    (entry.folder / name).unlink()
    with pytest.raises(WeightsMismatch, match=f"opus-de-en: {name} cannot be read"):
        verify(entry, "ctranslate2")


@pytest.mark.parametrize("name", ["ct2-int8/target_vocabulary.txt", "ct2-int8/deeper/model.bin"])
def test_file_missing_from_the_manifest_is_found(entry: Entry, name: str) -> None:
    (entry.folder / name).parent.mkdir(exist_ok=True)
    (entry.folder / name).write_bytes(b"foreign weights")
    with pytest.raises(WeightsMismatch, match=f"opus-de-en: {name} is not in the manifest"):
        verify(entry, "ctranslate2")


def test_unlisted_weights_are_found(entry: Entry) -> None:
    files = {name: digest for name, digest in entry.manifest.files.items() if name != "ct2-int8/model.bin"}
    partial = Entry(entry.name, entry.manifest.model_copy(update={"files": files}), entry.folder)
    with pytest.raises(WeightsMismatch, match=r"opus-de-en: ct2-int8/model\.bin is not in the manifest"):
        verify(partial, "ctranslate2")


def test_files_of_the_other_engine_are_not_checked(entry: Entry) -> None:
    (entry.folder / "float16" / "model.safetensors").unlink()
    (entry.folder / "float16" / "notes.txt").write_text("a note", "utf-8")
    verify(entry, "ctranslate2")


def test_model_card_outside_the_engine_folders_is_allowed(entry: Entry) -> None:
    (entry.folder / "README.md").write_text("a card", "utf-8")
    verify(entry, "ctranslate2")
