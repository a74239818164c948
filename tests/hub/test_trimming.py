"""Tests of trimming: a trimmed model behaves like the whole model when the removed pieces are forbidden."""

from dataclasses import replace
from pathlib import Path

import pytest
import sentencepiece
import torch
import transformers
from hypothesis import given, settings
from hypothesis import strategies as st

from service.domain import DecodingOptions, EngineInput, Tokens
from service.generation.engines.loading import load_engine
from service.generation.engines.tokenizers import Tokenizer
from service.hub import conversion as trimming
from service.hub.pull import convert
from service.registry.manifest import EngineKind, Manifest
from tests.engine.checkpoints import SENTENCES, described

KEPT = 510
GREEDY = DecodingOptions(max_output_tokens=24)
FOREIGN = (
    "Парламент принял новый бюджет на следующий год.",
    "Le Parlement a adopté le nouveau budget pour l'année prochaine.",
    "议会通过了明年的预算。",
    "البرلمان أقر الميزانية الجديدة للعام المقبل.",
)
WORDS = {word.lower().strip(".,;:„“"): 1 / (n + 1) for n, word in enumerate(" ".join(SENTENCES).split())}


@pytest.fixture(scope="module")
def multilingual(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, Manifest]:
    """Create an mT5 model with pieces of five languages, byte pieces, and more rows than pieces.

    Its output matrix is separate from its input matrix. Return its folder and manifest.
    """
    folder = tmp_path_factory.mktemp("multilingual")
    sentencepiece.SentencePieceTrainer.train(
        sentence_iterator=iter([*SENTENCES * 2, *FOREIGN * 9]),
        model_prefix=str(folder / "spiece"),
        vocab_size=760,
        byte_fallback=True,
        hard_vocab_limit=False,
        minloglevel=2,
        pad_id=0,
        eos_id=1,
        unk_id=2,
        bos_id=-1,
    )
    rows = len(trimming.read_pieces(folder / "spiece.model").pieces) + 12
    torch.manual_seed(11)
    config = transformers.MT5Config(vocab_size=rows, d_model=32, d_kv=8, d_ff=64, num_layers=2, num_heads=4)
    network = transformers.MT5ForConditionalGeneration(config)
    network.lm_head.weight = torch.nn.Parameter(torch.randn(rows, 32) * 0.2)
    network.config.tie_word_embeddings = False
    network.save_pretrained(folder)
    return folder, described("mt5", source="spiece.model", target="spiece.model", vocabulary="")


@pytest.fixture(scope="module")
def both(
    multilingual: tuple[Path, Manifest], tmp_path_factory: pytest.TempPathFactory
) -> dict[str, tuple[Path, Manifest]]:
    """Convert the whole and the trimmed model to float32 for both engines.

    Return the folder and the manifest of each model under the names "whole" and "trimmed".
    """
    source, manifest = multilingual
    folder = tmp_path_factory.mktemp("trimmed")
    pieces = trimming.read_pieces(source / "spiece.model")
    kept = trimming.kept_pieces(pieces, WORDS, KEPT)
    trimming.write_trimmed(source, "spiece.model", pieces, kept, folder / "snapshot")
    snapshots = {"whole": source, "trimmed": folder / "snapshot"}
    return {
        name: (
            folder / name,
            convert(snapshot, manifest, folder / name, quantization="float32", keep_checkpoint=True),
        )
        for name, snapshot in snapshots.items()
    }


def written(
    model: tuple[Path, Manifest], kind: EngineKind, sources: list[Tokens], options: DecodingOptions
) -> list[tuple[Tokens, ...]]:
    """Return the outputs of a model for each source, best first."""
    folder, manifest = model
    engine = load_engine(manifest, folder, kind, device="cpu", threads=1)
    try:
        found = engine.generate([EngineInput(source, options) for source in sources])
        return [tuple(one.tokens for one in hypotheses) for hypotheses in found]
    finally:
        engine.close()


# transformers scores forbidden pieces before it masks them, so only greedy search is comparable.
@pytest.mark.parametrize(
    ("kind", "beam_size", "hypotheses"),
    [("ctranslate2", 1, 1), ("ctranslate2", 4, 1), ("ctranslate2", 4, 4), ("torch", 1, 1)],
)
def test_outputs_equal_the_masked_whole_model(
    both: dict[str, tuple[Path, Manifest]], kind: EngineKind, beam_size: int, hypotheses: int
) -> None:
    folder, manifest = both["trimmed"]
    tokenizer = Tokenizer(manifest, folder)
    sources = [tokenizer.encode(sentence) for sentence in SENTENCES]
    options = replace(GREEDY, beam_size=beam_size, hypotheses=hypotheses)
    masked = replace(options, allowed=tokenizer.writable)
    expected = written(both["whole"], kind, sources, masked)
    assert written(both["trimmed"], kind, sources, options) == expected
    assert {len(outputs) for outputs in expected} == {hypotheses}
    assert len(set(expected)) > len(SENTENCES) // 2  # outputs depend on their sources
    assert written(both["whole"], kind, sources, options) != expected  # and on the mask


def test_tokens_of_kept_pieces_are_unchanged(both: dict[str, tuple[Path, Manifest]]) -> None:
    whole, trimmed = (Tokenizer(both[name][1], both[name][0]) for name in ("whole", "trimmed"))
    kept = trimmed.writable
    before = {sentence: whole.encode(sentence) for sentence in SENTENCES}
    unchanged = {sentence: tokens for sentence, tokens in before.items() if set(tokens[:-1]) <= kept}
    assert len(unchanged) > len(SENTENCES) // 4
    assert {sentence: trimmed.encode(sentence) for sentence in unchanged} == unchanged


@settings(max_examples=60)
@given(st.text(st.characters(codec="utf-8", exclude_categories=("Cs", "Cc", "Zs", "Zl", "Zp")), max_size=40))
def test_any_text_can_be_encoded(both: dict[str, tuple[Path, Manifest]], text: str) -> None:
    whole, trimmed = (Tokenizer(both[name][1], both[name][0]) for name in ("whole", "trimmed"))
    assert trimmed.decode(trimmed.encode(text)[:-1]) == whole.decode(whole.encode(text)[:-1])


def test_ids_keep_their_order(multilingual: tuple[Path, Manifest]) -> None:
    pieces = trimming.read_pieces(multilingual[0] / "spiece.model")
    kept = trimming.kept_pieces(pieces, WORDS, KEPT)
    assert len(kept) == KEPT < len(pieces.pieces)
    assert kept == sorted(set(kept))
    assert kept[:259] == list(range(259))  # padding, end, unknown, and 256 bytes
    names = {pieces.pieces[number].piece for number in kept}
    assert {"ä", "ö", "4", ".", "и"} <= names
    assert not {"议", "ا"} & names  # spelt in bytes


def test_vocabulary_without_bytes_keeps_every_letter(multilingual: tuple[Path, Manifest]) -> None:
    pieces = trimming.read_pieces(multilingual[0] / "spiece.model")
    without_bytes = trimming.ModelProto()
    without_bytes.CopyFrom(pieces)
    for number in reversed([n for n, piece in enumerate(pieces.pieces) if piece.type == trimming.BYTE]):
        del without_bytes.pieces[number]
    without_bytes.trainer_spec.byte_fallback = False
    names = {without_bytes.pieces[number].piece for number in trimming.kept_pieces(without_bytes, WORDS, 0)}
    assert {"议", "и", "ä", "4"} <= names


def test_pieces_of_the_prefix_are_kept(multilingual: tuple[Path, Manifest]) -> None:
    pieces = trimming.read_pieces(multilingual[0] / "spiece.model")
    processor = sentencepiece.SentencePieceProcessor(model_file=str(multilingual[0] / "spiece.model"))
    needed = set(processor.encode("议会通过: "))
    assert not needed <= set(trimming.kept_pieces(pieces, WORDS, 0))
    assert needed <= set(trimming.kept_pieces(pieces, WORDS, 0, prefix="议会通过: "))


@pytest.mark.parametrize("changed", [{"source_lang": "fr"}, {"architecture": "bart"}, {}])
def test_other_models_are_not_trimmed(
    multilingual: tuple[Path, Manifest], tmp_path: Path, changed: dict[str, str]
) -> None:
    source, manifest = multilingual
    assert trimming.trim_checkpoint(source, manifest.model_copy(update=changed), tmp_path / "trimmed") == source


def test_conversion_trims_a_large_vocabulary(
    multilingual: tuple[Path, Manifest], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    source, manifest = multilingual
    monkeypatch.setattr(trimming, "TRIM_ABOVE_PIECES", 100)
    monkeypatch.setattr(trimming, "KEPT_PIECES", KEPT)
    convert(source, manifest, tmp_path / "installed")
    assert len(trimming.read_pieces(tmp_path / "installed" / "spiece.model").pieces) == KEPT
    convert(source, manifest, tmp_path / "whole", trim=False)
    assert trimming.read_pieces(tmp_path / "whole" / "spiece.model") == trimming.read_pieces(source / "spiece.model")
