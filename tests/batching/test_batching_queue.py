"""The queue: bounds, deadlines, callers that leave."""

import asyncio

import pytest

from service.batching.limits import Limits
from service.batching.queue import Answer, Queue
from service.errors import DeadlineExceeded, EngineError, InvalidInput, QueueFull
from service.types import EngineInput
from tests.batching.rig import Clock, sized, turns


def put(queue: Queue, items: list[EngineInput], deadline_s: float | None = None) -> list[Answer]:
    return queue.put(items, priority="interactive", deadline_s=deadline_s)


async def test_a_request_that_does_not_fit_is_refused_as_a_whole() -> None:
    queue = Queue(Limits(queue_items=5))
    put(queue, [sized(1)] * 3)
    with pytest.raises(QueueFull):
        put(queue, [sized(1)] * 3)
    assert (len(queue), queue.tokens) == (3, 3)


async def test_tokens_are_bounded_as_well_as_items() -> None:
    queue = Queue(Limits(queue_tokens=10))
    put(queue, [sized(6)])
    with pytest.raises(QueueFull):
        put(queue, [sized(5)])


@pytest.mark.parametrize("items", [[sized(1)] * 6, [sized(11)]])
async def test_work_that_can_never_fit_is_not_told_to_come_back(items: list[EngineInput]) -> None:
    queue = Queue(Limits(queue_items=5, queue_tokens=10))
    with pytest.raises(InvalidInput) as refused:
        put(queue, items)
    assert refused.value.limit in {5, 10}


async def test_retry_after_is_the_time_that_the_waiting_tokens_take_at_the_measured_speed() -> None:
    queue = Queue(Limits(queue_tokens=100))
    queue.throughput.add(tokens=40, seconds=4.0)
    put(queue, [sized(80)])
    with pytest.raises(QueueFull) as refused:
        put(queue, [sized(40)])
    assert refused.value.retry_after_s == pytest.approx(8.0)


async def test_several_workers_shorten_the_estimated_wait() -> None:
    queue = Queue(Limits(workers=2))
    queue.throughput.add(tokens=40, seconds=4.0)
    put(queue, [sized(80)])
    assert queue.wait_s == pytest.approx(4.0)


async def test_without_a_measurement_the_queue_claims_no_estimate() -> None:
    queue = Queue(Limits())
    put(queue, [sized(80)])
    assert queue.wait_s is None


async def test_an_item_whose_caller_left_frees_its_room_and_is_not_planned() -> None:
    queue = Queue(Limits(queue_items=2))
    gone, stays = put(queue, [sized(1), sized(2)])
    gone.cancel()
    batch = await queue.take()
    await turns()
    assert [one.answer for one in batch] == [stays]
    assert (len(queue), queue.tokens) == (0, 0)


async def test_a_deadline_that_passes_while_waiting_is_told_at_once(clock: Clock) -> None:
    queue = Queue(Limits())
    (answer,) = put(queue, [sized(3)], deadline_s=clock.now_s + 2)
    await clock.turn(1.9)
    assert not answer.done()
    await clock.turn(0.2)
    assert isinstance(answer.exception(), DeadlineExceeded)
    assert (len(queue), queue.tokens) == (0, 0)


async def test_a_deadline_that_is_past_admits_nothing(clock: Clock) -> None:
    queue = Queue(Limits())
    with pytest.raises(DeadlineExceeded):
        put(queue, [sized(3)], deadline_s=clock.now_s)
    assert len(queue) == 0


async def test_take_waits_until_something_arrives() -> None:
    queue = Queue(Limits())
    taking = asyncio.create_task(queue.take())
    await turns()
    assert not taking.done()
    put(queue, [sized(1)])
    assert len(await taking) == 1


async def test_two_takers_never_get_the_same_item() -> None:
    queue = Queue(Limits(batch_items=1))
    taking = [asyncio.create_task(queue.take()) for _ in range(2)]
    await turns()
    answers = put(queue, [sized(1), sized(1)])
    batches = await asyncio.gather(*taking)
    assert {one.answer for batch in batches for one in batch} == set(answers)


async def test_what_is_taken_is_unanswered_but_waits_no_longer() -> None:
    queue = Queue(Limits())
    (answer,) = put(queue, [sized(4)])
    await queue.take()
    assert (len(queue), queue.tokens, queue.unanswered) == (0, 0, frozenset({answer}))


async def test_a_failure_of_the_queue_reaches_waiting_and_running_items() -> None:
    queue = Queue(Limits(batch_items=1))
    answers = put(queue, [sized(1), sized(1)])
    await queue.take()
    queue.fail(EngineError("gone"))
    await turns()
    assert [type(answer.exception()) for answer in answers] == [EngineError, EngineError]
    assert not queue.unanswered
