"""Tests of the check before an installation: a model that does not translate is rejected, and outputs are recorded."""

import json
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import torch
import transformers
from safetensors.torch import load_file, save_file

from service.errors import ModelError, OutputsRefused
from service.generation.engines.tokenizers import Tokenizer
from service.hub.acceptance import Installation, Record, reference_pairs
from service.hub.pull import convert
from service.registry.catalog import Catalog
from service.registry.manifest import OUTPUTS, Hub, Manifest
from service.registry.verify import verify_whole
from tests.engine import checkpoints
from tests.hub.desk import CATALOG, NAME, Desk, checkpoint

STARTER = Path(__file__).parents[2] / "models" / "embedded" / "starter-de-en"
STRICT = Hub(repo="test/model", patterns=("config.json",))


@pytest.fixture(scope="module")
def translator(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, Manifest]:
    """Write the embedded translation model in the layout of opus-mt. Return its folder and manifest."""
    folder = tmp_path_factory.mktemp("translator")
    for name in ("config.json", "model.safetensors", "vocab.json"):
        shutil.copy(STARTER / "float16" / name, folder / name)
    for name in ("source.spm", "target.spm"):
        shutil.copy(STARTER / "pieces.model", folder / name)
    return folder, checkpoints.described("marian").model_copy(update={"hub": STRICT})


@pytest.fixture(scope="module")
def accepted(translator: tuple[Path, Manifest], tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, Manifest]:
    """Install the embedded translation model. Return its folder and manifest."""
    folder = tmp_path_factory.mktemp("accepted") / "installed"
    return folder, convert(*translator, folder)


def test_a_model_that_translates_is_accepted_and_its_outputs_are_recorded(accepted: tuple[Path, Manifest]) -> None:
    folder, manifest = accepted
    record = Record.model_validate_json((folder / OUTPUTS).read_bytes())
    assert record.chrf is not None
    assert record.chrf >= 45
    assert [one.source for one in record.outputs] == [pair.source for pair in reference_pairs()]
    vocabulary = json.loads((folder / "vocabulary.json").read_text("utf-8"))
    tokens = Tokenizer(manifest, folder).encode(record.outputs[0].source)
    assert record.outputs[0].ids == tuple(vocabulary[token] for token in tokens)
    assert manifest.checked
    assert Installation(manifest, folder).replay() == len(record.outputs)


def test_other_tokens_or_many_other_outputs_fail_the_replay(accepted: tuple[Path, Manifest], tmp_path: Path) -> None:
    source, manifest = accepted
    shutil.copytree(source, tmp_path / "model")
    record = Record.model_validate_json((source / OUTPUTS).read_bytes())

    def replay(changed: dict[int, dict[str, Any]]) -> int:
        outputs = tuple(one.model_copy(update=changed.get(n, {})) for n, one in enumerate(record.outputs))
        text = record.model_copy(update={"outputs": outputs}).model_dump_json()
        (tmp_path / "model" / OUTPUTS).write_text(text, "utf-8")
        return Installation(manifest, tmp_path / "model").replay()

    assert replay({n: {"output": "x"} for n in range(3)}) == 20  # rounding may decide between two pieces
    with pytest.raises(ModelError, match="4 of 20 outputs differ"):
        replay({n: {"output": "x"} for n in range(4)})
    with pytest.raises(ModelError, match="install the model again"):
        replay({5: {"ids": (1, 2, 3)}})
    (tmp_path / "model" / OUTPUTS).write_text("{", "utf-8")
    with pytest.raises(ModelError, match="cannot be read"):
        Installation(manifest, tmp_path / "model").replay()


def shuffled_vocabulary(folder: Path) -> None:
    """Give each piece the row of another piece, as in a file that belongs to another version of the model."""
    vocabulary = json.loads((folder / "vocab.json").read_text("utf-8"))
    special = [piece for piece in vocabulary if piece in {"</s>", "<unk>", "<pad>"}]
    others = [piece for piece in vocabulary if piece not in special]
    rows = [vocabulary[piece] for piece in others]
    turned = dict(zip(others, [*rows[100:], *rows[:100]], strict=True))
    (folder / "vocab.json").write_text(json.dumps({**vocabulary, **turned}), "utf-8")


def random_encoder(folder: Path) -> None:
    """Replace the weights of the encoder with random ones, as if they had not been loaded."""
    weights = load_file(folder / "model.safetensors")
    torch.manual_seed(5)
    changed = {
        name: torch.randn_like(weight) * weight.float().std().to(weight.dtype)
        if ".encoder.layers." in name and weight.dim() == 2
        else weight
        for name, weight in weights.items()
    }
    save_file(changed, folder / "model.safetensors", metadata={"format": "pt"})


def embeddings_of_another_order(folder: Path) -> None:
    """Shift the rows of the embedding matrices by one, except that of the padding piece, as in another vocabulary."""
    weights = load_file(folder / "model.safetensors")
    for name in [name for name in weights if "embed_tokens" in name or "shared" in name]:
        weights[name] = torch.cat([weights[name][:-1].roll(1, 0), weights[name][-1:]])
    save_file(weights, folder / "model.safetensors", metadata={"format": "pt"})


@pytest.mark.parametrize("spoil", [shuffled_vocabulary, random_encoder, embeddings_of_another_order])
def test_a_model_that_does_not_translate_is_refused(
    spoil: Callable[[Path], None], translator: tuple[Path, Manifest], tmp_path: Path
) -> None:
    source, manifest = translator
    shutil.copytree(source, tmp_path / "snapshot")
    spoil(tmp_path / "snapshot")
    with pytest.raises(OutputsRefused, match=r"was rejected: .* chrF \d+\.\d; the minimum is 45") as refused:
        convert(tmp_path / "snapshot", manifest, tmp_path / "models" / "installed")
    assert [source for source, _ in refused.value.outputs] == [pair.source for pair in reference_pairs()]
    assert not list((tmp_path / "models").iterdir())


def test_a_refused_pull_shows_the_outputs_and_keeps_the_old_model(desk: Desk) -> None:
    desk.pull()
    before = desk.content()
    desk.program = "service"
    desk.describe(CATALOG.replace("least_chrf = 0\n", ""))
    done = desk.run("pull", NAME)
    assert done.returncode == 1
    assert done.stderr.count("→") >= 20
    assert reference_pairs()[19].source in done.stderr
    assert "tests/tiny was rejected: its translations of 20 test sentences have chrF" in done.stderr
    assert desk.content() == before
    assert desk.leftovers() == []


def test_a_summary_model_has_recorded_outputs_without_a_score(tmp_path: Path) -> None:
    (tmp_path / "snapshot").mkdir()
    described = checkpoints.mt5(tmp_path / "snapshot")
    summary = described.model_copy(update={"task": "summary", "target_lang": "de", "hub": STRICT})
    manifest = convert(tmp_path / "snapshot", summary, tmp_path / "installed")
    assert Record.model_validate_json((tmp_path / "installed" / OUTPUTS).read_bytes()).chrf is None
    assert Installation(manifest, tmp_path / "installed").replay() == 20


def sharded(folder: Path, target: Path) -> dict[str, bytes]:
    """Save the tiny checkpoint in ``folder`` in several files. Return the files of its repository."""
    network: Any = transformers.AutoModelForSeq2SeqLM.from_pretrained(str(folder))
    network.save_pretrained(target, max_shard_size="40KB")
    for path in target.glob("*.safetensors*"):
        assert path.name != "model.safetensors"
    kept = {path.name: path.read_bytes() for path in folder.iterdir() if path.name != "model.safetensors"}
    return kept | {path.name: path.read_bytes() for path in target.glob("model*")}


def test_a_repository_in_several_files_gives_the_same_model(desk: Desk, tmp_path: Path) -> None:
    (tmp_path / "whole").mkdir()
    files = checkpoint(tmp_path / "whole")
    desk.program = "service"
    contents = []
    for content in (files, sharded(tmp_path / "whole", tmp_path / "shards")):
        (desk.installed / "models.lock").unlink(missing_ok=True)
        desk.publish(content)
        done = desk.run("pull", NAME)
        assert done.returncode == 0, done.stderr
        contents.append(desk.content()["ct2/model.bin"])
    assert contents[0] == contents[1]
    verify_whole(Catalog(desk.models, desk.installed).entry(NAME))


def test_a_missing_file_of_several_is_named(desk: Desk, tmp_path: Path) -> None:
    (tmp_path / "whole").mkdir()
    checkpoint(tmp_path / "whole")
    files = sharded(tmp_path / "whole", tmp_path / "shards")
    lost = min(name for name in files if name.endswith(".safetensors"))
    desk.program = "service"
    desk.publish({name: content for name, content in files.items() if name != lost})
    assert f"the snapshot lacks {lost}, which model.safetensors.index.json lists" in desk.error_of("pull", NAME)


@pytest.mark.parametrize("name", ["../model.safetensors", "/etc/passwd", "sub/model.safetensors", 7])
def test_an_index_that_leads_out_of_the_folder_is_refused(name: Any, tmp_path: Path) -> None:
    described = checkpoints.marian(tmp_path)
    (tmp_path / "model.safetensors").unlink()
    index = {"weight_map": {"model.shared.weight": name}}
    (tmp_path / "model.safetensors.index.json").write_text(json.dumps(index), "utf-8")
    with pytest.raises(ModelError, match="lists a file with an unsupported name"):
        convert(tmp_path, described, tmp_path.with_name("installed"))


def test_an_incomplete_file_is_refused(tmp_path: Path) -> None:
    described = checkpoints.marian(tmp_path)
    whole = (tmp_path / "model.safetensors").read_bytes()
    (tmp_path / "model.safetensors").write_bytes(whole[:-100])
    with pytest.raises(ModelError, match=r"model\.safetensors is not a safetensors file, or it is incomplete"):
        convert(tmp_path, described, tmp_path.with_name("installed"))


def test_bfloat16_is_named(tmp_path: Path) -> None:
    described = checkpoints.marian(tmp_path)
    weights = {name: weight.bfloat16() for name, weight in load_file(tmp_path / "model.safetensors").items()}
    save_file(weights, tmp_path / "model.safetensors", metadata={"format": "pt"})
    with pytest.raises(ModelError, match="has a numeric type that NumPy does not support"):
        convert(tmp_path, described, tmp_path.with_name("installed"))
