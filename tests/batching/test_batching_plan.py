"""Tests of the batch planner with arbitrary mixtures of pending items."""

import random
import time
from dataclasses import replace

from hypothesis import given
from hypothesis import strategies as st

from service.generation.engines.base import padded_length
from service.generation.scheduler import MOST_HYPOTHESES, Pending, plan

NOW_S = 100.0

items = st.builds(
    Pending,
    tokens=st.integers(1, 60),
    enqueued_s=st.floats(0, NOW_S),
    priority=st.sampled_from(["interactive", "bulk"]),
    options=st.sampled_from(["beam 1", "beam 4"]),
    ahead=st.integers(0, 40),
)
queues = st.lists(items, max_size=25)
budgets = st.integers(1, 200)
counts = st.integers(1, 8)


def waiting(tokens: int, enqueued_s: float = 0.0, **fields: object) -> Pending:
    one = Pending(tokens, enqueued_s, "interactive", "beam 1", padded_tokens=padded_length(tokens))
    return replace(one, **fields)  # type: ignore[arg-type]  # names of Pending's own fields


@given(queues, budgets, counts)
def test_batch_stays_within_limits_unless_single(queue: list[Pending], budget: int, count: int) -> None:
    batch = plan(queue, token_budget=budget, max_items=count)
    longest = max((queue[i].tokens for i in batch), default=0)
    assert len(batch) <= count
    assert len(batch) <= 1 or longest * len(batch) <= budget


@given(queues, budgets, counts)
def test_batch_has_distinct_items_of_equal_options(queue: list[Pending], budget: int, count: int) -> None:
    batch = plan(queue, token_budget=budget, max_items=count)
    assert len(set(batch)) == len(batch)
    assert len({queue[i].options for i in batch}) <= 1


@given(queues, budgets, counts)
def test_batch_is_empty_only_without_pending_items(queue: list[Pending], budget: int, count: int) -> None:
    batch = plan(queue, token_budget=budget, max_items=count)
    assert bool(batch) == bool(queue)


@given(queues, budgets, counts)
def test_oldest_item_is_always_in_the_batch(queue: list[Pending], budget: int, count: int) -> None:
    same = [replace(one, priority="interactive", ahead=0) for one in queue]
    batch = plan(same, token_budget=budget, max_items=count)
    assert not same or min(range(len(same)), key=lambda i: (same[i].enqueued_s, i)) in batch


@given(queues, budgets, counts)
def test_every_item_is_served_eventually(queue: list[Pending], budget: int, count: int) -> None:
    left = list(queue)
    for _ in range(len(queue)):
        batch = plan(left, token_budget=budget, max_items=count)
        left = [one for i, one in enumerate(left) if i not in set(batch)]
    assert left == []


def test_oversized_item_is_its_own_batch() -> None:
    queue = [waiting(50), waiting(5, 1.0), waiting(5, 2.0)]
    assert plan(queue, token_budget=20, max_items=8) == [0]


def test_items_of_equal_padded_length_join_in_order() -> None:
    queue = [waiting(10, 0.0), waiting(90, 1.0), waiting(9, 3.0), waiting(11, 2.0), waiting(17, 2.5)]
    assert plan(queue, token_budget=100, max_items=8) == [0, 3, 2]


def test_too_long_item_does_not_block_a_shorter_one() -> None:
    queue = [waiting(30, 0.0), waiting(31, 1.0), waiting(20, 2.0)]
    assert plan(queue, token_budget=60, max_items=8) == [0, 2]


@given(queues, budgets, counts)
def test_batch_mixes_lengths_only_for_idle_engine(queue: list[Pending], budget: int, count: int) -> None:
    padded = [replace(one, padded_tokens=padded_length(one.tokens)) for one in queue]
    batch = plan(padded, token_budget=budget, max_items=count)
    assert len({padded[i].padded_tokens for i in batch}) <= 1


def test_idle_replicas_get_all_items_that_fit() -> None:
    queue = [waiting(10), waiting(40), *[waiting(20)] * 6]
    assert sorted(plan(queue, token_budget=200, max_items=4, idle=2)) == list(range(8))
    assert plan(queue, token_budget=200, max_items=3, idle=2) == [0]
    assert plan(queue, token_budget=100, max_items=4, idle=2) == [0]


def test_idle_engine_gets_one_call_if_options_differ_or_bulk_waits() -> None:
    queue = [waiting(10), waiting(40), waiting(20)]
    assert plan([*queue, waiting(10, options="beam 4")], token_budget=200, max_items=4, idle=2) == [0]
    assert plan([*queue, waiting(10, priority="bulk")], token_budget=200, max_items=4, idle=2) == [0]


def test_beam_size_limits_sentences_per_call() -> None:
    queue = [waiting(10, hypotheses=4)] * 40
    assert len(plan(queue, token_budget=4_096, max_items=64)) == MOST_HYPOTHESES // 4
    assert len(plan([waiting(10, hypotheses=200)], token_budget=4_096, max_items=64)) == 1


def test_interactive_precedes_bulk_of_same_age() -> None:
    queue = [waiting(5, 99.0, priority="bulk"), waiting(5, 99.0)]
    assert plan(queue, token_budget=5, max_items=1) == [1]


def test_interactive_fills_batch_before_earlier_bulk() -> None:
    queue = [waiting(10), waiting(10, priority="bulk"), waiting(12, 1.0)]
    assert plan(queue, token_budget=100, max_items=2) == [0, 2]


def test_old_bulk_precedes_new_interactive() -> None:
    queue = [waiting(5, 99.9), waiting(5, 0.0, priority="bulk")]
    assert plan(queue, token_budget=5, max_items=1) == [1]


def test_bulk_does_not_starve() -> None:
    now_s, bulk = 0.0, waiting(5, 0.0, priority="bulk")
    queue = [bulk, waiting(5, 0.0)]
    for _ in range(200):
        now_s += 1.0
        batch = plan(queue, token_budget=5, max_items=1)
        queue = [one for i, one in enumerate(queue) if i not in batch]
        if bulk not in queue:
            break
        queue += [waiting(5, now_s - wait_s) for wait_s in (0.0, 0.5)]
    assert bulk not in queue


def test_small_request_overtakes_tail_of_huge_one() -> None:
    huge = [waiting(5, 0.0, ahead=i) for i in range(640)]
    start = plan([*huge, waiting(5, 2.5)], token_budget=50, max_items=10)
    tail = plan([*huge[200:], waiting(5, 2.5)], token_budget=50, max_items=10)
    assert start == list(range(10))
    assert tail[0] == len(huge) - 200


def test_planning_time_is_linear() -> None:
    draw = random.Random(7)
    queue = [waiting(draw.randint(1, 80), draw.random() * NOW_S, ahead=draw.randint(0, 99)) for _ in range(20_000)]

    def seconds(pending: list[Pending]) -> float:
        started_s = time.thread_time()
        plan(pending, token_budget=2_048, max_items=64)
        return time.thread_time() - started_s

    small, large = (min(seconds(queue[:n]) for _ in range(3)) for n in (2_000, 20_000))
    assert large < 40 * small


def test_bulk_does_not_delay_interactive_with_other_options() -> None:
    queue = [waiting(10), waiting(10, priority="bulk"), waiting(40, options="longer")]
    assert plan(queue, token_budget=100, max_items=4) == [0]


def test_due_bulk_fills_its_batch_with_bulk() -> None:
    queue = [waiting(10, 0.0, priority="bulk"), waiting(10, 1.0, priority="bulk"), waiting(40, 90.0, options="longer")]
    assert plan(queue, token_budget=100, max_items=4) == [0, 1]


def test_bulk_does_not_delay_interactive_of_other_length() -> None:
    queue = [waiting(10), waiting(10, priority="bulk"), waiting(40)]
    assert plan(queue, token_budget=100, max_items=4) == [0]
    assert plan(queue[:2], token_budget=100, max_items=4) == [0, 1]
