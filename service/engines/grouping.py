"""Splits a batch into groups of equal decoding options, the most that one library call can take."""

from collections.abc import Callable, Sequence

from service.errors import EngineError
from service.types import DecodingOptions, EngineInput, Hypothesis

Call = Callable[[list[list[str]], DecodingOptions], list[list[Hypothesis]]]


def by_options(items: Sequence[EngineInput], call: Call) -> list[list[Hypothesis]]:
    """Run ``call`` once for each distinct options and return the results in the order of ``items``.

    Raises:
        EngineError: a call returned another number of results than it was given sources.
    """
    positions: dict[DecodingOptions, list[int]] = {}
    for position, item in enumerate(items):
        positions.setdefault(item.options, []).append(position)
    results: list[list[Hypothesis]] = [[] for _ in items]
    for options, places in positions.items():
        outputs = call([list(items[place].tokens) for place in places], options)
        if len(outputs) != len(places):
            raise EngineError(f"{len(outputs)} results for {len(places)} sources")
        for place, output in zip(places, outputs, strict=True):
            results[place] = output
    return results
