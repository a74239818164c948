"""Tests of FSMT (WMT19) checkpoints: conversion without torch, the same outputs as transformers, and the tokenizer."""

import json
import shutil
import subprocess
import sys
import warnings
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import torch
import transformers
from hypothesis import given, settings
from hypothesis import strategies as st
from safetensors.torch import load_file, save_file
from transformers.models.fsmt.tokenization_fsmt import FSMTTokenizer

from service.domain import DecodingOptions, EngineInput
from service.errors import ModelError
from service.generation.engines.loading import load_engine
from service.generation.engines.tokenizers import MosesPieces, Tokenizer
from service.hub.acceptance import reference_pairs
from service.hub.pull import convert
from service.registry.manifest import Manifest
from service.text.alignment import piece_spans
from tests.engine import checkpoints

OUTPUT_TOKENS = 40
TYPOGRAPHY = "„Ein Text – mit “Zeichen” & <Resten> …“, 1.000 Euro; 10-jährige (A/B) it's 3 % # ~ | [x]"


@pytest.fixture(scope="module")
def published(tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[Path, Manifest]]:
    """Write a checkpoint as it is published: without position embeddings. Return its folder and manifest."""
    folder = tmp_path_factory.mktemp("fsmt") / "snapshot"
    folder.mkdir()
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        manifest = checkpoints.fsmt(folder)
        weights = load_file(folder / "model.safetensors")
        kept = {name: weight for name, weight in weights.items() if "embed_positions" not in name}
        save_file(kept, folder / "model.safetensors", metadata={"format": "pt"})
        yield folder, manifest


def test_outputs_are_those_of_transformers(published: tuple[Path, Manifest], tmp_path: Path) -> None:
    snapshot, described = published
    manifest = convert(snapshot, described, tmp_path / "installed", quantization="float32")
    assert manifest.engines.keys() == {"ctranslate2"}
    sources = [pair.source for pair in reference_pairs()]
    tokenizer = Tokenizer(manifest, tmp_path / "installed")
    engine = load_engine(manifest, tmp_path / "installed", "ctranslate2", device="cpu", threads=1)
    options = DecodingOptions(max_output_tokens=OUTPUT_TOKENS)
    ours = [
        found[0].tokens for found in engine.generate([EngineInput(tokenizer.encode(one), options) for one in sources])
    ]
    engine.close()
    theirs = [generated(snapshot, source) for source in sources]
    assert len(set(theirs)) > len(theirs) // 2  # outputs depend on their sources
    assert [tokenizer.decode(tokens) for tokens in ours] == theirs


def generated(snapshot: Path, source: str) -> str:
    """Return the greedy output of transformers, whose own tokenizer encodes the source and decodes the output."""
    tokenizer: Any = FSMTTokenizer.from_pretrained(str(snapshot))
    model: Any = transformers.FSMTForConditionalGeneration.from_pretrained(str(snapshot), dtype=torch.float32)
    model.eval()
    unwritten = [row for row, piece in tokenizer.decoder.items() if piece in {"<s>", "<pad>", "<unk>"}]
    with torch.inference_mode():
        (row,) = model.generate(
            **tokenizer(source, return_tensors="pt"),
            num_beams=1,
            do_sample=False,
            max_new_tokens=OUTPUT_TOKENS,
            suppress_tokens=unwritten,
            forced_eos_token_id=None,
        )
    found: str = tokenizer.decode(row, skip_special_tokens=True)
    return found


def test_conversion_and_serving_need_no_torch(published: tuple[Path, Manifest], tmp_path: Path) -> None:
    snapshot, described = published
    (tmp_path / "described.json").write_text(described.model_dump_json(), "utf-8")
    program = f"""
import sys
sys.modules["torch"] = None
from pathlib import Path
from service.hub.acceptance import Installation
from service.hub.pull import convert
from service.registry.manifest import Manifest
described = Manifest.model_validate_json(Path({str(tmp_path / "described.json")!r}).read_bytes())
manifest = convert(Path({str(snapshot)!r}), described, Path({str(tmp_path / "installed")!r}))
assert Installation(manifest, Path({str(tmp_path / "installed")!r})).replay() == 20
"""
    subprocess.run([sys.executable, "-c", program], check=True)


def test_a_checkpoint_that_lacks_a_weight_is_refused(published: tuple[Path, Manifest], tmp_path: Path) -> None:
    snapshot, described = published
    whole = load_file(snapshot / "model.safetensors")
    for missing in ("model.encoder.layers.0.fc1.bias", "model.decoder.layers.1.encoder_attn.q_proj.weight"):
        broken = tmp_path / missing
        shutil.copytree(snapshot, broken)
        kept = {name: weight for name, weight in whole.items() if name != missing}
        save_file(kept, broken / "model.safetensors", metadata={"format": "pt"})
        with pytest.raises(ModelError, match="the checkpoint lacks weights: " + missing.rpartition(".")[0]):
            convert(broken, described, tmp_path / "installed")
    assert not (tmp_path / "installed").exists()


def test_unused_layers_are_refused(published: tuple[Path, Manifest], tmp_path: Path) -> None:
    snapshot, described = published
    broken = tmp_path / "broken"
    shutil.copytree(snapshot, broken)
    config = json.loads((broken / "config.json").read_text("utf-8"))
    (broken / "config.json").write_text(json.dumps({**config, "decoder_layers": 1}), "utf-8")
    with pytest.raises(ModelError, match=r"does not use the weights model\.decoder\.layers\.1\."):
        convert(broken, described, tmp_path / "installed")


@pytest.fixture(scope="module")
def both(published: tuple[Path, Manifest]) -> tuple[MosesPieces, Any]:
    """Return the tokenizer of the service and that of transformers."""
    snapshot, _ = published
    return MosesPieces(snapshot), FSMTTokenizer.from_pretrained(str(snapshot))


@pytest.mark.parametrize(
    "text", [*checkpoints.SENTENCES[:20], *(pair.source for pair in reference_pairs()), TYPOGRAPHY]
)
def test_sentence_has_the_pieces_of_transformers(text: str, both: tuple[MosesPieces, Any]) -> None:
    ours, theirs = both
    pieces = ours.encode(text)
    assert pieces == theirs.tokenize(text)
    assert ours.decode(pieces) == theirs.convert_tokens_to_string(pieces)


@given(text=st.text(alphabet="aenrich undSt.,;:!?„“”’…–-()/&<>%\"'0123456789äöüß，。：％\u200b", max_size=40))
@settings(max_examples=150, deadline=None)
def test_any_text_has_the_pieces_of_transformers(text: str, both: tuple[MosesPieces, Any]) -> None:
    ours, theirs = both
    assert ours.encode(text) == theirs.tokenize(text)


def test_pieces_are_found_in_the_text() -> None:
    text = 'Er sagte: "und" <3'
    pieces = ["Er</w>", "sag", "te</w>", ":</w>", "&quot;</w>", "un", "d</w>", "&quot;</w>", "&lt;</w>", "3</w>"]
    found = [text[span.start : span.end] for span in piece_spans(pieces, text)]
    assert found == ["Er", "sag", "te", ":", '"', "un", "d", '"', "<", "3"]
