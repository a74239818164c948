"""Tests of the trimmed target vocabulary.

A model with this vocabulary has the same outputs as a model with the full vocabulary in which the removed pieces are
masked.
"""

import json
import warnings
from dataclasses import replace
from pathlib import Path

import pytest
import torch

from models.marian.export import Terms, write_model
from models.marian.network import Shape, Transformer
from models.marian.pieces import Pieces, train_vocabulary
from models.marian.trim import target_pieces
from service.domain import EngineInput, Tokens
from service.generation.engines.loading import load_engine
from service.generation.engines.tokenizers import Tokenizer
from service.registry.catalog import Catalog, Entry
from service.registry.manifest import EngineKind
from service.registry.verify import verify

SENTENCES = (Path(__file__).parent.parent / "data" / "sentences.txt").read_text("utf-8").splitlines()
TARGETS = SENTENCES[:3]
KINDS: tuple[EngineKind, ...] = ("ctranslate2", "torch")
TERMS = Terms(
    name="small",
    task="translation",
    source_lang="de",
    target_lang="en",
    licence="Apache-2.0",
    commercial_use="unclear",
    max_source_tokens=128,
    max_output_tokens=256,
    decoding={"beam_size": 4, "hypotheses": 4, "length_penalty": 1.3, "no_repeat_ngram": 3},
)


@pytest.fixture(scope="module")
def vocabulary(tmp_path_factory: pytest.TempPathFactory) -> Pieces:
    path = tmp_path_factory.mktemp("pieces") / "pieces.model"
    train_vocabulary(SENTENCES * 3, 460, path)
    return Pieces(path)


@pytest.fixture(scope="module")
def kept(vocabulary: Pieces) -> list[int]:
    return target_pieces(vocabulary, TARGETS)


@pytest.fixture(scope="module")
def entries(vocabulary: Pieces, kept: list[int], tmp_path_factory: pytest.TempPathFactory) -> dict[str, Entry]:
    """Export the same random weights with the full and with the trimmed vocabulary.

    Each folder is first written with the other vocabulary, to test that an export replaces an older one.
    """
    torch.manual_seed(3)
    shape = Shape(len(vocabulary), width=32, feed_forward=64, heads=4, encoder_layers=1, decoder_layers=1)
    weights = {name: tensor * 4.0 for name, tensor in Transformer(shape).state_dict().items()}  # makes the outputs vary
    made = {}
    for name, order in (("whole", (kept, None)), ("trimmed", (None, kept))):
        folder = tmp_path_factory.mktemp(name)
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # transformers recommends sacremoses when it loads a Marian tokenizer
            for pieces in order:
                write_model(folder, shape, weights, vocabulary, TERMS, kept=pieces)
        made[name] = Catalog(folder).entry("small")
    return made


def listed(entry: Entry) -> set[str]:
    pieces: list[str] = json.loads((entry.folder / "ct2-int8" / "target_vocabulary.json").read_text("utf-8"))
    return set(pieces)


def outputs(entry: Entry, kind: EngineKind, allowed: frozenset[str] | None) -> list[Tokens]:
    tokenizer = Tokenizer(entry.manifest, entry.folder)
    options = replace(entry.manifest.decoding_options(10), allowed=allowed, max_output_tokens=12)
    engine = load_engine(entry.manifest, entry.folder, kind, device="cpu", threads=1)
    found = engine.generate([EngineInput(tokenizer.encode(sentence), options) for sentence in SENTENCES])
    engine.close()
    return [hypotheses[0].tokens for hypotheses in found]


def test_target_and_spelling_pieces_are_kept(vocabulary: Pieces, kept: list[int]) -> None:
    seen = {piece for target in vocabulary.encode(TARGETS) for piece in target}
    pieces = list(vocabulary.vocabulary())
    names = {pieces[i] for i in kept}
    assert kept == sorted(set(kept))
    assert seen <= set(kept)
    assert {"</s>", "<unk>", "▁", "7", ",", "<0x00>", "<0xFF>"} <= names
    assert {piece for piece in names if len(piece.lstrip("▁")) > 1 and not piece.startswith("<")} <= {
        pieces[i] for i in seen
    }
    assert len(kept) < vocabulary.pad_id


@pytest.mark.parametrize("kind", KINDS)
def test_outputs_equal_whole_vocabulary(entries: dict[str, Entry], kind: EngineKind) -> None:
    trimmed = outputs(entries["trimmed"], kind, None)
    assert trimmed == outputs(entries["whole"], kind, frozenset(listed(entries["trimmed"])))
    assert trimmed != outputs(entries["whole"], kind, None)
    assert {piece for tokens in trimmed for piece in tokens} <= listed(entries["trimmed"])


def test_engines_write_the_same_pieces(entries: dict[str, Entry], vocabulary: Pieces, kept: list[int]) -> None:
    entry, pieces = entries["trimmed"], list(vocabulary.vocabulary())
    name = entry.manifest.tokens.target_vocabulary
    assert name is not None
    assert json.loads((entry.folder / name).read_text("utf-8")) == [pieces[i] for i in kept]
    assert listed(entry) == {pieces[i] for i in kept}


@pytest.mark.parametrize("name", ["whole", "trimmed"])
@pytest.mark.parametrize("kind", KINDS)
def test_export_replaces_an_older_one(entries: dict[str, Entry], name: str, kind: EngineKind) -> None:
    verify(entries[name], kind)
    files = {file for file in entries[name].manifest.files if "vocab" in file}
    assert (
        files
        == {
            "whole": {"ct2-int8/shared_vocabulary.json", "float16/vocab.json"},
            "trimmed": {
                "ct2-int8/source_vocabulary.json",
                "ct2-int8/target_vocabulary.json",
                "float16/target_vocabulary.json",
                "float16/vocab.json",
            },
        }[name]
    )


def test_trimmed_checkpoint_keeps_the_embedding(entries: dict[str, Entry]) -> None:
    whole, trimmed = (entries[name].folder / "float16" / "model.safetensors" for name in ("whole", "trimmed"))
    assert whole.read_bytes() == trimmed.read_bytes()
