"""The engine interface, and what its implementations share: compute types, layouts, padding and grouping.

How attention is rounded depends on the shape of its products, so on the padded length; in int8 a last bit there moves
an activation by a whole step, and now and then another word wins. Sources of one padded length have the same shapes
whatever their number. docs/adr/0004-batch-company.md has the figures.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from typing import Protocol

from service.domain import DecodingOptions, EngineInput, Hypothesis
from service.errors import EngineError, ModelError
from service.generation.engines.tokenizers import EOS
from service.registry.manifest import EngineKind, Manifest


class Engine(Protocol):
    """A loaded model; all state that requests share lives above it.

    ``name`` is the engine's kind (``ctranslate2``, ``torch``, ``fake``). It works on ``replicas`` calls at the same
    time, each from a thread of its own, and takes ``ahead`` more, so that it has its next one when it is done with one.
    """

    name: str
    replicas: int
    ahead: int

    def generate(self, items: Sequence[EngineInput]) -> list[list[Hypothesis]]:
        """Return, in the order of the n ``items``, n lists of 1..k hypotheses, best first.

        An item with a target has that alone. Nothing is cut: sources are taken whole, and a hypothesis that met its
        limit has ``finish_reason`` "length".
        An item's output does not depend on its neighbours beyond the rounding of the arithmetic.

        Raises:
            EngineError: the model failed; no item of this call has a result.
        """
        ...

    def close(self) -> None:
        """Free the model's memory. No call is under way, and the engine is not used afterwards."""
        ...


LEAST_CORES_FOR_PAIRS = 4


@dataclass(frozen=True, slots=True)
class ParallelConfig:
    """``replicas`` share one copy of the weights; each works on a call of its own with ``threads`` threads."""

    replicas: int
    threads: int


def layouts(cores: int, replicas: int = 0) -> tuple[ParallelConfig, ...]:
    """The layouts worth timing for ``cores``, or the only one with that many ``replicas`` where they are given.

    The likeliest is first: it is the mark for the others.
    """
    if replicas:
        return (ParallelConfig(replicas, max(1, cores // replicas)),)
    found = [ParallelConfig(cores, 1)]
    if cores >= LEAST_CORES_FOR_PAIRS:
        found.append(ParallelConfig(cores // 2, 2))
    if cores > 1:
        found.append(ParallelConfig(1, cores))
    return tuple(found)


# T5's activations were trained in bfloat16's range and overflow in float16: outputs turn into nonsense, in silence.
WIDE_RANGE = frozenset({"t5", "mt5"})
OFFERED: dict[EngineKind, frozenset[str]] = {
    "ctranslate2": frozenset(
        {"int8", "int8_float32", "int8_bfloat16", "int8_float16", "bfloat16", "float16", "float32"}
    ),
    "torch": frozenset({"bfloat16", "float16", "float32"}),
}


def compute_type(manifest: Manifest, kind: EngineKind, device: str, wanted: str = "auto") -> str:
    """The name of the arithmetic, as the engine of that kind knows it.

    ``auto`` is the manifest's on ``cpu``; on ``cuda`` it is float16, and bfloat16 for the T5 family.

    Raises:
        ModelError: the model has no files for the engine, the engine does not know the arithmetic, or the model does
            not work in it.
    """
    if kind not in manifest.engines:
        raise ModelError(f"{manifest.id} cannot run on {kind}; its manifest offers {', '.join(manifest.engines)}")
    wide = manifest.architecture in WIDE_RANGE
    if wanted == "auto" and device == "cpu":
        wanted = manifest.engines[kind].compute_type
    elif wanted == "auto":
        wanted = "bfloat16" if wide else "float16"
    if wanted not in OFFERED[kind]:
        raise ModelError(f"{kind} does not compute in {wanted}; it offers {', '.join(sorted(OFFERED[kind]))}")
    if wide and wanted.endswith("float16") and not wanted.endswith("bfloat16"):
        raise ModelError(
            f"{manifest.id} is a {manifest.architecture} model, which overflows in {wanted}; use bfloat16 or int8"
        )
    return wanted


Call = Callable[[list[list[str]], DecodingOptions], list[list[Hypothesis]]]


def shared(options: DecodingOptions) -> DecodingOptions:
    """What the options of items have in common that may share a batch: all, or the most of a greedy search.

    A greedy output that ended within its own limit is the same under a higher one; a beam's need not be. A greedy
    search has its attention at hand, whoever of the batch wants it.
    """
    return replace(options, max_output_tokens=0, alignment=False) if options.beam_size == 1 else options


def groups(
    items: Sequence[EngineInput], key: Callable[[DecodingOptions], DecodingOptions] = lambda options: options
) -> list[list[int]]:
    """The positions of ``items`` whose options have the same ``key``, in order."""
    positions: dict[DecodingOptions, list[int]] = {}
    for position, item in enumerate(items):
        positions.setdefault(key(item.options), []).append(position)
    return list(positions.values())


def by_options(items: Sequence[EngineInput], call: Call) -> list[list[Hypothesis]]:
    """Run ``call`` once for each distinct options and return the results in the order of ``items``.

    Raises:
        EngineError: a call returned another number of results than it was given sources.
    """
    results: list[list[Hypothesis]] = [[] for _ in items]
    for places in groups(items):
        outputs = call([list(items[place].tokens) for place in places], items[places[0]].options)
        if len(outputs) != len(places):
            raise EngineError(f"{len(outputs)} results for {len(places)} sources")
        for place, output in zip(places, outputs, strict=True):
            results[place] = output
    return results


LEAST_STEP_TOKENS = 16
"""Sixteen floats fill a cache line, so that each source's part of a product begins at one."""
MOST_STEPS = 4


def padded_length(tokens: int) -> int:
    """``tokens``, rounded up: to 16, 32, 48, 64, 96, 128, 192, 256, and so on.

    Long sources are few, and of a finer step few would ever meet: a call of one takes nearly as long as of eight.
    """
    step = LEAST_STEP_TOKENS
    while tokens > MOST_STEPS * step:
        step *= 2
    return -(-tokens // step) * step


def by_padded_length(lengths: Sequence[int]) -> list[list[int]]:
    """The positions of ``lengths`` in groups of one padded length, the longest group first."""
    groups: dict[int, list[int]] = {}
    for position, length in enumerate(lengths):
        groups.setdefault(padded_length(length), []).append(position)
    return [groups[length] for length in sorted(groups, reverse=True)]


def filler(lengths: Sequence[int]) -> list[list[str]]:
    """The source to add so that a library pads to the padded length; none where one of ``lengths`` is that long.

    It holds nothing but end-of-sentence: an empty text, whose translation ends at once.
    """
    longest = max(lengths)
    length = padded_length(longest)
    return [[EOS] * length] if longest < length else []
