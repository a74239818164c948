"""SHA-256 digests of files, and the verification of a model's files against its manifest."""

import hashlib
from pathlib import Path

from pydantic import BaseModel, ConfigDict, Field

from service.errors import ModelError, WeightsMismatch
from service.registry.catalog import Entry
from service.registry.manifest import EngineKind

CHUNK_BYTES = 2**20


class Digest(BaseModel):
    """The SHA-256 of a file, in hexadecimal, and the size of the file in bytes."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    sha256: str = Field(pattern=r"^[0-9a-f]{64}$")
    size_bytes: int = Field(ge=0)

    @classmethod
    def of_bytes(cls, content: bytes) -> "Digest":
        """Return the SHA-256 and the size of the bytes ``content``."""
        return cls(sha256=hashlib.sha256(content).hexdigest(), size_bytes=len(content))

    @classmethod
    def of(cls, path: Path) -> "Digest":
        """Return the SHA-256 and the size of the file at ``path``.

        Raises:
            OSError: the file cannot be read.
        """
        with path.open("rb") as file:
            sha256 = hashlib.file_digest(file, "sha256").hexdigest()
            return cls(sha256=sha256, size_bytes=file.tell())


def verify(entry: Entry, kind: EngineKind) -> None:
    """Verify the SHA-256 of each file of the model, except for files that only engines other than ``kind`` use.

    A file in the engine's folder that the manifest does not list is an error, because the engine might load it.

    Raises:
        WeightsMismatch: a file is missing, cannot be read, does not match its SHA-256, or is in the engine's folder but
            not in the manifest.
        ModelError: the model is not installed, or has no files.
    """
    _require_installed(entry)
    _refuse_unlisted_files(entry, kind)
    own = {files.folder for other, files in entry.manifest.engines.items() if other == kind}
    other_folders = tuple(files.folder + "/" for files in entry.manifest.engines.values() if files.folder not in own)
    vocabulary = entry.manifest.tokens.vocabulary  # both engines read it
    for name, sha256 in entry.manifest.files.items():
        if not name.startswith(other_folders) or name == vocabulary:
            _check_file(entry, name, sha256)


def verify_whole(entry: Entry) -> None:
    """Verify the SHA-256 of every file in the manifest, including files that are stored in parts.

    A file in the folder of an engine that the manifest does not list is an error, as in `verify`.

    Raises:
        WeightsMismatch: a file is missing, cannot be read, does not match its SHA-256, or is in the folder of an engine
            but not in the manifest.
        ModelError: the model is not installed, or has no files.
    """
    _require_installed(entry)
    for kind in entry.manifest.engines:
        _refuse_unlisted_files(entry, kind)
    for name, sha256 in entry.manifest.files.items():
        _check_file(entry, name, sha256)
    for name, joined in entry.manifest.joined.items():
        whole = hashlib.sha256()
        for part in joined.parts:
            with (entry.folder / part).open("rb") as file:
                while chunk := file.read(CHUNK_BYTES):
                    whole.update(chunk)
        check_joined(entry, name, whole.hexdigest())


def check_joined(entry: Entry, name: str, found: str) -> None:
    """Check the SHA-256 ``found`` of the file ``name``, which was joined from its parts, against the manifest.

    Raises:
        WeightsMismatch: ``found`` differs from the SHA-256 in the manifest.
    """
    if found != entry.manifest.joined[name].sha256:
        raise WeightsMismatch(
            f"{entry.name}: {name}, joined from its parts, does not match its SHA-256 in the manifest"
        )


def _require_installed(entry: Entry) -> None:
    if entry.manifest.remote is not None:
        raise ModelError(f"{entry.name} runs on a remote server and has no files here")
    if entry.manifest.rules:
        raise ModelError(f"{entry.name} is a set of rules in the service and has no files")
    if not entry.manifest.complete:
        raise ModelError(f"{entry.name} is not installed; install it with: depesche models pull {entry.name}")


def _refuse_unlisted_files(entry: Entry, kind: EngineKind) -> None:
    files = entry.manifest.engines.get(kind)
    if files is None:
        return  # the engine reports the error when it is loaded
    listed = {entry.folder / name for name in entry.manifest.files}
    for path in sorted((entry.folder / files.folder).rglob("*")):
        if path not in listed and not path.is_dir():
            raise WeightsMismatch(f"{entry.name}: {path.relative_to(entry.folder)} is not in the manifest")


def _check_file(entry: Entry, name: str, sha256: str) -> None:
    try:
        found = Digest.of(entry.folder / name).sha256
    except OSError as error:
        raise WeightsMismatch(f"{entry.name}: {name} cannot be read: {error.strerror}") from error
    if found != sha256:
        raise WeightsMismatch(f"{entry.name}: {name} does not match its SHA-256 in the manifest")
