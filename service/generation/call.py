"""Options and timings of one call, and the threads that its text work runs in."""

import asyncio
import time
from collections.abc import Awaitable, Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from contextvars import copy_context
from dataclasses import dataclass, field, replace
from functools import partial
from typing import Any, Literal, NamedTuple, ParamSpec, TypeVar

from service.domain import Span
from service.errors import DeadlineExceeded

T = TypeVar("T")
P = ParamSpec("P")
Priority = Literal["interactive", "bulk"]
Progress = Callable[[int, int], None]
Stage = Literal["clean", "segment", "select", "cache", "queue", "inference", "finish"]
MOST_INTERVALS = 500


@dataclass(frozen=True, slots=True)
class Finished:
    """A translated sentence: the number of its text in the request, its place there, and the translation."""

    text_number: int
    source: Span
    output: str


Batch = tuple[str, int]
"""An engine call: its model and its number among that model's calls (`BatchDone`)."""


class Interval(NamedTuple):
    """A stage that began at ``begun_s`` (clock of `time.perf_counter`) and took ``seconds``, and its engine calls."""

    stage: Stage
    begun_s: float
    seconds: float
    batches: tuple[Batch, ...] = ()


def nothing(*_: object) -> None:
    """Callback that does nothing."""


class Timings:
    """Seconds of wall time that a request spent in each stage; stages that run at the same time add up.

    ``intervals`` hold when the first ``MOST_INTERVALS`` of them ran.
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
        """Count the time of the block."""
        started_s = time.perf_counter()
        try:
            yield
        finally:
            passed_s = time.perf_counter() - started_s
            self.add(stage, passed_s)
            self.ran(Interval(stage, started_s, passed_s))


@dataclass(frozen=True, slots=True)
class Call:
    """How one request is worked on, and whom it tells.

    ``deadline_s`` (on the event loop's clock) decides whether the queue takes its work; the caller of the work keeps to
    it (`in_time`). ``begun_s`` is on the monotonic clock, as `Cache.put_many` needs it. ``result_key`` is the answer's:
    the cache can be purged by it. ``progress`` hears (done, of) units of engine work, ``finished`` each translated
    sentence in the text's order.
    """

    deadline_s: float | None = None
    priority: Priority = "interactive"
    read_cache: bool = True
    write_cache: bool = True
    progress: Progress = nothing
    finished: Callable[[Finished], None] = nothing
    result_key: str | None = None
    begun_s: float = field(default_factory=time.monotonic)
    timings: Timings = field(default_factory=Timings)

    @classmethod
    def within(cls, seconds: float, **options: Any) -> "Call":
        """A call whose deadline is ``seconds`` from now; ``options`` are the other fields."""
        return cls(asyncio.get_running_loop().time() + seconds, **options)

    @property
    def follows(self) -> bool:
        """Whether its caller hears of each sentence."""
        return self.finished is not nothing

    def quiet(self) -> "Call":
        """The same call without callbacks."""
        return replace(self, progress=nothing, finished=nothing)

    async def in_time(self, work: Awaitable[T]) -> T:
        """The result of ``work``.

        Raises:
            DeadlineExceeded: the time was over first.
        """
        try:
            async with asyncio.timeout_at(self.deadline_s) as deadline:
                return await work
        except TimeoutError as error:
            if not deadline.expired():
                raise
            raise DeadlineExceeded("the request's time was over before its work was done") from error


OFF_LOOP_CHARS = 500
LONG_CHARS = 20_000


class TextThreads:
    """Threads for work on texts: one for usual texts and one for long ones, which hold up nothing short.

    More than one of each would only take the interpreter from each other.
    """

    def __init__(self) -> None:
        self._usual = ThreadPoolExecutor(1, "texts")
        self._long = ThreadPoolExecutor(1, "long-texts")

    async def off_loop(self, chars: int, work: Callable[P, T], *args: P.args, **kwargs: P.kwargs) -> T:
        """Do ``work`` on texts of ``chars`` characters together: on the loop where they are few, else `in_thread`."""
        return work(*args, **kwargs) if chars <= OFF_LOOP_CHARS else await self.in_thread(chars, work, *args, **kwargs)

    async def in_thread(self, chars: int, work: Callable[P, T], *args: P.args, **kwargs: P.kwargs) -> T:
        """Do ``work`` on texts of ``chars`` characters together in a thread, in order of asking."""
        thread = self._usual if chars <= LONG_CHARS else self._long
        whole = partial(copy_context().run, work, *args, **kwargs)
        return await asyncio.get_running_loop().run_in_executor(thread, whole)


TEXT_THREADS = TextThreads()
"""Those of the process; what works on texts takes others where a caller gives them."""
off_loop = TEXT_THREADS.off_loop
in_thread = TEXT_THREADS.in_thread
