"""A worker: takes batch after batch to its engine and answers every item, whatever the engine does."""

import asyncio
from collections import deque
from collections.abc import Callable, Sequence
from dataclasses import dataclass

from service.batching.engine import Begun, EngineLost, Generated, SupervisedEngine, WrongCount
from service.batching.queue import Queue, Waiting
from service.errors import DepescheError, EngineError
from service.events import BatchDone


@dataclass(frozen=True, slots=True)
class _InHand:
    """A batch that was taken from the queue, and its call where the engine has it already."""

    batch: list[Waiting]
    begun: Begun | None


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
                await self._queue.arrival()
                await self._work_off()
        except EngineLost as lost:
            self._on_lost(lost.answer)
        except Exception as error:  # noqa: BLE001 a fault of our own must not leave futures that nobody answers
            asyncio.get_running_loop().call_exception_handler({"message": "batching failed", "exception": error})
            self._on_lost(EngineError("batching failed"))

    async def _work_off(self) -> None:
        """Run one batch after the other until nothing waits.

        The engine may have the next batch before the results of this one are given out.
        """
        in_hand: deque[_InHand] = deque()
        while self._fill(in_hand):
            one = in_hand.popleft()
            try:
                await self._run(one.batch, one.begun)
            except DepescheError:
                await self.engine.recover()
                await self._isolate(one.batch)
                # The failure may have taken what had begun.
                in_hand = deque(self._taken(other.batch) for other in in_hand)

    def _fill(self, in_hand: deque[_InHand]) -> bool:
        """Take a batch where none is in hand, and the one ahead of it; whether any is in hand.

        What is ahead leaves others waiting behind it, so that waiting could not make it larger; never more than one, so
        that what comes meanwhile still chooses its company. Items of it whose callers leave cost their time.
        """
        if not in_hand and (batch := self._queue.take()):
            in_hand.append(self._taken(batch))
        if self.engine.is_eager and len(in_hand) == 1 and (ahead := self._queue.take_crowded()):
            in_hand.append(self._taken(ahead))
        return bool(in_hand)

    def _taken(self, batch: list[Waiting]) -> _InHand:
        return _InHand(batch, self.engine.begin([one.item for one in batch]))

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
                number=batch[0].answer.batch,
            )
        )


def _halves(batch: list[Waiting]) -> list[list[Waiting]]:
    """The second half and the first, which is popped first; a single item is one part, tried once more alone."""
    middle = len(batch) // 2
    return [part for part in (batch[middle:], batch[:middle]) if part]
