"""Joining of model files that the repository stores in parts because of its limit on file sizes.

A joined model is a copy of a model in a cache folder, in which the parts of each file have been joined. The name of the
copy consists of the name of the model's folder and a hash of the names and digests of the files. Different versions of
a model therefore have separate copies, and manifests with the same folder and files share one copy.
"""

import fcntl
import hashlib
import os
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

from service.errors import ModelError, WeightsMismatch
from service.registry.catalog import Entry
from service.registry.manifest import EngineKind
from service.registry.verify import CHUNK_BYTES, Digest, check_joined, verify, verify_whole


def ready(entry: Entry, kind: EngineKind) -> Entry:
    """Verify the files that the engine ``kind`` reads, and return an entry for a model that this engine can load.

    If no file of the model is stored in parts, return ``entry`` itself. Otherwise, return the entry of a copy in the
    cache folder, in which the parts have been joined. If a valid copy exists, the parts are not read. If the copy is
    missing or damaged, it is created from the parts.

    Raises:
        WeightsMismatch: a file or a part is missing, cannot be read or does not match its SHA-256, or a file is in the
            engine's folder but not in the manifest.
        ModelError: the model is not installed or has no files, or the cache folder cannot be written.
    """
    return _verified(entry, lambda one: verify(one, kind))


def join(entry: Entry) -> Entry:
    """Verify the files that each engine needs, and return an entry for a model that every engine can load.

    If the model has files that are stored in parts, the returned entry refers to a copy in the cache folder, in which
    the parts have been joined (see `ready`).

    Raises:
        WeightsMismatch: for the same reasons as in `ready`.
        ModelError: for the same reasons as in `ready`.
    """
    return _verified(entry, verify_whole)


def _verified(entry: Entry, check: Callable[[Entry], None]) -> Entry:
    if not entry.manifest.joined:
        check(entry)
        return entry
    made = _joined(entry)
    try:
        check(made)
    except WeightsMismatch:
        _make(entry, made)
        check(made)
    return made


def _joined(entry: Entry) -> Entry:
    whole = entry.manifest.whole
    listing = "".join(f"{sha256}  {name}\n" for name, sha256 in sorted(whole.files.items()))
    version = hashlib.sha256(listing.encode()).hexdigest()[:16]
    return Entry(entry.name, whole, entry.weights_dir / f"{entry.folder.name}-{version}", entry.weights_dir)


def _make(entry: Entry, made: Entry) -> None:
    """Write those files of ``made``, the cached copy of ``entry``, that are missing or damaged.

    A lock ensures that only one process at a time writes the copy. Each file is written under a temporary name, and
    renamed after its SHA-256 has been verified.
    """
    folder = made.folder
    draft = folder.with_name(f".{folder.name}.draft")  # the folder itself may contain only files in the manifest
    with _locked(made):
        try:
            for name, sha256 in made.manifest.files.items():
                if _digest(folder / name) != sha256:
                    joined = entry.manifest.joined.get(name)
                    _write(entry, name, (name,) if joined is None else joined.parts, draft)
                    (folder / name).parent.mkdir(parents=True, exist_ok=True)
                    draft.replace(folder / name)
                    _sync_folder((folder / name).parent)
        finally:
            draft.unlink(missing_ok=True)


@contextmanager
def _locked(made: Entry) -> Iterator[None]:
    """Create the cache folder of the joined model, and lock the folder against other processes in the ``with`` block.

    Raises:
        ModelError: the file system reported an error, either here or in the ``with`` block.
    """
    folder = made.folder
    try:
        folder.mkdir(parents=True, exist_ok=True)
        with folder.with_name(f".{folder.name}.lock").open("w") as lock:
            fcntl.flock(lock, fcntl.LOCK_EX)
            yield
    except OSError as error:
        fault = f"the parts of {made.name} cannot be joined in {made.weights_dir}: {error.strerror}"
        raise ModelError(f"{fault}; set DEPESCHE_WEIGHTS_DIR to a writable folder with enough space") from error


def _digest(path: Path) -> str | None:
    try:
        return Digest.of(path).sha256
    except OSError:
        return None


def _write(entry: Entry, name: str, parts: Sequence[str], draft: Path) -> None:
    """Write the concatenated ``parts`` of the file ``name`` to ``draft``.

    Raises:
        WeightsMismatch: a part cannot be read, or a part or the whole file does not match its SHA-256.
    """
    whole = hashlib.sha256()
    with draft.open("wb") as out:
        for part in parts:
            own = hashlib.sha256()
            for chunk in _chunks(entry, part):
                own.update(chunk)
                whole.update(chunk)
                out.write(chunk)
            if own.hexdigest() != entry.manifest.files[part]:
                raise WeightsMismatch(f"{entry.name}: {part} does not match its SHA-256 in the manifest")
        out.flush()
        os.fsync(out.fileno())
    if name in entry.manifest.joined:
        check_joined(entry, name, whole.hexdigest())


def _chunks(entry: Entry, part: str) -> Iterator[bytes]:
    try:
        with (entry.folder / part).open("rb") as file:
            while chunk := file.read(CHUNK_BYTES):
                yield chunk
    except OSError as error:
        raise WeightsMismatch(f"{entry.name}: {part} cannot be read: {error.strerror}") from error


def _sync_folder(folder: Path) -> None:
    handle = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)
