"""The network of the tiny models.

The embedding is random, and the other weights are constructed. Step ``t`` of the decoder attends to position ``t`` of
the source, because both have the same sinusoidal position embedding. The attention of the decoder is therefore the word
alignment. The summary model copies the piece at that position. The translation model writes the translation of that
piece from a short lexicon, or copies the piece if the lexicon does not contain it. An output therefore ends where its
source ends, and contains the numbers of its source.
"""

import json
import shutil
import warnings
from pathlib import Path
from typing import Any

import ctranslate2.converters
import sentencepiece
import torch
import transformers

WIDTH, PLACE_PAIRS = 96, 8  # pairs of sine and cosine for positions; the other dimensions are for content
SHARPNESS = 16.0  # of the attention, which puts a weight of more than 0.99 on one position
LONGEST = 256  # maximum number of tokens in a source or an output
RIDGE = 1e-3
CERTAINTY = 1.5  # of the output: a log-probability of about -0.01 for each piece
EMBEDDED = 0.2  # as a share of the root of the width: content weighs twice as much as positions
NEVER = -1e4


def write_network(folder: Path, pieces: sentencepiece.SentencePieceProcessor, lexicon: dict[str, str]) -> None:
    """Write the network in both formats: float16 for transformers, and int8 for CTranslate2.

    ``lexicon`` maps words to their translations. All of these words must be single pieces in ``pieces``.
    """
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
        warnings.simplefilter("ignore")  # transformers recommends sacremoses when it loads a Marian tokenizer
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
    half = WIDTH // 2  # transformers has the sines in the first half and the cosines in the second
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
        _attend(decoder.self_attn, places, content, -1.0)  # subtracts the previous piece from the residual
        _attend(decoder.encoder_attn, places, content, 2.0)
        decoder.encoder_attn.out_proj.weight.copy_(decoder.encoder_attn.out_proj.weight[_swapped(content)])
        encoder = network.model.encoder.layers[0]
        encoder.final_layer_norm.weight.copy_(
            content + places / EMBEDDED
        )  # the largest weight determines the precision of int8
        _read_places(network, places)
        decoder.final_layer_norm.weight.copy_(content * CERTAINTY)
    return network


def _swapped(content: torch.Tensor) -> torch.Tensor:
    """Return the indices of all dimensions, with the two halves of the content dimensions swapped.

    ``content`` is True for the content dimensions.
    """
    order = torch.arange(WIDTH)
    first, second = content.nonzero().squeeze(1).chunk(2)
    order[first], order[second] = second, first
    return order


def _codes(vocabulary: int, content: torch.Tensor, partners: dict[int, int]) -> torch.Tensor:
    """Return a code, that is, an embedding, for each piece.

    The content dimensions have as many positive as negative numbers.

    ``content`` marks these dimensions, and ``partners`` maps pieces to pieces. The two halves of a code are equal,
    except for the codes of partners. The first half of a partner's code is the second half of the other partner's code,
    and vice versa.
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
    """Make ``attention`` attend to the same position, and output the content at that position times ``factor``.

    ``places`` and ``content`` mark the dimensions for positions and content.
    """
    attention.q_proj.weight.copy_(torch.diag(places) * SHARPNESS)
    attention.k_proj.weight.copy_(torch.diag(places) * SHARPNESS)
    attention.v_proj.weight.copy_(torch.diag(content))
    attention.out_proj.weight.copy_(torch.diag(content) * factor)


def _read_places(network: Any, places: torch.Tensor) -> None:
    """Fit the cross-attention by least squares to find positions in states that layer norms have shifted and scaled.

    ``places`` marks the dimensions for positions.
    """
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
        ridge = torch.eye(WIDTH + 1) * RIDGE * len(flat)  # keeps the weights small enough for int8
        fitted = torch.linalg.solve(flat.T @ flat + ridge, flat.T @ sinusoids.repeat(len(drawn), 1)).T
        projection.weight.copy_(fitted[:, :-1] * SHARPNESS)
        projection.bias.copy_(fitted[:, -1] * SHARPNESS)


def _write_json(path: Path, content: object) -> None:
    path.write_text(json.dumps(content, ensure_ascii=False), "utf-8")
