"""Tests of model manifests: errors name the invalid field, and the decoding options depend on the source's length."""

import re
from collections.abc import Iterator
from pathlib import Path

import pytest
from pydantic import BaseModel, ValidationError

from service.errors import ModelError
from service.registry.manifest import (
    ConfidenceTable,
    EngineFiles,
    Hub,
    Joined,
    Manifest,
    Prompts,
    Remote,
    Score,
    Thorough,
    dumps,
    load,
)
from tests.hub.library import write_model

ELSEWHERE: dict[str, tuple[type[BaseModel], str]] = {
    "engines": (EngineFiles, ".ENGINE"),
    "joined": (Joined, ".FILE"),
    "prompts": (Prompts, ""),
    "thorough": (Thorough, ""),
    "confidence": (ConfidenceTable, ""),
    "hub": (Hub, ""),
    "remote": (Remote, ""),
    "published": (Score, ""),
}
README = Path(__file__).parent.parent / "models" / "README.md"


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return write_model(tmp_path, "small")


def changed(path: Path, old: str, new: str) -> Path:
    text = path.read_text("utf-8")
    assert text.count(old) == 1
    path.write_text(text.replace(old, new), "utf-8")
    return path


@pytest.mark.parametrize(
    ("old", "new", "told"),
    [
        ('revision = "1"\n', "", "Value error, these fields are missing or empty: revision"),
        ('licence = "Apache-2.0"\n', "", "licence: Field required"),
        ('weights = "embedded/small"\n', "", "Value error, exactly one of `weights`, `hub` and `remote` is required"),
        ('"marian"', '"rnn"', "architecture: Input should be 'marian', 't5', "),
        ('"marian"', '"rules"', "Value error, for `rules`, `task` must be 'summary', and `weights`, `hub`"),
        ("[tokens]", 'verified = ["colour"]\n[tokens]', "Value error, `verified` lists unknown fields: colour"),
        ("max_source_tokens = 128\n", "", "tokens.max_source_tokens: Field required"),
        ("beam_size = 4", "beam_width = 4", "decoding.beam_width: Extra inputs are not permitted"),
        ('revision = "1"', "revision = 1", "revision: Input should be a valid string"),
        ("beam_size = 4", 'beam_size = "wide"', "decoding.beam_size: Input should be a valid integer"),
        ('task = "translation"', 'task = "poetry"', "task: Input should be 'translation', 'summary' or 'alignment'"),
        ("[engines.torch]", "[engines.onnx]", "engines.onnx.[key]: Input should be 'ctranslate2' or 'torch'"),
        ("hypotheses = 2", "hypotheses = 5", "decoding: Value error, `hypotheses` (5) must not exceed `beam_size` (4)"),
        (
            "[engines.torch]",
            "[thorough]\nbackward_weight = 0.5\n[engines.torch]",
            "Value error, thorough.backward_weight requires a causal model with the mark 'german'",
        ),
    ],
    ids=[
        "no revision",
        "missing",
        "no place",
        "no architecture",
        "rules with files",
        "verified nothing",
        "missing below",
        "unknown",
        "no string",
        "no number",
        "no task",
        "no engine",
        "too many",
        "no backward scores",
    ],
)
def test_a_field_that_is_wrong_is_named(path: Path, old: str, new: str, told: str) -> None:
    with pytest.raises(ModelError, match=re.escape(f"manifest small.toml is invalid: {told}")):
        load(changed(path, old, new))


@pytest.mark.parametrize("missing", ["english", "term", "term_end"])
def test_prompts_need_the_marks_that_they_use(missing: str) -> None:
    marks = {name: f"<{name}>" for name in ("english", "term", "term_end") if name != missing}
    with pytest.raises(ValidationError, match=f"`marks` has no entry for '{missing}'"):
        Prompts(task="english", marks=marks, hints=True)


def test_thorough_search_has_its_own_decoding_options(path: Path) -> None:
    thorough = Thorough(beam_size=6, hypotheses=5, below_score=-0.4)
    manifest = load(path).model_copy(update={"thorough": thorough})
    assert manifest.decoding_options(10).beam_size == 4
    found = manifest.decoding_options(10, thorough=True)
    assert (found.beam_size, found.hypotheses) == (6, 5)


def test_tokens_are_required(path: Path) -> None:
    before, _, rest = path.read_text("utf-8").partition("[tokens]\n")
    path.write_text(before + "[" + rest.partition("\n[")[2], "utf-8")
    with pytest.raises(ModelError, match="`tokens` is required"):
        load(path)


@pytest.mark.parametrize("content", [b"id = ", b"\xff\xfe", b"{}"], ids=["half a line", "no UTF-8", "JSON"])
def test_what_is_no_toml_is_refused_by_name(path: Path, content: bytes) -> None:
    path.write_bytes(content)
    with pytest.raises(ModelError, match=r"manifest small\.toml is not valid TOML"):
        load(path)


def test_a_missing_manifest_is_refused_by_name(tmp_path: Path) -> None:
    with pytest.raises(ModelError, match=r"manifest none\.toml cannot be read"):
        load(tmp_path / "none.toml")


def test_as_many_hypotheses_as_the_beam_is_wide_are_fine(path: Path) -> None:
    assert load(changed(path, "hypotheses = 2", "hypotheses = 4")).decoding.hypotheses == 4


@pytest.mark.parametrize(
    ("source_tokens", "limit"),
    [(1, 64), (36, 64), (37, 128), (79, 128), (80, 192), (121, 192), (122, 200), (128, 200)],
)
def test_output_limits_are_rounded_up_to_64_and_never_over_the_models(
    path: Path, source_tokens: int, limit: int
) -> None:
    assert load(path).decoding_options(source_tokens).max_output_tokens == limit


def test_options_take_the_search_from_the_manifest(path: Path) -> None:
    manifest: Manifest = load(path)
    options = manifest.decoding_options(10)
    assert (options.beam_size, options.hypotheses, options.length_penalty) == (4, 2, 1.0)


HUB = """
id = "someone/model"
task = "translation"
architecture = "m2m100"
source_lang = "de"
target_lang = "en"
licence = "CC-BY-NC-4.0"
commercial_use = "no"
quality = "production"
verified = ["architecture", "tokens.source_code"]

[tokens]
kind = "transformers"
source_code = "deu_Latn"
target_code = "eng_Latn"
max_source_tokens = 128
max_output_tokens = 200

[hub]
repo = "someone/model"
patterns = ["config.json", "*.spm"]
restricted = true

[[published]]
set = "newstest2019"
metric = "BLEU"
value = 40.8
source = "the model's page"
"""


@pytest.fixture
def offered(tmp_path: Path) -> Path:
    path = tmp_path / "offered.toml"
    path.write_text(HUB, "utf-8")
    return path


def test_a_model_of_the_hub_needs_no_files_before_it_is_installed(offered: Path) -> None:
    manifest = load(offered)
    assert not manifest.complete
    assert (manifest.hub, manifest.tokens.target_code) == (
        Hub(repo="someone/model", revision="main", patterns=("config.json", "*.spm"), restricted=True),
        "eng_Latn",
    )
    assert manifest.published == (Score(set="newstest2019", metric="BLEU", value=40.8, source="the model's page"),)


@pytest.mark.parametrize(
    ("old", "new", "told"),
    [
        ("quality", 'revision = "1"\nquality', "Value error, these fields are missing or empty: engines, files"),
        (
            "quality",
            'weights = "embedded/model"\nquality',
            "Value error, exactly one of `weights`, `hub` and `remote` is required",
        ),
        ('"someone/model"\npatterns', '"someone/../model"\npatterns', "hub.repo: String should match pattern"),
        ('"config.json", ', '"../config.json", ', "hub.patterns.0: String should match pattern"),
        ('["config.json", "*.spm"]', "[]", "hub.patterns: Tuple should have at least 1 item"),
        ("value = 40.8\n", "", "published.0.value: Field required"),
    ],
)
def test_half_a_description_of_a_hub_model_is_refused(offered: Path, old: str, new: str, told: str) -> None:
    with pytest.raises(ModelError, match=re.escape(f"manifest offered.toml is invalid: {told}")):
        load(changed(offered, old, new))


def test_a_manifest_that_is_written_reads_back_as_it_was(offered: Path, path: Path) -> None:
    for manifest in (load(offered), load(path), without_vocabulary(load(path))):
        path.write_text(dumps(manifest), "utf-8")
        assert load(path) == manifest


def without_vocabulary(manifest: Manifest) -> Manifest:
    return manifest.model_copy(update={"tokens": manifest.tokens.model_copy(update={"vocabulary": None})})


def fields_of(model: type[BaseModel], prefix: str = "") -> Iterator[str]:
    for name, field in model.model_fields.items():
        if isinstance(field.annotation, type) and issubclass(field.annotation, BaseModel):
            yield from fields_of(field.annotation, f"{prefix}{name}.")
        elif name in ELSEWHERE:
            described, suffix = ELSEWHERE[name]
            yield from fields_of(described, f"{prefix}{name}{suffix}.")
        else:
            yield prefix + name


def test_every_field_is_explained_in_the_readme_of_the_models() -> None:
    rows = re.findall(r"^\| `([\w.]+)` \|.*\|.*\|.*\|$", README.read_text("utf-8"), re.MULTILINE)
    assert rows == list(fields_of(Manifest))
