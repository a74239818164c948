"""The batch that an engine has before it is done with the one before."""

import asyncio
from collections.abc import Callable, Sequence

from service.batching.batcher import Batcher
from service.batching.limits import Limits
from service.engines.fake import FakeEngine, Gate
from service.types import EngineInput, Hypothesis
from tests.batching.rig import WARM_UP, entered, item, sized, turns, written

PAIRS = Limits(batch_items=2, rebuild_pauses_s=(0.0,))


class EagerFake(FakeEngine):
    """A fake that notes which calls began, and answers them in order when it is asked."""

    def __init__(self, slots: int = 1) -> None:
        super().__init__()
        self.slots = slots
        self.begun: list[tuple[EngineInput, ...]] = []

    def begin(self, items: Sequence[EngineInput]) -> Callable[[], list[list[Hypothesis]]]:
        self.begun.append(tuple(items))
        return lambda: self.generate(items)


async def started(engine: EagerFake, limits: Limits = PAIRS) -> Batcher:
    batcher = Batcher("model", lambda: engine, WARM_UP, limits=limits)
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


async def test_every_slot_has_a_batch_that_is_its_share_of_what_waits() -> None:
    engine, gate = EagerFake(slots=2), Gate()
    batcher = await started(engine, Limits())
    engine.handler = gate
    answers = batcher.submit_many([item(f"s{n}") for n in range(6)])
    await entered(gate)
    await turns()
    assert [len(call) for call in engine.begun] == [3, 3]
    gate.release()
    assert [written(one) for one in await asyncio.gather(*answers)] == [f"S{n}" for n in range(6)]
    await batcher.drain(0.0)


async def test_results_of_one_slot_are_given_out_while_another_is_at_work() -> None:
    engine, gate = EagerFake(slots=2), Gate()
    batcher = await started(engine, Limits())
    sound = engine.handler
    engine.handler = lambda items: (gate if "s5" in items[-1].tokens else sound)(items)
    answers = batcher.submit_many([item(f"s{n}") for n in range(6)])
    await entered(gate)
    await turns()
    assert [answer.done() for answer in answers] == [True] * 3 + [False] * 3
    gate.release()
    await asyncio.gather(*answers)
    await batcher.drain(0.0)


async def test_a_batch_is_of_one_padded_length() -> None:
    engine = EagerFake()
    batcher = await started(engine, Limits())
    answers = batcher.submit_many([sized(tokens) for tokens in (3, 40, 5, 41, 17)])
    await asyncio.gather(*answers)
    assert [[len(one.tokens) for one in call] for call in engine.begun] == [[3, 5], [40, 41], [17]]
    await batcher.drain(0.0)
