"""The output and its checkpoint together: what is committed survives any end of the process."""

import math
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from service.backfill.checkpoint import Checkpoint, checkpoint_path, load, save
from service.backfill.lines import CannotResume, Lines
from service.backfill.output import Output
from service.backfill.place import Place

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

    def resume(self, lines: Lines, made_with: dict[str, Any], *, restart: bool) -> int:
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

    def commit(self, read: Place) -> None:
        """Vouch for the output as it is: it holds the archive up to ``read``. Raises OSError."""
        self._output.sync()
        self._checkpoint = self._checkpoint.model_copy(update={"read": read, "written": self._output.place})
        save(self._checkpoint_path, self._checkpoint)
        self._committed_s = time.monotonic()
