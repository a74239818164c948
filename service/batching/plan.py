"""The planner: which of the items that wait make the next batch. Pure: no clock, no lock, no queue."""

import heapq
from collections.abc import Hashable, Sequence
from dataclasses import dataclass, field
from typing import Literal

Priority = Literal["interactive", "bulk"]

BULK_DELAY_S = 60.0
ITEM_DELAY_S = 1 / 64
WINDOW_BATCHES = 4
ENOUGH_ITEMS = 8
_Turn = tuple[float, int]


@dataclass(frozen=True, slots=True)
class Pending:
    """What the planner knows of an item that waits; times are on the queue's clock.

    Only items of equal ``options`` share a batch, those of one ``padded_tokens`` one call of the engine's library.
    ``ahead`` counts the items of the same request that stand before this one. Its turn ``turn_s`` is when it came, but
    bulk counts as come
    ``BULK_DELAY_S`` later, and a request as coming item by item, ``ITEM_DELAY_S`` apart, so that small ones pass the
    tail of a huge one. A turn never changes: what comes long enough after an item is served after it, so nothing
    starves.
    """

    tokens: int
    enqueued_s: float
    priority: Priority
    options: Hashable
    ahead: int = 0
    padded_tokens: int = 0
    turn_s: float = field(init=False)

    def __post_init__(self) -> None:
        delay_s = self.ahead * ITEM_DELAY_S + (BULK_DELAY_S if self.priority == "bulk" else 0.0)
        object.__setattr__(self, "turn_s", self.enqueued_s + delay_s)


def plan(pending: Sequence[Pending], *, token_budget: int, max_items: int) -> list[int]:
    """The indices of the next batch, the one whose turn is first in front; empty when nothing is pending.

    The first in turn always goes. Of the next in turn with the same options (a window of some batches), those nearest
    to it in length join it while longest item times items stays within ``token_budget``, interactive ones before
    bulk, and those of its own padded length before others. Where not all of them fit, others join a batch of fewer than
    ``ENOUGH_ITEMS`` alone: the library's calls are the larger the more of one padded length have gathered. Where the
    first is interactive, bulk joins it only while no interactive one of other options waits, whom it would hold up. An
    item larger than the budget goes alone. Takes O(n) for n pending: the window is bounded.
    """
    turns = [(item.turn_s, index) for index, item in enumerate(pending)]
    if not turns:
        return []
    first = min(turns)
    head = first[1]
    mates, others = _split(pending, turns, pending[head].options)
    urgent = pending[head].priority == "interactive" and any(pending[i].priority == "interactive" for _, i in others)
    if urgent:
        mates = [turn for turn in mates if pending[turn[1]].priority == "interactive"]
    mates = [turn for turn in mates if turn is not first]
    window = [index for _, index in heapq.nsmallest(WINDOW_BATCHES * max_items, mates)]
    return _fill(pending, head, window, token_budget=token_budget, max_items=max_items)


def _split(pending: Sequence[Pending], turns: Sequence[_Turn], options: Hashable) -> tuple[list[_Turn], list[_Turn]]:
    """The turns of items of these options, and those of all others."""
    equal: dict[Hashable, bool] = {}  # each is compared once: field by field it would be most of a plan's time
    mates: list[_Turn] = []
    others: list[_Turn] = []
    for turn in turns:
        other = pending[turn[1]].options
        if (same := equal.get(id(other))) is None:
            same = equal[id(other)] = other == options
        (mates if same else others).append(turn)
    return mates, others


def _fill(
    pending: Sequence[Pending], head: int, window: Sequence[int], *, token_budget: int, max_items: int
) -> list[int]:
    """``head`` and those of the window that fit the budget beside it: all, or those that are most like it."""
    all_of_it = [head, *window]
    if len(all_of_it) <= max_items and max(pending[i].tokens for i in all_of_it) * len(all_of_it) <= token_budget:
        return all_of_it
    first = pending[head]
    batch, longest = [head], first.tokens

    def unlikeness(index: int) -> tuple[bool, bool, int]:
        one = pending[index]
        return one.priority == "bulk", one.padded_tokens != first.padded_tokens, abs(one.tokens - first.tokens)

    for index in sorted(window, key=unlikeness):
        if len(batch) == max_items or longest * (len(batch) + 1) > token_budget:
            break
        if len(batch) >= ENOUGH_ITEMS and pending[index].padded_tokens != first.padded_tokens:
            continue
        grown = max(longest, pending[index].tokens)
        if grown * (len(batch) + 1) <= token_budget:
            batch.append(index)
            longest = grown
    return batch
