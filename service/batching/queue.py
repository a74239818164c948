"""The bounded queue round the planner: items wait here with their futures. Used from the event loop only."""

import asyncio
from collections.abc import Hashable, Sequence

from service.batching.dealing import dealt
from service.batching.limits import Limits
from service.batching.plan import Pending, Priority, plan, room
from service.batching.throughput import Throughput
from service.batching.waiting import Answer, Waiting
from service.engines.grouping import shared
from service.engines.padding import padded_length
from service.errors import DeadlineExceeded, DepescheError, InvalidInput, QueueFull, Unavailable
from service.types import EngineInput

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
        self._waiting: dict[Answer, Waiting] = {}
        self._unanswered: set[Answer] = set()
        self._next_arrival: asyncio.Future[None] | None = None
        self.tokens = 0
        self._running_tokens = 0
        self._throughput = Throughput()
        self._calls = 0

    def __len__(self) -> int:
        return len(self._waiting)

    @property
    def unanswered(self) -> frozenset[Answer]:
        """The futures of all items that wait or are being worked on."""
        return frozenset(self._unanswered)

    def oldest_s(self, priority: Priority) -> float:
        """Seconds that the oldest waiting item of ``priority`` has waited; 0 when there is none. O(n)."""
        times_s = (one.pending.enqueued_s for one in self._waiting.values() if one.pending.priority == priority)
        first_s = next(times_s, None)  # they are kept in the order in which they came
        return 0.0 if first_s is None else asyncio.get_running_loop().time() - first_s

    def put(self, items: Sequence[EngineInput], *, priority: Priority, deadline_s: float | None) -> list[Answer]:
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
        answers = [self._add(Waiting(item, one, Answer(loop=loop))) for item, one in zip(items, pending, strict=True)]
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
        return RETRY_AFTER_S if full_s is None else full_s / self._limits.workers

    def _in_time_s(self, tokens: int, turn_s: float, left_s: float, wait_s: float) -> float:
        """Seconds, ``wait_s`` at least, after which a request could be done in ``left_s``, if nothing else comes."""
        at_most_s = self._backlog_s(self._running_tokens + self.tokens)
        if at_most_s is None:
            return wait_s
        spare_s = max(0.0, left_s - (self._backlog_s(tokens) or 0.0))
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
        return self._backlog_s(self._running_tokens + tokens) or 0.0

    def _backlog_s(self, tokens: float) -> float | None:
        alone_s = self._throughput.backlog_s(tokens)
        return None if alone_s is None else alone_s / self._limits.workers

    def measure(self, batch: Sequence[Waiting], seconds: float) -> None:
        """Count a batch that the engine finished in ``seconds``."""
        tokens = sum(one.pending.tokens for one in batch)
        self._throughput.add(tokens, seconds, crowded=any(one.answer.crowded for one in batch))

    def _add(self, waiting: Waiting) -> Answer:
        answer = waiting.answer
        self._waiting[answer] = waiting
        self._unanswered.add(answer)
        self.tokens += waiting.pending.tokens
        answer.add_done_callback(lambda _: self._forget(waiting))
        return answer

    def _forget(self, waiting: Waiting) -> None:
        answer = waiting.answer
        self._unanswered.discard(answer)
        if answer.taken:
            self._running_tokens -= waiting.pending.tokens
        else:
            self._remove(waiting)
        if not answer.cancelled():
            answer.exception()  # a caller that stopped listening is no reason for asyncio to log its error

    def _remove(self, waiting: Waiting) -> None:
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

    def take(self, idle: int = 1) -> list[list[Waiting]]:
        """The next batch, whose items wait no longer, as the engine calls that it becomes; none where nothing waits.

        ``idle`` replicas have nothing to do; see `plan`. A single one gets all in one call.
        """
        batch = self._next(idle)
        if len(batch) <= 1 or idle < 2:  # noqa: PLR2004 - it takes two to deal
            return [batch] if batch else []
        limits, lengths = self._limits, [one.pending.tokens for one in batch]
        most = room(batch[0].pending, limits.batch_items)
        calls = dealt(lengths, idle, room=most, token_budget=limits.token_budget)
        return [[batch[place] for place in call] for call in calls]

    def take_crowded(self) -> list[Waiting]:
        """The next batch if it leaves others behind, so that there is more to do; else nothing."""
        return self._next(0, crowded=True)

    def _next(self, idle: int, *, crowded: bool = False) -> list[Waiting]:
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

    def number(self, batch: Sequence[Waiting]) -> None:
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
