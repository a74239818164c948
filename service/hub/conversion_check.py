"""Checks that a converted model writes what its checkpoint writes, on a list of German sentences."""

import math
import statistics
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import ctranslate2

from service.domain import DecodingOptions, EngineInput, Hypothesis, Tokens
from service.errors import ModelError
from service.generation.engines.base import Engine
from service.generation.engines.tokenizers import EOS, Tokenizer
from service.registry.manifest import Manifest

SENTENCES = Path(__file__).parent / "data" / "probe.txt"
OUTPUT_TOKENS = 24
# The engines round differently in the last bits, which decides between two pieces of equal probability.
SCORE_TOLERANCE = 5e-3
TIES_MAX = 1 / 6
# Log-probability per token by which int8 may change the checkpoint's own outputs (docs/adr/0012-conversion-check.md).
SHIFT_MAX = 0.25


def probe_sentences() -> list[str]:
    """The sentences of the probe."""
    return SENTENCES.read_text("utf-8").splitlines()


def probe_inputs(manifest: Manifest, tokenizer: Tokenizer) -> list[EngineInput]:
    """The probe's sentences as engine inputs: greedy search, at most ``OUTPUT_TOKENS`` tokens."""
    options = DecodingOptions(max_output_tokens=OUTPUT_TOKENS, target_prefix=manifest.tokens.target_prefix)
    return [EngineInput(tokenizer.encode(sentence), options) for sentence in probe_sentences()]


def unknown_share(items: list[EngineInput], known: frozenset[str]) -> float:
    """The share of source tokens that are not in ``known``, from 0 to 1."""
    tokens = [token for item in items for token in item.tokens if token != EOS]
    return sum(token not in known for token in tokens) / max(1, len(tokens))


def compare_outputs(converted: Engine, reference: Engine, items: Sequence[EngineInput]) -> list[Tokens]:
    """Compare greedy outputs and scores of two engines that both compute in float32; returns the reference's outputs.

    Raises:
        ModelError: they differ by more than rounding, so the conversion is wrong.
    """
    ours, theirs = ([found[0] for found in engine.generate(items)] for engine in (converted, reference))
    same = sum(one.tokens == other.tokens for one, other in zip(ours, theirs, strict=True))
    gaps = [abs(one - other) for one, other in zip(_scores(ours), _scores(theirs), strict=True)]
    if len(items) - same > TIES_MAX * len(items) or not all(gap <= SCORE_TOLERANCE for gap in gaps):
        raise ModelError(
            f"the conversion is not the checkpoint's equal: {same} of {len(items)} outputs are the same,"
            f" scores differ by up to {max(gaps):.3f}"
        )
    return [one.tokens for one in theirs]


def check_quantized(float32: Path, quantized: Path, items: Sequence[EngineInput], outputs: Sequence[Tokens]) -> float:
    """The mean shift of log-probability per token that int8 causes on ``outputs``, the float32 model's own.

    Both models score the same tokens. Free outputs cannot be compared, because they diverge at the first difference.

    Raises:
        ModelError: the shift is above `SHIFT_MAX`, or all outputs are empty.
    """
    written = [(item, tokens) for item, tokens in zip(items, outputs, strict=True) if tokens]
    if not written:
        raise ModelError("the checkpoint writes nothing for any sentence of the probe")
    sources = [list(item.tokens) for item, _ in written]
    targets = [[*item.options.target_prefix, *tokens] for item, tokens in written]
    before = _score(float32, "float32", sources, targets)
    after = _score(quantized, "int8", sources, targets)
    shift = statistics.fmean(abs(one - other) for one, other in zip(before, after, strict=True))
    if shift > SHIFT_MAX:
        raise ModelError(f"int8 moves the checkpoint's outputs by {shift:.2f} a token; {SHIFT_MAX} is allowed")
    return shift


def check_unconverted(reference: Engine, items: Sequence[EngineInput]) -> None:
    """Check that a checkpoint which is served without conversion writes something, with a score.

    Raises:
        ModelError: all outputs are empty or have no score.
    """
    found = [hypotheses[0] for hypotheses in reference.generate(items)]
    silent = sum(not one.tokens or math.isnan(score) for one, score in zip(found, _scores(found), strict=True))
    if silent == len(found):
        raise ModelError("the checkpoint writes nothing for any sentence of the probe")


def _score(folder: Path, compute_type: str, sources: list[list[str]], targets: list[list[str]]) -> list[float]:
    """Mean log-probability per token of each target, without the end token that CTranslate2 appends."""
    model: Any = ctranslate2.Translator(str(folder), device="cpu", compute_type=compute_type)
    scores = model.score_batch(sources, targets, max_input_length=0)
    model.unload_model()
    return [statistics.fmean(one.log_probs[:-1]) for one in scores]


def _scores(found: Sequence[Hypothesis]) -> list[float]:
    """The scores; NaN, which equals nothing, for a missing one."""
    return [math.nan if one.score is None else one.score for one in found]
