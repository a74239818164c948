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
    """Replace ``path`` by ``text``, in UTF-8; raises OSError."""
    draft = path.with_name(path.name + ".tmp")
    with draft.open("w", encoding="utf-8") as file:
        file.write(text)
        file.flush()
        os.fsync(file.fileno())
    draft.replace(path)


CHUNK_BYTES = 1 << 20


class FilePosition(BaseModel):
    """The first ``size_bytes`` of a file: ``lines`` whole lines (the last may lack its end), and their SHA-256."""

    model_config = ConfigDict(extra="forbid", frozen=True, strict=True)

    lines: int = Field(default=0, ge=0)
    size_bytes: int = Field(default=0, ge=0)
    sha256: str = hashlib.sha256(b"").hexdigest()


class RunningDigest:
    """Follows a file from its beginning, piece by piece."""

    def __init__(self) -> None:
        self._digest = hashlib.sha256()
        self._lines = 0
        self._size_bytes = 0

    @property
    def place(self) -> FilePosition:
        """How far it is."""
        return FilePosition(lines=self._lines, size_bytes=self._size_bytes, sha256=self._digest.hexdigest())

    def add(self, data: bytes, *, lines: int = 0) -> None:
        """Go on by ``data``, which ends ``lines`` more lines."""
        self._digest.update(data)
        self._size_bytes += len(data)
        self._lines += lines

    def passes(self, file: BinaryIO, place: FilePosition) -> bool:
        """Go from the beginning to ``place``; whether ``file``, which stands there then, begins as it did."""
        while missing := place.size_bytes - self._size_bytes:
            data = file.read(min(missing, CHUNK_BYTES))
            if not data:
                return False
            self.add(data)
        self._lines = place.lines
        return self.place == place


class CannotResume(DepescheError):
    """What is there is not what an earlier run left."""

    def __init__(self, detail: str) -> None:
        super().__init__(f"{detail}; --restart throws the output away and begins anew")


@dataclass(frozen=True, slots=True)
class InputLine:
    """One line: its number (from 1), its bytes (None where it is too long), and the place behind it."""

    number: int
    data: bytes | None
    end: FilePosition

    @property
    def size_bytes(self) -> int:
        """Bytes of memory that the line takes."""
        return 0 if self.data is None else len(self.data)


class InputLines:
    """The lines of a file that are not blank; a line of more than ``max_line_bytes`` comes without its bytes.

    Raises:
        DepescheError: the file cannot be read, or is no plain file: a pipe could not be read a second time.
    """

    def __init__(self, path: Path, max_line_bytes: int) -> None:
        self._path = path
        self._max_line_bytes = max_line_bytes
        self._so_far = RunningDigest()
        try:
            if not S_ISREG(path.stat().st_mode):
                raise DepescheError(f"{path} is no plain file: what cannot be read twice cannot be resumed")
            self.size_bytes = path.stat().st_size
            self._file = path.open("rb")
        except OSError as error:
            raise DepescheError(f"{path} cannot be read: {error.strerror}") from error

    def close(self) -> None:
        """Close the file."""
        self._file.close()

    @property
    def place(self) -> FilePosition:
        """How far it is read."""
        return self._so_far.place

    def skip(self, place: FilePosition) -> None:
        """Go to where an earlier run stopped.

        Raises:
            CannotResume: the file does not begin with what that run read.
        """
        if not self._so_far.passes(self._file, place):
            raise CannotResume(f"{self._path} was changed: its first {place.lines} lines are not those of the last run")
        if place.size_bytes:
            self._end_last(place)

    def _end_last(self, place: FilePosition) -> None:
        """The last line that was read may have had no end; it may have got one meanwhile, but nothing else."""
        self._file.seek(place.size_bytes - 1)
        if self._file.read(1) != b"\n":
            behind = self._file.read(1)
            if behind not in {b"", b"\n"}:
                raise CannotResume(f"{self._path} was changed: its line {place.lines} has become longer")
            self._so_far.add(behind)

    def __iter__(self) -> Iterator[InputLine]:
        """Raises OSError where the file cannot be read on."""
        # One byte more than a line may have, for its end.
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
        """Read to the end of a line that began with ``data``."""
        while data and not data.endswith(b"\n"):
            self._so_far.add(data)
            data = self._file.readline(CHUNK_BYTES)
        self._so_far.add(data, lines=1)


class Output:
    """One file that one process writes.

    Raises:
        DepescheError: it cannot be written, is no plain file, or another process writes it.
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
            raise DepescheError(f"{self._path} is no plain file: it could not be resumed")
        try:
            fcntl.flock(self._file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError as error:
            raise DepescheError(f"{self._path} is being written by another backfill") from error

    def close(self) -> None:
        """Close the file."""
        self._file.close()

    @property
    def empty(self) -> bool:
        """Whether nothing is in it."""
        return os.fstat(self._file.fileno()).st_size == 0

    @property
    def place(self) -> FilePosition:
        """How far it is written."""
        return self._so_far.place

    def resume(self, place: FilePosition) -> int:
        """Stand at ``place`` and cut off what is behind it: it was never vouched for. Returns the bytes cut.

        Raises:
            CannotResume: the file does not begin with what was written.
        """
        if not self._so_far.passes(self._file, place):
            raise CannotResume(f"{self._path} was changed: its first {place.lines} lines are not those of the last run")
        behind_bytes = os.fstat(self._file.fileno()).st_size - place.size_bytes
        self._file.truncate(place.size_bytes)
        return behind_bytes

    def lines(self) -> Iterator[bytes]:
        """What is in it."""
        with self._path.open("rb") as file:
            yield from file

    def append(self, line: bytes) -> None:
        """Write one line, its end included; raises OSError."""
        rest = memoryview(line)
        while rest:
            rest = rest[self._file.write(rest) :]
        self._so_far.add(line, lines=1)

    def sync(self) -> None:
        """Let everything reach the disk; raises OSError."""
        os.fsync(self._file.fileno())


SUFFIX = ".checkpoint"


class Checkpoint(BaseModel):
    """The output up to ``written`` holds the input up to ``read``; ``made_with`` must be the same to go on."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    format: Literal[1] = 1
    made_with: dict[str, Any]
    read: FilePosition = FilePosition()
    written: FilePosition = FilePosition()

    def require_same(self, made_with: dict[str, Any]) -> None:
        """Raises CannotResume where options, models, limits or software are others than ``made_with``."""
        changed = [name for name in made_with if made_with[name] != self.made_with.get(name)]
        if changed:
            raise CannotResume(f"not as in the last run: {', '.join(changed)}")


def checkpoint_path(output: Path) -> Path:
    """Where the checkpoint of ``output`` lies."""
    return output.with_name(output.name + SUFFIX)


def load(path: Path) -> Checkpoint | None:
    """The checkpoint at ``path``; None where there is none.

    Raises:
        CannotResume: what is there is no checkpoint.
        OSError: it cannot be read.
    """
    try:
        return Checkpoint.model_validate_json(path.read_bytes())
    except FileNotFoundError:
        return None
    except ValidationError as error:
        raise CannotResume(f"{path} is no checkpoint of this version") from error


def save(path: Path, checkpoint: Checkpoint) -> None:
    """Write it atomically; raises OSError."""
    write_atomically(path, checkpoint.model_dump_json(indent=1) + "\n")


COMMIT_EVERY_S = 1.0


class Journal:
    """Opens and locks the output; `resume` comes first, then `append`, and `commit` when `due` and at the end."""

    def __init__(self, path: Path) -> None:
        self._path = path
        self._checkpoint_path = checkpoint_path(path)
        self._output = Output(path)
        self._committed_s = -math.inf

    def close(self) -> None:
        """Close the file."""
        self._output.close()

    def resume(self, lines: InputLines, made_with: dict[str, Any], *, restart: bool) -> int:
        """Take output and archive to where the last run committed; returns the bytes of output cut off behind it.

        ``restart`` begins anew whatever is there. ``made_with`` must be that of the last run.

        Raises:
            CannotResume: output, archive or ``made_with`` is not as it was; nothing was changed.
            OSError: a file cannot be read or written.
        """
        found = None if restart else load(self._checkpoint_path)
        if found is None:
            if not (restart or self._output.empty):
                raise CannotResume(f"{self._path} is not empty, and {self._checkpoint_path.name} is not beside it")
            found = Checkpoint(made_with=made_with)
            save(self._checkpoint_path, found)
        found.require_same(made_with)
        lines.skip(found.read)
        self._checkpoint = found
        return self._output.resume(found.written)

    def records(self) -> Iterator[bytes]:
        """What is in the output."""
        return self._output.lines()

    @property
    def due(self) -> bool:
        """Whether the last commit is so long ago that the next should come."""
        return time.monotonic() - self._committed_s >= COMMIT_EVERY_S

    def append(self, record: bytes) -> None:
        """Write one line; raises OSError."""
        self._output.append(record)

    def commit(self, read: FilePosition) -> None:
        """Vouch for the output as it is: it holds the archive up to ``read``. Raises OSError."""
        self._output.sync()
        self._checkpoint = self._checkpoint.model_copy(update={"read": read, "written": self._output.place})
        save(self._checkpoint_path, self._checkpoint)
        self._committed_s = time.monotonic()
