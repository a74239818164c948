"""One run over an archive: from where the last one stopped to the archive's end, or until told to stop."""

import asyncio
import json
import time
from collections.abc import AsyncIterator, Callable
from contextlib import aclosing, asynccontextmanager, closing
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from fastapi import FastAPI

from service import __version__
from service.api.answers import model_out
from service.api.state import ApiState
from service.backfill.journal import Journal
from service.backfill.lines import Line, Lines
from service.backfill.place import Place
from service.backfill.record import Worker, encoded
from service.backfill.tally import Tally, Verdict, verdict
from service.backfill.window import Window
from service.errors import DepescheError

# The bytes of the lines in flight, counted in longest lines: a few of those, or thousands of ordinary ones.
LONGEST_LINES = 4


@dataclass(frozen=True, slots=True)
class Order:
    """What is asked for. ``defaults`` are fields of the body for lines that have none."""

    archive: Path
    output: Path
    defaults: dict[str, Any]
    concurrency: int
    max_line_bytes: int
    cache: bool
    restart: bool

    def made_with(self, state: ApiState) -> dict[str, Any]:
        """What must stay the same from run to run, or the output would be of two kinds."""
        return {
            "software": f"depesche {__version__}",
            "models": [model_out(model).model_dump(mode="json") for model in state.service.models],
            "options": {**self.defaults, "cache": self.cache},
            "limits": {"max_line_bytes": self.max_line_bytes, "max_text_chars": state.limits.chars},
        }


@dataclass(slots=True)
class Standing:
    """How far it is. ``resumed`` lines of ``tally`` were done by earlier runs, ``cut_bytes`` of theirs were torn."""

    tally: Tally = field(default_factory=Tally)
    resumed: int = 0
    cut_bytes: int = 0
    read_bytes: int = 0
    of_bytes: int = 0
    seconds: float = 0.0
    stopped: bool = False

    @property
    def articles_per_s(self) -> float:
        """Lines of this run a second, loading not counted."""
        return (self.tally.lines - self.resumed) / self.seconds if self.seconds else 0.0


Follower = Callable[[Standing], None]


class Run:
    """Works an order off once. ``resumed`` hears where it begins, ``progress`` of every line that is written."""

    def __init__(self, order: Order, app: FastAPI, *, resumed: Follower, progress: Follower) -> None:
        self._order = order
        self._state: ApiState = app.state.api
        self._resumed = resumed
        self._progress = progress
        self._worker = Worker(app, order.max_line_bytes, order.defaults, cache=order.cache)
        most_bytes = LONGEST_LINES * order.max_line_bytes
        self._window = Window(self._work, concurrency=order.concurrency, most_bytes=most_bytes)
        self.standing = Standing()

    def stop(self) -> int:
        """Take no further line; returns how many are in flight, which are finished and written."""
        self.standing.stopped = True
        self._window.close()
        return len(self._window)

    async def go(self) -> None:
        """Work off the archive.

        Raises:
            CannotResume: archive, output, options or models are not those of the last run.
            EngineDead: an engine is lost; what is committed stays.
            DepescheError: a file cannot be read or written, or a model cannot be loaded.
        """
        order = self._order
        if order.output.exists() and order.archive.exists() and order.output.samefile(order.archive):
            raise DepescheError(f"{order.output} is the archive itself")
        with (
            closing(Lines(order.archive, order.max_line_bytes)) as lines,
            closing(Journal(order.output)) as journal,
        ):
            async with _started(self._state):
                try:
                    self._resume(lines, journal)
                    await self._work_off(lines, journal)
                except OSError as error:
                    raise DepescheError(f"{error.filename or order.output}: {error.strerror}") from error

    def _resume(self, lines: Lines, journal: Journal) -> None:
        order, standing = self._order, self.standing
        standing.cut_bytes = journal.resume(lines, order.made_with(self._state), restart=order.restart)
        for record in journal.records():
            standing.tally.add(verdict(json.loads(record)))
        standing.resumed = standing.tally.lines
        standing.read_bytes, standing.of_bytes = lines.place.size_bytes, lines.size_bytes
        self._resumed(standing)

    async def _work(self, line: Line) -> tuple[bytes, Verdict]:
        """Only bytes wait for their turn: a record as objects takes several times their memory."""
        record = await self._worker.record(line)
        return encoded(record), verdict(record)

    async def _work_off(self, lines: Lines, journal: Journal) -> None:
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

    def _count(self, read: Place, of_record: Verdict, seconds: float) -> None:
        self.standing.tally.add(of_record)
        self.standing.read_bytes = read.size_bytes
        self.standing.seconds = seconds
        self._progress(self.standing)


@asynccontextmanager
async def _started(state: ApiState) -> AsyncIterator[None]:
    try:
        await state.service.start()
        yield
    finally:
        await state.service.stop()
