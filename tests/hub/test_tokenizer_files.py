"""Tests of tokenizers after an installation: they encode text as the published files specify."""

import json
from pathlib import Path
from typing import Any

import pytest
import tokenizers
from tokenizers.normalizers import BertNormalizer

from service.generation.engines.tokenizers import Tokenizer, sentence_pieces
from service.hub.installation import write_tokenizer
from service.registry.catalog import Catalog
from service.text.alignment import piece_spans
from tests.engine import checkpoints
from tests.hub import repositories

SHIPPED = Catalog(Path(__file__).parents[2] / "models")
QUOTED = "„Wir warten“, sagte sie – „seit Jahren…“"


def installed(snapshot: Path, manifest: Any) -> Tokenizer:
    """Write the tokenizer of the checkpoint in ``snapshot``, and load it."""
    folder = snapshot.with_name("installed")
    folder.mkdir()
    written = write_tokenizer(snapshot, manifest, folder)
    tokens = manifest.tokens.model_copy(update=dict(written.tokens))
    return Tokenizer(manifest.model_copy(update={"tokens": tokens}), folder)


@pytest.fixture
def snapshot(tmp_path: Path) -> Path:
    (tmp_path / "snapshot").mkdir()
    return tmp_path / "snapshot"


def test_published_tokenizer_keeps_capital_letters(snapshot: Path) -> None:
    manifest = checkpoints.encoder_decoder_bert(snapshot)
    trained = tokenizers.BertWordPieceTokenizer(vocab=str(snapshot / "vocab.txt"), lowercase=False, strip_accents=False)
    trained.save(str(snapshot / "tokenizer.json"))
    (snapshot / "tokenizer_config.json").write_text(json.dumps({"tokenizer_class": "BertTokenizer"}), "utf-8")
    lower = BertNormalizer(lowercase=True).normalize_str("Für Münster")
    assert lower == "fur munster"  # what the class of transformers would do without `do_lower_case`
    pieces = installed(snapshot, manifest).encode("Für Münster")
    assert "".join(piece.removeprefix("##") for piece in pieces[1:-1]) == "FürMünster"


def test_madlad_spells_unknown_characters_as_bytes(snapshot: Path) -> None:
    repositories.madlad(snapshot)
    tokenizer = installed(snapshot, SHIPPED.published("madlad400-3b-mt"))
    pieces = tokenizer.encode("Haus 🦊")
    assert pieces[:1] == ("<2en>",) or "<2en>" in pieces
    assert [piece for piece in pieces if piece.startswith("<0x")] == ["<0xF0>", "<0x9F>", "<0xA6>", "<0x8A>"]
    assert pieces.count("</s>") == 1
    assert pieces[-1] == "</s>"


def test_outputs_contain_only_pieces_of_the_target_model(tmp_path: Path) -> None:
    checkpoints.word_pieces(tmp_path / "source", "der alte Hund bellt laut")
    checkpoints.word_pieces(tmp_path / "target", "the old dog sleeps")
    writable = sentence_pieces(tmp_path / "source.model", tmp_path / "target.model").writable
    assert "▁the" in writable
    assert "▁der" not in writable


@pytest.mark.parametrize("name", ["opus-mt-de-en", "nllb-200-distilled-600M"])
def test_models_that_were_trained_on_plain_punctuation_get_it(name: str) -> None:
    assert SHIPPED.published(name).tokens.normalise == "moses"


def test_plain_punctuation_is_encoded_and_its_place_is_kept(snapshot: Path) -> None:
    plain = checkpoints.marian(snapshot)
    tokens = plain.tokens.model_copy(update={"normalise": "moses"})
    tokenizer = installed(snapshot, plain.model_copy(update={"tokens": tokens}))
    pieces = tokenizer.encode(QUOTED)
    assert pieces == tokenizer.encode('"Wir warten", sagte sie - "seit Jahren..."')
    assert not {"„", "“", "–", "…"} & set("".join(pieces))
    spans = piece_spans(pieces[:-1], QUOTED)
    covered = "".join(QUOTED[span.start : span.end] for span in spans)
    assert "Wirwarten" in covered.replace("“", "").replace("„", "")
    assert covered.replace("“", "").replace("„", "").endswith(("seitJahren", "seitJahren…"))


def test_other_models_get_typographic_punctuation(snapshot: Path) -> None:
    pieces = installed(snapshot, checkpoints.marian(snapshot)).encode("„Wir“")
    assert "„" in "".join(pieces)
