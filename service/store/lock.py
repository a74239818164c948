"""``models.lock``: which commit and which files a repository had at its first pull, so that no later one differs."""

import os
import tomllib
from pathlib import Path

import tomli_w
from pydantic import BaseModel, ConfigDict, Field, TypeAdapter, ValidationError

from service.errors import LockMismatch, ModelError
from service.store.digest import Digest

NAME = "models.lock"
_HEAD = """# What each repository gave at its first pull. A later pull gives the same, or it is refused.
# Take a repository's tables away to accept another version of it.

"""


class Locked(BaseModel):
    """A repository at one commit: the files that were pulled, by name."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    commit: str = Field(min_length=1)
    files: dict[str, Digest] = Field(min_length=1)


_TABLES = TypeAdapter(dict[str, Locked])


class Lock:
    """The lock file under ``folder``; each call reads or writes the whole of it."""

    def __init__(self, folder: Path) -> None:
        self.path = folder / NAME

    def read(self) -> dict[str, Locked]:
        """What is locked, by repository; nothing where there is no lock file.

        Raises:
            ModelError: the file cannot be read or is no lock.
        """
        try:
            return _TABLES.validate_python(tomllib.loads(self.path.read_text("utf-8")))
        except FileNotFoundError:
            return {}
        except OSError as error:
            raise ModelError(f"{self.path} cannot be read: {error.strerror}") from error
        except (tomllib.TOMLDecodeError, UnicodeDecodeError, ValidationError) as error:
            reason = str(error).splitlines()[0]
            raise ModelError(f"{self.path} is no lock of models ({reason}); restore it from a copy") from error

    def commit(self, repo: str) -> str | None:
        """The commit that ``repo`` is held to; raises ModelError as `read` does."""
        locked = self.read().get(repo)
        return None if locked is None else locked.commit

    def check(self, repo: str, found: Locked) -> None:
        """Compare what the hub gives with what it gave at first; anything is right for a repository that is new.

        Raises:
            LockMismatch: commit or files differ; the message names the first that does.
            ModelError: see `read`.
        """
        locked = self.read().get(repo)
        if locked is None or locked == found:
            return
        raise LockMismatch(
            f"{repo}: {_difference(locked, found)}; {self.path} holds what was pulled at first. "
            f"If the change is wanted, take the repository's tables out of that file and pull again"
        )

    def keep(self, repo: str, found: Locked) -> None:
        """Write what a first pull found; raises OSError, and ModelError as `read` does."""
        tables = {**self.read(), repo: found}
        text = _HEAD + tomli_w.dumps(_TABLES.dump_python(dict(sorted(tables.items()))))
        draft = self.path.with_name(f".{NAME}.draft")
        with draft.open("w", encoding="utf-8") as file:
            file.write(text)
            file.flush()
            os.fsync(file.fileno())
        draft.replace(self.path)


def _difference(locked: Locked, found: Locked) -> str:
    if locked.commit != found.commit:
        return f"commit {found.commit} is not {locked.commit}"
    for name in sorted(locked.files.keys() | found.files.keys()):
        was, is_now = locked.files.get(name), found.files.get(name)
        if was is None:
            return f"{name} was not there"
        if is_now is None:
            return f"{name} is missing"
        if was != is_now:
            return (
                f"{name} has changed: SHA-256 {is_now.sha256} ({is_now.size_bytes} bytes) "
                f"instead of {was.sha256} ({was.size_bytes} bytes)"
            )
    raise AssertionError("equal")  # the caller has compared
