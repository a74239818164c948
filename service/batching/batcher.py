"""The door of this room: one model's queue and its workers, from start to drain."""

import asyncio
from collections.abc import Callable, Sequence
from dataclasses import dataclass

from service.batching.engine import EngineLost, SupervisedEngine
from service.batching.limits import Limits
from service.batching.plan import Priority
from service.batching.queue import Queue
from service.batching.waiting import Answer
from service.batching.worker import Worker
from service.engines.base import Engine
from service.errors import Draining, EngineError, NotReady
from service.events import Listener, ignore
from service.types import EngineInput


@dataclass(frozen=True, slots=True)
class State:
    """What probes ask. ``ready``: a warmed-up engine serves, none hangs, nothing drains. ``dead``: exit the process.

    ``alive`` is the opposite of ``dead``. A full queue changes none of them.
    """

    alive: bool
    ready: bool
    hung: bool
    dead: bool


class Batcher:
    """Gathers what many callers want of one model into batches. Made and used on one event loop.

    ``factory`` builds an engine, in a thread of that engine; ``warm_up`` is an input that a sound engine answers.
    ``on_dead`` is called when an engine is lost for good: a call outlasted twice ``engine_hang_s``, or an engine that
    failed could not be rebuilt. All futures are answered by then.
    """

    def __init__(
        self,
        model: str,
        factory: Callable[[], Engine],
        warm_up: EngineInput,
        *,
        limits: Limits | None = None,
        listener: Listener = ignore,
        on_dead: Callable[[], None] = lambda: None,
    ) -> None:
        self.limits = limits or Limits()
        self.queue = Queue(self.limits)
        self._on_dead = on_dead
        self._lost: EngineError | None = None
        self._draining = False
        self._workers = [
            Worker(
                model,
                SupervisedEngine(model, factory, warm_up, limits=self.limits, listener=listener),
                self.queue,
                self._lose,
            )
            for _ in range(self.limits.workers)
        ]

    @property
    def state(self) -> State:
        """The state of this moment."""
        conditions = [worker.engine.condition for worker in self._workers]
        dead, hung = self._lost is not None, "hung" in conditions
        ready = "ready" in conditions and not (dead or hung or self._draining)
        return State(alive=not dead, ready=ready, hung=hung, dead=dead)

    async def start(self) -> None:
        """Load and warm up one engine after the other; ready afterwards. ``drain`` ends what a failed start began.

        Raises:
            ModelError: the model's files cannot be loaded.
            EngineError: an engine could not be built, or failed the warm-up.
        """
        try:
            for worker in self._workers:
                await worker.start()
        except EngineLost as lost:
            self._lose(lost.answer)
            raise lost.answer from lost

    def submit_many(
        self, items: Sequence[EngineInput], *, priority: Priority = "interactive", deadline_s: float | None = None
    ) -> list[Answer]:
        """Admit all ``items`` of one request or none; the futures are in their order.

        Each future gives 1..k hypotheses, or raises EngineError, EngineHung or Draining. Cancelling it takes its item
        out of the queue; that is for the caller to do at its ``deadline_s`` (on the event loop's clock), since another
        caller may wait for the same. Work that would be done long after it is not taken.

        Raises:
            QueueFull, TooSlow, NotReady, Draining: no work can be taken now.
            InvalidInput: more work than the queue ever holds.
            DeadlineExceeded: the deadline is past.
        """
        if self._draining:
            raise Draining("the service is shutting down")
        if self._lost is not None or not any(worker.engine.condition == "ready" for worker in self._workers):
            raise NotReady("no engine is ready")
        return self.queue.put(items, priority=priority, deadline_s=deadline_s)

    async def drain(self, timeout_s: float) -> None:
        """Admit nothing more, finish what was admitted, stop; what is not done after ``timeout_s`` gets Draining."""
        self._draining = True
        if unanswered := self.queue.unanswered:
            await asyncio.wait(unanswered, timeout=timeout_s)
        self.queue.fail(Draining("the service shut down before the work was done"))
        for worker in self._workers:
            await worker.stop()

    def _lose(self, answer: EngineError) -> None:
        if self._lost is None:
            self._lost = answer
            self.queue.fail(answer)
            self._on_dead()
