"""Conversion of a hub snapshot to an installed model, as one transaction. Importing this module imports no torch."""

import hashlib
import shutil
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Literal

from service.errors import ModelError
from service.registry.catalog import MANIFEST
from service.registry.manifest import EngineFiles, EngineKind, Manifest, dumps
from service.registry.verify import Digest

FILE_MODE, FOLDER_MODE = 0o644, 0o755
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
    """Convert the checkpoint in ``snapshot`` for CTranslate2 and install it as the folder ``target``.

    ``snapshot`` holds config.json, model.safetensors and the tokenizer files of ``manifest``; it is only read.
    With ``keep_checkpoint`` the torch engine can serve the model, too. A model in ``target`` stays until the new one
    is complete. Needs the memory of the checkpoint in float32, and three times its size on the disk of ``target``.

    Returns:
        The manifest with revision, engines, files and their SHA-256, as written to ``manifest.toml`` in ``target``.

    Raises:
        ModelError: the checkpoint has another architecture, lacks files, does not match its tokenizer, or the converted
            model disagrees with it; the libraries for converting are not installed; the disk is full.
    """
    try:
        from service.hub.installation import install  # noqa: PLC0415 - imports torch
    except ImportError as error:
        raise ModelError(f"converting needs 'depesche[convert]'; {error.name} is not installed") from error
    try:
        target.parent.mkdir(parents=True, exist_ok=True)
        with _replacing(target) as folder, _scratch_folder(target) as scratch:
            described, engines = install(snapshot, manifest, folder, scratch, quantization, keep=keep_checkpoint)
            completed = _complete_manifest(described, engines, folder)
            (folder / MANIFEST).write_text(dumps(completed), "utf-8")
            _make_readable(folder)
    except OSError as error:
        raise ModelError(f"{manifest.id} cannot be converted: {error.strerror or error}") from error
    return completed


@contextmanager
def _scratch_folder(target: Path) -> Iterator[Path]:
    """A temporary folder on the file system of ``target``."""
    with tempfile.TemporaryDirectory(dir=target.parent, prefix=f".{target.name}-scratch-") as scratch:
        yield Path(scratch)


@contextmanager
def _replacing(target: Path) -> Iterator[Path]:
    """A new folder that replaces ``target`` when the block succeeds, and is deleted when it fails."""
    folder = Path(tempfile.mkdtemp(dir=target.parent, prefix=f".{target.name}-new-"))
    try:
        yield folder
        with tempfile.TemporaryDirectory(dir=target.parent, prefix=f".{target.name}-old-") as old:
            if target.exists():
                target.rename(Path(old) / target.name)
            folder.rename(target)
    finally:
        shutil.rmtree(folder, ignore_errors=True)  # missing after success


def _complete_manifest(manifest: Manifest, engines: dict[EngineKind, EngineFiles], folder: Path) -> Manifest:
    """Add engines, file digests and the revision, which combines the hub's commit with a hash of the files."""
    paths = (path for path in sorted(folder.rglob("*")) if path.is_file())
    files = {path.relative_to(folder).as_posix(): Digest.of(path).sha256 for path in paths}
    digest = hashlib.sha256("".join(f"{name}{files[name]}" for name in files).encode()).hexdigest()[:REVISION_CHARS]
    commit = manifest.hub.revision if manifest.hub else manifest.revision
    described = {"revision": "-".join(filter(None, (commit, digest))), "engines": engines, "files": files}
    return Manifest.model_validate({**manifest.model_dump(), **described})


def _make_readable(folder: Path) -> None:
    """Make the files readable for all users: the service may run as another user than the installer."""
    folder.chmod(FOLDER_MODE)
    for path in folder.rglob("*"):
        path.chmod(FOLDER_MODE if path.is_dir() else FILE_MODE)
