"""The archive to be read: one line after the other, none held that is too long."""

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from stat import S_ISREG

from service.backfill.place import CHUNK_BYTES, Odometer, Place
from service.errors import DepescheError


class CannotResume(DepescheError):
    """What is there is not what an earlier run left."""

    def __init__(self, detail: str) -> None:
        super().__init__(f"{detail}; --restart throws the output away and begins anew")


@dataclass(frozen=True, slots=True)
class Line:
    """One line: its number (from 1), its bytes (None where it is too long), and the place behind it."""

    number: int
    data: bytes | None
    end: Place

    @property
    def size_bytes(self) -> int:
        """Bytes of memory that the line takes."""
        return 0 if self.data is None else len(self.data)


class Lines:
    """The lines of a file that are not blank; a line of more than ``max_line_bytes`` comes without its bytes.

    Raises:
        DepescheError: the file cannot be read, or is no plain file: a pipe could not be read a second time.
    """

    def __init__(self, path: Path, max_line_bytes: int) -> None:
        self._path = path
        self._max_line_bytes = max_line_bytes
        self._so_far = Odometer()
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
    def place(self) -> Place:
        """How far it is read."""
        return self._so_far.place

    def skip(self, place: Place) -> None:
        """Go to where an earlier run stopped.

        Raises:
            CannotResume: the file does not begin with what that run read.
        """
        if not self._so_far.passes(self._file, place):
            raise CannotResume(f"{self._path} was changed: its first {place.lines} lines are not those of the last run")
        if place.size_bytes:
            self._end_last(place)

    def _end_last(self, place: Place) -> None:
        """The last line that was read may have had no end; it may have got one meanwhile, but nothing else."""
        self._file.seek(place.size_bytes - 1)
        if self._file.read(1) != b"\n":
            behind = self._file.read(1)
            if behind not in {b"", b"\n"}:
                raise CannotResume(f"{self._path} was changed: its line {place.lines} has become longer")
            self._so_far.add(behind)

    def __iter__(self) -> Iterator[Line]:
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
                yield Line(end.lines, data if fits else None, end)

    def _pass_over(self, data: bytes) -> None:
        """Read to the end of a line that began with ``data``."""
        while data and not data.endswith(b"\n"):
            self._so_far.add(data)
            data = self._file.readline(CHUNK_BYTES)
        self._so_far.add(data, lines=1)
