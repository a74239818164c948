"""Trials that take turns, so that a noisy moment meets all of them, and the spread of their ratios."""

import statistics
import time
from collections.abc import Callable, Mapping, Sequence
from typing import NamedTuple, TypeAlias

Spread: TypeAlias = tuple[float, float, float]


class Taken(NamedTuple):
    """What one round of a trial took: seconds on the clock, and of the process on all its cores."""

    wall_s: float
    processor_s: float


def alternating(trials: Mapping[str, Callable[[], object]], rounds: int) -> dict[str, list[Taken]]:
    """What each trial took in each round; a round that is not counted warms up."""
    taken: dict[str, list[Taken]] = {name: [] for name in trials}
    for counted in range(-1, rounds):
        for name, trial in trials.items():
            wall_s, processor_s = time.perf_counter(), time.process_time()
            trial()
            if counted >= 0:
                taken[name].append(Taken(time.perf_counter() - wall_s, time.process_time() - processor_s))
    return taken


def spread(values: Sequence[float]) -> Spread:
    """Median, least and most."""
    return round(statistics.median(values), 2), round(min(values), 2), round(max(values), 2)


def times_faster(slower: Sequence[Taken], faster: Sequence[Taken]) -> dict[str, Spread]:
    """How many times faster, round by round: on the clock, and by the work of the cores, which neighbours do not share.

    On a busy machine the clock also measures how the system divides the cores between processes.
    """
    pairs = list(zip(slower, faster, strict=True))
    return {
        "wall": spread([one.wall_s / other.wall_s for one, other in pairs]),
        "processor": spread([one.processor_s / other.processor_s for one, other in pairs]),
    }


def rates(amount: float, taken: Sequence[Taken]) -> Spread:
    """Amount a second on the clock."""
    return spread([amount / one.wall_s for one in taken])
