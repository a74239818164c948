"""A file's SHA-256 and size."""

import hashlib
from pathlib import Path

from pydantic import BaseModel, ConfigDict, Field


class Digest(BaseModel):
    """What a file is: its SHA-256, in hexadecimal, and its size."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    sha256: str = Field(pattern=r"^[0-9a-f]{64}$")
    size_bytes: int = Field(ge=0)

    @classmethod
    def of_bytes(cls, content: bytes) -> "Digest":
        """The same of what is not a file."""
        return cls(sha256=hashlib.sha256(content).hexdigest(), size_bytes=len(content))

    @classmethod
    def of(cls, path: Path) -> "Digest":
        """Read the file; raises OSError."""
        with path.open("rb") as file:
            sha256 = hashlib.file_digest(file, "sha256").hexdigest()
            return cls(sha256=sha256, size_bytes=file.tell())
