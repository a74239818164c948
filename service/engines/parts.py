"""Splits the sources of one call into parts that replicas work on at the same time."""

import bisect
from collections.abc import Sequence


def parts(lengths: Sequence[int], count: int) -> list[list[int]]:
    """The positions of all ``lengths``, all positive, in at most ``count`` parts, like lengths together, longest first.

    The part with the most padded tokens (longest times items) has as few of them as a split in this order allows: the
    call is done when its slowest part is. No part is empty.
    """
    order = sorted(range(len(lengths)), key=lambda place: -lengths[place])
    if not order:
        return []
    longest = lengths[order[0]]
    caps = range(longest, longest * len(order) + 1)
    sizes = [lengths[place] for place in order]
    # Fewer parts are needed the more each may hold, so that their negated number rises with the cap.
    ends = _ends(sizes, caps[bisect.bisect_left(caps, -count, key=lambda cap: -len(_ends(sizes, cap)))])
    return [order[start:end] for start, end in zip([0, *ends], ends, strict=False)]


def _ends(sizes: Sequence[int], cap: int) -> list[int]:
    """Where parts of at most ``cap`` padded tokens end, each as large as it can be; ``sizes`` fall."""
    ends = [0]
    while ends[-1] < len(sizes):
        ends.append(min(ends[-1] + cap // sizes[ends[-1]], len(sizes)))
    return ends[1:]
