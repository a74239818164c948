"""Compare an FSMT (WMT19) model on CTranslate2 with transformers on torch: ``python -m benchmarks.fsmt``.

The weights are random, because the published files are not available here. The size is a parameter. The program reports
how many greedy outputs are equal in float32, and the speed of the engines in output tokens per second. All engines run
in this process, with one thread, alternately.
"""

import json
import tempfile
import time
import warnings
from collections.abc import Sequence
from dataclasses import asdict
from pathlib import Path
from typing import Annotated, Any

import torch
import transformers
import typer

from benchmarks import record
from benchmarks.figures import Spread, ratios
from service.domain import DecodingOptions, EngineInput, Tokens
from service.generation.engines.base import Engine
from service.generation.engines.loading import load_engine
from service.generation.engines.tokenizers import Tokenizer
from service.hub.acceptance import reference_pairs
from service.hub.pull import convert
from service.registry.manifest import Manifest

OUTPUT_TOKENS = 32
LIVELY = {"encoder.embed_tokens": 30, "encoder_attn": 3}
"""Factors for random weights. Without them, the outputs would not depend on their sources."""
SPECIAL = ("<s>", "<pad>", "</s>", "<unk>")
SYSTEMS = ("torch float32", "CTranslate2 float32", "CTranslate2 int8")


def write_checkpoint(folder: Path, width: int, layers: int, pieces: int) -> Manifest:
    """Write an FSMT checkpoint with random weights in the published format, which omits the position embeddings.

    ``pieces`` is the size of each vocabulary. To reach this size, pieces that occur in no sentence are added.
    """
    letters = sorted({letter for pair in reference_pairs() for letter in "".join(pair) if not letter.isspace()})
    known = [*SPECIAL, *letters, *(f"{letter}</w>" for letter in letters)]
    vocabulary = {piece: n for n, piece in enumerate([*known, *(f"x{n}" for n in range(pieces - len(known)))])}
    for name in ("vocab-src.json", "vocab-tgt.json"):
        (folder / name).write_text(json.dumps(vocabulary, ensure_ascii=False), "utf-8")
    (folder / "merges.txt").write_text("x x 1\n", "utf-8")
    settings = {"langs": ["de", "en"], "tokenizer_class": "FSMTTokenizer"}
    (folder / "tokenizer_config.json").write_text(json.dumps(settings), "utf-8")
    torch.manual_seed(7)
    config = transformers.FSMTConfig(
        langs=["de", "en"],
        src_vocab_size=len(vocabulary),
        tgt_vocab_size=len(vocabulary),
        d_model=width,
        encoder_layers=layers,
        decoder_layers=layers,
        encoder_ffn_dim=4 * width,
        decoder_ffn_dim=4 * width,
        encoder_attention_heads=width // 64,
        decoder_attention_heads=width // 64,
    )
    network = transformers.FSMTForConditionalGeneration(config)
    with torch.no_grad():
        for name, weight in network.named_parameters():
            if weight.dim() > 1:
                weight.mul_(next((factor for part, factor in LIVELY.items() if part in name), 1))
    network.save_pretrained(folder)
    return Manifest.model_validate(
        {
            "id": "benchmark/fsmt",
            "task": "translation",
            "architecture": "fsmt",
            "source_lang": "de",
            "target_lang": "en",
            "licence": "none",
            "commercial_use": "no",
            "quality": "starter",
            "hub": {"repo": "benchmark/fsmt", "revision": "1", "patterns": ["config.json"], "least_chrf": 0},
            "tokens": {"kind": "transformers", "max_source_tokens": 512, "max_output_tokens": 512},
        }
    )


def engines(folder: Path, width: int, layers: int, pieces: int) -> tuple[dict[str, Engine], list[EngineInput]]:
    """Write and convert a checkpoint, and return the engines by name and the inputs."""
    (folder / "snapshot").mkdir()
    described = write_checkpoint(folder / "snapshot", width, layers, pieces)
    found: dict[str, Engine] = {}
    whole = convert(folder / "snapshot", described, folder / "float32", quantization="float32", keep_checkpoint=True)
    small = convert(folder / "snapshot", described, folder / "int8")
    found[SYSTEMS[0]] = load_engine(whole, folder / "float32", "torch", device="cpu", threads=1)
    found[SYSTEMS[1]] = load_engine(whole, folder / "float32", "ctranslate2", device="cpu", threads=1)
    found[SYSTEMS[2]] = load_engine(small, folder / "int8", "ctranslate2", device="cpu", threads=1)
    tokenizer = Tokenizer(whole, folder / "float32")
    options = DecodingOptions(max_output_tokens=OUTPUT_TOKENS, min_output_tokens=OUTPUT_TOKENS)
    return found, [EngineInput(tokenizer.encode(pair.source), options) for pair in reference_pairs()]


def outputs(engine: Engine, items: Sequence[EngineInput]) -> list[Tokens]:
    """Return the greedy output for each input."""
    return [found[0].tokens for found in engine.generate(items)]


def main(
    rounds: Annotated[int, typer.Option(min=1)] = 3,
    width: Annotated[int, typer.Option(help="Width of the model; a multiple of 64.")] = 512,
    layers: Annotated[int, typer.Option(help="Layers of the encoder, and of the decoder.")] = 6,
    pieces: Annotated[int, typer.Option(help="Size of each vocabulary.")] = 8_000,
    *,
    save: Annotated[bool, typer.Option("--record", help="Write results/fsmt.json.")] = False,
) -> None:
    """Compare the greedy outputs in float32, measure the speeds, and print both."""
    warnings.simplefilter("ignore")
    torch.set_num_threads(1)
    transformers.logging.disable_progress_bar()  # type: ignore[no-untyped-call]  # the library leaves it untyped
    rates: dict[str, list[float]] = {name: [] for name in SYSTEMS}
    with tempfile.TemporaryDirectory() as folder:
        running, items = engines(Path(folder), width, layers, pieces)
        made = {name: outputs(engine, items) for name, engine in running.items()}  # also the warm-up
        for _ in range(rounds):
            for name, engine in running.items():
                started_s = time.perf_counter()
                count = sum(len(tokens) for tokens in outputs(engine, items))
                rates[name].append(count / (time.perf_counter() - started_s))
        for engine in running.values():
            engine.close()
    result: dict[str, Any] = {
        "size": {"width": width, "layers": layers, "pieces": pieces},
        "rounds": rounds,
        "equal_greedy_outputs_in_float32": [
            sum(one == other for one, other in zip(made[SYSTEMS[0]], made[SYSTEMS[1]], strict=True)),
            len(items),
        ],
        "different_outputs": len(set(made[SYSTEMS[0]])),
        "output_tokens_per_s": {name: asdict(Spread.of(values)) for name, values in rates.items()},
        "speed_relative_to_torch": {name: asdict(ratios(rates[name], rates[SYSTEMS[0]])) for name in SYSTEMS[1:]},
    }
    print(json.dumps(result, indent=1))
    if save:
        print(record.write("fsmt", result))


if __name__ == "__main__":
    typer.run(main)
