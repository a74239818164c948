"""Padding that a batch's company cannot change: every source is padded to a length of its own.

How attention is rounded depends on the shape of its products, so on the padded length; in int8 a last bit there moves
an activation by a whole step, and now and then another word wins. Sources of one padded length have the same shapes
whatever their number. docs/adr/0004-batch-company.md has the figures.
"""

from collections.abc import Sequence

from service.engines.tokenizer import EOS

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
