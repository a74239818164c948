"""Translation at opus-mt-de-en's size: CTranslate2 as the service runs it against transformers' own `generate`."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

from benchmarks.production import models
from benchmarks.production.trials import alternating, rates, times_faster
from service.types import DecodingOptions, EngineInput

BATCH = 16
SOURCES = 64
SOURCE_TOKENS = 32
"""A multiple of what the engine pads to: a filler beside other lengths would be decoded to the forced length, too."""
OUTPUT_TOKENS = 32
SENTENCES_AN_ARTICLE = 20


def measure(work: Path, device: str, rounds: int) -> dict[str, Any]:
    """Target tokens and articles a second at beam 1, ``BATCH`` sentences at a time.

    All sources have one length, and all outputs: neither system loses time to padding.
    """
    model = models.opus(work)
    options = DecodingOptions(max_output_tokens=OUTPUT_TOKENS, min_output_tokens=OUTPUT_TOKENS)
    items = [EngineInput(tokens, options) for tokens in models.cut(model, SOURCES, SOURCE_TOKENS)]
    engine = model.engine("ctranslate2", device)
    names = ("float32",) if device == "cpu" else ("float32", "float16")
    trials: dict[str, Callable[[], object]] = {"ctranslate2": lambda: models.work(engine, items, BATCH)}
    for name in names:
        trials[f"transformers {name}"] = _peer(model, name, device, items)
    seconds = alternating(trials, rounds)
    engine.close()
    tokens, articles = SOURCES * OUTPUT_TOKENS, SOURCES / SENTENCES_AN_ARTICLE
    table = {
        name: {"tokens_s": rates(tokens, taken), "articles_s": rates(articles, taken)}
        for name, taken in seconds.items()
    }
    faster = {name: times_faster(seconds[f"transformers {name}"], seconds["ctranslate2"]) for name in names}
    sizes = {"batch": BATCH, "source_tokens": SOURCE_TOKENS, "output_tokens": OUTPUT_TOKENS}
    return {**sizes, "table": table, "times_faster_than": faster}


def _peer(model: models.Model, dtype: str, device: str, items: list[EngineInput]) -> Callable[[], object]:
    """What anybody would write: sources padded to the longest of their batch, and `generate`."""
    import torch  # noqa: PLC0415 - the memory benchmark imports this package without it
    import transformers  # noqa: PLC0415

    from service.engines.vocabulary import read_vocabulary  # noqa: PLC0415

    ids = read_vocabulary(model.manifest, model.folder).source
    loaded: Any = transformers.MarianMTModel.from_pretrained(model.folder / "torch", dtype=getattr(torch, dtype))
    network = loaded.to(device).eval()
    rows = [torch.tensor([ids[piece] for piece in item.tokens]) for item in items]

    def run() -> None:
        for first in range(0, len(rows), BATCH):
            batch = rows[first : first + BATCH]
            pad = network.config.pad_token_id
            inputs = torch.nn.utils.rnn.pad_sequence(batch, batch_first=True, padding_value=pad).to(device)
            with torch.inference_mode():
                network.generate(
                    input_ids=inputs,
                    attention_mask=(inputs != pad).long(),
                    max_new_tokens=OUTPUT_TOKENS,
                    min_new_tokens=OUTPUT_TOKENS,
                    num_beams=1,
                    do_sample=False,
                )

    return run
