"""The two sets of weights: the embedded ones, and random ones of opus-mt-de-en's full size.

Both lie as a catalogue of the service at beam 1 and 4, and as a checkpoint that transformers loads with its tokenizer.
The embedded translator ships with a beam of its own and all hypotheses of it (docs/adr/0019); here it has the beam that
is measured, and gives one, as every system that stands beside it.

Random weights do not end their sentences by themselves in any sensible place. So the full-size network's bias for
end-of-sentence is so low that no system ever writes it, and the manifest's limit is 32 tokens, which all systems get:
every output of every system is 32 tokens long, whatever its arithmetic, batch or beam. The tokenizer is the embedded
one; its vocabulary is filled up to the full size with pieces that stand in no text, for the output layer's cost.
"""

import json
import shutil
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

import torch
import transformers
from sentencepiece import sentencepiece_model_pb2

from benchmarks.load.server import ROOT
from models.marian import export
from models.marian.pieces import EOS, PAD, Pieces
from service.manifest import Manifest, dumps, load
from service.store.catalog import Catalog, Entry

MODELS = ROOT / "models"
EMBEDDED = "starter-de-en"
SUMMARY = "starter-sum-de"
FULL = "full-size"
FULL_VOCABULARY = 58_101
FULL_OUTPUT_TOKENS = 32
NEVER_CUT = -1e3  # a score with which a piece is never part of a text
SEED = 20_260
BEAMS = (1, 4)

Name = Literal["embedded", "full"]


@dataclass(frozen=True, slots=True)
class Weights:
    """Where the systems find one set of weights. ``checkpoint`` is transformers' folder."""

    name: Name
    models_dir: Path
    checkpoint: Path

    def entry(self, beam_size: int) -> Entry:
        """The catalogue's entry at that beam."""
        return Catalog(self.models_dir).entry(f"{EMBEDDED if self.name == 'embedded' else FULL}-beam{beam_size}")


def prepare(name: Name, work: Path) -> Weights:
    """Write what is missing under ``work``; the full-size weights are made once."""
    models_dir = work / "models"
    (models_dir / "catalog").mkdir(parents=True, exist_ok=True)
    (models_dir / "embedded").mkdir(exist_ok=True)
    for model in (EMBEDDED, SUMMARY):
        # What an earlier version of the weights left there would be refused as a file that nobody vouches for.
        shutil.rmtree(models_dir / "embedded" / model, ignore_errors=True)
        shutil.copytree(MODELS / "embedded" / model, models_dir / "embedded" / model)
        shutil.copy(MODELS / "catalog" / f"{model}.toml", models_dir / "catalog")
    folder = models_dir / "embedded" / (EMBEDDED if name == "embedded" else FULL)
    manifest = models_dir / "catalog" / f"{folder.name}.toml"
    if not manifest.exists():
        _write_full(folder)
        _write_manifest(manifest, folder)
    for beam_size in BEAMS:
        text = _at_beam(load(manifest), beam_size)
        manifest.with_name(f"{folder.name}-beam{beam_size}.toml").write_text(text, "utf-8")
    return Weights(name, models_dir, _checkpoint(folder, work / "checkpoints" / name))


def _at_beam(manifest: Manifest, beam_size: int) -> str:
    """The manifest with that beam, one hypothesis of it, and the rest of its search as it is."""
    decoding = manifest.decoding.model_copy(update={"beam_size": beam_size, "hypotheses": 1})
    return dumps(manifest.model_copy(update={"decoding": decoding}))


def _checkpoint(folder: Path, checkpoint: Path) -> Path:
    """The float16 checkpoint of a model with the tokenizer's files as transformers wants them."""
    shutil.copytree(folder / "float16", checkpoint, dirs_exist_ok=True)
    for side in ("source", "target"):
        shutil.copy(folder / "pieces.model", checkpoint / f"{side}.spm")
    names = {"tokenizer_class": "MarianTokenizer", "eos_token": EOS, "unk_token": "<unk>", "pad_token": PAD}
    (checkpoint / "tokenizer_config.json").write_text(json.dumps(names), "utf-8")
    return checkpoint


def _write_full(folder: Path) -> None:
    """The random network in the formats of `models.marian.export`."""
    pieces = Pieces(MODELS / "embedded" / EMBEDDED / "pieces.model")
    _network(pieces).half().save_pretrained(folder / "float16")
    vocabulary = [piece for piece in pieces.vocabulary() if piece != PAD]
    vocabulary += [f"▁piece{number}" for number in range(FULL_VOCABULARY - 1 - len(vocabulary))]
    numbered = {piece: number for number, piece in enumerate([*vocabulary, PAD])}
    (folder / "float16" / "vocab.json").write_text(json.dumps(numbered, ensure_ascii=False), "utf-8")
    _write_pieces(folder / "pieces.model", pieces.path, vocabulary)
    export.write_ctranslate2(folder / "ct2-int8", folder / "float16", pieces)


def _write_pieces(path: Path, known: Path, vocabulary: list[str]) -> None:
    """The known SentencePiece model with the rest of the vocabulary: an engine writes no piece that it has not."""
    model: Any = sentencepiece_model_pb2.ModelProto.FromString(known.read_bytes())  # type: ignore[attr-defined]  # generated
    there = {piece.piece for piece in model.pieces}
    for piece in vocabulary:
        if piece not in there:
            model.pieces.add(piece=piece, score=NEVER_CUT)
    path.write_bytes(model.SerializeToString())


def _network(pieces: Pieces) -> Any:
    torch.manual_seed(SEED)
    pad = FULL_VOCABULARY - 1
    config = transformers.MarianConfig(
        vocab_size=FULL_VOCABULARY,
        d_model=512,
        encoder_layers=6,
        decoder_layers=6,
        encoder_attention_heads=8,
        decoder_attention_heads=8,
        encoder_ffn_dim=2048,
        decoder_ffn_dim=2048,
        max_position_embeddings=512,
        activation_function="swish",
        scale_embedding=True,
        eos_token_id=pieces.eos_id,
        forced_eos_token_id=None,
        pad_token_id=pad,
        decoder_start_token_id=pad,
    )
    network: Any = transformers.MarianMTModel(config)
    with torch.no_grad():
        for piece, number in pieces.vocabulary().items():
            if piece.startswith("<"):  # end-of-sentence, unknown, padding, single bytes
                network.final_logits_bias[0, pad if piece == PAD else number] = export.NEVER
    return network


def _write_manifest(path: Path, folder: Path) -> None:
    terms = export.Terms(
        name=FULL,
        task="translation",
        source_lang="de",
        target_lang="en",
        licence="Apache-2.0",
        commercial_use="yes",
        max_source_tokens=128,
        max_output_tokens=FULL_OUTPUT_TOKENS,
        decoding={"beam_size": 1},
    )
    export.write_manifest(path, folder, terms)
