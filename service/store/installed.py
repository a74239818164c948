"""The folder of installed models: one folder a model, each there whole or not at all."""

import contextlib
import ctypes
import errno
import fcntl
import os
import re
import shutil
import tempfile
from collections.abc import Iterator
from pathlib import Path

from service.errors import ModelError
from service.store.lock import Lock

MANIFEST = "manifest.toml"
_NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]{0,99}")
_DRAFT = ".draft-"
_AT_FDCWD, _EXCHANGE = -100, 2


class Installed:
    """The models under ``folder``, which need not exist yet, and their lock."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.lock = Lock(folder)

    def names(self) -> list[str]:
        """Names of the installed models, sorted."""
        return sorted(path.parent.name for path in self.folder.glob(f"[!.]*/{MANIFEST}"))

    def path(self, name: str) -> Path:
        """The folder of the model of that name.

        Raises:
            ModelError: no model can have this name.
        """
        if not _NAME.fullmatch(name):
            raise ModelError(f"{name!r} is no name of a model: letters, digits, '.', '_' and '-'")
        return self.folder / name

    @contextlib.contextmanager
    def changing(self) -> Iterator[None]:
        """Hold the folder for changes of one process; what processes that died left half done is swept away.

        Raises:
            ModelError: another process holds it, or it cannot be written.
        """
        with told(f"the folder of installed models, {self.folder},"):
            self.folder.mkdir(parents=True, exist_ok=True)
            handle = (self.folder / ".changing").open("w", encoding="utf-8")
        with handle:
            try:
                fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
            except OSError as error:
                raise ModelError(f"another command is changing the models in {self.folder}") from error
            for left in self.folder.glob(f"{_DRAFT}*"):
                shutil.rmtree(left, ignore_errors=True)
            yield

    @contextlib.contextmanager
    def draft(self) -> Iterator[Path]:
        """A new folder beside the models, for a model in the making; it is gone afterwards. Raises OSError."""
        path = Path(tempfile.mkdtemp(prefix=_DRAFT, dir=self.folder))
        try:
            yield path
        finally:
            shutil.rmtree(path, ignore_errors=True)

    def put(self, name: str, made: Path) -> None:
        """Put the folder ``made``, which lies in a draft, in the place of the model; raises OSError.

        It changes places with a model that is there, so that at no time there is neither; the old one goes with the
        draft.
        """
        _sync(made)
        place = self.path(name)
        if not place.exists():
            made.replace(place)
        elif not _exchange(made, place):
            # File systems that cannot exchange, such as NFS: for a moment there is none, and no crash may come then.
            old = made.with_name(f"{made.name}.old")
            place.replace(old)
            made.replace(place)

    def remove(self, name: str) -> None:
        """Take a model away, all at once; raises OSError."""
        with self.draft() as draft:
            self.path(name).replace(draft / name)


@contextlib.contextmanager
def told(what: str) -> Iterator[None]:
    """Turn an OSError into a ModelError that says what could not be written, and why."""
    try:
        yield
    except OSError as error:
        raise ModelError(f"{what} cannot be written: {error.strerror or error}") from error


def _sync(folder: Path) -> None:
    for path in (*folder.rglob("*"), folder):
        handle = os.open(path, os.O_RDONLY)
        try:
            os.fsync(handle)
        finally:
            os.close(handle)


def _exchange(one: Path, other: Path) -> bool:
    """Let two paths change places in one step (Linux); False where system or file system cannot."""
    rename = getattr(ctypes.CDLL(None, use_errno=True), "renameat2", None)
    if rename is None:
        return False
    if rename(_AT_FDCWD, os.fsencode(one), _AT_FDCWD, os.fsencode(other), _EXCHANGE) == 0:
        return True
    number = ctypes.get_errno()
    if number in {errno.EINVAL, errno.ENOSYS, errno.EXDEV, errno.EOPNOTSUPP}:
        return False
    raise OSError(number, os.strerror(number))
