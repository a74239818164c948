"""A worker: takes batch after batch to its engine and answers every item, whatever the engine does."""

import asyncio
from collections.abc import Callable, Sequence

from service.batching.engine import Begun, EngineLost, Generated, SupervisedEngine, WrongCount
from service.batching.queue import Queue, Waiting
from service.errors import DepescheError, EngineError
from service.events import BatchDone


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
                await self._work_off(await self._queue.take())
        except EngineLost as lost:
            self._on_lost(lost.answer)
        except Exception as error:  # noqa: BLE001 a fault of our own must not leave futures that nobody answers
            asyncio.get_running_loop().call_exception_handler({"message": "batching failed", "exception": error})
            self._on_lost(EngineError("batching failed"))

    async def _work_off(self, batch: list[Waiting]) -> None:
        """Run ``batch`` and, while more wait than one batch holds, those that follow it.

        The engine has the next batch before the results of this one are given out; never more than one, so that what
        comes meanwhile still chooses its company. Items of a batch ahead whose callers leave cost their time.
        """
        begun = self._begin(batch) if self._queue else None
        while batch:
            ahead = self._queue.take_crowded() if begun is not None else []
            begun_ahead = self._begin(ahead) if ahead else None
            try:
                await self._run(batch, begun)
            except DepescheError:
                await self.engine.recover()
                await self._isolate(batch)
                begun_ahead = self._begin(ahead) if ahead else None  # the failure may have taken what had begun
            batch, begun = ahead, begun_ahead

    def _begin(self, batch: Sequence[Waiting]) -> Begun | None:
        return self.engine.begin([one.item for one in batch])

    async def _isolate(self, batch: list[Waiting]) -> None:
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

    async def _run(self, batch: Sequence[Waiting], begun: Begun | None = None) -> None:
        """One engine call for ``batch``, which answers every item; raises when the call failed.

        A hang or a wrong count is the whole batch's answer; after any other failure the items still wait.
        """

        def fail_all(error: EngineError) -> None:
            for one in batch:
                one.fail(error)

        started_s = asyncio.get_running_loop().time()
        try:
            generated = await self.engine.generate([one.item for one in batch], on_hang=fail_all, begun=begun)
        except WrongCount as error:
            fail_all(error)
            raise
        for one, hypotheses in zip(batch, generated.outputs, strict=True):
            if hypotheses:
                one.give(hypotheses)
            else:
                one.fail(EngineError("the engine returned no hypothesis"))
        self._measure(batch, generated, started_s)

    def _measure(self, batch: Sequence[Waiting], generated: Generated, started_s: float) -> None:
        lengths = [one.pending.tokens for one in batch]
        source_tokens, padded_tokens = sum(lengths), max(lengths) * len(lengths)
        self._queue.measure(batch, generated.seconds)
        oldest_wait_s = started_s - min(one.pending.enqueued_s for one in batch)
        self.engine.tell(
            BatchDone(
                self._model,
                items=len(batch),
                source_tokens=source_tokens,
                padded_tokens=padded_tokens,
                output_tokens=generated.output_tokens,
                oldest_wait_s=oldest_wait_s,
                inference_s=generated.seconds,
            )
        )


def _halves(batch: list[Waiting]) -> list[list[Waiting]]:
    """The second half and the first, which is popped first; a single item is one part, tried once more alone."""
    middle = len(batch) // 2
    return [part for part in (batch[middle:], batch[:middle]) if part]
