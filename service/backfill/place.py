"""How far a file was read or written: whole lines, bytes, and the digest of those bytes."""

import hashlib
from typing import BinaryIO

from pydantic import BaseModel, ConfigDict, Field

CHUNK_BYTES = 1 << 20


class Place(BaseModel):
    """The first ``size_bytes`` of a file: ``lines`` whole lines (the last may lack its end), and their SHA-256."""

    model_config = ConfigDict(extra="forbid", frozen=True, strict=True)

    lines: int = Field(default=0, ge=0)
    size_bytes: int = Field(default=0, ge=0)
    sha256: str = hashlib.sha256(b"").hexdigest()


class Odometer:
    """Follows a file from its beginning, piece by piece."""

    def __init__(self) -> None:
        self._digest = hashlib.sha256()
        self._lines = 0
        self._size_bytes = 0

    @property
    def place(self) -> Place:
        """How far it is."""
        return Place(lines=self._lines, size_bytes=self._size_bytes, sha256=self._digest.hexdigest())

    def add(self, data: bytes, *, lines: int = 0) -> None:
        """Go on by ``data``, which ends ``lines`` more lines."""
        self._digest.update(data)
        self._size_bytes += len(data)
        self._lines += lines

    def passes(self, file: BinaryIO, place: Place) -> bool:
        """Go from the beginning to ``place``; whether ``file``, which stands there then, begins as it did."""
        while missing := place.size_bytes - self._size_bytes:
            data = file.read(min(missing, CHUNK_BYTES))
            if not data:
                return False
            self.add(data)
        self._lines = place.lines
        return self.place == place
