"""The start: from the process's first moment to a readiness probe that says yes."""

import time

from benchmarks.latency.finding import Finding
from benchmarks.latency.plan import Plan
from benchmarks.latency.subject import subject

MOST_S = 5.0


async def measure(plan: Plan) -> list[Finding]:
    """Seconds of each start; the probe is asked every 200 ms, so they are up to that much too long."""
    seconds: list[float] = []
    for _ in range(plan.rounds):
        started_s = time.perf_counter()
        async with subject():
            seconds.append(time.perf_counter() - started_s)
    return [Finding.of("start", "start to ready", "s", seconds, MOST_S)]
