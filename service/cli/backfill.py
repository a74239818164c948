"""The command ``depesche backfill``: options, progress bar, messages and exit codes."""

import asyncio
import contextlib
import json
import signal
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, Any, Literal, get_args

import typer
from rich.console import Console
from rich.progress import BarColumn, Progress, TaskProgressColumn, TextColumn, TimeElapsedColumn, TimeRemainingColumn

from service.backfill.journal import write_atomically
from service.backfill.record import EngineDead
from service.backfill.runner import BackfillProgress, JobSpec, Run
from service.errors import DepescheError
from service.newsroom.commands import TextLimits
from service.newsroom.newsroom import Newsroom
from service.results import Output

EXIT_FAILED_LINES = 3
EXIT_DEAD = 70
EXIT_STOPPED = 75
CONCURRENCY = 16


@dataclass(frozen=True, slots=True)
class BackfillContext:
    """The input of the command line: a newsroom that is not started, limits, and the console for messages."""

    newsroom: Newsroom
    limits: TextLimits
    max_line_bytes: int
    messages: Console


def backfill(
    context: typer.Context,
    archive: Annotated[
        Path, typer.Argument(metavar="IN.jsonl", help="One article per line, as for POST /v1/articles.")
    ],
    output: Annotated[Path, typer.Argument(metavar="OUT.jsonl", help="One answer per line, in the same order.")],
    *,
    outputs: Annotated[
        str | None, typer.Option(help="summary, translation, summary_translation; separated by commas.")
    ] = None,
    length: Annotated[Literal["short", "medium", "long"] | None, typer.Option(help="Length of the summaries.")] = None,
    method: Annotated[
        Literal["abstractive", "extractive", "lead"] | None, typer.Option(help="Method of the summaries.")
    ] = None,
    clean: Annotated[bool | None, typer.Option(help="Remove boilerplate first.")] = None,
    concurrency: Annotated[
        int, typer.Option(min=1, max=1_024, help="Articles in progress at the same time.")
    ] = CONCURRENCY,
    report: Annotated[Path | None, typer.Option(metavar="FILE.json", help="File for counts and failures.")] = None,
    cache: Annotated[bool, typer.Option(help="Use the sentence cache, including the shared one.")] = False,
    restart: Annotated[bool, typer.Option(help="Delete the content of OUT.jsonl and start again.")] = False,
) -> None:
    """Run an archive through the service. The same command resumes a run that was stopped.

    Options apply to lines without the field. Exit codes: 0 all lines have a result, 3 some failed, 75 stopped by a
    signal, 70 an engine was lost, 1 the run is impossible, 2 wrong options.
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
        raise typer.BadParameter(f"unknown output: {', '.join(unknown)}", param_hint="--outputs")
    return names


def _worked_off(order: JobSpec, workplace: BackfillContext, report: Path | None) -> int:
    """Run the job, print the outcome, and return the exit code."""
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
    """Run until the end, or until a signal: the first lets articles in progress finish, the second ends the process."""
    loop = asyncio.get_running_loop()
    signals = (signal.SIGINT, signal.SIGTERM)

    def stop() -> None:
        for one in signals:
            loop.remove_signal_handler(one)
        say(f"stopping: {run.stop()} articles in progress are finished first; a second signal stops them, too")

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
        say(f"{standing.cut_bytes} bytes after the last checkpoint were cut off; their lines run again")
    if standing.resumed:
        say(f"resumed: {standing.resumed} lines are done already and are skipped")


def _say_end(say: Callable[[str], None], standing: BackfillProgress) -> None:
    tally = standing.tally
    codes = ", ".join(f"{code} {count}" for code, count in tally.errors.most_common())
    failed = f"{tally.failed} failed" + (f" ({codes})" if codes else "")
    speed = f"{standing.articles_per_s:.1f} articles/s in {standing.seconds:.1f} s"
    say(f"{tally.lines} lines: {tally.lines - tally.failed} done, {failed}; {speed}")
    if standing.stopped:
        say("stopped before the end: the same command resumes here")


def _speaker(messages: Console) -> Callable[[str], None]:
    def say(text: str) -> None:
        messages.print(text, highlight=False, markup=False, soft_wrap=True)

    return say


@contextlib.contextmanager
def _bar(messages: Console) -> Iterator[Callable[[BackfillProgress], None]]:
    """A progress bar on standard error if it is a terminal. It counts bytes, because the number of lines is unknown."""
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
