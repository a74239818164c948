"""The scheduler, which consists of a bounded queue and a planner that forms batches from its items."""

import asyncio
import heapq
import math
from collections.abc import Callable, Hashable, Sequence
from dataclasses import dataclass, field
from typing import Any, TypeVar

from service.domain import EngineInput, Hypothesis
from service.errors import DeadlineExceeded, DepescheError, InvalidInput, QueueFull, Unavailable
from service.generation.base import ItemFuture
from service.generation.call import Priority
from service.generation.engines.base import by_padded_length, padded_length, shared


@dataclass(frozen=True, slots=True)
class Limits:
    """Limits for the queue, the batches and the engine calls of one model.

    ``token_budget`` is the maximum number of padded source tokens in a call (tokens of the longest item times number of
    items). An item that exceeds it is processed alone. ``batch_items`` is the maximum number of items in a call. If
    ``batch_items`` is 0, `load_generator` determines the maximum. If ``first_items`` is not 0, a call to an idle engine
    has at most this many items, and these items have the same padded length. With a slow model, callers then get their
    first outputs early. ``queue_items`` and ``queue_tokens`` limit the waiting items and their tokens, without padding.
    A call that takes longer than ``engine_hang_s`` seconds counts as hung. ``rebuild_pauses_s`` contains the pause
    before each attempt to rebuild an engine.
    """

    token_budget: int = 4_096
    batch_items: int = 64
    first_items: int = 0
    queue_items: int = 8_192
    queue_tokens: int = 524_288
    engine_hang_s: float = 60.0
    rebuild_pauses_s: tuple[float, ...] = (0.0, 1.0, 5.0)


T = TypeVar("T")

BULK_DELAY_S = 60.0
ITEM_DELAY_S = 1 / 64
MOST_HYPOTHESES = 64
"""Maximum sum of the beam sizes of the items in a call, unless a single item has a larger beam.

Larger calls with beam search need just as much time per sentence.
"""
WINDOW_CALLS = 4
_Turn = tuple[float, int]


@dataclass(frozen=True, slots=True)
class Pending:
    """The data that the planner needs about a waiting item. Times are on the event loop's clock.

    ``tokens`` is the number of source tokens and, for forced decoding, target tokens. ``padded_tokens`` is the padded
    length for this number, and ``hypotheses`` is the beam size. Only items with equal ``options`` can share a batch.
    Items with different ``padded_tokens`` can share a batch only if the engine is idle (see `plan`). ``ahead`` is the
    number of earlier items in the same request. The planner serves items in order of ``turn_s``. This is the arrival
    time, plus ``BULK_DELAY_S`` for a bulk item, plus ``ITEM_DELAY_S`` for each earlier item of the request. Small
    requests can therefore overtake the tail of a huge one. ``turn_s`` never changes, so every item is served
    eventually.
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
        """The ``turn_s`` of the request's first item."""
        return self.enqueued_s + (BULK_DELAY_S if self.priority == "bulk" else 0.0)


def plan(pending: Sequence[Pending], *, token_budget: int, max_items: int, idle: int = 0) -> list[int]:
    """Return the indices of the items in the next batch. It contains the item with the smallest ``turn_s``, the head.

    The batch contains items with the same options and padded length as the head, in order of ``turn_s``. Its size is
    limited by ``token_budget`` (tokens of the longest item times number of items) and by the result of `room`. Such a
    batch is run in one engine call. An item that exceeds the budget is processed alone.

    ``idle`` is the number of idle replicas. If it is not 0, the batch instead contains all pending items, in order of
    arrival, if they are all interactive, have equal options, and fit into ``idle`` calls. Their lengths may differ.

    Bulk items join the batch of an interactive head only if no interactive item with other options or another padded
    length is waiting, because a larger batch would delay that item. Planning takes O(n) time for n pending items.
    """
    turns = [(item.turn_s, index) for index, item in enumerate(pending)]
    if not turns:
        return []
    first = min(turns)
    head = pending[first[1]]
    mates, others = _by_options(pending, turns, head.options)
    most = room(head, max_items)
    if not others and _fits_idle_engine(pending, items=most * idle, token_budget=token_budget * idle):
        return list(range(len(pending)))
    mates = _without_bulk(pending, head, mates, others)
    same_length: list[_Turn] = []
    other_lengths: list[_Turn] = []
    for turn in mates:
        (same_length if pending[turn[1]].padded_tokens == head.padded_tokens else other_lengths).append(turn)
    return _fill_batch(
        pending, first, _without_bulk(pending, head, same_length, other_lengths), room=most, token_budget=token_budget
    )


def room(head: Pending, max_items: int) -> int:
    """Return how many items like ``head`` fit into one call.

    The result is at least 1 and at most ``max_items``. Together, the items have at most `MOST_HYPOTHESES` hypotheses in
    their beams, unless a single item has more.
    """
    return max(1, min(max_items, MOST_HYPOTHESES // head.hypotheses))


def _without_bulk(
    pending: Sequence[Pending], head: Pending, mates: list[_Turn], others: Sequence[_Turn]
) -> list[_Turn]:
    """Return the turns of the items that may share a batch with ``head``.

    A turn is the pair of an item's ``turn_s`` and its index. ``mates`` contains the turns of the items that could share
    the batch, and ``others`` contains the turns of items that cannot. Bulk items are removed from ``mates`` if ``head``
    is interactive and ``others`` contains an interactive item.
    """
    if head.priority == "bulk" or all(pending[index].priority == "bulk" for _, index in others):
        return mates
    return [turn for turn in mates if pending[turn[1]].priority == "interactive"]


def _by_options(
    pending: Sequence[Pending], turns: Sequence[_Turn], options: Hashable
) -> tuple[list[_Turn], list[_Turn]]:
    """Split ``turns`` into the turns of items whose options equal ``options``, and the turns of all other items."""
    equal: dict[Hashable, bool] = {}  # compare each object once, because comparisons dominate the planning time
    mates: list[_Turn] = []
    others: list[_Turn] = []
    for turn in turns:
        other = pending[turn[1]].options
        if (same := equal.get(id(other))) is None:
            same = equal[id(other)] = other == options
        (mates if same else others).append(turn)
    return mates, others


def _fits_idle_engine(pending: Sequence[Pending], *, items: int, token_budget: int) -> bool:
    """Return whether all pending items are interactive and together stay within both limits.

    ``items`` limits the number of items. ``token_budget`` limits this number times the tokens of the longest item.
    """
    few = len(pending) <= items and max(one.tokens for one in pending) * len(pending) <= token_budget
    return few and all(one.priority == "interactive" for one in pending)


def _fill_batch(
    pending: Sequence[Pending], first: _Turn, mates: Sequence[_Turn], *, room: int, token_budget: int
) -> list[int]:
    """Return the indices of the items in a batch, in order of ``turn_s``.

    ``first`` is the turn of the first item. ``mates`` contains the turns of the items that may join the batch. Only the
    first ``WINDOW_CALLS`` × ``room`` of these items are considered. An item joins if the batch then has at most
    ``room`` items and stays within the token budget.
    """
    batch, longest = [first[1]], pending[first[1]].tokens
    for _, index in heapq.nsmallest(WINDOW_CALLS * room, (turn for turn in mates if turn != first)):
        grown = max(longest, pending[index].tokens)
        if len(batch) < room and grown * (len(batch) + 1) <= token_budget:
            batch.append(index)
            longest = grown
    return batch


DECAY = 0.8


class _Rate:
    """The speed of recent batches in tokens per second.

    With each new batch, the weight of the earlier batches is multiplied by ``DECAY``.
    """

    def __init__(self) -> None:
        self._tokens = 0.0
        self._seconds = 0.0

    def add(self, tokens: int, seconds: float) -> None:
        self._tokens = DECAY * self._tokens + tokens
        self._seconds = DECAY * self._seconds + seconds

    def time_s(self, tokens: float) -> float | None:
        return tokens * self._seconds / self._tokens if self._tokens else None


class Throughput:
    """The measured speed of all batches, and of batches from a backlog.

    A batch comes from a backlog if, after it was taken from the queue, the queue contained at least as many items as
    the batch. Only such batches show how fast a backlog shrinks, because a batch of one sentence takes nearly as long
    as a full one.
    """

    def __init__(self) -> None:
        self._all = _Rate()
        self._backlog = _Rate()

    def add(self, tokens: int, seconds: float, *, had_backlog: bool) -> None:
        """Add a finished batch of ``tokens`` source tokens that took ``seconds``.

        ``had_backlog`` is True if the batch came from a backlog.
        """
        self._all.add(tokens, seconds)
        if had_backlog:
            self._backlog.add(tokens, seconds)

    def backlog_s(self, tokens: float) -> float | None:
        """Return the estimated time, in seconds, to process a backlog of ``tokens`` source tokens.

        The result is None until a batch from a backlog has been measured.
        """
        return self._backlog.time_s(tokens)

    def time_s(self, tokens: float) -> float | None:
        """Return the estimated time, in seconds, to process ``tokens`` source tokens.

        The result is None if no batch has been measured yet. Until a batch from a backlog has been measured, the
        estimate is based on all batches and is usually too high.
        """
        backlog_s = self.backlog_s(tokens)
        return self._all.time_s(tokens) if backlog_s is None else backlog_s


ResultFuture = ItemFuture[list[Hypothesis]]
Convert = Callable[[EngineInput, list[Hypothesis]], T]
"""A function that converts the hypotheses of an item to the caller's result."""


@dataclass(slots=True, eq=False)
class QueuedItem:
    """An item of the queue, with its planning data and the future of its caller.

    ``dequeued`` is True once the item has been taken from the queue in a batch. ``had_backlog`` is True if at least as
    many items as the batch contained then remained in the queue.
    """

    item: EngineInput
    pending: Pending
    future: ItemFuture[Any]
    convert: Convert[Any] | None = None
    dequeued: bool = False
    had_backlog: bool = False

    def complete(self, hypotheses: list[Hypothesis]) -> None:
        """Convert the hypotheses and complete the future, unless the future is already done or cancelled.

        If ``convert`` raises an exception, the future raises the same exception.
        """
        if self.future.done():
            return
        self.future.finished_s = self.future.get_loop().time()
        try:
            result = hypotheses if self.convert is None else self.convert(self.item, hypotheses)
        except Exception as error:  # noqa: BLE001 - a bug here must fail one item, not the worker
            self.future.set_exception(error)
        else:
            self.future.set_result(result)

    def fail(self, error: DepescheError) -> None:
        """Fail the future with ``error``, unless the future is already done or cancelled."""
        if not self.future.done():
            self.future.set_exception(error)


LEAST_CALL_SOURCES = 8
"""Minimum number of sources in each call if the sources of one padded length are split among replicas.

Smaller calls take nearly as long, because each step reads all weights.
"""


def split_across_replicas(lengths: Sequence[int], count: int, *, room: int, token_budget: int) -> list[list[int]]:
    """Split sources into engine calls. Return the positions of each call's sources, with the largest calls first.

    ``lengths`` contains the positive length of each source in tokens. All sources of a call have the same padded
    length. Sources with the same padded length stay together if possible, because each further call may need a filler
    (see `filler`). A share is the work divided by ``count``, the number of replicas. If the work of these sources,
    rounded to whole shares, is several shares, it is split into up to one call per share. Such a split leaves at least
    ``LEAST_CALL_SOURCES`` sources in each call. The sources are distributed among the calls in order of length. Sources
    that have exactly the padded length therefore go to different calls, and these calls need no filler.

    A call has at most ``room`` sources. The length of its longest source times its number of sources does not exceed
    ``token_budget``, unless the call has a single source. No call is empty.
    """
    groups = by_padded_length(lengths)
    share = sum(_work(lengths, group) for group in groups) / count

    def calls(group: Sequence[int]) -> int:
        wanted = min(round(_work(lengths, group) / share), len(group) // LEAST_CALL_SOURCES)
        most = max(1, min(room, token_budget // max(lengths[place] for place in group)))
        return max(1, wanted, math.ceil(len(group) / most))

    found = [call for group in groups for call in _split_group(lengths, group, calls(group))]
    return sorted(found, key=lambda call: _work(lengths, call), reverse=True)


def _work(lengths: Sequence[int], group: Sequence[int]) -> int:
    """Return the number of padded tokens in a call with a filler and the sources at the positions in ``group``."""
    return padded_length(lengths[group[0]]) * (len(group) + 1)


def _split_group(lengths: Sequence[int], group: Sequence[int], count: int) -> list[list[int]]:
    """Distribute the sources at the positions in ``group`` among ``count`` calls in turn, longest first.

    Return the positions of each call's sources.
    """
    order = sorted(group, key=lambda place: -lengths[place])
    return [order[start::count] for start in range(count)]


RETRY_AFTER_S = 1.0
# Estimates are noisy, so a request is rejected only if its estimated wait exceeds its remaining time by this factor.
WAIT_TOLERANCE = 1.5
ROUNDS = 4


class TooSlow(Unavailable):
    """The queued work will take longer than the time that the request has left."""

    code = "too_slow"


class Queue:
    """A queue with limits on the number of items and of source tokens.

    A request is admitted as a whole or not at all. An item leaves the queue when it is taken for a batch, or as soon as
    its future is done or cancelled.
    """

    def __init__(self, limits: Limits) -> None:
        self._limits = limits
        self._waiting: dict[ItemFuture[Any], QueuedItem] = {}
        self._unanswered: set[ItemFuture[Any]] = set()
        self._next_arrival: asyncio.Future[None] | None = None
        self.tokens = 0
        self._running_tokens = 0
        self._throughput = Throughput()
        self._calls = 0

    def __len__(self) -> int:
        return len(self._waiting)

    @property
    def unanswered(self) -> frozenset[ItemFuture[Any]]:
        """The futures of all waiting and running items."""
        return frozenset(self._unanswered)

    def oldest_s(self, priority: Priority) -> float:
        """Return the age in seconds of the oldest waiting item with ``priority``.

        The result is 0 if no such item is waiting. The search takes O(n) time for n waiting items.
        """
        times_s = (one.pending.enqueued_s for one in self._waiting.values() if one.pending.priority == priority)
        first_s = next(times_s, None)  # items are in order of arrival
        return 0.0 if first_s is None else asyncio.get_running_loop().time() - first_s

    def put(
        self,
        items: Sequence[EngineInput],
        *,
        priority: Priority,
        deadline_s: float | None,
        convert: Convert[Any] | None = None,
        admitted: bool = False,
    ) -> list[ItemFuture[Any]]:
        """Queue all ``items`` of a request, and return their futures in order.

        ``admitted`` means that the items belong to a request that was already admitted. For such items, neither
        the limits nor the deadline is checked.

        The result of a future is the list of hypotheses, or the value that ``convert`` returns for this list.
        ``deadline_s`` is on the event loop's clock. It is checked only here, so the caller must cancel its futures at
        the deadline.

        Raises:
            QueueFull: the items do not fit into the queue at the moment.
            TooSlow: the items would be done long after the deadline.
            InvalidInput: the items do not fit into an empty queue.
            DeadlineExceeded: the deadline has passed.
        """
        loop = asyncio.get_running_loop()
        now_s = loop.time()
        pending = _pending(items, now_s, priority)
        if not admitted:
            if deadline_s is not None and deadline_s <= now_s:
                raise DeadlineExceeded("the request's deadline passed before the work was queued; allow more time")
            self._admit(pending, None if deadline_s is None else deadline_s - now_s)
        futures = [
            self._add(QueuedItem(item, one, ItemFuture(loop=loop), convert))
            for item, one in zip(items, pending, strict=True)
        ]
        if self._next_arrival is not None and not self._next_arrival.done():
            self._next_arrival.set_result(None)
        return futures

    def _admit(self, request: Sequence[Pending], left_s: float | None) -> None:
        limits, tokens = self._limits, sum(one.tokens for one in request)
        if len(request) > limits.queue_items:
            detail = f"{len(request)} sentences exceed the queue limit of {limits.queue_items}; split the request"
            raise InvalidInput("work_too_large", detail, limit=limits.queue_items)
        if tokens > limits.queue_tokens:
            detail = f"{tokens} tokens exceed the queue limit of {limits.queue_tokens}; split the request"
            raise InvalidInput("work_too_large", detail, limit=limits.queue_tokens)
        full = len(self) + len(request) > limits.queue_items or self.tokens + tokens > limits.queue_tokens
        wait_s = self._full_s(len(request), tokens) if full else 0.0
        if left_s is not None and request:
            wait_s = self._in_time_s(tokens, request[-1].turn_s, left_s, wait_s)
        if full:
            detail = f"the queue is full: {len(self)} sentences are waiting; retry later"
            raise QueueFull(detail, retry_after_s=wait_s)
        if wait_s:
            detail = "the queued work will take longer than the time left for this request; retry later"
            raise TooSlow(detail, retry_after_s=wait_s)

    def _full_s(self, items: int, tokens: int) -> float:
        """Estimate the time, in seconds, until the full queue has space for a request.

        The request has ``items`` items and ``tokens`` tokens. The estimate is the time to process the running tokens
        and those waiting tokens whose space the request needs. Space for items is converted to tokens, using the mean
        length of the waiting items. The result is `RETRY_AFTER_S` if no batch has been measured yet.
        """
        mean_tokens = self.tokens / len(self) if self._waiting else 0.0
        over_items = (len(self) + items - self._limits.queue_items) * mean_tokens
        over_tokens = self.tokens + tokens - self._limits.queue_tokens
        full_s = self._throughput.time_s(self._running_tokens + max(over_items, over_tokens))
        return RETRY_AFTER_S if full_s is None else full_s

    def _in_time_s(self, tokens: int, turn_s: float, left_s: float, wait_s: float) -> float:
        """Estimate the time, in seconds, after which the caller can submit a request so that it finishes in time.

        The request has ``tokens`` source tokens, and ``turn_s`` is the turn of its last item. It is in time if it
        finishes within ``left_s`` seconds of being queued. The result is at least ``wait_s``, the time until the queue
        has space. It is exactly ``wait_s`` if the request then waits for at most `WAIT_TOLERANCE` times ``left_s``, or
        if no batch from a backlog has been measured yet. The estimate assumes that no other request arrives.
        """
        at_most_s = self._throughput.backlog_s(self._running_tokens + self.tokens)
        if at_most_s is None:
            return wait_s
        spare_s = max(0.0, left_s - (self._throughput.backlog_s(tokens) or 0.0))
        for _ in range(ROUNDS):
            if at_most_s - wait_s <= WAIT_TOLERANCE * left_s:
                return wait_s  # there is no need to look at each item
            # A later request has a later turn, so bulk items that are waiting now may be served before it.
            if self._ahead_s(turn_s + wait_s) - wait_s <= WAIT_TOLERANCE * left_s:
                return wait_s
            # The tail of an earlier request may share batches with earlier items, and then also runs before this
            # request.
            wait_s = max(wait_s, self._ahead_s(turn_s + wait_s, whole=True) - spare_s)
        return max(wait_s, at_most_s - spare_s)

    def _ahead_s(self, turn_s: float, *, whole: bool = False) -> float:
        """Estimate the time, in seconds, to process the running items and the waiting items that are due by ``turn_s``.

        An item is due at its own ``turn_s`` (see `Pending`). If ``whole`` is True, an item is due at the ``turn_s`` of
        the first item of its request.
        """
        waiting = (one.pending for one in self._waiting.values())
        tokens = sum(one.tokens for one in waiting if (one.request_turn_s if whole else one.turn_s) <= turn_s)
        return self._throughput.backlog_s(self._running_tokens + tokens) or 0.0

    def measure(self, batch: Sequence[QueuedItem], seconds: float) -> None:
        """Update the measured throughput with a batch that the engine finished in ``seconds``."""
        tokens = sum(one.pending.tokens for one in batch)
        self._throughput.add(tokens, seconds, had_backlog=any(one.had_backlog for one in batch))

    def _add(self, queued: QueuedItem) -> ItemFuture[Any]:
        future = queued.future
        self._waiting[future] = queued
        self._unanswered.add(future)
        self.tokens += queued.pending.tokens
        future.add_done_callback(lambda _: self._discard(queued))
        return future

    def _discard(self, queued: QueuedItem) -> None:
        future = queued.future
        self._unanswered.discard(future)
        if queued.dequeued:
            self._running_tokens -= queued.pending.tokens
        else:
            self._remove(queued)
        if not future.cancelled():
            future.exception()  # mark it as retrieved: the caller may have left, and asyncio must not log the error

    def _remove(self, queued: QueuedItem) -> None:
        if self._waiting.pop(queued.future, None):
            self.tokens -= queued.pending.tokens

    def next_arrival(self) -> asyncio.Future[None]:
        """Return a future that completes when the next request is queued.

        All waiters share this future, so they must not cancel it.
        """
        if self._next_arrival is None or self._next_arrival.done():
            self._next_arrival = asyncio.get_running_loop().create_future()
        return self._next_arrival

    async def arrival(self) -> None:
        """Wait until the queue has an item whose future is not done."""
        while all(answer.done() for answer in self._waiting):
            await asyncio.wait({self.next_arrival()})

    def take(self, idle: int = 1) -> list[list[QueuedItem]]:
        """Remove the next batch from the queue, and return it, split into engine calls.

        The list is empty if the queue is empty. ``idle`` is the number of idle replicas (see `plan`). The batch is
        split only if at least two replicas are idle.
        """
        batch = self._next(idle)
        if len(batch) <= 1 or idle < 2:  # noqa: PLR2004 - one replica needs no split
            return [batch] if batch else []
        limits, lengths = self._limits, [one.pending.tokens for one in batch]
        most = room(batch[0].pending, limits.batch_items)
        calls = split_across_replicas(lengths, idle, room=most, token_budget=limits.token_budget)
        return [[batch[place] for place in call] for call in calls]

    def take_from_backlog(self) -> list[QueuedItem]:
        """Remove and return the next batch, unless it contains all waiting items.

        If it contains all of them, leave them in the queue and return an empty list.
        """
        return self._next(0, only_backlog=True)

    def _next(self, idle: int, *, only_backlog: bool = False) -> list[QueuedItem]:
        waiting = [one for one in self._waiting.values() if not one.future.done()]
        limits = self._limits
        first = limits.first_items if idle else 0
        chosen = plan(
            [one.pending for one in waiting],
            token_budget=limits.token_budget,
            max_items=min(first, limits.batch_items) if first else limits.batch_items,
            idle=0 if first else idle,
        )
        if only_backlog and len(chosen) == len(waiting):
            return []
        batch = [waiting[index] for index in chosen]
        for one in batch:
            self._remove(one)
            self._running_tokens += one.pending.tokens
            one.dequeued = True
            one.had_backlog = len(waiting) >= 2 * len(batch)
        return batch

    def mark_started(self, batch: Sequence[QueuedItem]) -> None:
        """Record that the engine call for ``batch`` is starting now, and assign a number to the call."""
        self._calls += 1
        for one in batch:
            one.future.batch = self._calls
            one.future.started_s = one.future.get_loop().time()

    def fail(self, error: DepescheError) -> None:
        """Fail all waiting and running items with ``error``."""
        for answer in self._unanswered:
            if not answer.done():
                answer.set_exception(error)


def _pending(items: Sequence[EngineInput], now_s: float, priority: Priority) -> list[Pending]:
    """Return the planning data for a request's ``items``, which arrive at ``now_s``.

    Items with equal options share one options object, which makes comparisons fast.
    """
    options: dict[Hashable, Hashable] = {}
    found: list[Pending] = []
    for number, item in enumerate(items):
        own, tokens = shared(item.options), len(item.tokens) + len(item.target or ())
        one = options.setdefault(own, own)
        found.append(Pending(tokens, now_s, priority, one, number, padded_length(tokens), item.options.beam_size))
    return found
