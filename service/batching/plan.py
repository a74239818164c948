"""The planner: which of the items that wait make the next batch. Pure: no clock, no lock, no queue."""

import heapq
from collections.abc import Hashable, Sequence
from dataclasses import dataclass, field
from typing import Literal

Priority = Literal["interactive", "bulk"]

BULK_DELAY_S = 60.0
ITEM_DELAY_S = 1 / 64
MOST_HYPOTHESES = 64
"""What a call searches at the same time: more of a beam's hypotheses take longer and are no faster by sentence."""
WINDOW_CALLS = 4
_Turn = tuple[float, int]


@dataclass(frozen=True, slots=True)
class Pending:
    """What the planner knows of an item that waits; times are on the queue's clock.

    Only items of equal ``options`` share a batch, those of one ``padded_tokens`` one call. ``ahead`` counts the items
    of the same request that stand before this one. Its turn ``turn_s`` is when it came, but bulk counts as come
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
    hypotheses: int = 1
    turn_s: float = field(init=False)

    def __post_init__(self) -> None:
        object.__setattr__(self, "turn_s", self.request_turn_s + self.ahead * ITEM_DELAY_S)

    @property
    def request_turn_s(self) -> float:
        """The turn of the first item of its request."""
        return self.enqueued_s + (BULK_DELAY_S if self.priority == "bulk" else 0.0)


def plan(pending: Sequence[Pending], *, token_budget: int, max_items: int, idle: int = 0) -> list[int]:
    """The indices of the next batch, the one whose turn is first in front; empty when nothing is pending.

    The first in turn always goes, and those of its options and padded length with it, in turn: longest item times items
    stays within ``token_budget``, and their number within `room`. So a batch is one call of the library. But to an
    engine all of whose ``idle`` replicas have nothing to do all that waits goes at once, be the lengths what they are,
    where it is interactive, has one kind of options, and fits as many calls. Where the first is interactive, bulk joins
    it only while no other interactive one has to wait, whom it would hold up. An item larger than the budget goes
    alone. Takes O(n) for n pending: the window is bounded.
    """
    turns = [(item.turn_s, index) for index, item in enumerate(pending)]
    if not turns:
        return []
    first = min(turns)
    head = pending[first[1]]
    mates, others = _split(pending, turns, head.options)
    most = room(head, max_items)
    if not others and _fit(pending, items=most * idle, token_budget=token_budget * idle):
        return list(range(len(pending)))
    mates = _unhurried(pending, head, mates, others)
    like: list[_Turn] = []
    unlike: list[_Turn] = []
    for turn in mates:
        (like if pending[turn[1]].padded_tokens == head.padded_tokens else unlike).append(turn)
    return _fill(pending, first, _unhurried(pending, head, like, unlike), room=most, token_budget=token_budget)


def room(head: Pending, max_items: int) -> int:
    """How many items like this one a call holds: ``max_items``, or as many as have `MOST_HYPOTHESES`; at least one."""
    return max(1, min(max_items, MOST_HYPOTHESES // head.hypotheses))


def _unhurried(pending: Sequence[Pending], head: Pending, mates: list[_Turn], others: Sequence[_Turn]) -> list[_Turn]:
    """The mates, but no bulk beside an interactive head while an interactive one of the others waits."""
    if head.priority == "bulk" or all(pending[index].priority == "bulk" for _, index in others):
        return mates
    return [turn for turn in mates if pending[turn[1]].priority == "interactive"]


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


def _fit(pending: Sequence[Pending], *, items: int, token_budget: int) -> bool:
    """Whether all that waits is interactive, and so little."""
    few = len(pending) <= items and max(one.tokens for one in pending) * len(pending) <= token_budget
    return few and all(one.priority == "interactive" for one in pending)


def _fill(
    pending: Sequence[Pending], first: _Turn, mates: Sequence[_Turn], *, room: int, token_budget: int
) -> list[int]:
    """The first and those of its mates that fit the budget beside it, in turn."""
    batch, longest = [first[1]], pending[first[1]].tokens
    for _, index in heapq.nsmallest(WINDOW_CALLS * room, (turn for turn in mates if turn != first)):
        grown = max(longest, pending[index].tokens)
        if len(batch) < room and grown * (len(batch) + 1) <= token_budget:
            batch.append(index)
            longest = grown
    return batch
