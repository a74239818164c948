"""The bounded queue round the planner: items wait here with their futures. Used from the event loop only."""

import asyncio
from collections.abc import Sequence
from dataclasses import dataclass

from service.batching.limits import Limits
from service.batching.plan import Pending, Priority, plan
from service.batching.throughput import Throughput
from service.errors import DeadlineExceeded, DepescheError, InvalidInput, QueueFull
from service.types import EngineInput, Hypothesis

Answer = asyncio.Future[list[Hypothesis]]

RETRY_AFTER_S = 1.0
RETRY_AFTER_MAX_S = 60.0


@dataclass(frozen=True, slots=True, eq=False)
class Waiting:
    """One item, what the planner knows of it, and the future that its caller holds."""

    item: EngineInput
    pending: Pending
    answer: Answer

    def give(self, hypotheses: list[Hypothesis]) -> None:
        """Answer the caller; without effect when it has left or was told of a deadline."""
        if not self.answer.done():
            self.answer.set_result(hypotheses)

    def fail(self, error: DepescheError) -> None:
        """Tell the caller what went wrong; without effect as in ``give``."""
        if not self.answer.done():
            self.answer.set_exception(error)


class Queue:
    """Items that wait, bounded in number and in source tokens; a request gets in as a whole or not at all.

    An item whose future is done (its caller left, its deadline passed) is gone from here at once.
    """

    def __init__(self, limits: Limits) -> None:
        self._limits = limits
        self._waiting: dict[Answer, Waiting] = {}
        self._unanswered: set[Answer] = set()
        self._arrived = asyncio.Event()
        self.tokens = 0
        self.throughput = Throughput()

    def __len__(self) -> int:
        return len(self._waiting)

    @property
    def unanswered(self) -> frozenset[Answer]:
        """The futures of all items that wait or are being worked on."""
        return frozenset(self._unanswered)

    @property
    def wait_s(self) -> float | None:
        """Estimated seconds of engine time that what waits will take; None before the first finished batch."""
        alone_s = self.throughput.time_s(self.tokens)
        return None if alone_s is None else alone_s / self._limits.workers

    def put(self, items: Sequence[EngineInput], *, priority: Priority, deadline_s: float | None) -> list[Answer]:
        """Queue all ``items`` of one request; the futures are in their order.

        Raises:
            QueueFull: they do not fit beside what waits now.
            InvalidInput: they would not fit into the empty queue either.
            DeadlineExceeded: ``deadline_s`` (on the event loop's clock) is past.
        """
        loop = asyncio.get_running_loop()
        now_s = loop.time()
        if deadline_s is not None and deadline_s <= now_s:
            raise DeadlineExceeded("the deadline had passed when the work arrived")
        self._admit(items)
        answers: list[Answer] = []
        for ahead, item in enumerate(items):
            pending = Pending(len(item.tokens), now_s, priority, deadline_s, item.options, ahead)
            answers.append(self._add(Waiting(item, pending, loop.create_future())))
        self._arrived.set()
        return answers

    def _admit(self, items: Sequence[EngineInput]) -> None:
        limits, tokens = self._limits, sum(len(item.tokens) for item in items)
        if len(items) > limits.queue_items:
            raise InvalidInput("work_too_large", "more sentences than the queue holds", limit=limits.queue_items)
        if tokens > limits.queue_tokens:
            raise InvalidInput("work_too_large", "more tokens than the queue holds", limit=limits.queue_tokens)
        if len(self) + len(items) > limits.queue_items or self.tokens + tokens > limits.queue_tokens:
            estimate_s = self.wait_s or RETRY_AFTER_S
            retry_after_s = min(max(estimate_s, RETRY_AFTER_S), RETRY_AFTER_MAX_S)
            raise QueueFull(f"{len(self)} items wait already", retry_after_s=retry_after_s)

    def _add(self, waiting: Waiting) -> Answer:
        answer, deadline_s = waiting.answer, waiting.pending.deadline_s
        self._waiting[answer] = waiting
        self._unanswered.add(answer)
        self.tokens += waiting.pending.tokens
        answer.add_done_callback(self._forget)
        if deadline_s is not None:
            error = DeadlineExceeded("the deadline passed before the work was done")
            timer = answer.get_loop().call_at(deadline_s, waiting.fail, error)
            answer.add_done_callback(lambda _: timer.cancel())
        return answer

    def _forget(self, answer: Answer) -> None:
        self._unanswered.discard(answer)
        self._remove(answer)
        if not answer.cancelled():
            answer.exception()  # a caller that stopped listening is no reason for asyncio to log its error

    def _remove(self, answer: Answer) -> None:
        if waiting := self._waiting.pop(answer, None):
            self.tokens -= waiting.pending.tokens

    async def take(self) -> list[Waiting]:
        """The next batch, as soon as anything waits; its items wait no longer."""
        while not (batch := self._next()):
            self._arrived.clear()
            await self._arrived.wait()
        return batch

    def _next(self) -> list[Waiting]:
        waiting = [one for one in self._waiting.values() if not one.answer.done()]
        chosen = plan(
            [one.pending for one in waiting],
            token_budget=self._limits.token_budget,
            max_items=self._limits.batch_items,
            now_s=asyncio.get_running_loop().time(),
        )
        batch = [waiting[index] for index in chosen]
        for one in batch:
            self._remove(one.answer)
        return batch

    def fail(self, error: DepescheError) -> None:
        """Answer with ``error`` whatever waits or is being worked on."""
        for answer in self._unanswered:
            if not answer.done():
                answer.set_exception(error)
