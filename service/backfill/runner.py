"""The run of a backfill."""

import asyncio
import json
import time
from collections import Counter, deque
from collections.abc import AsyncGenerator, AsyncIterator, Awaitable, Callable, Iterator, Mapping
from contextlib import aclosing, asynccontextmanager, closing
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Generic, TypeVar

from service import __version__
from service.backfill.journal import FilePosition, InputLine, InputLines, Journal
from service.backfill.record import Worker, encoded
from service.errors import DepescheError
from service.http.mapping import model_out
from service.newsroom.commands import TextLimits
from service.newsroom.newsroom import Newsroom

MOST_FAILURES_LISTED = 1_000


@dataclass(frozen=True, slots=True)
class Verdict:
    """The outcome of one line: the code of its error (None: it has a result), and the codes of its warnings."""

    line: int
    error: str | None
    warnings: tuple[str, ...]


def verdict(record: Mapping[str, Any]) -> Verdict:
    """The verdict of one record of the output."""
    if "error" in record:
        return Verdict(record["line"], record["error"]["code"], ())
    parts = [part for part in record["result"].values() if isinstance(part, dict)]
    warnings = tuple(warning["code"] for part in parts for warning in part.get("warnings", ()))
    return Verdict(record["line"], None, warnings)


class Counts:
    """Counts of verdicts, including those of earlier runs; bounded in memory."""

    def __init__(self) -> None:
        self.lines = 0
        self.errors: Counter[str] = Counter()
        self._warnings: Counter[str] = Counter()
        self._failures: list[Verdict] = []

    @property
    def failed(self) -> int:
        """The number of lines with an error."""
        return self.errors.total()

    def add(self, one: Verdict) -> None:
        """Count one line."""
        self.lines += 1
        self._warnings.update(one.warnings)
        if one.error is not None:
            self.errors[one.error] += 1
            if len(self._failures) < MOST_FAILURES_LISTED:
                self._failures.append(one)

    def report(self) -> dict[str, Any]:
        """The counts for the report, with the first ``MOST_FAILURES_LISTED`` failures."""
        return {
            "lines": self.lines,
            "done": self.lines - self.failed,
            "failed": self.failed,
            "errors_by_code": dict(self.errors.most_common()),
            "warnings_by_code": dict(self._warnings.most_common()),
            "failures": [{"line": one.line, "code": one.error} for one in self._failures],
            "failures_not_listed": self.failed - len(self._failures),
        }


DONE_PER_WORKING = 4
T = TypeVar("T")


class Window(Generic[T]):
    """Runs ``work`` on up to ``concurrency`` lines at the same time, and gives the results in order.

    The window has up to ``DONE_PER_WORKING`` times as many lines, including finished ones that wait for an earlier
    line, so that one long article does not stop the others. It takes no line while its lines have ``most_bytes``.
    """

    def __init__(self, work: Callable[[InputLine], Awaitable[T]], *, concurrency: int, most_bytes: int) -> None:
        self._work = work
        self._concurrency = concurrency
        self._most_bytes = most_bytes
        self._lines: deque[tuple[InputLine, asyncio.Future[T]]] = deque()
        self._closed = False

    def __len__(self) -> int:
        return len(self._lines)

    def close(self) -> None:
        """Take no further line; lines in the window are finished."""
        self._closed = True

    async def results(self, lines: Iterator[InputLine]) -> AsyncGenerator[tuple[InputLine, T], None]:
        """Each line with its result, in order; an exception of ``work`` is raised and cancels the other lines."""
        try:
            while True:
                self._fill(lines)
                if not self._lines:
                    return
                if not self._lines[0][1].done():
                    await asyncio.wait(self._working(), return_when=asyncio.FIRST_COMPLETED)
                while self._lines and self._lines[0][1].done():
                    line, result = self._lines.popleft()
                    yield line, result.result()
        finally:
            left = [result for _, result in self._lines]
            for result in left:
                result.cancel()
            await asyncio.gather(*left, return_exceptions=True)

    def _fill(self, lines: Iterator[InputLine]) -> None:
        while not self._closed and self._room():
            line = next(lines, None)
            if line is None:
                return
            self._lines.append((line, asyncio.ensure_future(self._work(line))))

    def _room(self) -> bool:
        return (
            len(self._lines) < DONE_PER_WORKING * self._concurrency
            and len(self._working()) < self._concurrency
            and sum(line.size_bytes for line, _ in self._lines) < self._most_bytes
        )

    def _working(self) -> list[asyncio.Future[T]]:
        return [result for _, result in self._lines if not result.done()]


# Lines in the window may have the bytes of this many longest lines, which is thousands of ordinary ones.
LONGEST_LINES = 4


@dataclass(frozen=True, slots=True)
class JobSpec:
    """The job of one command. ``defaults`` are body fields for lines that do not have them."""

    archive: Path
    output: Path
    defaults: dict[str, Any]
    concurrency: int
    max_line_bytes: int
    limits: TextLimits
    cache: bool
    restart: bool

    def made_with(self, newsroom: Newsroom) -> dict[str, Any]:
        """The conditions of the output, which must be equal in every run of a job."""
        return {
            "software": f"depesche {__version__}",
            "models": [model_out(model).model_dump(mode="json") for model in newsroom.models],
            "options": {**self.defaults, "cache": self.cache},
            "limits": {"max_line_bytes": self.max_line_bytes, "max_text_chars": self.limits.chars},
        }


@dataclass(slots=True)
class BackfillProgress:
    """The progress of a run. Earlier runs did ``resumed`` lines; ``cut_bytes`` of their output were cut off."""

    tally: Counts = field(default_factory=Counts)
    resumed: int = 0
    cut_bytes: int = 0
    read_bytes: int = 0
    of_bytes: int = 0
    seconds: float = 0.0
    stopped: bool = False

    @property
    def articles_per_s(self) -> float:
        """Lines per second of this run, without the loading of models."""
        return (self.tally.lines - self.resumed) / self.seconds if self.seconds else 0.0


Follower = Callable[[BackfillProgress], None]


class Run:
    """One run of a job. It calls ``resumed`` at its beginning, and ``progress`` for every line that is written."""

    def __init__(self, order: JobSpec, newsroom: Newsroom, *, resumed: Follower, progress: Follower) -> None:
        self._order = order
        self._newsroom = newsroom
        self._resumed = resumed
        self._progress = progress
        self._worker = Worker(newsroom, order.limits, order.max_line_bytes, order.defaults, cache=order.cache)
        most_bytes = LONGEST_LINES * order.max_line_bytes
        self._window = Window(self._work, concurrency=order.concurrency, most_bytes=most_bytes)
        self.standing = BackfillProgress()

    def stop(self) -> int:
        """Take no further line; returns the number of lines in progress, which are finished and written."""
        self.standing.stopped = True
        self._window.close()
        return len(self._window)

    async def go(self) -> None:
        """Run the archive to its end, or until `stop`.

        Raises:
            CannotResume: archive, output, options or models differ from the last run.
            EngineDead: an engine is lost; committed lines stay in the output.
            DepescheError: a file cannot be read or written, or a model cannot be loaded.
        """
        order = self._order
        if order.output.exists() and order.archive.exists() and order.output.samefile(order.archive):
            raise DepescheError(f"{order.output} is the archive itself")
        with (
            closing(InputLines(order.archive, order.max_line_bytes)) as lines,
            closing(Journal(order.output)) as journal,
        ):
            async with _started(self._newsroom):
                try:
                    self._resume(lines, journal)
                    await self._work_off(lines, journal)
                except OSError as error:
                    raise DepescheError(f"{error.filename or order.output}: {error.strerror}") from error

    def _resume(self, lines: InputLines, journal: Journal) -> None:
        order, standing = self._order, self.standing
        standing.cut_bytes = journal.resume(lines, order.made_with(self._newsroom), restart=order.restart)
        for record in journal.records():
            standing.tally.add(verdict(json.loads(record)))
        standing.resumed = standing.tally.lines
        standing.read_bytes, standing.of_bytes = lines.place.size_bytes, lines.size_bytes
        self._resumed(standing)

    async def _work(self, line: InputLine) -> tuple[bytes, Verdict]:
        """The record as bytes, because as objects it needs several times their memory while it waits."""
        record = await self._worker.record(line)
        return encoded(record), verdict(record)

    async def _work_off(self, lines: InputLines, journal: Journal) -> None:
        started_s = time.monotonic()
        read = lines.place
        async with aclosing(self._window.results(iter(lines))) as results:
            async for line, (record, of_record) in results:
                journal.append(record)
                read = line.end
                if journal.due:
                    await asyncio.to_thread(journal.commit, read)
                self._count(read, of_record, time.monotonic() - started_s)
        journal.commit(read)

    def _count(self, read: FilePosition, of_record: Verdict, seconds: float) -> None:
        self.standing.tally.add(of_record)
        self.standing.read_bytes = read.size_bytes
        self.standing.seconds = seconds
        self._progress(self.standing)


@asynccontextmanager
async def _started(newsroom: Newsroom) -> AsyncIterator[None]:
    try:
        await newsroom.start()
        yield
    finally:
        await newsroom.stop()
