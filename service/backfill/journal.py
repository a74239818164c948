"""The files of the ``backfill`` command: the archive of articles, the output, and the checkpoint of the progress."""

import fcntl
import hashlib
import math
import os
import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from stat import S_ISREG
from typing import Any, BinaryIO, Literal

from pydantic import BaseModel, ConfigDict, Field, ValidationError

from service.errors import DepescheError


def write_atomically(path: Path, text: str) -> None:
    """Replace the content of the file ``path`` with ``text``, encoded as UTF-8, in one atomic step.

    Raises:
        OSError: the file cannot be written.
    """
    draft = path.with_name(path.name + ".tmp")
    with draft.open("w", encoding="utf-8") as file:
        file.write(text)
        file.flush()
        os.fsync(file.fileno())
    draft.replace(path)


CHUNK_BYTES = 1 << 20


class FilePosition(BaseModel):
    """A position in a file.

    ``lines`` is the number of lines before the position. The last of these lines may lack a newline. ``size_bytes`` is
    the number of bytes before the position, and ``sha256`` is the SHA-256 of these bytes.
    """

    model_config = ConfigDict(extra="forbid", frozen=True, strict=True)

    lines: int = Field(default=0, ge=0)
    size_bytes: int = Field(default=0, ge=0)
    sha256: str = hashlib.sha256(b"").hexdigest()


class RunningDigest:
    """A position that advances through a file from its start, with the SHA-256 of the content before the position."""

    def __init__(self) -> None:
        self._digest = hashlib.sha256()
        self._lines = 0
        self._size_bytes = 0

    @property
    def place(self) -> FilePosition:
        """The current position."""
        return FilePosition(lines=self._lines, size_bytes=self._size_bytes, sha256=self._digest.hexdigest())

    def add(self, data: bytes, *, lines: int = 0) -> None:
        """Move the position past ``data``. ``lines`` is the number of lines that end in ``data``."""
        self._digest.update(data)
        self._size_bytes += len(data)
        self._lines += lines

    def passes(self, file: BinaryIO, place: FilePosition) -> bool:
        """Read ``file`` from the current position to ``place``.

        Return True if the file reaches ``place`` and the content before ``place`` has the SHA-256 in ``place``.

        Raises:
            OSError: the file cannot be read.
        """
        while missing := place.size_bytes - self._size_bytes:
            data = file.read(min(missing, CHUNK_BYTES))
            if not data:
                return False
            self.add(data)
        self._lines = place.lines
        return self.place == place


class CannotResume(DepescheError):
    """A backfill cannot be resumed, for example because a file, an option or a model has changed since the last run."""

    def __init__(self, detail: str) -> None:
        super().__init__(f"{detail}; --restart deletes the output and starts over")


@dataclass(frozen=True, slots=True)
class InputLine:
    """A line of the archive: its number (starting at 1), its bytes, and the position after the line.

    ``data`` is None if the line is longer than the limit of `InputLines`.
    """

    number: int
    data: bytes | None
    end: FilePosition

    @property
    def size_bytes(self) -> int:
        """The size of ``data`` in bytes, or 0 if ``data`` is None."""
        return 0 if self.data is None else len(self.data)


class InputLines:
    """An iterable of the lines in the file ``path``, without blank lines.

    A line of more than ``max_line_bytes`` bytes is yielded with None as its ``data``.

    Raises:
        DepescheError: the file cannot be read, or is not a regular file. For example, a pipe cannot be read again when
            a run is resumed.
    """

    def __init__(self, path: Path, max_line_bytes: int) -> None:
        self._path = path
        self._max_line_bytes = max_line_bytes
        self._so_far = RunningDigest()
        try:
            if not S_ISREG(path.stat().st_mode):
                raise DepescheError(f"{path} is not a regular file; only a run with regular files can be resumed")
            self.size_bytes = path.stat().st_size
            self._file = path.open("rb")
        except OSError as error:
            raise DepescheError(f"{path} cannot be read: {error.strerror}") from error

    def close(self) -> None:
        """Close the file."""
        self._file.close()

    @property
    def place(self) -> FilePosition:
        """The position up to which the file has been read."""
        return self._so_far.place

    def skip(self, place: FilePosition) -> None:
        """Skip to ``place``, the position at which an earlier run stopped.

        Raises:
            CannotResume: the content before ``place`` has changed, or the last line before it is now longer.
            OSError: the file cannot be read.
        """
        if not self._so_far.passes(self._file, place):
            raise CannotResume(f"{self._path} has changed since the last run, within lines 1 to {place.lines}")
        if place.size_bytes:
            self._end_last(place)

    def _end_last(self, place: FilePosition) -> None:
        """Skip a newline that has been added to the last processed line since the last run.

        ``place`` is the position at which the last run stopped.

        Raises:
            CannotResume: characters other than a newline have been added to the line.
        """
        self._file.seek(place.size_bytes - 1)
        if self._file.read(1) != b"\n":
            behind = self._file.read(1)
            if behind not in {b"", b"\n"}:
                raise CannotResume(f"{self._path} has changed since the last run: line {place.lines} is now longer")
            self._so_far.add(behind)

    def __iter__(self) -> Iterator[InputLine]:
        """Yield the remaining lines, without blank lines.

        Raises:
            OSError: the file cannot be read.
        """
        # One byte more than the limit, for the newline.
        while data := self._file.readline(self._max_line_bytes + 1):
            fits = data.endswith(b"\n") or len(data) <= self._max_line_bytes
            if not fits:
                self._pass_over(data)
            else:
                self._so_far.add(data, lines=1)
            if not fits or data.strip():
                end = self._so_far.place
                yield InputLine(end.lines, data if fits else None, end)

    def _pass_over(self, data: bytes) -> None:
        """Read to the end of a line that is too long. ``data`` is the part of the line that has already been read."""
        while data and not data.endswith(b"\n"):
            self._so_far.add(data)
            data = self._file.readline(CHUNK_BYTES)
        self._so_far.add(data, lines=1)


class Output:
    """The output file of a backfill. A lock prevents other backfills from writing to the file.

    Raises:
        DepescheError: the file cannot be written, is not a regular file, or is locked by another process.
    """

    def __init__(self, path: Path) -> None:
        self._path = path
        self._so_far = RunningDigest()
        try:
            self._file = os.fdopen(os.open(path, os.O_RDWR | os.O_CREAT, 0o666), "r+b", buffering=0)
        except OSError as error:
            raise DepescheError(f"{path} cannot be written: {error.strerror}") from error
        try:
            self._claim()
        except BaseException:
            self._file.close()
            raise

    def _claim(self) -> None:
        if not S_ISREG(os.fstat(self._file.fileno()).st_mode):
            raise DepescheError(f"{self._path} is not a regular file; only a run with regular files can be resumed")
        try:
            fcntl.flock(self._file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError as error:
            raise DepescheError(
                f"another backfill is using {self._path}; wait until it has ended, or name another output file"
            ) from error

    def close(self) -> None:
        """Close the file."""
        self._file.close()

    @property
    def empty(self) -> bool:
        """True if the file is empty."""
        return os.fstat(self._file.fileno()).st_size == 0

    @property
    def place(self) -> FilePosition:
        """The position up to which the file has been written."""
        return self._so_far.place

    def resume(self, place: FilePosition) -> int:
        """Truncate the file at ``place``, and return the number of bytes that were discarded.

        The discarded bytes were written after the last checkpoint.

        Raises:
            CannotResume: the file has changed before ``place``.
            OSError: the file cannot be read or truncated.
        """
        if not self._so_far.passes(self._file, place):
            raise CannotResume(f"{self._path} has changed since the last run, within lines 1 to {place.lines}")
        behind_bytes = os.fstat(self._file.fileno()).st_size - place.size_bytes
        self._file.truncate(place.size_bytes)
        return behind_bytes

    def lines(self) -> Iterator[bytes]:
        """Yield the lines of the file, including their newlines.

        Raises:
            OSError: the file cannot be read.
        """
        with self._path.open("rb") as file:
            yield from file

    def append(self, line: bytes) -> None:
        """Write ``line``, which must end with a newline.

        Raises:
            OSError: the file cannot be written.
        """
        rest = memoryview(line)
        while rest:
            rest = rest[self._file.write(rest) :]
        self._so_far.add(line, lines=1)

    def sync(self) -> None:
        """Flush the file to disk.

        Raises:
            OSError: the file cannot be written.
        """
        os.fsync(self._file.fileno())


SUFFIX = ".checkpoint"


class Checkpoint(BaseModel):
    """A record that the output up to ``written`` contains the results of the archive up to ``read``.

    ``made_with`` contains the options, models, limits and software version of the job (see `JobSpec.made_with`). A run
    can be resumed only if none of them has changed.
    """

    model_config = ConfigDict(extra="forbid", frozen=True)

    format: Literal[1] = 1
    made_with: dict[str, Any]
    read: FilePosition = FilePosition()
    written: FilePosition = FilePosition()

    def require_same(self, made_with: dict[str, Any]) -> None:
        """Raise `CannotResume` if the options, models, limits or software of the job have changed.

        ``made_with`` is the current result of `JobSpec.made_with`.
        """
        changed = [name for name in made_with if made_with[name] != self.made_with.get(name)]
        if changed:
            raise CannotResume(f"these properties of the job have changed since the last run: {', '.join(changed)}")


def checkpoint_path(output: Path) -> Path:
    """Return the path of the checkpoint for ``output``."""
    return output.with_name(output.name + SUFFIX)


def load(path: Path) -> Checkpoint | None:
    """Load the checkpoint at ``path``, or return None if the file does not exist.

    Raises:
        CannotResume: the file is not a valid checkpoint of this version of Depesche.
        OSError: the file cannot be read.
    """
    try:
        return Checkpoint.model_validate_json(path.read_bytes())
    except FileNotFoundError:
        return None
    except ValidationError as error:
        raise CannotResume(f"{path} is not a checkpoint file, or a different version of Depesche wrote it") from error


def save(path: Path, checkpoint: Checkpoint) -> None:
    """Write ``checkpoint`` to the file ``path`` in one atomic step.

    Raises:
        OSError: the file cannot be written.
    """
    write_atomically(path, checkpoint.model_dump_json(indent=1) + "\n")


COMMIT_EVERY_S = 1.0


class Journal:
    """The locked output file of a backfill, and its checkpoint.

    Call `resume` first, then `append` for each output line. Call `commit` whenever `due` is True, and at the end of the
    run.

    Raises:
        DepescheError: the output file cannot be written, is not a regular file, or is locked by another process.
    """

    def __init__(self, path: Path) -> None:
        self._path = path
        self._checkpoint_path = checkpoint_path(path)
        self._output = Output(path)
        self._committed_s = -math.inf

    def close(self) -> None:
        """Close the output file."""
        self._output.close()

    def resume(self, lines: InputLines, made_with: dict[str, Any], *, restart: bool) -> int:
        """Continue after the last commit of an earlier run, and return the number of bytes discarded from the output.

        ``lines`` is moved to the first line of the archive after that commit. ``made_with`` is the result of
        `JobSpec.made_with`. If ``restart`` is True, the whole output is discarded, and the run starts at the first line
        of the archive.

        Raises:
            CannotResume: the output, the archive or ``made_with`` has changed since the last run, or the checkpoint is
                missing or invalid. No file has been changed.
            OSError: a file cannot be read or written.
        """
        found = None if restart else load(self._checkpoint_path)
        if found is None:
            if not (restart or self._output.empty):
                raise CannotResume(f"{self._path} is not empty, but {self._checkpoint_path.name} does not exist")
            found = Checkpoint(made_with=made_with)
            save(self._checkpoint_path, found)
        found.require_same(made_with)
        lines.skip(found.read)
        self._checkpoint = found
        return self._output.resume(found.written)

    def records(self) -> Iterator[bytes]:
        """Yield the lines of the output, including their newlines.

        Raises:
            OSError: the file cannot be read.
        """
        return self._output.lines()

    @property
    def due(self) -> bool:
        """True if the last commit was at least ``COMMIT_EVERY_S`` seconds ago, or if there has been no commit."""
        return time.monotonic() - self._committed_s >= COMMIT_EVERY_S

    def append(self, record: bytes) -> None:
        """Write one output line. ``record`` must end with a newline.

        Raises:
            OSError: the file cannot be written.
        """
        self._output.append(record)

    def commit(self, read: FilePosition) -> None:
        """Flush the output to disk, and record in the checkpoint that the output covers the archive up to ``read``.

        Raises:
            OSError: a file cannot be written.
        """
        self._output.sync()
        self._checkpoint = self._checkpoint.model_copy(update={"read": read, "written": self._output.place})
        save(self._checkpoint_path, self._checkpoint)
        self._committed_s = time.monotonic()
