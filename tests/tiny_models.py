"""Two tiny Marian models under the names of the embedded ones: small, fast, and the same on every run.

The embedding is random, the other weights are constructed. Step ``t`` of the decoder attends to position ``t`` of the
source by the sinusoids of both, so its attention is the word alignment. The summary model copies the piece at that
position. The translation model writes its partner in a short lexicon, if it has one. So an output ends with its source
and keeps the numbers.
"""

import fcntl
import hashlib
import json
import shutil
import warnings
from pathlib import Path
from typing import Any

import ctranslate2.converters
import sentencepiece
import torch
import transformers

DATA = Path(__file__).parent / "data"
TEXTS = (DATA / "sentences.txt", DATA / "article.txt")
TASKS = {"starter-de-en": ("translation", "en"), "starter-sum-de": ("summary", "de")}
PIECES = 850
WIDTH, PLACE_PAIRS = 96, 8  # pairs of sine and cosine for positions; the other dimensions are for pieces
SHARPNESS = 16.0  # of the attention: weights of more than 0.99 on the one place
LONGEST = 256  # tokens of a source or an output
RIDGE = 1e-3
CERTAINTY = 1.5  # of the output: a log-probability of about -0.01 a piece
EMBEDDED = 0.2  # of the root of the width: pieces weigh twice as much as places
NEVER = -1e4

# Partners replace each other, so a word has one. A piece also begins longer words: the longest that fits.
LEXICON = dict(
    pair.split("/")
    for pair in (
        "der/the die/of und/and das/it dass/that eine/an einen/some ist/is war/was nicht/not mit/with von/from auf/on "
        "für/for zu/to zum/into im/at sich/itself den/those denn/because dem/this des/whose hat/has haben/have "
        "wird/will werden/become wurde/been sind/are über/over derzeit/currently dieser/these diese/such "
        "Der/The Die/These Das/That Am/On Im/At Haus/house Zug/train Stadt/town Rat/council Jahr/year "
        "heute/today Menschen/people zwei/two drei/three vier/four elf/eleven Millionen/million Prozent/percent "
        "Montag/Monday Dienstag/Tuesday Mittwoch/Wednesday Donnerstag/Thursday Freitag/Friday Samstag/Saturday "
        "Sonntag/Sunday März/March"
    ).split()
)

MANIFEST = """
id = "depesche/{name}"
revision = "{revision}"
task = "{task}"
architecture = "marian"
source_lang = "de"
target_lang = "{target_lang}"
licence = "Apache-2.0"
commercial_use = "unclear"
quality = "starter"
weights = "embedded/{name}"

[tokens]
source = "pieces.model"
target = "pieces.model"
vocabulary = "float16/vocab.json"
max_source_tokens = 128
max_output_tokens = 256
output_ratio = 2.0

[decoding]
beam_size = 4
hypotheses = 4
length_penalty = 1.0

[engines.ctranslate2]
folder = "ct2-int8"
compute_type = "int8"

[engines.torch]
folder = "float16"
compute_type = "float32"

[files]
{files}"""


def tiny_models(cache: Path) -> Path:
    """The models' folder under ``cache``; the first process builds it, and again when its sources change."""
    made_of = hashlib.sha256(b"".join(path.read_bytes() for path in (Path(__file__), *TEXTS)))
    models = cache / made_of.hexdigest()[:12]
    with (cache / "lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        if not models.is_dir():
            _build(cache / "unfinished", models)
    return models


def _build(scratch: Path, models: Path) -> None:
    shutil.rmtree(scratch, ignore_errors=True)
    (scratch / "catalog").mkdir(parents=True)
    pieces = _write_pieces(scratch / "pieces.model")
    for name, (task, target_lang) in TASKS.items():
        folder = scratch / "embedded" / name
        folder.mkdir(parents=True)
        shutil.copy(scratch / "pieces.model", folder)
        _write_network(folder, pieces, LEXICON if task == "translation" else {})
        hashes = _hashes(folder)
        text = MANIFEST.format(
            name=name,
            revision=hashlib.sha256("".join(hashes.values()).encode()).hexdigest()[:12],
            task=task,
            target_lang=target_lang,
            files="".join(f'"{file}" = "{digest}"\n' for file, digest in hashes.items()),
        )
        (scratch / "catalog" / f"{name}.toml").write_text(text, "utf-8")
    (scratch / "pieces.model").unlink()
    scratch.rename(models)


def _hashes(folder: Path) -> dict[str, str]:
    files = sorted(file for file in folder.rglob("*") if file.is_file())
    return {str(file.relative_to(folder)): hashlib.sha256(file.read_bytes()).hexdigest() for file in files}


def _write_pieces(path: Path) -> sentencepiece.SentencePieceProcessor:
    lines = [line for file in TEXTS for line in file.read_text("utf-8").splitlines()]
    sentencepiece.SentencePieceTrainer.train(
        sentence_iterator=iter(filter(None, lines)),
        model_prefix=str(path.with_suffix("")),
        user_defined_symbols=[f"▁{word}" for pair in LEXICON.items() for word in pair],
        vocab_size=PIECES,
        hard_vocab_limit=False,
        character_coverage=1.0,
        split_digits=True,
        byte_fallback=True,
        bos_id=-1,
        eos_id=0,
        unk_id=1,
        pad_id=-1,
        num_threads=1,
        minloglevel=2,
    )
    path.with_suffix(".vocab").unlink()
    return sentencepiece.SentencePieceProcessor(model_file=str(path))


def _write_network(folder: Path, pieces: sentencepiece.SentencePieceProcessor, lexicon: dict[str, str]) -> None:
    """The network in both formats: float16 for transformers, int8 for CTranslate2."""
    vocabulary = {pieces.id_to_piece(i): i for i in range(pieces.get_piece_size())}
    pad = vocabulary["<pad>"] = len(vocabulary)
    network = _network(len(vocabulary), pad, {vocabulary[f"▁{a}"]: vocabulary[f"▁{b}"] for a, b in lexicon.items()})
    checkpoint = folder / "checkpoint"
    network.half().save_pretrained(checkpoint)
    names = {"tokenizer_class": "MarianTokenizer", "eos_token": "</s>", "unk_token": "<unk>", "pad_token": "<pad>"}
    _write_json(checkpoint / "tokenizer_config.json", names)
    _write_json(checkpoint / "vocab.json", vocabulary)
    for side in ("source", "target"):
        shutil.copy(folder / "pieces.model", checkpoint / f"{side}.spm")
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # transformers recommends sacremoses to each that loads a Marian tokenizer
        converter = ctranslate2.converters.TransformersConverter(str(checkpoint))
        converter.convert(str(folder / "ct2-int8"), quantization="int8")
    (folder / "float16").mkdir()
    for name in ("model.safetensors", "config.json", "vocab.json"):
        (checkpoint / name).rename(folder / "float16" / name)
    shutil.rmtree(checkpoint)


def _network(vocabulary: int, pad: int, partners: dict[int, int]) -> Any:
    torch.manual_seed(7)
    config = transformers.MarianConfig(
        vocab_size=vocabulary,
        d_model=WIDTH,
        encoder_layers=1,
        decoder_layers=1,
        encoder_attention_heads=1,
        decoder_attention_heads=1,
        encoder_ffn_dim=8,
        decoder_ffn_dim=8,
        max_position_embeddings=512,
        activation_function="relu",
        scale_embedding=True,
        eos_token_id=0,
        forced_eos_token_id=None,
        pad_token_id=pad,
        decoder_start_token_id=pad,
    )
    network = transformers.MarianMTModel(config).eval()  # type: ignore[no-untyped-call]
    half = WIDTH // 2  # transformers has the sines in the first half, the cosines in the second
    places = torch.zeros(WIDTH)
    places[[*range(PLACE_PAIRS), *range(half, half + PLACE_PAIRS)]] = 1.0
    content = 1.0 - places
    with torch.no_grad():
        for name, weight in network.named_parameters():
            if "embed" not in name and "shared" not in name and "layer_norm" not in name:
                weight.zero_()
        network.model.shared.weight.copy_(_codes(vocabulary, content, partners))
        network.model.shared.weight[pad].zero_()
        network.final_logits_bias[0, pad] = NEVER
        decoder = network.model.decoder.layers[0]
        _attend(decoder.self_attn, places, content, -1.0)  # takes the piece before away from the residual
        _attend(decoder.encoder_attn, places, content, 2.0)
        decoder.encoder_attn.out_proj.weight.copy_(decoder.encoder_attn.out_proj.weight[_swapped(content)])
        encoder = network.model.encoder.layers[0]
        encoder.final_layer_norm.weight.copy_(content + places / EMBEDDED)  # int8 is as fine as the largest allows
        _read_places(network, places)
        decoder.final_layer_norm.weight.copy_(content * CERTAINTY)
    return network


def _swapped(content: torch.Tensor) -> torch.Tensor:
    """All dimensions with the two halves of the content exchanged."""
    order = torch.arange(WIDTH)
    first, second = content.nonzero().squeeze(1).chunk(2)
    order[first], order[second] = second, first
    return order


def _codes(vocabulary: int, content: torch.Tensor, partners: dict[int, int]) -> torch.Tensor:
    """For each piece a pattern of as many positive as negative numbers in the dimensions of the content.

    Both halves of it are the same, but for partners: the halves of the one are those of the other, exchanged.
    """
    first, second = content.nonzero().squeeze(1).chunk(2)
    signs = torch.tensor([EMBEDDED, -EMBEDDED]).repeat(len(first) // 2)
    codes = torch.zeros(vocabulary, WIDTH)
    for code in codes:
        code[first] = code[second] = signs[torch.randperm(len(first))]
    for piece, partner in partners.items():
        codes[piece][second] = codes[partner][first]
        codes[partner][second] = codes[piece][first]
    return codes


def _attend(attention: Any, places: torch.Tensor, content: torch.Tensor, factor: float) -> None:
    """Attend to the same place, and write ``factor`` times the content found there."""
    attention.q_proj.weight.copy_(torch.diag(places) * SHARPNESS)
    attention.k_proj.weight.copy_(torch.diag(places) * SHARPNESS)
    attention.v_proj.weight.copy_(torch.diag(content))
    attention.out_proj.weight.copy_(torch.diag(content) * factor)


def _read_places(network: Any, places: torch.Tensor) -> None:
    """Have the cross-attention read places from what layer norms shifted and scaled: fitted by least squares."""
    attention = network.model.decoder.layers[0].encoder_attn
    drawn = torch.randint(1, network.config.vocab_size - 1, (20, LONGEST))
    seen: list[torch.Tensor] = []
    hook = attention.register_forward_pre_hook(
        lambda _, given, named: seen.append(named.get("hidden_states", given[0] if given else None)), with_kwargs=True
    )
    encoded = network(input_ids=drawn, decoder_input_ids=drawn).encoder_last_hidden_state
    hook.remove()
    sinusoids = network.model.encoder.embed_positions.weight[:LONGEST] * places
    for projection, states in ((attention.q_proj, seen[0]), (attention.k_proj, encoded)):
        flat = torch.cat([states, torch.ones(*states.shape[:2], 1)], dim=2).flatten(0, 1)
        ridge = torch.eye(WIDTH + 1) * RIDGE * len(flat)  # small weights, which int8 holds
        fitted = torch.linalg.solve(flat.T @ flat + ridge, flat.T @ sinusoids.repeat(len(drawn), 1)).T
        projection.weight.copy_(fitted[:, :-1] * SHARPNESS)
        projection.bias.copy_(fitted[:, -1] * SHARPNESS)


def _write_json(path: Path, content: object) -> None:
    path.write_text(json.dumps(content, ensure_ascii=False), "utf-8")
