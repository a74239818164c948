"""Tiny checkpoints with random weights, of the architectures that the service loads, in both engines' formats."""

import hashlib
import json
import shutil
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import ctranslate2.converters
import sentencepiece
import torch
import transformers

from service.manifest import Manifest

SENTENCES = (Path(__file__).parent.parent / "data" / "sentences.txt").read_text("utf-8").splitlines()
PIECES = 180


@dataclass(frozen=True)
class Checkpoint:
    """A manifest and the folder of its files."""

    manifest: Manifest
    folder: Path


def _pieces(path: Path, **ids: Any) -> sentencepiece.SentencePieceProcessor:
    sentencepiece.SentencePieceTrainer.train(
        sentence_iterator=iter(SENTENCES * 3),
        model_prefix=str(path.with_suffix("")),
        vocab_size=PIECES,
        minloglevel=2,
        hard_vocab_limit=False,
        bos_id=-1,
        **ids,
    )
    return sentencepiece.SentencePieceProcessor(model_file=str(path))


def _lively(model: Any) -> Any:
    """Scale the weights up: fresh ones are so even that every output is one piece repeated."""
    with torch.no_grad():
        for name, weight in model.named_parameters():
            if weight.dim() == 2 and "embed_positions" not in name:
                weight.mul_(6.0)
    return model


def marian(folder: Path) -> Checkpoint:
    """A Marian model as the opus-mt checkpoints are: joint pieces, padding last, decoder starts with padding."""
    torch.manual_seed(7)
    folder.mkdir(parents=True)
    model = _pieces(folder / "source.model", eos_id=0, unk_id=1, pad_id=-1)
    for side in ("source", "target"):
        shutil.copy(folder / "source.model", folder / f"{side}.spm")
    vocabulary = {model.id_to_piece(i): i for i in range(model.get_piece_size())}
    vocabulary["<pad>"] = len(vocabulary)
    (folder / "vocab.json").write_text(json.dumps(vocabulary), "utf-8")
    names = {"tokenizer_class": "MarianTokenizer", "eos_token": "</s>", "unk_token": "<unk>", "pad_token": "<pad>"}
    (folder / "tokenizer_config.json").write_text(json.dumps(names), "utf-8")
    pad = vocabulary["<pad>"]
    config = transformers.MarianConfig(
        vocab_size=len(vocabulary),
        d_model=32,
        encoder_layers=2,
        decoder_layers=2,
        encoder_attention_heads=4,
        decoder_attention_heads=4,
        encoder_ffn_dim=64,
        decoder_ffn_dim=64,
        max_position_embeddings=512,
        activation_function="swish",
        scale_embedding=True,
        eos_token_id=0,
        forced_eos_token_id=None,
        pad_token_id=pad,
        decoder_start_token_id=pad,
    )
    network = _lively(transformers.MarianMTModel(config))
    with torch.no_grad():
        network.model.shared.weight[pad].zero_()
        network.final_logits_bias[0, pad] = -1e4
    return _written(network, folder, "marian", source="source.spm", target="target.spm", vocabulary="vocab.json")


def t5(folder: Path) -> Checkpoint:
    """A T5 model with the gated feed-forward of mT5, and its sentinel pieces beyond the SentencePiece model."""
    torch.manual_seed(7)
    folder.mkdir(parents=True)
    model = _pieces(folder / "spiece.model", pad_id=0, eos_id=1, unk_id=2)
    transformers.T5Tokenizer(vocab=_scored(model), extra_ids=4).save_pretrained(folder)
    config = transformers.T5Config(
        vocab_size=model.get_piece_size() + 4,
        d_model=32,
        d_kv=8,
        d_ff=64,
        num_layers=2,
        num_heads=4,
        feed_forward_proj="gated-gelu",
        pad_token_id=0,
        eos_token_id=1,
    )
    config.decoder_start_token_id = 0
    network = _lively(transformers.T5ForConditionalGeneration(config))
    return _written(network, folder, "t5", source="spiece.model", target="spiece.model", vocabulary=None)


def _scored(model: sentencepiece.SentencePieceProcessor) -> list[tuple[str, float]]:
    return [(model.id_to_piece(i), model.get_score(i)) for i in range(model.get_piece_size())]


def _written(network: Any, folder: Path, architecture: str, **tokens: str | None) -> Checkpoint:
    network.save_pretrained(folder)
    converter = ctranslate2.converters.TransformersConverter(str(folder))
    converter.convert(str(folder / "ct2"), force=True)
    files = {
        str(path.relative_to(folder)): hashlib.sha256(path.read_bytes()).hexdigest()
        for path in sorted(folder.rglob("*"))
        if path.is_file()
    }
    manifest = Manifest.model_validate(
        {
            "id": f"test/{architecture}",
            "revision": "1",
            "task": "translation",
            "architecture": architecture,
            "source_lang": "de",
            "target_lang": "en",
            "licence": "Apache-2.0",
            "commercial_use": "yes",
            "quality": "starter",
            "weights": folder.name,
            "tokens": {**tokens, "max_source_tokens": 128, "max_output_tokens": 128},
            "engines": {
                "ctranslate2": {"folder": "ct2", "compute_type": "float32"},
                "torch": {"folder": ".", "compute_type": "float32"},
            },
            "files": files,
        }
    )
    return Checkpoint(manifest, folder)
