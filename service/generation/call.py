"""The options and timings of a request, and the threads and processes in which texts are processed."""

import asyncio
import time
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import contextmanager
from contextvars import copy_context
from dataclasses import dataclass, field, replace
from functools import partial
from typing import Any, Literal, NamedTuple, ParamSpec, TypeVar

from service.domain import Span
from service.errors import DeadlineExceeded
from service.workers import Workers

T = TypeVar("T")
P = ParamSpec("P")
Priority = Literal["interactive", "bulk"]
Progress = Callable[[str, int, int], None]
"""A callback for the progress of a request.

Its arguments are the stage, such as "translation", and the numbers of units of work that were finished and that were
added since the last call.
"""
Stage = Literal["clean", "segment", "select", "cache", "queue", "inference", "finish"]
MOST_INTERVALS = 500


@dataclass(frozen=True, slots=True)
class Finished:
    """A sentence that has been translated.

    ``text_number`` is the index of the sentence's text in the request. ``source`` is the span of the sentence in that
    text. ``output`` is its translation.
    """

    text_number: int
    source: Span
    output: str


Batch = tuple[str, int]
"""An engine call, identified by the name of the model and the number of the call (see `BatchDone`)."""


class Interval(NamedTuple):
    """A period in which one processing stage of a request ran.

    ``started_s`` is its start on the `time.perf_counter` clock. ``seconds`` is its duration. ``batches`` lists the
    engine calls that ran during the period.
    """

    stage: Stage
    started_s: float
    seconds: float
    batches: tuple[Batch, ...] = ()


def nothing(*_: object) -> None:
    """Do nothing. This is the default callback."""


class Timings:
    """The time that a request spends in each stage.

    ``seconds`` contains the wall-clock seconds of each stage. If a stage runs several times, even in parallel, the
    times are added up. ``intervals`` contains the first ``MOST_INTERVALS`` intervals that were recorded, from all
    stages.
    """

    def __init__(self) -> None:
        self.seconds: dict[Stage, float] = {}
        self.intervals: list[Interval] = []

    def add(self, stage: Stage, seconds: float) -> None:
        """Add ``seconds`` to the time of a stage."""
        self.seconds[stage] = self.seconds.get(stage, 0.0) + seconds

    def ran(self, interval: Interval) -> None:
        """Record an interval, but do not add its duration to the time of its stage."""
        if len(self.intervals) < MOST_INTERVALS:
            self.intervals.append(interval)

    @contextmanager
    def measured(self, stage: Stage) -> Iterator[None]:
        """Measure the ``with`` block as one interval of a stage, and add its duration to the time of the stage."""
        started_s = time.perf_counter()
        try:
            yield
        finally:
            passed_s = time.perf_counter() - started_s
            self.add(stage, passed_s)
            self.ran(Interval(stage, started_s, passed_s))


@dataclass(frozen=True, slots=True)
class Call:
    """The options and callbacks of one request.

    ``deadline_s`` is on the event loop's clock. The queue uses it to decide whether to admit the work, and `in_time`
    enforces it. ``priority`` determines the place of the work in the queue. ``read_cache`` and ``write_cache`` state
    whether results may be read from the cache, and whether they may be stored in the cache. ``started_s`` is the start
    of the request on the monotonic clock. Results are not cached if a purge is running or has ended since then. If
    ``memory_only`` is True, results are cached only in the memory of the process, for a short time. ``result_key``
    identifies the response for later purges. ``progress`` is called whenever engine work is added or finished.
    ``finished`` is called with each translated sentence, in text order.
    """

    deadline_s: float | None = None
    priority: Priority = "interactive"
    read_cache: bool = True
    write_cache: bool = True
    memory_only: bool = False
    progress: Progress = nothing
    finished: Callable[[Finished], None] = nothing
    result_key: str | None = None
    started_s: float = field(default_factory=time.monotonic)
    timings: Timings = field(default_factory=Timings)

    @classmethod
    def within(cls, seconds: float, **options: Any) -> "Call":
        """Create a call with a deadline ``seconds`` from now. ``options`` are the values of the other fields."""
        return cls(asyncio.get_running_loop().time() + seconds, **options)

    @property
    def follows(self) -> bool:
        """True if the caller receives each sentence as soon as it is translated."""
        return self.finished is not nothing

    def without_callbacks(self) -> "Call":
        """Return a copy of this call without callbacks."""
        return replace(self, progress=nothing, finished=nothing)

    async def in_time(self, work: Awaitable[T]) -> T:
        """Await ``work`` until the deadline, and return its result.

        Raises:
            DeadlineExceeded: the deadline passed before ``work`` was done.
        """
        return await in_time(self.deadline_s, work)


async def in_time(deadline_s: float | None, work: Awaitable[T]) -> T:
    """Await ``work`` until the deadline, which is on the event loop's clock, and return its result.

    Raises:
        DeadlineExceeded: the deadline passed before ``work`` was done.
    """
    try:
        async with asyncio.timeout_at(deadline_s) as deadline:
            return await work
    except TimeoutError as error:
        if not deadline.expired():
            raise
        raise DeadlineExceeded(
            "the request's deadline passed before the work was done; allow more time or send less text"
        ) from error


SLICE = 50


async def in_slices(items: Sequence[T]) -> AsyncIterator[Sequence[T]]:
    """Yield ``items`` in slices of `SLICE` items. Between two slices, the event loop runs its other tasks.

    A request may have thousands of sentences. Work of a tenth of a millisecond for each of them would otherwise delay
    all other requests.
    """
    for start in range(0, len(items), SLICE):
        if start:
            await asyncio.sleep(0)
        yield items[start : start + SLICE]


OFF_LOOP_CHARS = 500
LONG_CHARS = 20_000


PRELOAD = (
    "service.newsroom.article",
    "service.documents.registry",
    "service.http.requests",
    "trafilatura",
    "service.text.language_id:load_detector",
)
"""The modules that the work in `Workers` needs, and a function that loads data which the workers share.

This module must not import these modules, so it contains their names.
"""


class TextThreads:
    """A dispatcher that processes texts in the event loop, in one of two threads, or in a worker process.

    A running thread cannot be stopped, so the threads process only small pieces of work: texts of up to `LONG_CHARS`
    characters, and the sentences of one engine call. The second thread processes the sentences of large engine calls,
    which would delay the other work. More threads would not be faster, because all threads share the interpreter lock.
    """

    def __init__(self, workers: Workers | None = None) -> None:
        self._usual = ThreadPoolExecutor(1, "texts")
        self._long = ThreadPoolExecutor(1, "long-texts")
        self._begun_s: dict[Future[Any], float] = {}
        self.workers = workers or Workers(preload=PRELOAD)

    @property
    def oldest_s(self) -> float:
        """The age, in seconds, of the oldest work that is waiting or running in a thread or a worker process."""
        now_s = time.monotonic()
        return max(self.workers.oldest_s, *(now_s - begun_s for begun_s in list(self._begun_s.values())), 0.0)

    async def off_loop(self, chars: int, work: Callable[P, T], *args: P.args, **kwargs: P.kwargs) -> T:
        """Call ``work`` with ``args`` and ``kwargs``, and return its result.

        ``chars`` is the total length of the texts to process. Up to `OFF_LOOP_CHARS` characters are processed in the
        event loop, up to `LONG_CHARS` characters in a thread, and longer texts in a worker process. For the worker
        process, ``work``, its arguments and its result must be picklable (see `Workers.run`).

        Raises:
            DepescheError: see `Workers.run`.
        """
        if chars <= OFF_LOOP_CHARS:
            return work(*args, **kwargs)
        if chars <= LONG_CHARS:
            return await self.in_thread(chars, work, *args, **kwargs)
        return await self.workers.run(work, *args, **kwargs)

    async def in_thread(self, chars: int, work: Callable[P, T], *args: P.args, **kwargs: P.kwargs) -> T:
        """Call ``work`` with ``args`` and ``kwargs`` in a thread, and return its result.

        ``chars`` is the total length of the texts to process. The first thread processes texts of up to `LONG_CHARS`
        characters, and the second thread processes longer texts. Each thread processes its work in order of arrival.
        """
        thread = self._usual if chars <= LONG_CHARS else self._long
        whole = partial(copy_context().run, work, *args, **kwargs)
        future = thread.submit(whole)
        self._begun_s[future] = time.monotonic()
        future.add_done_callback(self._begun_s.pop)  # not when the caller leaves: the thread may still be busy
        return await asyncio.wrap_future(future)


TEXT_THREADS = TextThreads()
"""The default threads and workers for text processing, which the whole process shares."""
off_loop = TEXT_THREADS.off_loop
in_thread = TEXT_THREADS.in_thread
