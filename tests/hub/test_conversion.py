"""Tests of conversion: an installed model gives the same outputs as its checkpoint, or it is not installed."""

import errno
import json
import shutil
import subprocess
import sys
import warnings
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from safetensors.torch import load_file, save_file

from service.domain import EngineInput
from service.errors import ModelError
from service.generation.engines.loading import load_engine
from service.generation.engines.tokenizers import Tokenizer
from service.hub import conversion as ct2
from service.hub import pull as conversion
from service.hub.acceptance import probe_sentences
from service.hub.pull import convert
from service.registry.catalog import MANIFEST, Entry
from service.registry.manifest import EngineKind, Manifest, load
from service.registry.verify import verify
from tests.engine.checkpoints import SNAPSHOTS

Making = Callable[[str], tuple[Path, Manifest]]
TORCH_ALONE = {"encoder_decoder_bert"}
OLD = "old weights"


@pytest.fixture
def quiet() -> Iterator[None]:
    """Ignore the warning of transformers that sacremoses is not installed."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        yield


@pytest.fixture
def snapshot(tmp_path: Path, quiet: None) -> Making:
    """Return a function that creates a tiny checkpoint by its name.

    The function returns the folder of the checkpoint and its manifest.
    """
    del quiet

    def make(name: str) -> tuple[Path, Manifest]:
        folder = tmp_path / "hub" / name
        folder.mkdir(parents=True)
        return folder, SNAPSHOTS[name](folder)

    return make


@pytest.mark.parametrize("name", SNAPSHOTS)
def test_installed_model_needs_no_snapshot(name: str, snapshot: Making, tmp_path: Path) -> None:
    source, described = snapshot(name)
    manifest = convert(source, described, tmp_path / "installed")
    shutil.rmtree(source)
    assert load(tmp_path / "installed" / MANIFEST) == manifest
    assert manifest.complete
    (kind,) = manifest.engines
    assert kind == ("torch" if name in TORCH_ALONE else "ctranslate2")
    verify(Entry(name, manifest, tmp_path / "installed"), kind)
    tokenizer = Tokenizer(manifest, tmp_path / "installed")
    tokens = tokenizer.encode(probe_sentences()[0])
    engine = load_engine(manifest, tmp_path / "installed", kind, device="cpu", threads=1)
    (found,) = engine.generate([EngineInput(tokens, manifest.decoding_options(len(tokens)))])
    engine.close()
    assert tokenizer.decode(found[0].tokens)


def test_files_are_listed_and_readable_for_all_users(snapshot: Making, tmp_path: Path) -> None:
    manifest = convert(*snapshot("marian"), tmp_path / "installed")
    there = {path.relative_to(tmp_path / "installed").as_posix() for path in (tmp_path / "installed").rglob("*.*")}
    assert there == {*manifest.files, MANIFEST}
    assert all(path.stat().st_mode & 0o044 == 0o044 for path in (tmp_path / "installed").rglob("*"))


def test_revision_depends_on_the_weights(snapshot: Making, tmp_path: Path) -> None:
    source, described = snapshot("mt5")
    first = convert(source, described, tmp_path / "first")
    again = convert(source, described, tmp_path / "again")
    weights = load_file(source / "model.safetensors")
    weights["lm_head.weight"][5] += 0.01
    save_file(weights, source / "model.safetensors", metadata={"format": "pt"})
    assert first.revision == again.revision
    assert convert(source, described, tmp_path / "other").revision != first.revision


def test_wrong_output_scaling_is_refused(snapshot: Making, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Check that a conversion with wrong output scaling fails.

    Wrong scaling changes only scores and the results of beam search, and not greedy outputs.
    """
    source, described = snapshot("mt5")

    def uncorrected(model: Any, architecture: str) -> Any:
        del architecture
        model.config.tie_word_embeddings = True
        return ct2.T5().get_model_spec(model)

    monkeypatch.setattr(ct2, "_specification", uncorrected)
    with pytest.raises(ModelError, match="the converted model differs from the checkpoint"):
        convert(source, described, tmp_path / "installed")


@pytest.mark.parametrize(("name", "before"), [("bart", False), ("mbart", True)])
def test_missing_normalize_before_is_filled_in(
    name: str,
    before: bool,  # noqa: FBT001 - the value in the configuration
    snapshot: Making,
    tmp_path: Path,
) -> None:
    source, described = snapshot(name)
    config = json.loads((source / "config.json").read_text("utf-8"))
    assert "normalize_before" not in config
    convert(source, described, tmp_path / "installed")
    (source / "config.json").write_text(json.dumps({**config, "normalize_before": not before}), "utf-8")
    with pytest.raises(ModelError):
        convert(source, described, tmp_path / "installed")


def test_forced_first_piece_becomes_the_target_prefix(snapshot: Making, tmp_path: Path) -> None:
    assert convert(*snapshot("bart"), tmp_path / "installed").tokens.target_prefix == ("<s>",)


def spoil_architecture(source: Path) -> None:
    config = json.loads((source / "config.json").read_text("utf-8"))
    (source / "config.json").write_text(json.dumps({**config, "model_type": "pegasus"}), "utf-8")


def spoil_rows(source: Path) -> None:
    vocabulary = json.loads((source / "vocab.json").read_text("utf-8"))
    (source / "vocab.json").write_text(json.dumps({**vocabulary, "▁zu_viel": len(vocabulary) + 50}), "utf-8")


def spoil_vocabulary(source: Path) -> None:
    vocabulary = json.loads((source / "vocab.json").read_text("utf-8"))
    special = {"</s>", "<unk>", "<pad>"}
    renamed = {piece if piece in special else f"#{number}": number for piece, number in vocabulary.items()}
    (source / "vocab.json").write_text(json.dumps(renamed), "utf-8")


def spoil_weights(source: Path) -> None:
    weights = load_file(source / "model.safetensors")
    del weights["model.decoder.layers.1.fc1.weight"]
    save_file(weights, source / "model.safetensors", metadata={"format": "pt"})


@pytest.mark.parametrize(
    ("spoil", "message"),
    [
        (spoil_architecture, r"test/marian: the checkpoint has architecture 'pegasus', but the manifest has 'marian'"),
        (spoil_rows, r"the tokenizer has \d+ pieces, but the weights have \d+ embedding rows"),
        (spoil_vocabulary, r"\d+% of the tokens in the probe sentences are not in the model's vocabulary"),
        (spoil_weights, r"the checkpoint lacks weights: model\.decoder\.layers\.1\.fc1\.weight"),
        (lambda source: (source / "model.safetensors").unlink(), r"the snapshot has no model\.safetensors"),
        (lambda source: (source / "config.json").write_text("{", "utf-8"), r"config\.json in the snapshot cannot"),
        (lambda source: (source / "target.spm").unlink(), r"tokenizer file target\.spm is missing"),
        (lambda source: (source / "source.spm").write_bytes(b"no pieces"), r"source\.spm is not a SentencePiece"),
    ],
)
def test_damaged_snapshot_leaves_the_old_model(spoil: Any, message: str, snapshot: Making, tmp_path: Path) -> None:
    source, described = snapshot("marian")
    spoil(source)
    (tmp_path / "models" / "installed").mkdir(parents=True)
    (tmp_path / "models" / "installed" / "weights").write_text(OLD, "utf-8")
    with pytest.raises(ModelError, match=message):
        convert(source, described, tmp_path / "models" / "installed")
    assert [path.name for path in (tmp_path / "models").iterdir()] == ["installed"]
    assert (tmp_path / "models" / "installed" / "weights").read_text("utf-8") == OLD


def test_unknown_language_code_is_named(snapshot: Making, tmp_path: Path) -> None:
    source, described = snapshot("nllb")
    tokens = described.tokens.model_copy(update={"target_code": "en_XX"})
    with pytest.raises(ModelError, match=r"no piece 'en_XX' for tokens\.target_code"):
        convert(source, described.model_copy(update={"tokens": tokens}), tmp_path / "installed")


def test_new_model_replaces_the_old_one(snapshot: Making, tmp_path: Path) -> None:
    source, described = snapshot("mt5")
    (tmp_path / "models" / "installed").mkdir(parents=True)
    (tmp_path / "models" / "installed" / "weights").write_text(OLD, "utf-8")
    manifest = convert(source, described, tmp_path / "models" / "installed")
    assert [path.name for path in (tmp_path / "models").iterdir()] == ["installed"]
    assert load(tmp_path / "models" / "installed" / MANIFEST) == manifest
    assert not (tmp_path / "models" / "installed" / "weights").exists()


def test_full_disk_is_reported_and_leaves_no_files(
    snapshot: Making, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    source, described = snapshot("mt5")

    def full(*_: Any) -> None:
        raise OSError(errno.ENOSPC, "No space left on device")

    monkeypatch.setattr(conversion, "_make_readable", full)
    with pytest.raises(ModelError, match="test/mt5 cannot be converted: No space left on device"):
        convert(source, described, tmp_path / "models" / "installed")
    assert not list((tmp_path / "models").iterdir())


def test_import_of_the_conversion_imports_no_torch() -> None:
    program = "import sys, service.hub.pull; assert not {'torch', 'transformers', 'wordfreq'} & set(sys.modules)"
    subprocess.run([sys.executable, "-c", program], check=True)


@pytest.mark.parametrize("name", ["bart", "nllb", "mbart", "mt5", "marian"])
def test_serving_imports_no_torch(name: str, snapshot: Making, tmp_path: Path) -> None:
    convert(*snapshot(name), tmp_path / "installed")
    kind: EngineKind = "ctranslate2"
    program = f"""
import sys
from pathlib import Path
from service.generation.engines.loading import load_engine
from service.generation.engines.tokenizers import Tokenizer
from service.registry.manifest import load
folder = Path({str(tmp_path / "installed")!r})
manifest = load(folder / "manifest.toml")
Tokenizer(manifest, folder).encode("Guten Tag")
load_engine(manifest, folder, {kind!r}, device="cpu", threads=1).close()
assert not {{"torch", "transformers"}} & set(sys.modules), "torch is imported"
"""
    subprocess.run([sys.executable, "-c", program], check=True)
