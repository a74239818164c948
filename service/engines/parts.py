"""Splits the sources of one call into library calls of one padded length each, which replicas work on."""

from collections.abc import Sequence

from service.engines.padding import by_padded_length, padded_length

LEAST_SOURCES = 8
"""A part of fewer costs its replica nearly as long as one of so many: the weights are read once a step for all."""


def parts(lengths: Sequence[int], count: int) -> list[list[int]]:
    """The positions of all ``lengths``, all positive, in parts of one padded length, the most work first.

    What has one padded length stays together, since each part may need a filler. Only where that is more than its share
    of the work for ``count`` replicas is it dealt out to several of them, ``LEAST_SOURCES`` to each at least: in turns
    by length, so that sources of just the padded length, which spare a part its filler, come into different parts. No
    part is empty.
    """
    groups = by_padded_length(lengths)
    share = sum(_work(lengths, group) for group in groups) / count
    found = [part for group in groups for part in _dealt(lengths, group, round(_work(lengths, group) / share))]
    return sorted(found, key=lambda part: _work(lengths, part), reverse=True)


def _work(lengths: Sequence[int], group: Sequence[int]) -> int:
    """Padded tokens of a group and its filler."""
    return padded_length(lengths[group[0]]) * (len(group) + 1)


def _dealt(lengths: Sequence[int], group: Sequence[int], count: int) -> list[list[int]]:
    """The group in at most ``count`` parts, at least one."""
    order = sorted(group, key=lambda place: -lengths[place])
    count = max(1, min(count, len(order) // LEAST_SOURCES))
    return [order[start::count] for start in range(count)]
