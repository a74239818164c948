"""What one request asks of the pipeline beside its text: time, priority, cache use, and who follows its progress."""

import asyncio
import time
from collections.abc import Awaitable, Callable, Coroutine, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from typing import Any, Literal, NamedTuple, TypeVar

from service.errors import DeadlineExceeded
from service.types import Span

Priority = Literal["interactive", "bulk"]
T = TypeVar("T")
Progress = Callable[[int, int], None]
Stage = Literal["clean", "segment", "select", "cache", "queue", "inference", "finish"]
MOST_INTERVALS = 500


@dataclass(frozen=True, slots=True)
class Finished:
    """A translated sentence: the number of its text in the request, where it stands there, and the translation."""

    text_number: int
    source: Span
    output: str


Batch = tuple[str, int]
"""An engine call: the model, and its number among that model's (`BatchDone`)."""


class Interval(NamedTuple):
    """A stage from ``begun_s`` (on the clock of `time.perf_counter`) for so many seconds, and in which engine calls."""

    stage: Stage
    begun_s: float
    seconds: float
    batches: tuple[Batch, ...] = ()


def _nobody(*_: object) -> None:
    """Follower of whoever has none."""


class Timings:
    """Seconds of wall time that a request spent in each stage; those of stages that ran side by side add up.

    ``intervals`` are when they ran, of the first ``MOST_INTERVALS``.
    """

    def __init__(self) -> None:
        self.seconds: dict[Stage, float] = {}
        self.intervals: list[Interval] = []

    def add(self, stage: Stage, seconds: float) -> None:
        """Count ``seconds`` more."""
        self.seconds[stage] = self.seconds.get(stage, 0.0) + seconds

    def ran(self, interval: Interval) -> None:
        """Note when a stage ran, without counting it."""
        if len(self.intervals) < MOST_INTERVALS:
            self.intervals.append(interval)

    @contextmanager
    def measured(self, stage: Stage) -> Iterator[None]:
        """Count the time that passes meanwhile."""
        started_s = time.perf_counter()
        try:
            yield
        finally:
            passed_s = time.perf_counter() - started_s
            self.add(stage, passed_s)
            self.ran(Interval(stage, started_s, passed_s))


@dataclass(frozen=True, slots=True)
class Call:
    """``deadline_s`` is absolute, on the event loop's clock; ``begun_s`` on the monotonic one, as `Cache` asks for.

    ``result_key`` is that of the answer, under which the cache can be purged of what it was made from.
    ``progress`` is told (done, of) units of engine work, ``finished`` each translated sentence, in the text's order.
    """

    deadline_s: float | None = None
    priority: Priority = "interactive"
    read_cache: bool = True
    write_cache: bool = True
    progress: Progress = _nobody
    finished: Callable[[Finished], None] = _nobody
    result_key: str | None = None
    begun_s: float = field(default_factory=time.monotonic)
    timings: Timings = field(default_factory=Timings)

    @classmethod
    def within(cls, seconds: float, **options: Any) -> "Call":
        """A call that has that many seconds from now; ``options`` are the other fields."""
        return cls(asyncio.get_running_loop().time() + seconds, **options)

    def quiet(self) -> "Call":
        """The same call for work that its followers are not told of."""
        return replace(self, progress=_nobody, finished=_nobody)

    async def in_time(self, work: Awaitable[T]) -> T:
        """The result of ``work``.

        Raises:
            DeadlineExceeded: the time was over first.
        """
        try:
            async with asyncio.timeout_at(self.deadline_s):
                return await work
        except TimeoutError as error:
            raise DeadlineExceeded("the request's time was over before its work was done") from error

    def check(self) -> None:
        """Raise `DeadlineExceeded` when the time is over."""
        if self.deadline_s is not None and asyncio.get_running_loop().time() >= self.deadline_s:
            raise DeadlineExceeded("the request's time was over before its work was done")


async def together(*work: Coroutine[Any, Any, Any]) -> list[Any]:
    """The results of all ``work``, done at once; the first failure cancels the rest and is raised as itself."""
    tasks = [asyncio.ensure_future(one) for one in work]
    try:
        return await asyncio.gather(*tasks)
    finally:
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)
