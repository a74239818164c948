"""When a request waited for the engine, and in which of its calls it had something: what traces show."""

import time
from collections.abc import Sequence

from service.batching.waiting import Answer
from service.pipeline.call import Interval, Timings


def note_calls(timings: Timings, answers: Sequence[Answer], since_s: float, now_s: float, model: str) -> None:
    """Note the wait from ``since_s`` to the first call, and each call; both times are on the event loop's clock."""
    to_perf_s = time.perf_counter() - now_s  # the loop's clock may be another one
    calls = {
        one.batch: (one.taken_s, now_s if one.given_s is None else one.given_s)
        for one in answers
        if one.taken_s is not None
    }
    first_s = min((taken_s for taken_s, _ in calls.values()), default=now_s)
    timings.ran(Interval("queue", since_s + to_perf_s, first_s - since_s))
    for number, (taken_s, given_s) in calls.items():
        timings.ran(Interval("inference", taken_s + to_perf_s, given_s - taken_s, ((model, number),)))
