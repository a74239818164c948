"""The batch that an engine has before it is done with the one before."""

import asyncio
from collections.abc import Callable, Sequence

from service.batching.batcher import Batcher
from service.batching.limits import Limits
from service.engines.fake import FakeEngine, Gate
from service.types import EngineInput, Hypothesis
from tests.batching.rig import WARM_UP, entered, item, turns, written

PAIRS = Limits(batch_items=2, rebuild_pauses_s=(0.0,))


class EagerFake(FakeEngine):
    """A fake that notes which calls began, and answers them in order when it is asked."""

    def __init__(self) -> None:
        super().__init__()
        self.begun: list[tuple[EngineInput, ...]] = []

    def begin(self, items: Sequence[EngineInput]) -> Callable[[], list[list[Hypothesis]]]:
        self.begun.append(tuple(items))
        return lambda: self.generate(items)


async def started(engine: EagerFake) -> Batcher:
    batcher = Batcher("model", lambda: engine, WARM_UP, limits=PAIRS)
    await batcher.start()
    return batcher


async def test_one_full_batch_begins_before_the_first_is_done_and_no_more() -> None:
    engine, gate = EagerFake(), Gate()
    batcher = await started(engine)
    engine.handler = gate
    answers = batcher.submit_many([item(f"s{n}") for n in range(9)])
    await entered(gate)
    await turns()
    assert [len(call) for call in engine.begun] == [2, 2]
    assert len(batcher.queue) == 5
    gate.release()
    assert [written(one) for one in await asyncio.gather(*answers)] == [f"S{n}" for n in range(9)]
    await batcher.drain(0.0)


async def test_what_could_still_gather_company_does_not_begin_ahead() -> None:
    engine, gate = EagerFake(), Gate()
    batcher = await started(engine)
    engine.handler = gate
    answers = batcher.submit_many([item("a"), item("b"), item("c")])
    await entered(gate)
    await turns()
    assert len(batcher.queue) == 1
    gate.release()
    await asyncio.gather(*answers)
    await batcher.drain(0.0)


async def test_a_batch_ahead_survives_the_failure_of_the_one_before() -> None:
    engine, failures = EagerFake(), iter([RuntimeError("once")])
    batcher = await started(engine)
    sound = engine.handler

    def failing_once(items: Sequence[EngineInput]) -> list[list[Hypothesis]]:
        for error in failures:
            raise error
        return sound(items)

    engine.handler = failing_once
    answers = batcher.submit_many([item(f"s{n}") for n in range(7)])
    assert [written(one) for one in await asyncio.gather(*answers)] == [f"S{n}" for n in range(7)]
    assert batcher.state.ready
    await batcher.drain(0.0)


async def test_a_call_that_cannot_begin_is_a_failure_of_its_own_batch() -> None:
    class Reluctant(EagerFake):
        def begin(self, items: Sequence[EngineInput]) -> Callable[[], list[list[Hypothesis]]]:
            if any("poison" in one.tokens for one in items):
                raise RuntimeError("poison")
            return super().begin(items)

    batcher = await started(Reluctant())
    answers = batcher.submit_many([item(word) for word in ("a", "b", "c", "poison", "d", "e", "f")])
    results = await asyncio.gather(*answers, return_exceptions=True)
    assert sum(isinstance(one, BaseException) for one in results) <= 1
    assert batcher.state.ready
    await batcher.drain(0.0)
