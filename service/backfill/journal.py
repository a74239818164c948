"""The journal of a backfill: input lines, outputs and checkpoints."""

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
    """Replace the content of ``path`` by ``text``, in UTF-8; raises OSError."""
    draft = path.with_name(path.name + ".tmp")
    with draft.open("w", encoding="utf-8") as file:
        file.write(text)
        file.flush()
        os.fsync(file.fileno())
    draft.replace(path)


CHUNK_BYTES = 1 << 20


class FilePosition(BaseModel):
    """The first ``size_bytes`` of a file: ``lines`` lines (the last may have no line end), and their SHA-256."""

    model_config = ConfigDict(extra="forbid", frozen=True, strict=True)

    lines: int = Field(default=0, ge=0)
    size_bytes: int = Field(default=0, ge=0)
    sha256: str = hashlib.sha256(b"").hexdigest()


class RunningDigest:
    """The position in a file that is read or written from its beginning."""

    def __init__(self) -> None:
        self._digest = hashlib.sha256()
        self._lines = 0
        self._size_bytes = 0

    @property
    def place(self) -> FilePosition:
        """The current position."""
        return FilePosition(lines=self._lines, size_bytes=self._size_bytes, sha256=self._digest.hexdigest())

    def add(self, data: bytes, *, lines: int = 0) -> None:
        """Advance by ``data``, which has ``lines`` line ends."""
        self._digest.update(data)
        self._size_bytes += len(data)
        self._lines += lines

    def passes(self, file: BinaryIO, place: FilePosition) -> bool:
        """Read ``file`` from its beginning to ``place``; whether its content is unchanged up to there."""
        while missing := place.size_bytes - self._size_bytes:
            data = file.read(min(missing, CHUNK_BYTES))
            if not data:
                return False
            self.add(data)
        self._lines = place.lines
        return self.place == place


class CannotResume(DepescheError):
    """The files are not as the last run left them."""

    def __init__(self, detail: str) -> None:
        super().__init__(f"{detail}; --restart deletes the output and starts again")


@dataclass(frozen=True, slots=True)
class InputLine:
    """One line: its number (from 1), its bytes (None if it is too long), and the position after it."""

    number: int
    data: bytes | None
    end: FilePosition

    @property
    def size_bytes(self) -> int:
        """Bytes of memory for the line."""
        return 0 if self.data is None else len(self.data)


class InputLines:
    """The lines of a file that are not blank. A line of more than ``max_line_bytes`` comes without its bytes.

    Raises:
        DepescheError: the file cannot be read, or is not a regular file, as a pipe cannot be read a second time.
    """

    def __init__(self, path: Path, max_line_bytes: int) -> None:
        self._path = path
        self._max_line_bytes = max_line_bytes
        self._so_far = RunningDigest()
        try:
            if not S_ISREG(path.stat().st_mode):
                raise DepescheError(f"{path} is not a regular file: a run could not be resumed")
            self.size_bytes = path.stat().st_size
            self._file = path.open("rb")
        except OSError as error:
            raise DepescheError(f"{path} cannot be read: {error.strerror}") from error

    def close(self) -> None:
        """Close the file."""
        self._file.close()

    @property
    def place(self) -> FilePosition:
        """The position up to which the file is read."""
        return self._so_far.place

    def skip(self, place: FilePosition) -> None:
        """Go to the position at which an earlier run stopped.

        Raises:
            CannotResume: the file changed before that position.
        """
        if not self._so_far.passes(self._file, place):
            raise CannotResume(f"{self._path} was changed: its first {place.lines} lines are not those of the last run")
        if place.size_bytes:
            self._end_last(place)

    def _end_last(self, place: FilePosition) -> None:
        """Skip the line end that the last line may have got since; raises `CannotResume` if anything else was added."""
        self._file.seek(place.size_bytes - 1)
        if self._file.read(1) != b"\n":
            behind = self._file.read(1)
            if behind not in {b"", b"\n"}:
                raise CannotResume(f"{self._path} was changed: its line {place.lines} has become longer")
            self._so_far.add(behind)

    def __iter__(self) -> Iterator[InputLine]:
        """Yield the lines; raises OSError if the file cannot be read."""
        # The line end is one byte more than a line may have.
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
        """Read to the end of the line that begins with ``data``."""
        while data and not data.endswith(b"\n"):
            self._so_far.add(data)
            data = self._file.readline(CHUNK_BYTES)
        self._so_far.add(data, lines=1)


class Output:
    """The output file, locked against other processes.

    Raises:
        DepescheError: the file cannot be written, is not a regular file, or another process has it locked.
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
            raise DepescheError(f"{self._path} is not a regular file: a run could not be resumed")
        try:
            fcntl.flock(self._file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError as error:
            raise DepescheError(f"{self._path} is in use by another backfill") from error

    def close(self) -> None:
        """Close the file."""
        self._file.close()

    @property
    def empty(self) -> bool:
        """Whether the file is empty."""
        return os.fstat(self._file.fileno()).st_size == 0

    @property
    def place(self) -> FilePosition:
        """The position up to which the file is written."""
        return self._so_far.place

    def resume(self, place: FilePosition) -> int:
        """Go to ``place`` and cut off the rest, which no checkpoint covers; returns the number of bytes cut.

        Raises:
            CannotResume: the file changed before ``place``.
        """
        if not self._so_far.passes(self._file, place):
            raise CannotResume(f"{self._path} was changed: its first {place.lines} lines are not those of the last run")
        behind_bytes = os.fstat(self._file.fileno()).st_size - place.size_bytes
        self._file.truncate(place.size_bytes)
        return behind_bytes

    def lines(self) -> Iterator[bytes]:
        """The lines of the file."""
        with self._path.open("rb") as file:
            yield from file

    def append(self, line: bytes) -> None:
        """Write one line with its line end; raises OSError."""
        rest = memoryview(line)
        while rest:
            rest = rest[self._file.write(rest) :]
        self._so_far.add(line, lines=1)

    def sync(self) -> None:
        """Flush the file to the disk; raises OSError."""
        os.fsync(self._file.fileno())


SUFFIX = ".checkpoint"


class Checkpoint(BaseModel):
    """The output up to ``written`` has the results of the input up to ``read``.

    A resumed run needs an equal ``made_with``.
    """

    model_config = ConfigDict(extra="forbid", frozen=True)

    format: Literal[1] = 1
    made_with: dict[str, Any]
    read: FilePosition = FilePosition()
    written: FilePosition = FilePosition()

    def require_same(self, made_with: dict[str, Any]) -> None:
        """Raise `CannotResume` if options, models, limits or software differ from ``made_with``."""
        changed = [name for name in made_with if made_with[name] != self.made_with.get(name)]
        if changed:
            raise CannotResume(f"not as in the last run: {', '.join(changed)}")


def checkpoint_path(output: Path) -> Path:
    """The path of the checkpoint of ``output``."""
    return output.with_name(output.name + SUFFIX)


def load(path: Path) -> Checkpoint | None:
    """The checkpoint at ``path``; None if the file does not exist.

    Raises:
        CannotResume: the file is no checkpoint.
        OSError: the file cannot be read.
    """
    try:
        return Checkpoint.model_validate_json(path.read_bytes())
    except FileNotFoundError:
        return None
    except ValidationError as error:
        raise CannotResume(f"{path} is no checkpoint of this version") from error


def save(path: Path, checkpoint: Checkpoint) -> None:
    """Write the checkpoint atomically; raises OSError."""
    write_atomically(path, checkpoint.model_dump_json(indent=1) + "\n")


COMMIT_EVERY_S = 1.0


class Journal:
    """The locked output and its checkpoint. Call `resume`, then `append`, and `commit` when `due` and at the end."""

    def __init__(self, path: Path) -> None:
        self._path = path
        self._checkpoint_path = checkpoint_path(path)
        self._output = Output(path)
        self._committed_s = -math.inf

    def close(self) -> None:
        """Close the file."""
        self._output.close()

    def resume(self, lines: InputLines, made_with: dict[str, Any], *, restart: bool) -> int:
        """Go to the last commit in output and archive; returns the number of bytes cut off the output.

        ``restart`` ignores the last run and starts from the first line.

        Raises:
            CannotResume: output, archive or ``made_with`` differ from the last run; no file was changed.
            OSError: a file cannot be read or written.
        """
        found = None if restart else load(self._checkpoint_path)
        if found is None:
            if not (restart or self._output.empty):
                raise CannotResume(f"{self._path} is not empty and has no {self._checkpoint_path.name}")
            found = Checkpoint(made_with=made_with)
            save(self._checkpoint_path, found)
        found.require_same(made_with)
        lines.skip(found.read)
        self._checkpoint = found
        return self._output.resume(found.written)

    def records(self) -> Iterator[bytes]:
        """The lines of the output."""
        return self._output.lines()

    @property
    def due(self) -> bool:
        """Whether the last commit is at least ``COMMIT_EVERY_S`` ago."""
        return time.monotonic() - self._committed_s >= COMMIT_EVERY_S

    def append(self, record: bytes) -> None:
        """Write one line; raises OSError."""
        self._output.append(record)

    def commit(self, read: FilePosition) -> None:
        """Flush the output, and record that it has the archive up to ``read``; raises OSError."""
        self._output.sync()
        self._checkpoint = self._checkpoint.model_copy(update={"read": read, "written": self._output.place})
        save(self._checkpoint_path, self._checkpoint)
        self._committed_s = time.monotonic()
