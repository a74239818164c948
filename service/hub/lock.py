"""The lock file ``models.lock``, which pins each repository to the commit and file digests of its first pull."""

import os
import tomllib
from pathlib import Path

import tomli_w
from pydantic import BaseModel, ConfigDict, Field, TypeAdapter, ValidationError

from service.errors import LockMismatch, ModelError
from service.registry.verify import Digest

NAME = "models.lock"
COMMIT_PATTERN = r"^[0-9a-f]{40}$"
_HEAD = """# The commit and file digests of each repository at its first pull. A later pull is rejected if they differ.
# To accept another version of a repository, delete its tables.

"""


class LockedRepository(BaseModel):
    """A repository at one commit. ``files`` maps the name of each pulled file to its digest."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    commit: str = Field(pattern=COMMIT_PATTERN)
    files: dict[str, Digest] = Field(min_length=1)


_TABLES = TypeAdapter(dict[str, LockedRepository])


class Lock:
    """The lock file in ``folder``. Each call reads or writes the whole file."""

    def __init__(self, folder: Path) -> None:
        self.path = folder / NAME

    def read(self) -> dict[str, LockedRepository]:
        """Return the locked repositories by name. The result is empty if there is no lock file.

        Raises:
            ModelError: the file cannot be read or is not a lock file.
        """
        try:
            return _TABLES.validate_python(tomllib.loads(self.path.read_text("utf-8")))
        except FileNotFoundError:
            return {}
        except OSError as error:
            raise ModelError(f"{self.path} cannot be read: {error.strerror}") from error
        except (tomllib.TOMLDecodeError, UnicodeDecodeError, ValidationError) as error:
            reason = str(error).splitlines()[0]
            raise ModelError(f"{self.path} is not a valid lock file ({reason}); restore it from a backup") from error

    def commit(self, repo: str) -> str | None:
        """Return the locked commit of ``repo``, or None if ``repo`` is not locked.

        Raises:
            ModelError: for the same reasons as `read`.
        """
        locked = self.read().get(repo)
        return None if locked is None else locked.commit

    def check(self, repo: str, found: LockedRepository) -> None:
        """Check that ``found`` equals the locked entry of ``repo``. If ``repo`` is not locked, do nothing.

        Raises:
            LockMismatch: the commit or a file differs. The message names the first difference.
            ModelError: for the same reasons as `read`.
        """
        locked = self.read().get(repo)
        if locked is None or locked == found:
            return
        raise LockMismatch(
            f"{repo}: {_difference(locked, found)}. {self.path} pins the first pull. "
            f"To accept the change, delete the repository's tables from that file and pull again"
        )

    def keep(self, repo: str, found: LockedRepository) -> None:
        """Write ``found`` to the lock file as the entry of ``repo``. The other entries are kept.

        Raises:
            OSError: the file cannot be written.
            ModelError: for the same reasons as `read`.
        """
        tables = {**self.read(), repo: found}
        text = _HEAD + tomli_w.dumps(_TABLES.dump_python(dict(sorted(tables.items()))))
        draft = self.path.with_name(f".{NAME}.draft")
        with draft.open("w", encoding="utf-8") as file:
            file.write(text)
            file.flush()
            os.fsync(file.fileno())
        draft.replace(self.path)


def _difference(locked: LockedRepository, found: LockedRepository) -> str:
    if locked.commit != found.commit:
        return f"the commit is {found.commit} instead of {locked.commit}"
    for name in sorted(locked.files.keys() | found.files.keys()):
        old, new = locked.files.get(name), found.files.get(name)
        if old is None:
            return f"{name} is new"
        if new is None:
            return f"{name} is missing"
        if old != new:
            return (
                f"{name} has changed: SHA-256 {new.sha256} ({new.size_bytes} bytes) "
                f"instead of {old.sha256} ({old.size_bytes} bytes)"
            )
    raise AssertionError("the two entries are equal")
