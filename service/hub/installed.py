"""The folder of installed models.

Each model has a subfolder, which is replaced atomically if the file system allows it.
"""

import contextlib
import ctypes
import errno
import fcntl
import os
import shutil
import tempfile
from collections.abc import Iterator
from pathlib import Path

from service.errors import ModelError
from service.hub.lock import Lock
from service.registry.catalog import installed_names, installed_path

_DRAFT = ".draft-"
_AT_FDCWD, _RENAME_EXCHANGE = -100, 2  # renameat2(2)


class InstalledModels:
    """The models in ``folder`` and their lock file. The folder is created before the first change."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.lock = Lock(folder)

    def names(self) -> list[str]:
        """Return the names of the installed models, sorted."""
        return installed_names(self.folder)

    def path(self, name: str) -> Path:
        """Return the folder of the model ``name``.

        Raises:
            ModelError: the name is not a valid model name.
        """
        return installed_path(self.folder, name)

    @contextlib.contextmanager
    def changing(self) -> Iterator[None]:
        """Lock the folder against other processes until the end of the ``with`` block.

        Temporary folders that killed processes have left behind are deleted first.

        Raises:
            ModelError: another process holds the lock, or the folder cannot be written.
        """
        with write_errors(f"the folder of installed models {self.folder}"):
            self.folder.mkdir(parents=True, exist_ok=True)
            handle = (self.folder / ".changing").open("w", encoding="utf-8")
        with handle:
            try:
                fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
            except OSError as error:
                raise ModelError(
                    f"another command is changing the models in {self.folder}; retry when it has finished"
                ) from error
            for draft in self.folder.glob(f"{_DRAFT}*"):
                shutil.rmtree(draft, ignore_errors=True)
            yield

    @contextlib.contextmanager
    def draft(self) -> Iterator[Path]:
        """Yield a temporary folder on the same file system as the models.

        The folder is deleted at the end of the ``with`` block.

        Raises:
            OSError: the folder cannot be created.
        """
        path = Path(tempfile.mkdtemp(prefix=_DRAFT, dir=self.folder))
        try:
            yield path
        finally:
            shutil.rmtree(path, ignore_errors=True)

    def put(self, name: str, source: Path) -> None:
        """Install ``source``, a folder inside a `draft`, as the model ``name``.

        If a model of that name is installed, the two folders are exchanged in one step. On a file system that cannot
        exchange folders, the model is missing for a moment. The old model is deleted with the draft.

        Raises:
            OSError: the file system refuses the change.
        """
        _sync(source)
        target = self.path(name)
        if not target.exists():
            source.replace(target)
        elif not _exchange(source, target):
            # NFS and some other file systems cannot exchange two folders. A crash between the next two steps loses the
            # model.
            old = source.with_name(f"{source.name}.old")
            target.replace(old)
            source.replace(target)

    def remove(self, name: str) -> None:
        """Remove the model ``name`` in one step.

        Raises:
            ModelError: ``name`` is not a valid name of a model.
            OSError: the model is not installed, or the file system refuses the change.
        """
        with self.draft() as draft:
            self.path(name).replace(draft / name)


@contextlib.contextmanager
def write_errors(what: str) -> Iterator[None]:
    """Convert an OSError in the ``with`` block to a ModelError that states the cause.

    ``what`` is the subject of the message.
    """
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
    """Exchange two paths atomically with renameat2(2).

    Return False if the system or the file system does not support such an exchange.

    Raises:
        OSError: the exchange failed for another reason.
    """
    rename = getattr(ctypes.CDLL(None, use_errno=True), "renameat2", None)
    if rename is None:
        return False
    if rename(_AT_FDCWD, os.fsencode(one), _AT_FDCWD, os.fsencode(other), _RENAME_EXCHANGE) == 0:
        return True
    number = ctypes.get_errno()
    if number in {errno.EINVAL, errno.ENOSYS, errno.EXDEV, errno.EOPNOTSUPP}:
        return False
    raise OSError(number, os.strerror(number))
