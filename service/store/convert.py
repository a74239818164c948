"""From a snapshot of the hub to an installed model: converted, trimmed, checked against its checkpoint, atomically."""

import hashlib
import shutil
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Literal

from service.errors import ModelError
from service.manifest import EngineFiles, EngineKind, Manifest, dumps

MANIFEST = "manifest.toml"
READABLE, LISTABLE = 0o644, 0o755
REVISION_CHARS = 12

Quantization = Literal["int8", "float32"]


def convert(
    snapshot: Path,
    manifest: Manifest,
    target: Path,
    *,
    quantization: Quantization = "int8",
    keep_checkpoint: bool = False,
) -> Manifest:
    """Install the checkpoint in ``snapshot`` as ``target``, a folder that is there whole or not at all.

    ``snapshot`` holds config.json, model.safetensors and the tokenizer files that ``manifest`` names; it is only read.
    CTranslate2's weights are stored in ``quantization``; with ``keep_checkpoint`` the torch engine can run the model,
    too. A model that is in ``target`` stays until the new one is complete. Takes the memory of the checkpoint in
    float32, and beside ``target`` the disk of three of them.

    Returns:
        The manifest with revision, engines, files and their SHA-256, as ``manifest.toml`` in ``target`` has it.

    Raises:
        ModelError: the checkpoint is of another architecture, lacks files, does not go with its tokenizer or does not
            write the same once converted; the libraries for converting are not installed; the disk is full.
    """
    try:
        from service.store.installation import install  # noqa: PLC0415 - importing the service imports no torch
    except ImportError as error:
        raise ModelError(f"converting needs 'depesche[convert]'; {error.name} is not installed") from error
    try:
        target.parent.mkdir(parents=True, exist_ok=True)
        with _replacing(target) as folder, _scratch(target) as scratch:
            described, engines = install(snapshot, manifest, folder, scratch, quantization, keep=keep_checkpoint)
            completed = _completed(described, engines, folder)
            (folder / MANIFEST).write_text(dumps(completed), "utf-8")
            _make_readable(folder)
    except OSError as error:
        raise ModelError(f"{manifest.id} cannot be converted: {error.strerror or error}") from error
    return completed


@contextmanager
def _scratch(target: Path) -> Iterator[Path]:
    """A folder beside ``target`` for what is not kept."""
    with tempfile.TemporaryDirectory(dir=target.parent, prefix=f".{target.name}-scratch-") as scratch:
        yield Path(scratch)


@contextmanager
def _replacing(target: Path) -> Iterator[Path]:
    """A new folder that takes the place of ``target`` at the end, and leaves no trace where the end is not reached."""
    folder = Path(tempfile.mkdtemp(dir=target.parent, prefix=f".{target.name}-new-"))
    try:
        yield folder
        with tempfile.TemporaryDirectory(dir=target.parent, prefix=f".{target.name}-old-") as old:
            if target.exists():
                target.rename(Path(old) / target.name)
            folder.rename(target)
    finally:
        shutil.rmtree(folder, ignore_errors=True)  # gone by now where all went well


def _completed(manifest: Manifest, engines: dict[EngineKind, EngineFiles], folder: Path) -> Manifest:
    """With the digest of each file; the revision tells the hub's and the files apart from all others."""
    paths = (path for path in sorted(folder.rglob("*")) if path.is_file())
    files = {path.relative_to(folder).as_posix(): _sha256(path) for path in paths}
    digest = hashlib.sha256("".join(f"{name}{files[name]}" for name in files).encode()).hexdigest()[:REVISION_CHARS]
    known = manifest.hub.revision if manifest.hub else manifest.revision
    described = {"revision": "-".join(filter(None, (known, digest))), "engines": engines, "files": files}
    return Manifest.model_validate({**manifest.model_dump(), **described})


def _sha256(path: Path) -> str:
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def _make_readable(folder: Path) -> None:
    """The service may run as another user than who installs; libraries write for the owner alone."""
    folder.chmod(LISTABLE)
    for path in folder.rglob("*"):
        path.chmod(LISTABLE if path.is_dir() else READABLE)
