"""The output file: locked, appended to line by line, and cut back to what a checkpoint vouches for."""

import fcntl
import os
from collections.abc import Iterator
from pathlib import Path
from stat import S_ISREG

from service.backfill.lines import CannotResume
from service.backfill.place import Odometer, Place
from service.errors import DepescheError


class Output:
    """One file that one process writes.

    Raises:
        DepescheError: it cannot be written, is no plain file, or another process writes it.
    """

    def __init__(self, path: Path) -> None:
        self._path = path
        self._so_far = Odometer()
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
    def place(self) -> Place:
        """How far it is written."""
        return self._so_far.place

    def resume(self, place: Place) -> int:
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
