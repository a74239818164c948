"""Proof that the files of a model are those that its manifest names."""

import hashlib

from service.errors import ModelError, WeightsMismatch
from service.manifest import EngineKind
from service.store.catalog import Entry


def verify(entry: Entry, kind: EngineKind) -> None:
    """Compare the files that engine ``kind`` reads with the manifest: their SHA-256, and that there are no others.

    An engine picks files of its folder by their names, so one that no manifest names could be loaded in silence.

    Raises:
        WeightsMismatch: a file is missing, differs or is not in the manifest; the message names it.
        ModelError: the model is not installed.
    """
    _refuse_absent(entry)
    _refuse_unlisted(entry, kind)
    others = tuple(files.folder + "/" for other, files in entry.manifest.engines.items() if other != kind)
    shared = entry.manifest.tokens.vocabulary
    for name, digest in entry.manifest.files.items():
        if not name.startswith(others) or name == shared:
            _compare(entry, name, digest)


def verify_whole(entry: Entry) -> None:
    """Compare all files of all engines with the manifest; raises as `verify` does."""
    _refuse_absent(entry)
    for kind in entry.manifest.engines:
        _refuse_unlisted(entry, kind)
    for name, digest in entry.manifest.files.items():
        _compare(entry, name, digest)


def _refuse_absent(entry: Entry) -> None:
    if not entry.manifest.complete:
        raise ModelError(f"{entry.name} is not installed; depesche models pull {entry.name} installs it")


def _refuse_unlisted(entry: Entry, kind: EngineKind) -> None:
    files = entry.manifest.engines.get(kind)
    if files is None:
        return  # loading it says which engines there are
    listed = {entry.folder / name for name in entry.manifest.files}
    for path in sorted((entry.folder / files.folder).rglob("*")):
        if path not in listed and not path.is_dir():
            raise WeightsMismatch(f"{entry.name}: {path.relative_to(entry.folder)} is not in the manifest")


def _compare(entry: Entry, name: str, digest: str) -> None:
    try:
        with (entry.folder / name).open("rb") as file:
            found = hashlib.file_digest(file, "sha256").hexdigest()
    except OSError as error:
        raise WeightsMismatch(f"{entry.name}: {name} cannot be read: {error.strerror}") from error
    if found != digest:
        raise WeightsMismatch(f"{entry.name}: {name} is not the file that the manifest names")
