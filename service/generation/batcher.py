"""The batcher: the queue and the worker of one model."""

import asyncio
from collections import deque
from collections.abc import Callable, Sequence
from dataclasses import dataclass

from service.domain import EngineInput
from service.errors import DepescheError, Draining, EngineError, NotReady
from service.events import BatchDone, Listener, ignore
from service.generation.engines.base import Engine
from service.generation.scheduler import Limits, Priority, Queue, QueuedItem, ResultFuture
from service.generation.supervisor import EngineLost, Generated, SupervisedEngine, WrongCount

Batch = list[QueuedItem]


class Worker:
    """One engine and the task that feeds it. An idle one starts at once with what waits; there is no timer.

    ``on_lost`` hears, at most once, that this worker serves no more, and what every caller that waits is to be told.
    """

    def __init__(
        self, model: str, engine: SupervisedEngine, queue: Queue, on_lost: Callable[[EngineError], None]
    ) -> None:
        self.engine = engine
        self._model = model
        self._queue = queue
        self._on_lost = on_lost
        self._task: asyncio.Task[None] | None = None
        self._dealt: deque[Batch] = deque()
        self._running: dict[asyncio.Task[None], Batch] = {}

    async def start(self) -> None:
        """Load the engine, then serve until ``stop``; raises what ``SupervisedEngine.start`` raises."""
        await self.engine.start()
        self._task = asyncio.create_task(self._serve(), name=f"batching-{self._model}")

    async def stop(self) -> None:
        """Take no further batch and close the engine. What is being worked on is not answered."""
        if self._task is not None:
            self._task.cancel()
            await asyncio.wait({self._task})
        await self.engine.close()

    async def _serve(self) -> None:
        try:
            while True:
                await self._queue.arrival()
                await self._work_off()
        except EngineLost as lost:
            self._on_lost(lost.answer)
        except Exception as error:  # noqa: BLE001 a fault of our own must not leave futures that nobody answers
            asyncio.get_running_loop().call_exception_handler({"message": "batching failed", "exception": error})
            self._on_lost(EngineError("batching failed"))
        finally:
            for task in self._running:
                if not task.cancel():
                    task.exception()  # two were lost at once: one has told of it

    async def _work_off(self) -> None:
        """Run batches until nothing waits, as many at the same time as the engine takes.

        After a failure none begins until those that run are done, the engine is proved, and what failed is sorted out.
        """
        failed: list[Batch] = []
        while True:
            if not failed:
                self._fill()
            if self._running:
                failed += await self._returned()
            elif failed:
                await self.engine.recover()
                for batch in failed:
                    await self._isolate(batch)
                failed = []
            else:
                return

    def _fill(self) -> None:
        """Begin what the engine can take: a batch for each free replica, and one ahead of them.

        What is ahead leaves others waiting behind it, who go on gathering company; there are never more than ``ahead``.
        """
        while len(self._running) < self.engine.replicas + self.engine.ahead:
            if not self._dealt:
                self._take(self.engine.replicas - len(self._running))
            if not self._dealt:
                return
            batch = [one for one in self._dealt.popleft() if not one.answer.done()]
            if batch:
                self._queue.number(batch)
                self._running[asyncio.create_task(self._run(batch))] = batch

    def _take(self, free: int) -> None:
        """Take the queue's next batch for so many free replicas; for none, only one that leaves others behind."""
        if free > 0:
            self._dealt += self._queue.take(0 if self._running else free)
        elif batch := self._queue.take_crowded():
            self._dealt.append(batch)

    async def _returned(self) -> list[Batch]:
        """Wait until a batch returns, or until another request arrives; those batches that failed."""
        await asyncio.wait({*self._running, self._queue.next_arrival()}, return_when=asyncio.FIRST_COMPLETED)
        failed: list[Batch] = []
        for task in [task for task in self._running if task.done()]:
            batch = self._running.pop(task)
            try:
                task.result()
            except DepescheError:
                failed.append(batch)
        return failed

    async def _isolate(self, batch: Batch) -> None:
        """Run what a failed call left unanswered again in ever smaller parts, so that only the bad items fail.

        Halving finds one bad item among n in 2 log2 n calls, where one by one would need n. The engine is proved after
        each failure: a bad item may break it for those that come after.
        """
        groups = _halves(batch)
        while groups:
            group = [one for one in groups.pop() if not one.answer.done()]
            if not group:
                continue
            try:
                await self._run(group)
            except DepescheError as error:
                if len(group) == 1:
                    group[0].fail(error)
                else:
                    groups += _halves(group)
                await self.engine.recover()

    async def _run(self, batch: Batch) -> None:
        """One engine call for ``batch``, which answers every item; raises when the call failed.

        A hang or a wrong count is the whole batch's answer; after any other failure the items still wait.
        """

        def fail_all(error: EngineError) -> None:
            for one in batch:
                one.fail(error)

        try:
            generated = await self.engine.generate([one.item for one in batch], on_hang=fail_all)
        except WrongCount as error:
            fail_all(error)
            raise
        for one, hypotheses in zip(batch, generated.outputs, strict=True):
            if hypotheses:
                one.give(hypotheses)
            else:
                one.fail(EngineError("the engine returned no hypothesis"))
        self._measure(batch, generated)

    def _measure(self, batch: Sequence[QueuedItem], generated: Generated) -> None:
        # Under load each replica has a call: so many are done in the time of one.
        self._queue.measure(batch, generated.seconds / self.engine.replicas)
        begun_s = asyncio.get_running_loop().time() - generated.seconds
        lengths = [one.pending.tokens for one in batch]
        self.engine.tell(
            BatchDone(
                self._model,
                items=len(batch),
                source_tokens=sum(lengths),
                padded_tokens=max(lengths) * len(lengths),
                output_tokens=generated.output_tokens,
                oldest_wait_s=begun_s - min(one.pending.enqueued_s for one in batch),
                inference_s=generated.seconds,
                number=batch[0].answer.batch,
            )
        )


def _halves(batch: Batch) -> list[Batch]:
    """The second half and the first, which is popped first; a single item is one part, tried once more alone."""
    middle = len(batch) // 2
    return [part for part in (batch[middle:], batch[:middle]) if part]


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

    ``factory`` builds the engine, in a thread of that engine; ``warm_up`` is an input that a sound engine answers.
    ``on_dead`` is called when the engine is lost for good: a call outlasted twice ``engine_hang_s``, or an engine that
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
        engine = SupervisedEngine(model, factory, warm_up, limits=self.limits, listener=listener)
        self.worker = Worker(model, engine, self.queue, self._lose)

    @property
    def state(self) -> State:
        """The state of this moment."""
        condition = self.worker.engine.condition
        dead, hung = self._lost is not None, condition == "hung"
        ready = condition == "ready" and not (dead or self._draining)
        return State(alive=not dead, ready=ready, hung=hung, dead=dead)

    async def start(self) -> None:
        """Load and warm up the engine; ready afterwards. ``drain`` ends what a failed start began.

        Raises:
            ModelError: the model's files cannot be loaded.
            EngineError: the engine could not be built, or failed the warm-up.
        """
        try:
            await self.worker.start()
        except EngineLost as lost:
            self._lose(lost.answer)
            raise lost.answer from lost

    def submit_many(
        self, items: Sequence[EngineInput], *, priority: Priority = "interactive", deadline_s: float | None = None
    ) -> list[ResultFuture]:
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
        if self._lost is not None or self.worker.engine.condition != "ready":
            raise NotReady("the engine is not ready")
        return self.queue.put(items, priority=priority, deadline_s=deadline_s)

    async def drain(self, timeout_s: float) -> None:
        """Admit nothing more, finish what was admitted, stop; what is not done after ``timeout_s`` gets Draining."""
        self._draining = True
        if unanswered := self.queue.unanswered:
            await asyncio.wait(unanswered, timeout=timeout_s)
        self.queue.fail(Draining("the service shut down before the work was done"))
        await self.worker.stop()

    def _lose(self, answer: EngineError) -> None:
        if self._lost is None:
            self._lost = answer
            self.queue.fail(answer)
            self._on_dead()
