"""Tests of checkpoints that lack weights, of tokens of another model, and of the first token of an output."""

import json
from pathlib import Path

import pytest
import torch
import transformers
from safetensors.torch import load_file, save_file

from service.errors import ModelError
from service.generation.engines import torch as torch_engine
from service.generation.engines.tokenizers import sentence_pieces
from service.hub.conversion import write_ctranslate2
from tests.engine import checkpoints


@pytest.fixture
def shared(tmp_path: Path) -> Path:
    """Return a checkpoint of a BERT encoder and a BERT decoder whose file stores the weights that they share only once.

    The pooler of the encoder is not shared.
    """
    checkpoints.encoder_decoder_bert(tmp_path)
    weights = load_file(tmp_path / "model.safetensors")
    kept = {name: tensor for name, tensor in weights.items() if name.startswith(("decoder.", "encoder.pooler."))}
    assert len(kept) < len(weights)
    save_file(kept, tmp_path / "model.safetensors", metadata={"format": "pt"})
    return tmp_path


def test_missing_weights_are_an_error(shared: Path) -> None:
    with pytest.raises(ModelError, match="lacks weights: encoder"):
        torch_engine._loaded(shared, "float32", "cpu")


def test_a_shared_encoder_gets_the_weights_of_its_decoder(shared: Path) -> None:
    config = json.loads((shared / "config.json").read_text("utf-8"))
    (shared / "config.json").write_text(json.dumps({**config, "tie_encoder_decoder": True}), "utf-8")
    weights = load_file(shared / "model.safetensors")
    for _ in range(2):
        _, model = torch_engine._loaded(shared, "float32", "cpu")
        for name, tensor in model.encoder.named_parameters():
            expected = weights.get(f"encoder.{name}", weights.get(f"decoder.bert.{name}"))
            assert expected is not None
            assert torch.equal(tensor, expected), name


def test_a_shared_encoder_does_not_hide_other_missing_weights(shared: Path) -> None:
    config = json.loads((shared / "config.json").read_text("utf-8"))
    (shared / "config.json").write_text(json.dumps({**config, "tie_encoder_decoder": True}), "utf-8")
    weights = load_file(shared / "model.safetensors")
    del weights["decoder.bert.encoder.layer.0.crossattention.self.query.weight"]
    save_file(weights, shared / "model.safetensors", metadata={"format": "pt"})
    with pytest.raises(ModelError, match="lacks weights: decoder"):
        torch_engine._loaded(shared, "float32", "cpu")


def test_pieces_of_the_source_model_are_decoded_without_markers(tmp_path: Path) -> None:
    checkpoints.word_pieces(tmp_path / "source", "der alte Hund bellt laut")
    checkpoints.word_pieces(tmp_path / "target", "the old cat sleeps")
    pieces = sentence_pieces(tmp_path / "source.model", tmp_path / "target.model")
    assert pieces.decode(["▁the", "▁Hund", "▁old", "▁bellt"]) == "the Hund old bellt"
    assert pieces.decode(["▁the", "▁old", "▁cat"]) == "the old cat"


def test_outputs_of_t5_start_as_the_configuration_says(tmp_path: Path) -> None:
    config = transformers.T5Config(vocab_size=8, d_model=16, d_kv=4, d_ff=16, num_layers=1, num_heads=2)
    config.decoder_start_token_id = 5
    torch.manual_seed(1)
    transformers.T5ForConditionalGeneration(config).save_pretrained(tmp_path / "checkpoint")
    rows = ["<unk>", "<s>", "</s>", "a", "b", "<first>", "c", "d"]
    pieces = {piece: n for n, piece in enumerate(rows)}
    write_ctranslate2(tmp_path / "checkpoint", "t5", [pieces], tmp_path / "converted", "float32")
    written = json.loads((tmp_path / "converted" / "config.json").read_text("utf-8"))
    assert rows.index(written["decoder_start_token"]) == config.decoder_start_token_id
