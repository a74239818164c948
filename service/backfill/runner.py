"""The ``backfill`` command, which processes an archive of articles."""

import asyncio
import contextlib
import json
import signal
import time
from collections import Counter, deque
from collections.abc import AsyncGenerator, AsyncIterator, Awaitable, Callable, Iterator, Mapping
from contextlib import AbstractContextManager, aclosing, asynccontextmanager, closing
from dataclasses import dataclass, field
from pathlib import Path
from typing import Annotated, Any, Generic, Literal, TypeVar, get_args

import typer
from rich.console import Console
from rich.progress import BarColumn, Progress, TaskProgressColumn, TextColumn, TimeElapsedColumn, TimeRemainingColumn

from service import __version__
from service.backfill.journal import FilePosition, InputLine, InputLines, Journal, write_atomically
from service.backfill.record import EngineDead, Worker, encoded
from service.errors import DepescheError
from service.http.mapping import model_out
from service.newsroom.commands import TextLimits
from service.newsroom.newsroom import Newsroom
from service.results import Output

MOST_FAILURES_LISTED = 1_000


@dataclass(frozen=True, slots=True)
class Verdict:
    """The outcome of one line.

    ``error`` is the code of the line's error, or None if the line has a result. ``warnings`` contains the codes of the
    warnings about the article, the summaries, their variants, the translation and the headlines.
    """

    line: int
    error: str | None
    warnings: tuple[str, ...]


def verdict(record: Mapping[str, Any]) -> Verdict:
    """Extract the outcome of a line from its output record."""
    if "error" in record:
        return Verdict(record["line"], record["error"]["code"], ())
    result = record["result"]
    summaries = [one for one in (result["summary"], result["summary_translation"]) if one is not None]
    parts = [result["article"], *summaries, *(variant for one in summaries for variant in one["variants"])]
    parts += [] if result["translation"] is None else [result["translation"]]
    parts += result["headlines"] or []
    return Verdict(record["line"], None, tuple(warning["code"] for part in parts for warning in part["warnings"]))


class Counts:
    """A tally of the outcomes of all lines that this run and earlier runs have processed. Its memory use is bounded."""

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
        """Add the outcome of one line."""
        self.lines += 1
        self._warnings.update(one.warnings)
        if one.error is not None:
            self.errors[one.error] += 1
            if len(self._failures) < MOST_FAILURES_LISTED:
                self._failures.append(one)

    def report(self) -> dict[str, Any]:
        """Return the contents of the report: the counts, and the first ``MOST_FAILURES_LISTED`` failures."""
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
    """A sliding window over the archive, which calls ``work`` for up to ``concurrency`` lines at the same time.

    The results are yielded in the order of the lines, so a finished line stays in the window until all earlier lines
    are finished. The window can contain up to ``DONE_PER_WORKING`` times ``concurrency`` lines, so that one long
    article does not delay the work on later articles. While the lines in the window have ``most_bytes`` bytes or more
    in total, no further lines are read.
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
        """Accept no more lines. The lines that are already in the window are still processed."""
        self._closed = True

    async def results(self, lines: Iterator[InputLine]) -> AsyncGenerator[tuple[InputLine, T], None]:
        """Call ``work`` for each line, and yield each line with its result, in order.

        If a call of ``work`` raises an exception, the work on all other lines is cancelled, and the exception is
        raised.
        """
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


# The maximum size of the window, in lines of maximum length. Thousands of ordinary lines fit.
LONGEST_LINES = 4


@dataclass(frozen=True, slots=True)
class JobSpec:
    """The specification of a backfill job.

    ``defaults`` contains values for request fields that a line omits. ``concurrency`` is the number of lines to process
    at the same time. If ``cache`` is False, the job neither reads nor writes the cache. If ``restart`` is True, the job
    discards the existing output and starts at the first line.
    """

    archive: Path
    output: Path
    defaults: dict[str, Any]
    concurrency: int
    max_line_bytes: int
    limits: TextLimits
    cache: bool
    restart: bool

    def made_with(self, newsroom: Newsroom) -> dict[str, Any]:
        """Return the properties that determine the output: the software version, models, options and limits.

        These properties must be the same in every run of a job.
        """
        return {
            "software": f"depesche {__version__}",
            "models": [model_out(model).model_dump(mode="json") for model in newsroom.models],
            "options": {**self.defaults, "cache": self.cache},
            "limits": {"max_line_bytes": self.max_line_bytes, "max_text_chars": self.limits.chars},
        }


@dataclass(slots=True)
class BackfillProgress:
    """The progress of a run.

    ``tally`` counts the outcomes of all lines written so far. ``resumed`` is the number of these lines that earlier
    runs wrote. ``cut_bytes`` is the number of bytes that were discarded from the end of the output when the run
    started. ``read_bytes`` is the number of bytes of the archive that have been processed, and ``of_bytes`` is the size
    of the archive. ``seconds`` is the running time, excluding the time to load the models. ``stopped`` is True if
    `Run.stop` was called.
    """

    tally: Counts = field(default_factory=Counts)
    resumed: int = 0
    cut_bytes: int = 0
    read_bytes: int = 0
    of_bytes: int = 0
    seconds: float = 0.0
    stopped: bool = False

    @property
    def articles_per_s(self) -> float:
        """The number of lines that this run has processed per second, excluding the time to load the models."""
        return (self.tally.lines - self.resumed) / self.seconds if self.seconds else 0.0


Follower = Callable[[BackfillProgress], None]


class Run:
    """A run of a backfill job.

    The run calls ``resumed`` once, before it processes lines, and ``progress`` after each line that it writes. Both
    callbacks receive the current `BackfillProgress`.
    """

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
        """Read no more lines from the archive.

        Return the number of lines that have been read but not written. The run still finishes and writes these lines.
        """
        self.standing.stopped = True
        self._window.close()
        return len(self._window)

    async def go(self) -> None:
        """Process the archive to its end, or until `stop` is called.

        Raises:
            CannotResume: the archive, the output, the software, the options, the limits or the models have changed
                since the last run.
            EngineDead: an engine has failed permanently. The job can be resumed after the last committed line.
            DepescheError: the output is the same file as the archive, a file cannot be read or written, or a model
                cannot be loaded.
        """
        order = self._order
        if order.output.exists() and order.archive.exists() and order.output.samefile(order.archive):
            raise DepescheError(f"the output {order.output} is the same file as the archive; name another output file")
        with (
            closing(InputLines(order.archive, order.max_line_bytes)) as lines,
            closing(Journal(order.output)) as journal,
        ):
            async with _started(self._newsroom):
                try:
                    self._resume(lines, journal)
                    await self._work_off(lines, journal)
                except OSError as error:
                    file = error.filename or order.output
                    raise DepescheError(f"{file} cannot be read or written: {error.strerror}") from error

    def _resume(self, lines: InputLines, journal: Journal) -> None:
        order, standing = self._order, self.standing
        standing.cut_bytes = journal.resume(lines, order.made_with(self._newsroom), restart=order.restart)
        for record in journal.records():
            standing.tally.add(verdict(json.loads(record)))
        standing.resumed = standing.tally.lines
        standing.read_bytes, standing.of_bytes = lines.place.size_bytes, lines.size_bytes
        self._resumed(standing)

    async def _work(self, line: InputLine) -> tuple[bytes, Verdict]:
        """Process a line, and return its encoded output record and its outcome.

        Records are encoded before they wait to be written, because unencoded records take several times as much memory.
        """
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


EXIT_FAILED_LINES = 3
EXIT_DEAD = 70
EXIT_STOPPED = 75
CONCURRENCY = 16


@dataclass(frozen=True, slots=True)
class BackfillContext:
    """The objects that the command-line interface passes to the ``backfill`` command.

    ``newsroom`` has not been started yet.
    """

    newsroom: Newsroom
    limits: TextLimits
    max_line_bytes: int
    messages: Console


def backfill(
    context: typer.Context,
    archive: Annotated[
        Path, typer.Argument(metavar="IN.jsonl", help="One article per line, in the format of POST /v1/articles.")
    ],
    output: Annotated[Path, typer.Argument(metavar="OUT.jsonl", help="One result per line, in the same order.")],
    *,
    outputs: Annotated[
        str | None, typer.Option(help="Comma-separated outputs: summary, translation, summary_translation, headlines.")
    ] = None,
    length: Annotated[Literal["short", "medium", "long"] | None, typer.Option(help="Length of the summaries.")] = None,
    method: Annotated[
        Literal["abstractive", "extractive", "lead"] | None, typer.Option(help="Method of the summaries.")
    ] = None,
    clean: Annotated[bool | None, typer.Option(help="Remove boilerplate from the articles first.")] = None,
    concurrency: Annotated[
        int, typer.Option(min=1, max=1_024, help="Number of articles to process at the same time.")
    ] = CONCURRENCY,
    report: Annotated[
        Path | None,
        typer.Option(metavar="FILE.json", help="Write a report with the counts and the failures to this file."),
    ] = None,
    cache: Annotated[bool, typer.Option(help="Use the sentence cache, including the shared tier.")] = False,
    restart: Annotated[bool, typer.Option(help="Delete the content of OUT.jsonl and start over.")] = False,
) -> None:
    """Process an archive of articles. The same command resumes a run that was stopped.

    The options for outputs, length, method and cleaning apply to lines that omit these fields. Exit codes: 0 if all
    lines have a result, 3 if some lines failed, 75 if a signal stopped the run, 70 if an engine failed permanently, 1
    if another error stopped the run, 2 if an option is invalid.
    """
    given = {"outputs": _outputs(outputs), "length": length, "method": method, "clean": clean}
    defaults = {name: value for name, value in given.items() if value is not None}
    open_workplace: Callable[[], AbstractContextManager[BackfillContext]] = context.obj
    with open_workplace() as workplace:
        order = JobSpec(
            archive,
            output,
            defaults,
            concurrency,
            workplace.max_line_bytes,
            workplace.limits,
            cache=cache,
            restart=restart,
        )
        raise typer.Exit(_worked_off(order, workplace, report))


def _outputs(given: str | None) -> list[str] | None:
    if given is None:
        return None
    names = list(dict.fromkeys(name.strip() for name in given.split(",")))
    if unknown := [name for name in names if name not in get_args(Output)]:
        known = ", ".join(get_args(Output))
        raise typer.BadParameter(
            f"unknown output: {', '.join(unknown)}; the valid outputs are {known}", param_hint="--outputs"
        )
    return names


def _worked_off(order: JobSpec, workplace: BackfillContext, report: Path | None) -> int:
    """Run the job, print the outcome, and return the exit code.

    If ``report`` is not None, also write a report to this file.
    """
    say = _speaker(workplace.messages)
    with _bar(workplace.messages) as bar:
        run = Run(order, workplace.newsroom, resumed=lambda s: _say_start(say, s), progress=bar)
        try:
            asyncio.run(_stoppable(run, say))
        except EngineDead as dead:
            say(f"depesche: {dead}")
            return EXIT_DEAD
    standing = run.standing
    if report is not None:
        _write_report(report, order, workplace.newsroom, standing)
    _say_end(say, standing)
    if standing.stopped:
        return EXIT_STOPPED
    return EXIT_FAILED_LINES if standing.tally.failed else 0


async def _stoppable(run: Run, say: Callable[[str], None]) -> None:
    """Run ``run`` until the end of the archive, or until the process receives SIGINT or SIGTERM.

    After the first signal, the articles in progress are finished. A second signal ends the process immediately. ``say``
    prints a message.
    """
    loop = asyncio.get_running_loop()
    signals = (signal.SIGINT, signal.SIGTERM)

    def stop() -> None:
        for one in signals:
            loop.remove_signal_handler(one)
        say(f"stopping: waiting for {run.stop()} articles in progress; a second signal exits immediately")

    for one in signals:
        loop.add_signal_handler(one, stop)
    try:
        await run.go()
    finally:
        for one in signals:
            loop.remove_signal_handler(one)


def _write_report(path: Path, order: JobSpec, newsroom: Newsroom, standing: BackfillProgress) -> None:
    this_run = {
        "lines": standing.tally.lines - standing.resumed,
        "seconds": round(standing.seconds, 3),
        "articles_per_s": round(standing.articles_per_s, 3),
    }
    content: dict[str, Any] = {
        **standing.tally.report(),
        "complete": not standing.stopped,
        "this_run": this_run,
        "made_with": order.made_with(newsroom),
    }
    try:
        write_atomically(path, json.dumps(content, ensure_ascii=False, indent=1) + "\n")
    except OSError as error:
        raise DepescheError(f"{path} cannot be written: {error.strerror}") from error


def _say_start(say: Callable[[str], None], standing: BackfillProgress) -> None:
    if standing.cut_bytes:
        say(f"{standing.cut_bytes} bytes were discarded from the output; their articles will be processed again")
    if standing.resumed:
        say(f"resumed: earlier runs processed {standing.resumed} lines, which will be skipped")


def _say_end(say: Callable[[str], None], standing: BackfillProgress) -> None:
    tally = standing.tally
    codes = ", ".join(f"{code} {count}" for code, count in tally.errors.most_common())
    failed = f"{tally.failed} failed" + (f" ({codes})" if codes else "")
    speed = f"{standing.articles_per_s:.1f} articles/s in {standing.seconds:.1f} s"
    say(f"{tally.lines} lines: {tally.lines - tally.failed} done, {failed}; {speed}")
    if standing.stopped:
        say("stopped before the end; run the same command again to resume")


def _speaker(messages: Console) -> Callable[[str], None]:
    def say(text: str) -> None:
        messages.print(text, highlight=False, markup=False, soft_wrap=True)

    return say


@contextlib.contextmanager
def _bar(messages: Console) -> Iterator[Callable[[BackfillProgress], None]]:
    """Show a progress bar on the console if it is a terminal. Yield a callback that updates the bar.

    The bar shows the share of the archive's bytes that have been processed, because the number of lines is unknown.
    """
    columns = (
        TextColumn("{task.description}"),
        BarColumn(),
        TaskProgressColumn(),
        TimeElapsedColumn(),
        TimeRemainingColumn(),
    )
    with Progress(*columns, console=messages, transient=True, disable=not messages.is_terminal) as progress:
        task = progress.add_task("loading the models", total=None)

        def show(standing: BackfillProgress) -> None:
            counts = f"{standing.tally.lines} lines, {standing.tally.failed} failed, {standing.articles_per_s:.1f}/s"
            progress.update(task, description=counts, completed=standing.read_bytes, total=standing.of_bytes)

        yield show
