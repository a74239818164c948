"""The batcher of a model, which combines a queue with a worker that runs batches in the engine."""

import asyncio
import contextlib
from collections import deque
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any, TypeVar, overload

from service.domain import EngineInput
from service.errors import DepescheError, Draining, EngineError, NotReady
from service.events import BatchDone, Listener, ignore
from service.generation.base import ItemFuture
from service.generation.call import Priority
from service.generation.engines.base import Engine
from service.generation.scheduler import Convert, Limits, Queue, QueuedItem, ResultFuture
from service.generation.supervisor import EngineLost, Generated, SupervisedEngine, WrongCount

T = TypeVar("T")
Batch = list[QueuedItem]


class Worker:
    """A worker that takes batches from the queue and runs them in one engine.

    An idle worker starts a batch immediately, without waiting for further items. If the engine fails permanently, or
    the worker itself raises an unexpected exception, the worker calls ``on_lost`` once, with the error for all waiting
    callers.
    """

    def __init__(
        self, model: str, engine: SupervisedEngine, queue: Queue, on_lost: Callable[[EngineError], None]
    ) -> None:
        self.engine = engine
        self._model = model
        self._queue = queue
        self._on_lost = on_lost
        self._task: asyncio.Task[None] | None = None
        self._next_batches: deque[Batch] = deque()
        self._running: dict[asyncio.Task[None], Batch] = {}

    async def start(self) -> None:
        """Load the engine, and start a background task that runs batches until `stop` is called.

        Raises:
            ModelError, EngineError, EngineLost: see `SupervisedEngine.start`.
        """
        await self.engine.start()
        self._task = asyncio.create_task(self._serve(), name=f"batching-{self._model}")

    async def stop(self) -> None:
        """Stop taking batches, and close the engine. The futures of running batches are not completed."""
        if self._task is not None:
            self._task.cancel()
            await asyncio.wait({self._task})
        await self.engine.close()

    async def _serve(self) -> None:
        try:
            while True:
                await self._queue.arrival()
                await self._run_batches()
        except EngineLost as lost:
            self._on_lost(lost.error)
        except Exception as error:  # noqa: BLE001 - a bug here must not leave callers waiting forever
            asyncio.get_running_loop().call_exception_handler({"message": "batching failed", "exception": error})
            self._on_lost(EngineError("the worker of the model failed unexpectedly; see the log"))
        finally:
            for task in self._running:
                if not task.cancel():
                    task.exception()  # mark the exception as retrieved, because the first failure was already reported

    async def _run_batches(self) -> None:
        """Run batches until the queue is empty. Run as many batches in parallel as the engine accepts.

        After a failure, new batches start only when the running batches have ended, the engine has recovered, and the
        failed batches have been retried in parts (see `_isolate`).
        """
        failed: list[Batch] = []
        while True:
            if not failed:
                self._start_batches()
            if self._running:
                failed += await self._wait_for_batches()
            elif failed:
                await self.engine.recover()
                for batch in failed:
                    await self._isolate(batch)
                failed = []
            else:
                return

    def _start_batches(self) -> None:
        """Start one batch for each free replica, and up to ``engine.ahead`` further batches, which wait for a replica.

        A further batch is taken from the queue only if the queue still contains items afterwards. Otherwise, the items
        of the batch stay in the queue, where later items can join them.
        """
        while len(self._running) < self.engine.replicas + self.engine.ahead:
            if not self._next_batches:
                self._take_next(self.engine.replicas - len(self._running))
            if not self._next_batches:
                return
            batch = [one for one in self._next_batches.popleft() if not one.future.done()]
            if batch:
                self._queue.mark_started(batch)
                self._running[asyncio.create_task(self._run(batch))] = batch

    def _take_next(self, free: int) -> None:
        """Move the next batch from the queue to the batches that are ready to start.

        ``free`` is the number of free replicas. If all replicas are free, the batch is split among them. If no replica
        is free, the batch is moved only if the queue still contains items afterwards.
        """
        if free > 0:
            self._next_batches += self._queue.take(0 if self._running else free)
        elif batch := self._queue.take_from_backlog():
            self._next_batches.append(batch)

    async def _wait_for_batches(self) -> list[Batch]:
        """Wait until a batch ends or a request arrives, and return the batches that failed."""
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
        """Retry the unfinished items of a failed batch in ever smaller halves, so that only the bad items fail.

        A bad item is one that makes its call fail. One bad item among n is found in about 2 log2 n calls instead of n.
        The engine recovers after each failure, because a bad item may also have broken the engine for later calls.
        """
        groups = _halves(batch)
        while groups:
            group = [one for one in groups.pop() if not one.future.done()]
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
        """Run one engine call, and complete the future of every item in ``batch``.

        An item for which the engine returns no output fails. If the call hangs or returns the wrong number of results,
        all items fail. After any other failure, the items remain unfinished.

        Raises:
            DepescheError: the call failed.
            EngineLost: the call did not return, even after twice its time limit.
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
                one.complete(hypotheses)
            else:
                one.fail(EngineError("the engine returned no output for this text"))
        self._measure(batch, generated)

    def _measure(self, batch: Sequence[QueuedItem], generated: Generated) -> None:
        # Under load, every replica runs a call. The cost of a call is therefore its duration divided by the number of
        # replicas.
        self._queue.measure(batch, generated.seconds / self.engine.replicas)
        started_s = asyncio.get_running_loop().time() - generated.seconds
        lengths = [one.pending.tokens for one in batch]
        self.engine.emit(
            BatchDone(
                self._model,
                items=len(batch),
                source_tokens=sum(lengths),
                padded_tokens=max(lengths) * len(lengths),
                output_tokens=generated.output_tokens,
                oldest_wait_s=started_s - min(one.pending.enqueued_s for one in batch),
                inference_s=generated.seconds,
                number=batch[0].future.batch,
            )
        )


def _halves(batch: Batch) -> list[Batch]:
    """Split a batch into halves, and return the second half first, because the caller takes the last element first.

    A batch of one item is not split.
    """
    middle = len(batch) // 2
    return [part for part in (batch[middle:], batch[:middle]) if part]


@dataclass(frozen=True, slots=True)
class State:
    """The state of a batcher, for the health probes.

    ``ready`` means that the engine is warmed up, that it is neither hung nor dead, and that the batcher is not
    draining. ``hung`` means that an engine call took too long, and the engine has not recovered since. ``dead`` means
    that the process must exit, and ``alive`` is the opposite of ``dead``. A full queue does not change any of these
    flags.
    """

    alive: bool
    ready: bool
    hung: bool
    dead: bool


class Batcher:
    """A batcher that combines the requests of many callers into batches for one model.

    A batcher must be created and used in one event loop. ``factory`` builds the engine in an engine thread. ``warm_up``
    is an input that any working engine can process. ``on_dead`` is called when the engine fails permanently: a call
    took longer than twice ``engine_hang_s``, a failed engine could not be rebuilt, or the worker raised an unexpected
    exception. All futures are done before ``on_dead`` is called.
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
        self._draining = self._stopped = False
        engine = SupervisedEngine(model, factory, warm_up, limits=self.limits, listener=listener)
        self.worker = Worker(model, engine, self.queue, self._lose)

    @property
    def state(self) -> State:
        """The current state of the batcher."""
        condition = self.worker.engine.condition
        dead, hung = self._lost is not None, condition == "hung"
        ready = condition == "ready" and not (dead or self._draining)
        return State(alive=not dead, ready=ready, hung=hung, dead=dead)

    async def start(self) -> None:
        """Load and warm up the engine. If this fails, call `drain` to free the resources.

        Raises:
            ModelError: the model's files cannot be loaded.
            EngineError: the engine cannot be built or fails its warm-up.
        """
        try:
            await self.worker.start()
        except EngineLost as lost:
            self._lose(lost.error)
            raise lost.error from lost

    @overload
    def submit_many(
        self,
        items: Sequence[EngineInput],
        *,
        priority: Priority = ...,
        deadline_s: float | None = ...,
        admitted: bool = ...,
    ) -> list[ResultFuture]: ...

    @overload
    def submit_many(
        self,
        items: Sequence[EngineInput],
        *,
        priority: Priority = ...,
        deadline_s: float | None = ...,
        convert: Convert[T],
        admitted: bool = ...,
    ) -> list[ItemFuture[T]]: ...

    def submit_many(
        self,
        items: Sequence[EngineInput],
        *,
        priority: Priority = "interactive",
        deadline_s: float | None = None,
        convert: Convert[Any] | None = None,
        admitted: bool = False,
    ) -> list[ItemFuture[Any]]:
        """Admit all ``items`` of a request or none of them, and return one future for each item, in order.

        ``admitted`` means that the items belong to a request that was already admitted. For such items, neither the
        limits of the queue nor the deadline is checked.

        The result of a future is a list of one or more hypotheses. If ``convert`` is set, it is called in the event
        loop with the item and this list, and its return value is the result of the future. A future may raise
        EngineError, Draining or an exception of ``convert``. Cancelling a future removes its item from the queue.
        ``deadline_s`` is on the event loop's clock. It only determines whether the request is admitted, so the caller
        must cancel its futures at the deadline.

        Raises:
            QueueFull, TooSlow, NotReady, Draining: the batcher cannot accept work at the moment.
            InvalidInput: the request exceeds the limits of an empty queue.
            DeadlineExceeded: the deadline has passed.
        """
        if self._stopped or (self._draining and not admitted):
            raise Draining("the process is shutting down; send the request again")
        if self._lost is not None or self.worker.engine.condition != "ready":
            raise NotReady("the model is loading or recovering from a failure; retry later")
        return self.queue.put(items, priority=priority, deadline_s=deadline_s, convert=convert, admitted=admitted)

    def refuse(self) -> None:
        """Refuse new requests from now on. Requests that were already admitted may still submit further items."""
        self._draining = True

    async def drain(self, timeout_s: float) -> None:
        """Refuse new requests, wait up to ``timeout_s`` seconds for admitted requests, and stop.

        The futures of unfinished items raise Draining. Several generators may share a batcher, and each of them drains
        it, so a call has no effect if the batcher has already stopped.
        """
        if self._stopped:
            return
        self.refuse()
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(timeout_s):
                while unanswered := self.queue.unanswered:  # admitted requests may add work
                    await asyncio.wait(unanswered)
        self._stopped = True
        self.queue.fail(Draining("the process shut down before the work was done; send the request again"))
        await self.worker.stop()

    def _lose(self, answer: EngineError) -> None:
        if self._lost is None:
            self._lost = answer
            self.queue.fail(answer)
            self._on_dead()
