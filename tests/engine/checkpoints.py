"""Tiny checkpoints of every supported architecture, with random weights, in the file formats of published models."""

import json
import shutil
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import sentencepiece
import tokenizers
import torch
import transformers

from service.hub.pull import Quantization, convert
from service.registry.manifest import Manifest

SENTENCES = (Path(__file__).parent.parent / "data" / "sentences.txt").read_text("utf-8").splitlines()
PIECES = 180
CODES = ("en_XX", "de_DE")
LAYERS = {"encoder_layers": 2, "decoder_layers": 2, "encoder_attention_heads": 4, "decoder_attention_heads": 4}
SIZES: dict[str, Any] = {
    **LAYERS,
    "d_model": 32,
    "encoder_ffn_dim": 64,
    "decoder_ffn_dim": 64,
    "max_position_embeddings": 512,
}


@dataclass(frozen=True)
class Checkpoint:
    """A converted checkpoint: its manifest, and the folder that contains its files."""

    manifest: Manifest
    folder: Path


def described(architecture: str, **tokens: Any) -> Manifest:
    """Return the catalogue manifest of a tiny checkpoint. ``tokens`` adds fields to the manifest's token settings."""
    return Manifest.model_validate(
        {
            "id": f"test/{architecture}",
            "task": "translation",
            "architecture": architecture,
            "source_lang": "de",
            "target_lang": "en",
            "licence": "Apache-2.0",
            "commercial_use": "yes",
            "quality": "production",
            "hub": {
                "repo": f"test/{architecture}",
                "revision": "1",
                "patterns": ["config.json"],
                "least_chrf": 0,  # the weights are random
            },
            "tokens": {"max_source_tokens": 128, "max_output_tokens": 128, **tokens},
        }
    )


def installed(name: str, folder: Path, *, quantization: Quantization = "float32") -> Checkpoint:
    """Create the checkpoint ``name`` in ``folder``, and convert it for each engine that supports its architecture."""
    (folder / "snapshot").mkdir(parents=True)
    manifest = SNAPSHOTS[name](folder / "snapshot")
    done = convert(folder / "snapshot", manifest, folder / "installed", quantization=quantization, keep_checkpoint=True)
    return Checkpoint(done, folder / "installed")


def word_pieces(prefix: Path, line: str) -> None:
    """Write a SentencePiece model, ``prefix`` with the suffix ``.model``, whose pieces are the words of ``line``."""
    sentencepiece.SentencePieceTrainer.train(
        sentence_iterator=iter([line] * 20),
        model_prefix=str(prefix),
        model_type="word",
        vocab_size=20,
        hard_vocab_limit=False,
        minloglevel=2,
    )


def pieces(path: Path, **more: Any) -> sentencepiece.SentencePieceProcessor:
    """Train a small SentencePiece model on the test sentences, write it to ``path``, and return it.

    ``more`` contains further training options.
    """
    sentencepiece.SentencePieceTrainer.train(
        sentence_iterator=iter(SENTENCES * 3),
        model_prefix=str(path.with_suffix("")),
        minloglevel=2,
        hard_vocab_limit=False,
        **{"vocab_size": PIECES, "bos_id": -1, **more},
    )
    if path.suffix != ".model":
        path.with_suffix(".model").rename(path)
    path.with_suffix(".vocab").unlink()
    return sentencepiece.SentencePieceProcessor(model_file=str(path))


def lively(model: Any, *, embeddings: float, layers: float) -> Any:
    """Scale up the random weights of ``model`` and return it. Otherwise, its outputs would repeat a single piece.

    If tied embeddings are too large, outputs repeat their last piece. If the weights of the layers are too large,
    activations exceed the range of int8.
    """
    with torch.no_grad():
        for name, weight in model.named_parameters():
            if weight.dim() == 2 and "position" not in name and "relative" not in name:
                weight.mul_(embeddings if "shared" in name or "embed" in name else layers)
    return model


def marian(folder: Path) -> Manifest:
    """Create a Marian model like the published opus-mt checkpoints, and return its manifest.

    Source and target have the same pieces. The padding piece has the last id and starts every output.
    """
    model = pieces(folder / "source.spm", eos_id=0, unk_id=1, pad_id=-1)
    shutil.copy(folder / "source.spm", folder / "target.spm")
    vocabulary = {model.id_to_piece(i): i for i in range(model.get_piece_size())}
    pad = vocabulary["<pad>"] = len(vocabulary)
    _write(folder / "vocab.json", vocabulary)
    names = {"tokenizer_class": "MarianTokenizer", "eos_token": "</s>", "unk_token": "<unk>", "pad_token": "<pad>"}
    _write(folder / "tokenizer_config.json", names)
    torch.manual_seed(7)
    config = transformers.MarianConfig(
        **SIZES,
        vocab_size=len(vocabulary),
        activation_function="swish",
        scale_embedding=True,
        eos_token_id=0,
        forced_eos_token_id=0,
        pad_token_id=pad,
        decoder_start_token_id=pad,
    )
    network = lively(transformers.MarianMTModel(config), embeddings=0.5, layers=6)
    with torch.no_grad():
        network.model.shared.weight[pad].zero_()
        network.final_logits_bias[0, pad] = -1e4
    network.save_pretrained(folder)
    return described("marian")


def t5(folder: Path) -> Manifest:
    """Create a T5 model that uses the same matrix for inputs and outputs, and whose outputs are scaled.

    The matrix has rows for sentinel tokens after the rows of the pieces.
    """
    config = transformers.T5Config(**_t5_sizes(folder), feed_forward_proj="relu")
    _t5_saved(lively(transformers.T5ForConditionalGeneration(config), embeddings=0.2, layers=3), folder)
    return described("t5", source="spiece.model", target="spiece.model", vocabulary="", prefix="übersetze: ")


def t5_untied(folder: Path) -> Manifest:
    """Create a T5 1.1 model like MADLAD-400, with a separate output matrix and unscaled outputs."""
    config = transformers.T5Config(**_t5_sizes(folder), feed_forward_proj="gated-gelu")
    _t5_saved(_untied(transformers.T5ForConditionalGeneration(config)), folder, tie_word_embeddings=False)
    return described("t5", source="spiece.model", target="spiece.model", vocabulary="")


def mt5(folder: Path) -> Manifest:
    """Create an mT5 model like the published ones, with a separate output matrix and unscaled outputs."""
    config = transformers.MT5Config(**_t5_sizes(folder), feed_forward_proj="gated-gelu")
    _t5_saved(_untied(transformers.MT5ForConditionalGeneration(config)), folder, tie_word_embeddings=False)
    return described("mt5", source="spiece.model", target="spiece.model", vocabulary="")


def _t5_sizes(folder: Path) -> dict[str, Any]:
    count = pieces(folder / "spiece.model", pad_id=0, eos_id=1, unk_id=2, byte_fallback=True, vocab_size=436)
    sizes = {
        "d_model": 32,
        "d_kv": 8,
        "d_ff": 64,
        "num_layers": 2,
        "num_heads": 4,
        "pad_token_id": 0,
        "eos_token_id": 1,
    }
    torch.manual_seed(7)
    return {**sizes, "vocab_size": count.get_piece_size() + 4}


def _untied(network: Any) -> Any:
    network.lm_head.weight = torch.nn.Parameter(torch.randn_like(network.shared.weight) * 0.2)
    return network


def _t5_saved(network: Any, folder: Path, **config: Any) -> None:
    """Save the model with configuration keys that published models have but transformers 5 does not write."""
    network.config.tie_word_embeddings = config.get("tie_word_embeddings", True)
    network.save_pretrained(folder)
    _amend(folder / "config.json", decoder_start_token_id=0, **config)


def bart(folder: Path) -> Manifest:
    """Create a BART model with byte-level pieces, whose outputs all start with ``<s>``."""
    trained = tokenizers.ByteLevelBPETokenizer()
    special = ["<s>", "<pad>", "</s>", "<unk>", "<mask>"]
    trained.train_from_iterator(SENTENCES, vocab_size=340, show_progress=False, special_tokens=special)
    trained.save_model(str(folder))
    _write(folder / "tokenizer_config.json", {"tokenizer_class": "BartTokenizer"})
    torch.manual_seed(7)
    config = transformers.BartConfig(**SIZES, vocab_size=trained.get_vocab_size(), scale_embedding=False)
    lively(transformers.BartForConditionalGeneration(config), embeddings=1, layers=10).save_pretrained(folder)
    _amend(folder / "config.json", forced_bos_token_id=0)
    return described("bart", kind="transformers")


def mbart(folder: Path) -> Manifest:
    """Create an mBART-50 model, whose sources and outputs start with a language code."""
    model = pieces(folder / "sentencepiece.bpe.model", bos_id=1, eos_id=2, unk_id=0)
    scored = [(model.id_to_piece(i), model.get_score(i)) for i in range(model.get_piece_size())]
    tokenizer = transformers.MBart50Tokenizer(vocab=scored, src_lang=CODES[1], tgt_lang=CODES[0])
    tokenizer.save_pretrained(folder)
    torch.manual_seed(7)
    config = transformers.MBartConfig(
        **SIZES, vocab_size=len(tokenizer), scale_embedding=True, decoder_start_token_id=2
    )
    lively(transformers.MBartForConditionalGeneration(config), embeddings=2, layers=16).save_pretrained(folder)
    return described("mbart", kind="transformers", source_code="de_DE", target_code="en_XX")


def nllb(folder: Path) -> Manifest:
    """Create an NLLB model: the M2M100 network with language codes such as ``deu_Latn``."""
    trained = tokenizers.SentencePieceBPETokenizer()
    special = ["<s>", "<pad>", "</s>", "<unk>"]
    trained.train_from_iterator(SENTENCES, vocab_size=PIECES, show_progress=False, special_tokens=special)
    content = json.loads(trained.to_str())["model"]
    merges: Any = [tuple(merge) for merge in content["merges"]]
    tokenizer = transformers.NllbTokenizer(vocab=content["vocab"], merges=merges, src_lang="deu_Latn")
    tokenizer.save_pretrained(folder)
    torch.manual_seed(7)
    config = transformers.M2M100Config(
        **SIZES, vocab_size=len(tokenizer) + 3, scale_embedding=True, decoder_start_token_id=2
    )
    lively(transformers.M2M100ForConditionalGeneration(config), embeddings=2, layers=25).save_pretrained(folder)
    return described("m2m100", kind="transformers", source_code="deu_Latn", target_code="eng_Latn")


def encoder_decoder_bert(folder: Path) -> Manifest:
    """Create a model of two BERT networks with a WordPiece vocabulary. Its outputs end with ``[SEP]``.

    The second network has cross-attention.
    """
    trained = tokenizers.BertWordPieceTokenizer(lowercase=False, strip_accents=False)
    trained.train_from_iterator(SENTENCES, vocab_size=300, min_frequency=1, show_progress=False)
    trained.save_model(str(folder))
    _write(folder / "tokenizer_config.json", {"tokenizer_class": "BertTokenizer", "do_lower_case": False})
    vocabulary = trained.get_vocab()
    sizes: dict[str, Any] = {
        "hidden_size": 32,
        "num_hidden_layers": 2,
        "num_attention_heads": 4,
        "intermediate_size": 64,
    }
    encoder = transformers.BertConfig(**sizes, vocab_size=len(vocabulary))
    decoder = transformers.BertConfig(**sizes, vocab_size=len(vocabulary), is_decoder=True, add_cross_attention=True)
    config = transformers.EncoderDecoderConfig(encoder=encoder.to_dict(), decoder=decoder.to_dict())
    config.decoder_start_token_id, config.eos_token_id = vocabulary["[CLS]"], vocabulary["[SEP]"]
    config.pad_token_id = vocabulary["[PAD]"]
    torch.manual_seed(7)
    lively(transformers.EncoderDecoderModel(config), embeddings=6, layers=6).save_pretrained(folder)
    return described("encoder_decoder_bert", kind="transformers")


def fsmt(folder: Path) -> Manifest:
    """Create a fairseq WMT19 model with Moses rules, byte-pair encoding and two vocabularies."""
    words = " ".join(SENTENCES)
    letters = sorted({letter for letter in words if not letter.isspace()})
    merges = ["e n</w>", "e r</w>", "i n", "c h", "u n", "d er</w>", "ch t</w>", "S t", "un d</w>"]
    joined = [merge.replace(" ", "") for merge in merges]
    special = ["<s>", "<pad>", "</s>", "<unk>"]
    source = [*special, *letters, *(f"{letter}</w>" for letter in letters), *joined]
    target = [*special, *joined, *(f"{letter}</w>" for letter in letters), *letters]
    _write(folder / "vocab-src.json", {piece: number for number, piece in enumerate(source)})
    _write(folder / "vocab-tgt.json", {piece: number for number, piece in enumerate(target)})
    (folder / "merges.txt").write_text("".join(f"{merge} 1\n" for merge in merges), "utf-8")
    _write(folder / "tokenizer_config.json", {"langs": ["de", "en"], "tokenizer_class": "FSMTTokenizer"})
    torch.manual_seed(7)
    config = transformers.FSMTConfig(
        **SIZES, langs=["de", "en"], src_vocab_size=len(source), tgt_vocab_size=len(target)
    )
    lively(transformers.FSMTForConditionalGeneration(config), embeddings=1, layers=10).save_pretrained(folder)
    return described("fsmt", kind="transformers")


def _write(path: Path, content: Any) -> None:
    path.write_text(json.dumps(content, ensure_ascii=False), "utf-8")


def _amend(path: Path, **changed: Any) -> None:
    _write(path, {**json.loads(path.read_text("utf-8")), **changed})


SNAPSHOTS: dict[str, Callable[[Path], Manifest]] = {
    make.__name__: make for make in (marian, t5, t5_untied, mt5, bart, mbart, nllb, encoder_decoder_bert, fsmt)
}
