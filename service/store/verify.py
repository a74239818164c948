"""Proof that the files of a model are those that its manifest names."""

import hashlib

from service.errors import WeightsMismatch
from service.manifest import EngineKind
from service.store.catalog import Entry


def verify(entry: Entry, kind: EngineKind) -> None:
    """Compare the SHA-256 of each file that engine ``kind`` reads with the manifest's.

    Raises:
        WeightsMismatch: a file is missing or differs; the message names it.
    """
    others = tuple(files.folder + "/" for other, files in entry.manifest.engines.items() if other != kind)
    shared = entry.manifest.tokens.vocabulary
    for name, digest in entry.manifest.files.items():
        if name.startswith(others) and name != shared:
            continue
        try:
            with (entry.folder / name).open("rb") as file:
                found = hashlib.file_digest(file, "sha256").hexdigest()
        except OSError as error:
            raise WeightsMismatch(f"{entry.name}: {name} cannot be read: {error.strerror}") from error
        if found != digest:
            raise WeightsMismatch(f"{entry.name}: {name} is not the file that the manifest names")
