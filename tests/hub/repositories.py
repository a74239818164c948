"""Small versions of the catalogue's repositories, with random weights, but published files and configuration keys."""

import json
import shutil
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch
import transformers

from tests.engine import checkpoints

# Keys of the published configurations that transformers 5 does not write.
MARIAN = {
    "add_bias_logits": False,
    "add_final_layer_norm": False,
    "architectures": ["MarianMTModel"],
    "classif_dropout": 0.0,
    "max_length": 512,
    "normalize_before": False,
    "normalize_embedding": False,
    "num_beams": 6,
    "static_position_embeddings": True,
}
MT5 = {"architectures": ["MT5ForConditionalGeneration"], "tie_word_embeddings": False, "tokenizer_class": "T5Tokenizer"}
T5 = {"architectures": ["T5ForConditionalGeneration"], "tie_word_embeddings": False, "n_positions": 512}
BART = {
    "add_bias_logits": False,
    "add_final_layer_norm": False,
    "architectures": ["BartForConditionalGeneration"],
    "early_stopping": True,
    "forced_bos_token_id": 0,
    "forced_eos_token_id": 2,
    "gradient_checkpointing": False,
    "max_length": 142,
    "no_repeat_ngram_size": 3,
    "normalize_before": False,
    "normalize_embedding": True,
    "num_beams": 4,
}
MBART = {
    "add_bias_logits": False,
    "add_final_layer_norm": True,
    "architectures": ["MBartForConditionalGeneration"],
    "early_stopping": True,
    "forced_eos_token_id": 2,
    "max_length": 200,
    "normalize_before": True,
    "normalize_embedding": True,
    "num_beams": 5,
    "output_past": True,
    "static_position_embeddings": False,
    "tokenizer_class": "MBart50Tokenizer",
}
NLLB = {"architectures": ["M2M100ForConditionalGeneration"], "max_length": 200, "tokenizer_class": "NllbTokenizer"}
BERT = {
    "architectures": ["EncoderDecoderModel"],
    "early_stopping": True,
    "length_penalty": 2.0,
    "max_length": 120,
    "no_repeat_ngram_size": 3,
    "num_beams": 4,
}
FSMT = {
    "architectures": ["FSMTForConditionalGeneration"],
    "decoder": {"bos_token_id": 2, "model_type": "fsmt_decoder"},
    "early_stopping": False,
    "length_penalty": 1.0,
    "max_length": 200,
    "num_beams": 5,
    "num_hidden_layers": 2,
    "tie_word_embeddings": False,
}


@dataclass(frozen=True, slots=True)
class Shape:
    """A recipe for a small repository.

    ``make`` writes its checkpoint, and ``keys`` are added to its configuration. If ``pickled`` is True, the weights are
    published as a pickle.
    """

    make: Callable[[Path], object]
    keys: Mapping[str, Any]
    pickled: bool = False


def madlad(folder: Path) -> None:
    """Write a T5 1.1 checkpoint whose vocabulary has a piece for the target language."""
    checkpoints.t5_untied(folder)
    given = {"pad_id": -1, "unk_id": 0, "bos_id": 1, "eos_id": 2, "byte_fallback": True, "vocab_size": 436}
    checkpoints.pieces(folder / "spiece.model", user_defined_symbols=["<2en>"], **given)
    _amend(folder / "config.json", {"pad_token_id": 1, "eos_token_id": 2, "decoder_start_token_id": 0})
    (folder / "generation_config.json").unlink()


def bible(folder: Path) -> None:
    """Write a Marian checkpoint whose vocabulary has a piece for the target language, with safetensors."""
    checkpoints.marian(folder)
    vocabulary = json.loads((folder / "vocab.json").read_text("utf-8"))
    spare = next(piece for piece, row in vocabulary.items() if row == len(vocabulary) // 2)
    _write(folder / "vocab.json", {">>eng<<" if piece == spare else piece: row for piece, row in vocabulary.items()})


def t5_named(folder: Path) -> None:
    """Write an mT5 checkpoint whose configuration has the model type ``t5``."""
    checkpoints.mt5(folder)
    _amend(folder / "config.json", {"model_type": "t5"})


def nllb(folder: Path) -> None:
    """Write an NLLB checkpoint with both tokenizer.json and a SentencePiece file."""
    checkpoints.nllb(folder)
    checkpoints.pieces(folder / "sentencepiece.bpe.model", bos_id=1, eos_id=2, unk_id=0)


SHAPES: Mapping[str, Shape] = {
    "opus-mt-tc-bible-big-gem-deu-eng-fra-por-spa": Shape(bible, MARIAN),
    "opus-mt-de-en": Shape(checkpoints.marian, MARIAN, pickled=True),
    "mt5-small-sum-de-mit-v1": Shape(checkpoints.mt5, MT5),
    "mt5-small-sum-de-en-v2": Shape(checkpoints.mt5, MT5),
    "mt5-small-german-finetune-mlsum": Shape(t5_named, MT5 | {"architectures": ["T5ForConditionalGeneration"]}),
    "bart-german": Shape(checkpoints.bart, BART),
    "bert2bert-shared-german-finetuned-summarization": Shape(checkpoints.encoder_decoder_bert, BERT),
    "wmt19-de-en": Shape(checkpoints.fsmt, FSMT),
    "madlad400-3b-mt": Shape(madlad, T5),
    "nllb-200-distilled-600M": Shape(nllb, NLLB),
    "mbart-large-50-many-to-many-mmt": Shape(checkpoints.mbart, MBART),
}


@dataclass(frozen=True, slots=True)
class Repository:
    """A repository: the folder with its checkpoint in safetensors, and the files that are published on the hub."""

    checkpoint: Path
    files: dict[str, bytes]


def repository(name: str, folder: Path) -> Repository:
    """Write the small version of the catalogue model ``name`` to ``folder``, and return its repository."""
    shape = SHAPES[name]
    folder.mkdir(parents=True)
    shape.make(folder)
    _amend(folder / "config.json", shape.keys)
    files = {path.name: path.read_bytes() for path in folder.iterdir() if path.is_file()}
    if shape.pickled:
        del files["model.safetensors"]
        files["pytorch_model.bin"] = _pickle(folder)
    return Repository(folder, {**files, "README.md": b"a card"})


def _pickle(folder: Path) -> bytes:
    """Return the pickle that ``torch.save`` writes for the weights.

    Tied weights are listed under each of their names.
    """
    network: Any = transformers.AutoModelForSeq2SeqLM.from_pretrained(str(folder), dtype=torch.float32)
    torch.save(network.state_dict(), folder / "pytorch_model.bin")
    return (folder / "pytorch_model.bin").read_bytes()


def _write(path: Path, content: Any) -> None:
    path.write_text(json.dumps(content, ensure_ascii=False), "utf-8")


def _amend(path: Path, changed: Mapping[str, Any]) -> None:
    _write(path, {**json.loads(path.read_text("utf-8")), **changed})


def catalogue(target: Path, names: Iterable[str], tiny_models: Path) -> None:
    """Copy the shipped manifests of the models ``names`` and the manifests of the tiny models to ``target``.

    ``tiny_models`` is the folder of the tiny models, which replace the embedded ones. The weights of the tiny models
    are linked and not copied.
    """
    shipped = Path(__file__).parents[2] / "models" / "catalog"
    for name in names:
        published = (shipped / f"{name}.toml").read_text("utf-8")
        # The weights are random.
        changed = published.replace("[hub]\n", "[hub]\nleast_chrf = 0\n")
        (target / "catalog" / f"{name}.toml").write_text(changed, "utf-8")
    for manifest in (tiny_models / "catalog").iterdir():
        shutil.copy(manifest, target / "catalog")
    (target / "embedded").symlink_to(tiny_models / "embedded")
