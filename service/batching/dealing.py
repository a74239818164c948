"""Deals a batch out to the replicas that are free: calls of one padded length each."""

import math
from collections.abc import Sequence

from service.engines.padding import by_padded_length, padded_length

LEAST_SOURCES = 8
"""A call of fewer costs its replica nearly as long as one of so many: the weights are read once a step for all."""


def dealt(lengths: Sequence[int], count: int, *, room: int, token_budget: int) -> list[list[int]]:
    """The positions of all ``lengths``, all positive, in calls of one padded length, the most work first.

    What has one padded length stays together, since each call may need a filler. Only where that is more than its share
    of the work for ``count`` replicas is it dealt out to several of them, ``LEAST_SOURCES`` to each at least: in turns
    by length, so that sources of just the padded length, which spare a call its filler, come into different calls. A
    call holds at most ``room`` sources, and longest source times sources is within ``token_budget``, unless it is one
    source alone. No call is empty.
    """
    groups = by_padded_length(lengths)
    share = sum(_work(lengths, group) for group in groups) / count

    def calls(group: Sequence[int]) -> int:
        wanted = min(round(_work(lengths, group) / share), len(group) // LEAST_SOURCES)
        most = max(1, min(room, token_budget // max(lengths[place] for place in group)))
        return max(1, wanted, math.ceil(len(group) / most))

    found = [call for group in groups for call in _split(lengths, group, calls(group))]
    return sorted(found, key=lambda call: _work(lengths, call), reverse=True)


def _work(lengths: Sequence[int], group: Sequence[int]) -> int:
    """Padded tokens of a group and its filler."""
    return padded_length(lengths[group[0]]) * (len(group) + 1)


def _split(lengths: Sequence[int], group: Sequence[int], count: int) -> list[list[int]]:
    """The group in ``count`` calls, in turns by length."""
    order = sorted(group, key=lambda place: -lengths[place])
    return [order[start::count] for start in range(count)]
