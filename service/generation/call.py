"""Options and timings of one call, and the threads that its text work runs in."""

import asyncio
import time
from collections.abc import Awaitable, Callable, Coroutine, Hashable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from contextvars import copy_context
from dataclasses import dataclass, field, replace
from functools import partial
from hashlib import sha256
from threading import Lock
from typing import Any, Generic, Literal, NamedTuple, ParamSpec, TypeVar

from cachetools import LRUCache

from service.domain import Span
from service.errors import DeadlineExceeded

MOST_REMEMBERED_CHARS = 40_000
"""Longer texts are made anew each time: what is kept of one is many times its size."""
MOST_KEPT_CHARS = 2_000_000
"""Characters of texts of which one `Recent` keeps what was made."""
T = TypeVar("T")
_Key = tuple[bytes, Hashable]


class LruMemo(Generic[T]):
    """Results of a pure function of texts, never None, the least recently used forgotten first; any thread may ask.

    There are ``entries`` at most, of `MOST_KEPT_CHARS` characters of texts together.
    Kept under digests, so that no text is held for its own sake, and given up by ``forget`` when a story is withdrawn.
    """

    def __init__(self, entries: int) -> None:
        # Each counts as its characters, and as a share of the whole at least: so both are bounded by one number.
        self._least_chars = MOST_KEPT_CHARS // entries
        self._results: LRUCache[_Key, tuple[int, T]] = LRUCache(MOST_KEPT_CHARS, lambda kept: kept[0])
        self._lock = Lock()

    def find(self, texts: tuple[str, ...], kind: Hashable) -> T | None:
        """The result for ``texts``, None where it is not there; ``kind`` is what else it depends on."""
        return self._find(_key(texts, kind))

    def _find(self, key: _Key) -> T | None:
        with self._lock:
            kept = self._results.get(key)
        return None if kept is None else kept[1]

    def get(self, texts: tuple[str, ...], kind: Hashable, make: Callable[[], T], *, keep: bool = True) -> T:
        """The result for ``texts``, made where it is not there. Without ``keep`` nothing of it stays."""
        key = _key(texts, kind)
        if (found := self._find(key)) is not None:
            return found
        made = make()
        chars = max(self._least_chars, sum(map(len, texts)))
        if keep and chars <= MOST_KEPT_CHARS:
            with self._lock:
                self._results[key] = chars, made
        return made

    def forget(self) -> None:
        """Forget everything."""
        with self._lock:
            self._results.clear()


def _key(texts: tuple[str, ...], kind: Hashable) -> _Key:
    lengths = " ".join(str(len(text)) for text in texts)
    return sha256("\n".join((lengths, *texts)).encode("utf-8", "surrogatepass")).digest(), kind


Priority = Literal["interactive", "bulk"]
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


OFF_LOOP_CHARS = 500
LONG_CHARS = 20_000
# One thread each: more of them would only take the interpreter from each other. What is long holds up nothing short.
_USUAL = ThreadPoolExecutor(1, "texts")
_LONG = ThreadPoolExecutor(1, "long-texts")

P = ParamSpec("P")


async def off_loop(chars: int, work: Callable[P, T], *args: P.args, **kwargs: P.kwargs) -> T:
    """Do ``work`` on texts of so many characters: at once where they are few, else `in_thread`."""
    return work(*args, **kwargs) if chars <= OFF_LOOP_CHARS else await in_thread(chars, work, *args, **kwargs)


async def in_thread(chars: int, work: Callable[P, T], *args: P.args, **kwargs: P.kwargs) -> T:
    """Do ``work`` on texts of so many characters in a thread, in order of asking."""
    thread = _USUAL if chars <= LONG_CHARS else _LONG
    whole = partial(copy_context().run, work, *args, **kwargs)
    return await asyncio.get_running_loop().run_in_executor(thread, whole)


async def recalled(
    chars: int, recent: LruMemo[T], texts: tuple[str, ...], kind: Hashable, make: Callable[[], T], *, keep: bool
) -> T:
    """What ``recent`` has, at once; what it has not is made as `off_loop` does work, and kept as `Recent.get` says."""
    found = recent.find(texts, kind)
    return found if found is not None else await off_loop(chars, recent.get, texts, kind, make, keep=keep)
