"""The scheduler: a bounded queue, and the pure planner that forms batches from it."""

import asyncio
import heapq
import math
from collections.abc import Hashable, Sequence
from dataclasses import dataclass, field
from typing import Literal

from service.domain import EngineInput, Hypothesis
from service.errors import DeadlineExceeded, DepescheError, InvalidInput, QueueFull, Unavailable
from service.generation.engines.base import by_padded_length, padded_length, shared


@dataclass(frozen=True, slots=True)
class Limits:
    """Bounds of one model's queue and batches. Where ``batch_items`` is 0, whoever serves the model has to name them.

    ``token_budget`` counts padded source tokens of an engine call (longest item times items), ``batch_items`` its
    sentences, ``queue_tokens`` plain source tokens that wait. ``rebuild_pauses_s`` holds the pause before each attempt
    to rebuild an engine.
    """

    token_budget: int = 4_096
    batch_items: int = 64
    queue_items: int = 8_192
    queue_tokens: int = 524_288
    engine_hang_s: float = 60.0
    rebuild_pauses_s: tuple[float, ...] = (0.0, 1.0, 5.0)


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


DECAY = 0.8


class _Rate:
    """Tokens a second over the last few batches; a batch counts ``DECAY`` times as much as the next one."""

    def __init__(self) -> None:
        self._tokens = 0.0
        self._seconds = 0.0

    def add(self, tokens: int, seconds: float) -> None:
        self._tokens = DECAY * self._tokens + tokens
        self._seconds = DECAY * self._seconds + seconds

    def time_s(self, tokens: float) -> float | None:
        return tokens * self._seconds / self._tokens if self._tokens else None


class Throughput:
    """The speed of all batches, and that of the crowded ones, which left at least as many others behind.

    A batch takes nearly as long for one sentence as for many, so only crowded ones, which had others to choose their
    company from, say how fast a backlog is worked off.
    """

    def __init__(self) -> None:
        self._all = _Rate()
        self._crowded = _Rate()

    def add(self, tokens: int, seconds: float, *, crowded: bool) -> None:
        """Count a finished batch of ``tokens`` source tokens that took ``seconds``."""
        self._all.add(tokens, seconds)
        if crowded:
            self._crowded.add(tokens, seconds)

    def backlog_s(self, tokens: float) -> float | None:
        """Seconds that a backlog of ``tokens`` source tokens will take; None before the first crowded batch."""
        return self._crowded.time_s(tokens)

    def time_s(self, tokens: float) -> float | None:
        """The same, guessed too high from the other batches where there was no crowded one; None before the first."""
        backlog_s = self.backlog_s(tokens)
        return self._all.time_s(tokens) if backlog_s is None else backlog_s


class ResultFuture(asyncio.Future[list[Hypothesis]]):
    """The future of one item; ``taken_s`` and ``given_s`` (loop's clock): when the engine got it and gave it back.

    ``taken``: it waits in the queue no longer. ``crowded``: at least as many others were left behind as were taken with
    it. ``batch`` is the number of its engine call.
    """

    taken = False
    taken_s: float | None = None
    given_s: float | None = None
    crowded = False
    batch = 0


@dataclass(frozen=True, slots=True, eq=False)
class QueuedItem:
    """One item, what the planner knows of it, and the future that its caller holds."""

    item: EngineInput
    pending: Pending
    answer: ResultFuture

    def give(self, hypotheses: list[Hypothesis]) -> None:
        """Answer the caller; without effect when it has left or was told of a deadline."""
        if not self.answer.done():
            self.answer.given_s = self.answer.get_loop().time()
            self.answer.set_result(hypotheses)

    def fail(self, error: DepescheError) -> None:
        """Tell the caller what went wrong; without effect as in ``give``."""
        if not self.answer.done():
            self.answer.set_exception(error)


LEAST_SOURCES = 8
"""A call of fewer costs its replica nearly as long as one of so many: the weights are read once a step for all."""


def split_across_replicas(lengths: Sequence[int], count: int, *, room: int, token_budget: int) -> list[list[int]]:
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

    found = [call for group in groups for call in _split_group(lengths, group, calls(group))]
    return sorted(found, key=lambda call: _work(lengths, call), reverse=True)


def _work(lengths: Sequence[int], group: Sequence[int]) -> int:
    """Padded tokens of a group and its filler."""
    return padded_length(lengths[group[0]]) * (len(group) + 1)


def _split_group(lengths: Sequence[int], group: Sequence[int], count: int) -> list[list[int]]:
    """The group in ``count`` calls, in turns by length."""
    order = sorted(group, key=lambda place: -lengths[place])
    return [order[start::count] for start in range(count)]


RETRY_AFTER_S = 1.0
# Estimates are noisy: only who would have to wait this many times too long is refused for want of time.
DOUBT = 1.5
ROUNDS = 4


class TooSlow(Unavailable):
    """The work ahead takes longer than the caller has."""

    code = "too_slow"


class Queue:
    """Items that wait, bounded in number and in source tokens; a request gets in as a whole or not at all.

    An item whose future is done (its caller left, its time was over) is gone from here at once.
    """

    def __init__(self, limits: Limits) -> None:
        self._limits = limits
        self._waiting: dict[ResultFuture, QueuedItem] = {}
        self._unanswered: set[ResultFuture] = set()
        self._next_arrival: asyncio.Future[None] | None = None
        self.tokens = 0
        self._running_tokens = 0
        self._throughput = Throughput()
        self._calls = 0

    def __len__(self) -> int:
        return len(self._waiting)

    @property
    def unanswered(self) -> frozenset[ResultFuture]:
        """The futures of all items that wait or are being worked on."""
        return frozenset(self._unanswered)

    def oldest_s(self, priority: Priority) -> float:
        """Seconds that the oldest waiting item of ``priority`` has waited; 0 when there is none. O(n)."""
        times_s = (one.pending.enqueued_s for one in self._waiting.values() if one.pending.priority == priority)
        first_s = next(times_s, None)  # they are kept in the order in which they came
        return 0.0 if first_s is None else asyncio.get_running_loop().time() - first_s

    def put(self, items: Sequence[EngineInput], *, priority: Priority, deadline_s: float | None) -> list[ResultFuture]:
        """Queue all ``items`` of one request; the futures are in their order.

        ``deadline_s`` (on the event loop's clock) is asked here alone: a caller cancels its futures when it is over.

        Raises:
            QueueFull: they do not fit beside what waits now.
            TooSlow: they would be done long after the deadline.
            InvalidInput: they would not fit into the empty queue either.
            DeadlineExceeded: the deadline is past.
        """
        loop = asyncio.get_running_loop()
        now_s = loop.time()
        if deadline_s is not None and deadline_s <= now_s:
            raise DeadlineExceeded("the deadline had passed when the work arrived")
        pending = _pending(items, now_s, priority)
        self._admit(pending, None if deadline_s is None else deadline_s - now_s)
        answers = [
            self._add(QueuedItem(item, one, ResultFuture(loop=loop))) for item, one in zip(items, pending, strict=True)
        ]
        if self._next_arrival is not None and not self._next_arrival.done():
            self._next_arrival.set_result(None)
        return answers

    def _admit(self, request: Sequence[Pending], left_s: float | None) -> None:
        limits, tokens = self._limits, sum(one.tokens for one in request)
        if len(request) > limits.queue_items:
            raise InvalidInput("work_too_large", "more sentences than the queue holds", limit=limits.queue_items)
        if tokens > limits.queue_tokens:
            raise InvalidInput("work_too_large", "more tokens than the queue holds", limit=limits.queue_tokens)
        full = len(self) + len(request) > limits.queue_items or self.tokens + tokens > limits.queue_tokens
        wait_s = self._full_s(len(request), tokens) if full else 0.0
        if left_s is not None and request:
            wait_s = self._in_time_s(tokens, request[-1].turn_s, left_s, wait_s)
        if full:
            raise QueueFull(f"{len(self)} items wait already", retry_after_s=wait_s)
        if wait_s:
            raise TooSlow("the work ahead of this takes longer than the request's time", retry_after_s=wait_s)

    def _full_s(self, items: int, tokens: int) -> float:
        """Seconds until there will be room for a request that does not fit now.

        The engine frees room as it takes batches, the next one when it is done with what it has: at a steady speed
        room for n more tokens is there after the time of those that run and of n at the latest. Room for items is
        guessed from their mean length.
        """
        a_item = self.tokens / len(self) if self._waiting else 0.0
        over_items = (len(self) + items - self._limits.queue_items) * a_item
        over_tokens = self.tokens + tokens - self._limits.queue_tokens
        full_s = self._throughput.time_s(self._running_tokens + max(over_items, over_tokens))
        return RETRY_AFTER_S if full_s is None else full_s

    def _in_time_s(self, tokens: int, turn_s: float, left_s: float, wait_s: float) -> float:
        """Seconds, ``wait_s`` at least, after which a request could be done in ``left_s``, if nothing else comes."""
        at_most_s = self._throughput.backlog_s(self._running_tokens + self.tokens)
        if at_most_s is None:
            return wait_s
        spare_s = max(0.0, left_s - (self._throughput.backlog_s(tokens) or 0.0))
        for _ in range(ROUNDS):
            if at_most_s - wait_s <= DOUBT * left_s:
                return wait_s  # decided without a look at each item
            # Who comes later has a later turn: bulk that waits now may come to be ahead.
            if self._ahead_s(turn_s + wait_s) - wait_s <= DOUBT * left_s:
                return wait_s
            # The tail of a request that began earlier may be company of what goes first, so that it is done first, too.
            wait_s = max(wait_s, self._ahead_s(turn_s + wait_s, whole=True) - spare_s)
        return max(wait_s, at_most_s - spare_s)

    def _ahead_s(self, turn_s: float, *, whole: bool = False) -> float:
        """Estimated seconds of the work before that turn: what the engine has, and what waits with an earlier one.

        ``whole``: with requests as a whole, as long as they begin before that turn.
        """
        waiting = (one.pending for one in self._waiting.values())
        tokens = sum(one.tokens for one in waiting if (one.request_turn_s if whole else one.turn_s) <= turn_s)
        return self._throughput.backlog_s(self._running_tokens + tokens) or 0.0

    def measure(self, batch: Sequence[QueuedItem], seconds: float) -> None:
        """Count a batch that the engine finished in ``seconds``."""
        tokens = sum(one.pending.tokens for one in batch)
        self._throughput.add(tokens, seconds, crowded=any(one.answer.crowded for one in batch))

    def _add(self, waiting: QueuedItem) -> ResultFuture:
        answer = waiting.answer
        self._waiting[answer] = waiting
        self._unanswered.add(answer)
        self.tokens += waiting.pending.tokens
        answer.add_done_callback(lambda _: self._forget(waiting))
        return answer

    def _forget(self, waiting: QueuedItem) -> None:
        answer = waiting.answer
        self._unanswered.discard(answer)
        if answer.taken:
            self._running_tokens -= waiting.pending.tokens
        else:
            self._remove(waiting)
        if not answer.cancelled():
            answer.exception()  # a caller that stopped listening is no reason for asyncio to log its error

    def _remove(self, waiting: QueuedItem) -> None:
        if self._waiting.pop(waiting.answer, None):
            self.tokens -= waiting.pending.tokens

    def next_arrival(self) -> asyncio.Future[None]:
        """Done when the next request is queued; several may wait for it, none may cancel it."""
        if self._next_arrival is None or self._next_arrival.done():
            self._next_arrival = asyncio.get_running_loop().create_future()
        return self._next_arrival

    async def arrival(self) -> None:
        """Until anything waits."""
        while all(answer.done() for answer in self._waiting):
            await asyncio.wait({self.next_arrival()})

    def take(self, idle: int = 1) -> list[list[QueuedItem]]:
        """The next batch, whose items wait no longer, as the engine calls that it becomes; none where nothing waits.

        ``idle`` replicas have nothing to do; see `plan`. A single one gets all in one call.
        """
        batch = self._next(idle)
        if len(batch) <= 1 or idle < 2:  # noqa: PLR2004 - it takes two to deal
            return [batch] if batch else []
        limits, lengths = self._limits, [one.pending.tokens for one in batch]
        most = room(batch[0].pending, limits.batch_items)
        calls = split_across_replicas(lengths, idle, room=most, token_budget=limits.token_budget)
        return [[batch[place] for place in call] for call in calls]

    def take_crowded(self) -> list[QueuedItem]:
        """The next batch if it leaves others behind, so that there is more to do; else nothing."""
        return self._next(0, crowded=True)

    def _next(self, idle: int, *, crowded: bool = False) -> list[QueuedItem]:
        waiting = [one for one in self._waiting.values() if not one.answer.done()]
        limits = self._limits
        chosen = plan(
            [one.pending for one in waiting],
            token_budget=limits.token_budget,
            max_items=limits.batch_items,
            idle=idle,
        )
        if crowded and len(chosen) == len(waiting):
            return []
        batch = [waiting[index] for index in chosen]
        for one in batch:
            self._remove(one)
            self._running_tokens += one.pending.tokens
            one.answer.taken = True
            one.answer.crowded = len(waiting) >= 2 * len(batch)
        return batch

    def number(self, batch: Sequence[QueuedItem]) -> None:
        """Give an engine call that begins now its number."""
        self._calls += 1
        for one in batch:
            one.answer.batch = self._calls
            one.answer.taken_s = one.answer.get_loop().time()

    def fail(self, error: DepescheError) -> None:
        """Answer with ``error`` whatever waits or is being worked on."""
        for answer in self._unanswered:
            if not answer.done():
                answer.set_exception(error)


def _pending(items: Sequence[EngineInput], now_s: float, priority: Priority) -> list[Pending]:
    """What the planner knows of a request's ``items``; equal options are one object, so that they compare at once."""
    options: dict[Hashable, Hashable] = {}
    found: list[Pending] = []
    for number, item in enumerate(items):
        own, tokens = shared(item.options), len(item.tokens)
        one = options.setdefault(own, own)
        found.append(Pending(tokens, now_s, priority, one, number, padded_length(tokens), item.options.beam_size))
    return found
