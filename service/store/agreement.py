"""The check of a conversion: does it write what its checkpoint writes?"""

import math
import statistics
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import ctranslate2

from service.engines.base import Engine
from service.errors import ModelError
from service.types import EngineInput, Hypothesis, Tokens

# Both engines round differently in the last bits, which decides where two pieces are as likely as each other.
SAME_SCORE = 5e-3
MOST_TIES = 1 / 6
# How far int8 may move the checkpoint's own outputs, in log-probability a token (docs/adr/0012-conversion-check.md).
MOST_MOVED = 0.25


def compare(converted: Engine, reference: Engine, items: Sequence[EngineInput]) -> list[Tokens]:
    """The reference's greedy outputs, with which the converted model's have to agree; both compute in float32.

    Raises:
        ModelError: they differ by more than rounding: the conversion is wrong.
    """
    ours, theirs = ([found[0] for found in engine.generate(items)] for engine in (converted, reference))
    same = sum(one.tokens == other.tokens for one, other in zip(ours, theirs, strict=True))
    gaps = [abs(one - other) for one, other in zip(_scores(ours), _scores(theirs), strict=True)]
    if len(items) - same > MOST_TIES * len(items) or not all(gap <= SAME_SCORE for gap in gaps):
        raise ModelError(
            f"the conversion is not the checkpoint's equal: {same} of {len(items)} outputs are the same,"
            f" scores differ by up to {max(gaps):.3f}"
        )
    return [one.tokens for one in theirs]


def check_quantized(float32: Path, quantized: Path, items: Sequence[EngineInput], outputs: Sequence[Tokens]) -> float:
    """How far int8 moves the log-probability a token of ``outputs``, which are the float32 model's, in the mean.

    What quantization costs is read from the same tokens under both: free outputs part for good at the first
    difference, however small.

    Raises:
        ModelError: further than `MOST_MOVED`.
    """
    written = [(item, tokens) for item, tokens in zip(items, outputs, strict=True) if tokens]
    if not written:
        raise ModelError("the checkpoint writes nothing for any sentence of the probe")
    sources = [list(item.tokens) for item, _ in written]
    targets = [[*item.options.target_prefix, *tokens] for item, tokens in written]
    before = _scored(float32, "float32", sources, targets)
    after = _scored(quantized, "int8", sources, targets)
    moved = statistics.fmean(abs(one - other) for one, other in zip(before, after, strict=True))
    if moved > MOST_MOVED:
        raise ModelError(f"int8 moves the checkpoint's outputs by {moved:.2f} a token; {MOST_MOVED} is allowed")
    return moved


def _scored(folder: Path, compute_type: str, sources: list[list[str]], targets: list[list[str]]) -> list[float]:
    """The mean log-probability a token of each target, not counting the end that the library adds to it."""
    model: Any = ctranslate2.Translator(str(folder), device="cpu", compute_type=compute_type)
    scores = model.score_batch(sources, targets, max_input_length=0)
    model.unload_model()
    return [statistics.fmean(one.log_probs[:-1]) for one in scores]


def _scores(found: Sequence[Hypothesis]) -> list[float]:
    """All scores; one that an engine did not give is no number, which agrees with nothing."""
    return [math.nan if one.score is None else one.score for one in found]


def check_alone(reference: Engine, items: Sequence[EngineInput]) -> None:
    """A checkpoint that is served as it is has to write something for each source, with a number for its score.

    Raises:
        ModelError: it does not.
    """
    found = [hypotheses[0] for hypotheses in reference.generate(items)]
    silent = sum(not one.tokens or math.isnan(score) for one, score in zip(found, _scores(found), strict=True))
    if silent == len(found):
        raise ModelError("the checkpoint writes nothing for any sentence of the probe")
