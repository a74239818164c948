"""Snapshots as the hub has them: opus-mt-de-en's and mt5-small's exact configurations, with random weights.

The tokenizers are SentencePiece models made of word lists, so that they cut text into pieces as words are frequent:
German and English for Marian, 42 languages for mT5, with bytes for what no word has. Random weights end their outputs
anywhere, so every measurement forces the length.
"""

import json
import shutil
from collections.abc import Iterable, Iterator
from itertools import islice
from pathlib import Path
from typing import Any

import torch
import transformers
import wordfreq

from service.hub.trimming import BYTE, CONTROL, NORMAL, SPACE, UNKNOWN, ModelProto
from service.manifest import Manifest

OPUS_ROWS, MT5_PIECES, MT5_ROWS = 58_101, 250_100, 250_112
SEED = 20_261
LEAST_SCORE = -25.0
BYTES = [f"<0x{number:02X}>" for number in range(256)]


def opus(folder: Path) -> Manifest:
    """Helsinki-NLP/opus-mt-de-en: 6 + 6 layers of width 512, 58,101 rows."""
    folder.mkdir(parents=True)
    pieces = ["</s>", "<unk>", *islice(_words(["de", "en"]), OPUS_ROWS - 3)]
    _write_pieces(folder / "source.spm", pieces, special=2)
    shutil.copy(folder / "source.spm", folder / "target.spm")
    pad = OPUS_ROWS - 1
    vocabulary = {piece: number for number, piece in enumerate([*pieces, "<pad>"])}
    (folder / "vocab.json").write_text(json.dumps(vocabulary, ensure_ascii=False), "utf-8")
    torch.manual_seed(SEED)
    config = transformers.MarianConfig(
        vocab_size=OPUS_ROWS,
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
        eos_token_id=0,
        forced_eos_token_id=0,
        pad_token_id=pad,
        decoder_start_token_id=pad,
    )
    _save(transformers.MarianMTModel(config), folder)
    return _manifest("marian", "translation", max_source_tokens=500, max_output_tokens=500)


def mt5(folder: Path) -> Manifest:
    """google/mt5-small: 8 + 8 layers of width 512, and two tables of 250,112 rows."""
    folder.mkdir(parents=True)
    special = ["<pad>", "</s>", "<unk>", *BYTES]
    languages = sorted(wordfreq.available_languages("best"))
    pieces = [*special, *islice(_words(languages), MT5_PIECES - len(special))]
    _write_pieces(folder / "spiece.model", pieces, special=3)
    torch.manual_seed(SEED)
    config = transformers.MT5Config(vocab_size=MT5_ROWS)
    network: Any = transformers.MT5ForConditionalGeneration(config)
    network.lm_head.weight = torch.nn.Parameter(torch.randn(MT5_ROWS, config.d_model) * 0.05)
    network.config.tie_word_embeddings = False
    _save(network, folder)
    files = {"source": "spiece.model", "target": "spiece.model", "vocabulary": ""}
    return _manifest("mt5", "summary", target_lang="de", max_source_tokens=800, max_output_tokens=200, **files)


def _save(network: Any, folder: Path) -> None:
    network.save_pretrained(folder)
    if network.config.model_type == "mt5":  # as published; transformers 5 would write that they are tied
        content = json.loads((folder / "config.json").read_text("utf-8"))
        (folder / "config.json").write_text(json.dumps({**content, "tie_word_embeddings": False}), "utf-8")


def _words(languages: Iterable[str]) -> Iterator[str]:
    """Different pieces: marks and letters, then the languages' words in turns, in both cases, and their endings."""
    ranked = {language: wordfreq.get_frequency_dict(language, wordlist="best") for language in languages}
    seen: set[str] = set()
    letters = (letter for words in ranked.values() for word in islice(words, 20_000) for letter in word)
    marks = " ".join("„“”‚‘’«».,;:!?-–()[]/%€$&§0123456789").split()
    for piece in [SPACE, *marks, *letters]:
        yield from _new(piece, seen)
        yield from _new(piece.upper(), seen)
    for words in zip(*(ranked[language] for language in languages), strict=False):
        for word in words:
            for form in (f"{SPACE}{word}", f"{SPACE}{word.capitalize()}", word[-4:], word[-3:]):
                yield from _new(form, seen)


def _new(piece: str, seen: set[str]) -> Iterator[str]:
    if piece not in seen and " " not in piece:
        seen.add(piece)
        yield piece


def _write_pieces(path: Path, pieces: list[str], *, special: int) -> None:
    """A unigram model of these pieces, the earlier the likelier, so that longer ones win against their letters."""
    model = ModelProto()
    for number, piece in enumerate(pieces):
        kind = UNKNOWN if piece == "<unk>" else CONTROL if number < special else BYTE if piece in BYTES else NORMAL
        score = LEAST_SCORE * (1 + number / len(pieces)) / 2 if kind == NORMAL else 0.0
        model.pieces.add(piece=piece, score=score, type=kind)
    model.trainer_spec.model_type = 1
    model.trainer_spec.vocab_size = len(pieces)
    model.trainer_spec.byte_fallback = pieces[special] == BYTES[0]
    names = {name: pieces.index(piece) for name, piece in (("eos_id", "</s>"), ("unk_id", "<unk>"))}
    names |= {"bos_id": -1, "pad_id": pieces.index("<pad>") if "<pad>" in pieces else -1}
    for name, number in names.items():
        setattr(model.trainer_spec, name, number)
    model.normalizer_spec.name = "identity"
    model.normalizer_spec.add_dummy_prefix = True
    model.normalizer_spec.remove_extra_whitespaces = True
    model.normalizer_spec.escape_whitespaces = True
    path.write_bytes(model.SerializeToString())


def _manifest(architecture: str, task: str, *, target_lang: str = "en", **tokens: Any) -> Manifest:
    return Manifest.model_validate(
        {
            "id": f"random/{architecture}",
            "task": task,
            "architecture": architecture,
            "source_lang": "de",
            "target_lang": target_lang,
            "licence": "Apache-2.0",
            "commercial_use": "yes",
            "quality": "production",
            "hub": {"repo": f"random/{architecture}", "patterns": ["config.json"]},
            "tokens": tokens,
        }
    )
