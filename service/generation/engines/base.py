"""The engine interface, and code that engines share: compute types, parallel configurations, padding and grouping.

When CTranslate2 searches for outputs, sources of different padded lengths never share a call. The rounding of attention
depends on matrix shapes, and therefore on the padded length of a call. In int8, a difference of one bit can move an
activation by a whole quantisation step, and the model then sometimes chooses another word. For measurements, see
docs/adr/0004-batch-company.md.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from typing import Protocol

from service.domain import DecodingOptions, EngineInput, Hypothesis
from service.errors import EngineError, ModelError
from service.generation.engines.tokenizers import EOS
from service.registry.manifest import EngineKind, Manifest


class Engine(Protocol):
    """The interface of a loaded model. An engine has no state between calls.

    ``name`` is the kind of engine (``ctranslate2``, ``torch`` or ``fake``). The engine runs ``replicas`` calls in
    parallel, each from its own thread. It accepts ``ahead`` further calls, so that a replica does not have to wait for
    its next call.
    """

    name: str
    replicas: int
    ahead: int

    def generate(self, items: Sequence[EngineInput]) -> list[list[Hypothesis]]:
        """Return a list of one or more hypotheses, best first, for each of ``items``, in order.

        If an item has a target, the target is its only hypothesis. Sources are never truncated. A hypothesis that
        reached its length limit has the ``finish_reason`` "length". The other items of the call can affect an output
        only through rounding.

        Raises:
            EngineError: the model failed, and no item of this call has a result.
        """
        ...

    def close(self) -> None:
        """Free the model's memory. No call may be running, and none may follow."""
        ...


LEAST_CORES_FOR_PAIRS = 4


@dataclass(frozen=True, slots=True)
class ParallelConfig:
    """A parallel configuration of an engine.

    The ``replicas`` share one copy of the weights, and each of them uses ``threads`` threads.
    """

    replicas: int
    threads: int


def layouts(cores: int, replicas: int = 0) -> tuple[ParallelConfig, ...]:
    """Return the parallel configurations to measure on ``cores`` CPU cores.

    If ``replicas`` is not 0, the result is the one configuration with this number of replicas. Otherwise, the first
    configuration is usually the fastest, so the measurement of a slower one can be stopped early.
    """
    if replicas:
        return (ParallelConfig(replicas, max(1, cores // replicas)),)
    found = [ParallelConfig(cores, 1)]
    if cores >= LEAST_CORES_FOR_PAIRS:
        found.append(ParallelConfig(cores // 2, 2))
    if cores > 1:
        found.append(ParallelConfig(1, cores))
    return tuple(found)


# T5 was trained in bfloat16. Its activations overflow in float16 without an error, and its outputs become nonsense.
WIDE_RANGE = frozenset({"t5", "mt5"})
COMPUTE_TYPES: dict[EngineKind, frozenset[str]] = {
    "ctranslate2": frozenset(
        {"int8", "int8_float32", "int8_bfloat16", "int8_float16", "bfloat16", "float16", "float32"}
    ),
    "torch": frozenset({"bfloat16", "float16", "float32"}),
}


def resolve_compute_type(manifest: Manifest, kind: EngineKind, device: str, wanted: str = "auto") -> str:
    """Return the compute type to use when the engine ``kind`` runs a model on ``device``.

    If ``wanted`` is not ``auto``, it is checked and returned. With ``auto``, the result on ``cpu`` is the compute type
    in the manifest. On ``cuda``, it is bfloat16 for the T5 family and float16 for other models.

    Raises:
        ModelError: the model has no files for the engine, or the engine or the model does not support the compute type.
    """
    if kind not in manifest.engines:
        raise ModelError(f"{manifest.id} cannot run on {kind}; its manifest lists {', '.join(manifest.engines)}")
    wide = manifest.architecture in WIDE_RANGE
    if wanted == "auto" and device == "cpu":
        wanted = manifest.engines[kind].compute_type
    elif wanted == "auto":
        wanted = "bfloat16" if wide else "float16"
    if wanted not in COMPUTE_TYPES[kind]:
        raise ModelError(
            f"{kind} does not support the compute type {wanted}; it supports {', '.join(sorted(COMPUTE_TYPES[kind]))}"
        )
    if wide and wanted.endswith("float16") and not wanted.endswith("bfloat16"):
        raise ModelError(
            f"{manifest.id} is a {manifest.architecture} model, which overflows in {wanted}; use bfloat16 or int8"
        )
    return wanted


Call = Callable[[list[list[str]], DecodingOptions], list[list[Hypothesis]]]


def shared(options: DecodingOptions) -> DecodingOptions:
    """Return a copy of ``options`` in which the options that may differ within a batch are reset.

    A batch runs with the highest output limit of its items. In greedy search, this does not change an output that ends
    within the limit of its own item, and attention is computed in any case. Items may therefore differ in their output
    limits and in ``alignment``. In beam search, a higher limit can change an output, and attention is computed only on
    request, so all options must be equal.
    """
    return replace(options, max_output_tokens=0, alignment=False) if options.beam_size == 1 else options


def groups(
    items: Sequence[EngineInput], key: Callable[[DecodingOptions], DecodingOptions] = lambda options: options
) -> list[list[int]]:
    """Group the items whose options have the same ``key``, and return the positions of the items in each group."""
    positions: dict[DecodingOptions, list[int]] = {}
    for position, item in enumerate(items):
        positions.setdefault(key(item.options), []).append(position)
    return list(positions.values())


def by_options(items: Sequence[EngineInput], call: Call) -> list[list[Hypothesis]]:
    """Run ``call`` once for each group of items with equal options, and return the results in the order of ``items``.

    Raises:
        EngineError: a call returned the wrong number of results.
    """
    results: list[list[Hypothesis]] = [[] for _ in items]
    for places in groups(items):
        outputs = call([list(items[place].tokens) for place in places], items[places[0]].options)
        if len(outputs) != len(places):
            raise EngineError(f"the engine returned {len(outputs)} results for {len(places)} sources")
        for place, output in zip(places, outputs, strict=True):
            results[place] = output
    return results


LEAST_STEP_TOKENS = 16
"""The smallest step between padded lengths. Sixteen floats fill a cache line, so each source begins a new line."""
MOST_STEPS = 4


PROMPT_STEP_TOKENS = 2 * LEAST_STEP_TOKENS
"""The smallest step between the padded lengths of prompts. An article has few prompts of each length."""


def padded_length(tokens: int, step: int = LEAST_STEP_TOKENS) -> int:
    """Return ``tokens``, rounded up to a padded length.

    With the default ``step``, the padded lengths are 16, 32, 48, 64, 96, 128, 192, 256 and so on. ``step`` is the
    smallest step between two padded lengths. The steps grow with the length, because long sources are rare. With small
    steps, long sources would seldom share a call, and a call with one source takes nearly as long as a call with eight.
    """
    while tokens > MOST_STEPS * step:
        step *= 2
    return -(-tokens // step) * step


def by_padded_length(lengths: Sequence[int]) -> list[list[int]]:
    """Group the positions in ``lengths`` by padded length. The groups are in descending order of padded length."""
    groups: dict[int, list[int]] = {}
    for position, length in enumerate(lengths):
        groups.setdefault(padded_length(length), []).append(position)
    return [groups[length] for length in sorted(groups, reverse=True)]


def filler(lengths: Sequence[int]) -> list[list[str]]:
    """Return a list with a filler source, which makes the library pad a call to the length of `padded_length`.

    ``lengths`` contains the length of each source in the call. The list is empty if the longest source already has such
    a length. The filler consists of end-of-sentence tokens. The model treats the filler as an empty text and ends the
    output for it after one step.
    """
    longest = max(lengths)
    length = padded_length(longest)
    return [[EOS] * length] if longest < length else []
