"""Summaries at mt5-small's size: with the vocabulary cut to German and English, and whole."""

from dataclasses import replace
from functools import partial
from pathlib import Path
from typing import Any

from benchmarks.production import models
from benchmarks.production.trials import alternating, rates, times_faster
from service.engines.base import Engine
from service.engines.tokenizer import EOS
from service.types import DecodingOptions, EngineInput, Tokens

ARTICLES = 4
BATCH = 2
SOURCE_TOKENS = 400
OUTPUT_TOKENS = 60
SHORT_TOKENS = 60
BEAMS = (1, 4)
SAME = DecodingOptions(max_output_tokens=OUTPUT_TOKENS)


def measure(work: Path, device: str, rounds: int) -> dict[str, Any]:
    """Articles a second of both, their sizes, and whether they write the same where both have the pieces."""
    trimmed, whole = (models.mt5(work, trimmed=cut) for cut in (True, False))
    engines = {"trimmed": trimmed.engine("ctranslate2", device), "whole": whole.engine("ctranslate2", device)}
    articles = models.cut(trimmed, ARTICLES, SOURCE_TOKENS)
    result = {
        "source_tokens": SOURCE_TOKENS,
        "output_tokens": OUTPUT_TOKENS,
        "rows": {"trimmed": trimmed.rows, "whole": whole.rows},
        "bytes": {"trimmed": trimmed.bytes_on_disk, "whole": whole.bytes_on_disk},
        "times_smaller": round(whole.bytes_on_disk / trimmed.bytes_on_disk, 2),
        "same_outputs": _same(trimmed, engines, articles),
        "beams": {beam: _timed(engines, articles, beam, rounds) for beam in BEAMS},
    }
    for engine in engines.values():
        engine.close()
    return result


def _timed(engines: dict[str, Engine], articles: list[Tokens], beam: int, rounds: int) -> dict[str, Any]:
    forced = DecodingOptions(beam_size=beam, max_output_tokens=OUTPUT_TOKENS, min_output_tokens=OUTPUT_TOKENS)
    items = [EngineInput(tokens, forced) for tokens in articles]
    seconds = alternating(
        {name: partial(models.work, engine, items, BATCH) for name, engine in engines.items()}, rounds
    )
    rows = {
        name: {"articles_s": rates(len(items), taken), "tokens_s": rates(len(items) * OUTPUT_TOKENS, taken)}
        for name, taken in seconds.items()
    }
    return {**rows, "times_faster": times_faster(seconds["whole"], seconds["trimmed"])}


def _same(trimmed: models.Model, engines: dict[str, Engine], articles: list[Tokens]) -> str:
    """Greedy outputs of the trimmed model against the whole one's with the removed pieces forbidden."""
    kept = trimmed.tokenizer.writable
    short = [(*article[:SHORT_TOKENS], EOS) for article in articles] + list(articles)
    ours = engines["trimmed"].generate([EngineInput(tokens, SAME) for tokens in short])
    masked = engines["whole"].generate([EngineInput(tokens, replace(SAME, allowed=kept)) for tokens in short])
    equal = sum(one[0].tokens == other[0].tokens for one, other in zip(ours, masked, strict=True))
    return f"{equal} of {len(short)}"
