"""Splits a batch into groups of equal decoding options, the most that one library call can take."""

from collections.abc import Callable, Sequence
from dataclasses import replace

from service.errors import EngineError
from service.types import DecodingOptions, EngineInput, Hypothesis

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
