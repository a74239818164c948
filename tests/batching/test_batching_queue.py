"""Tests of the queue: limits, estimates of waiting time, and callers that cancel."""

import asyncio
from typing import Literal

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from service.domain import EngineInput
from service.errors import DeadlineExceeded, EngineError, InvalidInput, QueueFull
from service.generation.scheduler import WAIT_TOLERANCE, Limits, Queue, QueuedItem, ResultFuture, TooSlow
from tests.batching.rig import Clock, sized, stopped_clock, turns


def take(queue: Queue) -> list[QueuedItem]:
    """Take the next batch from the queue, and return all of its items."""
    return [one for call in queue.take() for one in call]


def put(queue: Queue, items: list[EngineInput], deadline_s: float | None = None) -> list[ResultFuture]:
    return queue.put(items, priority="interactive", deadline_s=deadline_s)


async def test_request_is_refused_as_a_whole() -> None:
    queue = Queue(Limits(queue_items=5))
    put(queue, [sized(1)] * 3)
    with pytest.raises(QueueFull):
        put(queue, [sized(1)] * 3)
    assert (len(queue), queue.tokens) == (3, 3)


async def test_queue_limits_tokens_and_items() -> None:
    queue = Queue(Limits(queue_tokens=10))
    put(queue, [sized(6)])
    with pytest.raises(QueueFull):
        put(queue, [sized(5)])


@pytest.mark.parametrize("items", [[sized(1)] * 6, [sized(11)]])
async def test_oversized_request_gets_no_retry_after(items: list[EngineInput]) -> None:
    queue = Queue(Limits(queue_items=5, queue_tokens=10))
    with pytest.raises(InvalidInput) as refused:
        put(queue, items)
    assert refused.value.limit in {5, 10}


async def crowd(queue: Queue, *, tokens_a_s: float) -> None:
    """Complete two batches of one token each at ``tokens_a_s`` tokens per second.

    The second item is waiting while the first batch is measured.
    """
    futures = put(queue, [sized(1)] * 2)
    for answer in futures:
        (one,) = take(queue)
        queue.measure([one], 1 / tokens_a_s)
        one.complete([])
        await answer
    await turns()


async def test_retry_after_follows_measured_speed() -> None:
    queue = Queue(Limits(queue_tokens=100, batch_items=1))
    await crowd(queue, tokens_a_s=10)
    put(queue, [sized(80)])
    with pytest.raises(QueueFull) as refused:
        put(queue, [sized(40)])
    assert refused.value.retry_after_s == pytest.approx(2.0)


async def test_retry_after_includes_running_work() -> None:
    queue = Queue(Limits(queue_tokens=100, batch_items=1))
    await crowd(queue, tokens_a_s=10)
    put(queue, [sized(50)])
    take(queue)
    put(queue, [sized(80)])
    with pytest.raises(QueueFull) as refused:
        put(queue, [sized(40)])
    assert refused.value.retry_after_s == pytest.approx((50 + 20) / 10)


async def test_long_retry_after_is_not_capped() -> None:
    queue = Queue(Limits(queue_tokens=10_000, batch_items=1))
    await crowd(queue, tokens_a_s=10)
    put(queue, [sized(10_000)])
    with pytest.raises(QueueFull) as refused:
        put(queue, [sized(5_000)])
    assert refused.value.retry_after_s == pytest.approx(500)


async def test_request_with_short_deadline_is_refused_immediately(clock: Clock) -> None:
    queue = Queue(Limits(batch_items=1))
    await crowd(queue, tokens_a_s=10)
    put(queue, [sized(100)])
    with pytest.raises(TooSlow) as refused:
        put(queue, [sized(20)], deadline_s=clock.now_s + 5)
    assert refused.value.retry_after_s == pytest.approx(10 - (5 - 2))
    assert len(queue) == 1


async def test_slightly_long_estimate_refuses_no_request(clock: Clock) -> None:
    queue = Queue(Limits(batch_items=1))
    await crowd(queue, tokens_a_s=10)
    put(queue, [sized(100)])
    assert put(queue, [sized(20)], deadline_s=clock.now_s + 10 / WAIT_TOLERANCE + 0.1)


async def test_no_request_is_too_slow_without_measured_backlog(clock: Clock) -> None:
    queue = Queue(Limits())
    put(queue, [sized(1)])
    queue.measure(take(queue), 60.0)
    put(queue, [sized(10_000)])
    assert put(queue, [sized(1)], deadline_s=clock.now_s + 0.1)


async def test_waiting_bulk_does_not_count_for_interactive_estimate(clock: Clock) -> None:
    queue = Queue(Limits(batch_items=1))
    await crowd(queue, tokens_a_s=10)
    queue.put([sized(1_000)], priority="bulk", deadline_s=None)
    assert put(queue, [sized(1)], deadline_s=clock.now_s + 1)
    with pytest.raises(TooSlow):
        queue.put([sized(1)], priority="bulk", deadline_s=clock.now_s + 1)


async def work_off(queue: Queue, clock: Clock, *, tokens_a_s: float, until_s: float) -> None:
    """Simulate an engine that processes ``tokens_a_s`` tokens per second until the clock reaches ``until_s`` seconds.

    Each batch advances the clock. If the queue becomes empty, the clock is set to ``until_s``.
    """
    while len(queue) and clock.now_s < until_s:
        batch = take(queue)
        seconds = sum(len(one.item.tokens) for one in batch) / tokens_a_s
        clock.now_s += seconds
        queue.measure(batch, seconds)
        for one in batch:
            one.complete([])
        await turns()
    clock.now_s = max(clock.now_s, until_s)


requests = st.lists(
    st.tuples(st.lists(st.integers(1, 60), min_size=1, max_size=12), st.sampled_from(["interactive", "bulk"])),
    min_size=3,
    max_size=25,
)


@settings(max_examples=100, deadline=None)
@given(requests, st.floats(1, 60))
@example([([1], "interactive"), ([1, 1, 10], "interactive"), ([30], "interactive"), ([1], "interactive")], 1.0)
async def test_retry_after_the_given_delay_is_admitted(
    wanted: list[tuple[list[int], Literal["interactive", "bulk"]]], left_s: float
) -> None:
    with stopped_clock() as clock:
        queue = Queue(Limits(queue_tokens=800, batch_items=4, token_budget=120))
        rate = 20.0
        put(queue, [sized(5)] * 8)
        await work_off(queue, clock, tokens_a_s=rate, until_s=clock.now_s + 60)
        for lengths, priority in wanted:
            items = [sized(length) for length in lengths]
            for attempt in range(2):
                try:
                    queue.put(items, priority=priority, deadline_s=clock.now_s + left_s)
                except (QueueFull, TooSlow) as refused:
                    assert attempt == 0, "it came back when it was told to"
                    await work_off(queue, clock, tokens_a_s=rate, until_s=clock.now_s + refused.retry_after_s)
                else:
                    break


async def test_cancelled_item_frees_its_room() -> None:
    queue = Queue(Limits(queue_items=2))
    gone, stays = put(queue, [sized(1), sized(2)])
    gone.cancel()
    batch = take(queue)
    await turns()
    assert [one.future for one in batch] == [stays]
    assert (len(queue), queue.tokens) == (0, 0)


async def test_expired_deadline_is_refused(clock: Clock) -> None:
    queue = Queue(Limits())
    with pytest.raises(DeadlineExceeded):
        put(queue, [sized(3)], deadline_s=clock.now_s)
    assert len(queue) == 0


async def test_arrival_ignores_cancelled_items() -> None:
    queue = Queue(Limits())
    arrival = asyncio.create_task(queue.arrival())
    await turns()
    (left,) = put(queue, [sized(1)])
    left.cancel()
    await turns()
    assert not arrival.done()
    put(queue, [sized(1)])
    await arrival


async def test_item_is_taken_once() -> None:
    queue = Queue(Limits(batch_items=1))
    futures = put(queue, [sized(1), sized(1)])
    batches = [take(queue), take(queue), take(queue)]
    assert [one.future for batch in batches for one in batch] == futures


async def test_taken_item_is_unanswered_and_not_waiting() -> None:
    queue = Queue(Limits())
    (answer,) = put(queue, [sized(4)])
    take(queue)
    assert (len(queue), queue.tokens, queue.unanswered) == (0, 0, frozenset({answer}))


async def test_queue_failure_reaches_waiting_and_running_items() -> None:
    queue = Queue(Limits(batch_items=1))
    futures = put(queue, [sized(1), sized(1)])
    take(queue)
    queue.fail(EngineError("gone"))
    await turns()
    assert [type(answer.exception()) for answer in futures] == [EngineError, EngineError]
    assert not queue.unanswered


async def test_waiting_items_are_split_across_idle_replicas() -> None:
    queue = Queue(Limits(batch_items=8, token_budget=512))
    put(queue, [*[sized(16)] * 11, *[sized(64)] * 3])
    calls = queue.take(2)
    assert sorted(len(call) for call in calls) == [3, 5, 6]
    assert all(max(one.pending.tokens for one in call) * len(call) <= 512 for call in calls)


async def test_first_call_of_an_idle_engine_is_small_and_has_one_padded_length() -> None:
    queue = Queue(Limits(batch_items=8, first_items=2))
    put(queue, [sized(64), *[sized(16)] * 3, *[sized(64)] * 6])
    calls = [queue.take(1), queue.take(0), queue.take(0)]
    assert [[one.pending.tokens for one in call] for (call,) in calls] == [[64] * 2, [16] * 3, [64] * 5]


async def test_batch_with_few_items_left_is_no_backlog_measurement(clock: Clock) -> None:
    queue = Queue(Limits(batch_items=2))
    put(queue, [sized(1)] * 3)
    queue.measure(take(queue), 60.0)
    put(queue, [sized(1_000)])
    assert put(queue, [sized(1)], deadline_s=clock.now_s + 0.1)


async def test_item_has_no_start_time_before_its_call() -> None:
    queue = Queue(Limits())
    (answer,) = put(queue, [sized(1)])
    batch = take(queue)
    assert (batch[0].dequeued, answer.started_s) == (True, None)
    queue.mark_started(batch)
    assert answer.started_s is not None
    assert answer.batch == 1
