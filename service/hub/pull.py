"""Pull of a model: download from the hub, conversion and installation."""

import hashlib
import shutil
import tempfile
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

from service.errors import ModelError
from service.hub import client
from service.hub.client import PICKLE, SAFETENSORS, Report, Snapshot
from service.hub.installed import InstalledModels, write_errors
from service.hub.pickles import rewrite
from service.registry.catalog import MANIFEST, Catalog, Entry
from service.registry.manifest import EngineFiles, EngineKind, Hub, Manifest, dumps
from service.registry.verify import Digest, verify_whole

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

    ``snapshot`` contains config.json, model.safetensors and the tokenizer files of ``manifest``. It is not changed.
    With ``keep_checkpoint`` the torch engine can also serve the model. A model in ``target`` is replaced when the new
    one is complete. The conversion needs the memory of the checkpoint in float32, and three times its size on the disk
    of ``target``.

    Returns:
        The manifest with revision, engines, files and their SHA-256, as written to ``manifest.toml`` in ``target``.

    Raises:
        ModelError: the checkpoint has another architecture, lacks files or does not match its tokenizer; the outputs of
            the converted model differ; the libraries for the conversion are not installed; the disk is full.
    """
    try:
        from service.hub.installation import install  # noqa: PLC0415 - imports torch
    except ImportError as error:
        raise ModelError(f"the conversion needs 'depesche[convert]'; {error.name} is not installed") from error
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
    """Add the engines, the file digests and the revision (the hub's commit and a hash of the files)."""
    paths = (path for path in sorted(folder.rglob("*")) if path.is_file())
    files = {path.relative_to(folder).as_posix(): Digest.of(path).sha256 for path in paths}
    digest = hashlib.sha256("".join(f"{name}{files[name]}" for name in files).encode()).hexdigest()[:REVISION_CHARS]
    commit = manifest.hub.revision if manifest.hub else manifest.revision
    described = {"revision": "-".join(filter(None, (commit, digest))), "engines": engines, "files": files}
    return Manifest.model_validate({**manifest.model_dump(), **described})


def _make_readable(folder: Path) -> None:
    """Make the files readable for all users, because the service may run as another user."""
    folder.chmod(FOLDER_MODE)
    for path in folder.rglob("*"):
        path.chmod(FOLDER_MODE if path.is_dir() else FILE_MODE)


VERIFIED = ("architecture", "hub.revision")  # manifest fields that a pull verifies
Convert = Callable[[Path, Manifest, Path], Manifest]
Say = Callable[[str], None]


@dataclass(frozen=True, slots=True)
class Pull:
    """Installs models from the hub.

    ``convert(checkpoint, manifest, target)`` writes the engines' files and the manifest to the new folder ``target``
    and returns the new manifest. ``report`` receives download progress, ``say`` the name of each step.
    """

    catalog: Catalog
    installed: InstalledModels
    convert: Convert
    report: Report
    say: Say

    def install(self, name: str, *, licence_accepted: bool) -> Entry:
        """Pull and install a model. It replaces an installed model of that name at the end.

        Raises:
            ModelError: a step failed; see `client.pull`, `Lock.check`, `pickles.rewrite` and ``convert``.
        """
        manifest = self.catalog.published(name)
        hub = _hub_of(name, manifest)
        _check_licence(name, manifest, hub, accepted=licence_accepted)
        with self.installed.changing():
            snapshot = self._download(hub)
            with write_errors(name):
                return self._install_snapshot(name, manifest, hub, snapshot)

    def _download(self, hub: Hub) -> Snapshot:
        """Download the files of the repository. They must match the lock file; the first pull writes their entry."""
        lock = self.installed.lock
        snapshot = client.pull(hub, lock.commit(hub.repo), self.report)
        found = snapshot.locked()
        try:
            lock.check(hub.repo, found)
        except ModelError:
            client.discard(snapshot)
            raise
        if lock.commit(hub.repo) is None:
            with write_errors("the lock"):
                lock.keep(hub.repo, found)
        return snapshot

    def _install_snapshot(self, name: str, manifest: Manifest, hub: Hub, snapshot: Snapshot) -> Entry:
        pinned = manifest.model_copy(
            update={
                "hub": hub.model_copy(update={"revision": snapshot.commit}),
                "verified": tuple(sorted({*manifest.verified, *VERIFIED})),
            }
        )
        with self.installed.draft() as draft:
            checkpoint, target = draft / "checkpoint", draft / name
            self._write_checkpoint(snapshot, checkpoint)
            self.say("converting")
            converted = self.convert(checkpoint, pinned, target)
            verify_whole(Entry(name, converted, target))
            self.installed.put(name, target)
        return self.catalog.entry(name)

    def _write_checkpoint(self, snapshot: Snapshot, checkpoint: Path) -> None:
        """Link the files of the snapshot into a new folder. A pickle is rewritten as safetensors."""
        checkpoint.mkdir()
        for name, path in snapshot.files.items():
            if name != PICKLE:
                (checkpoint / name).symlink_to(path.resolve())
        if PICKLE in snapshot.files:
            self.say("rewriting pickled weights as safetensors, in a separate process")
            rewrite(snapshot.files[PICKLE], checkpoint / SAFETENSORS)


def _hub_of(name: str, manifest: Manifest) -> Hub:
    if manifest.hub is None:
        raise ModelError(f"{name} is part of Depesche and cannot be pulled")
    return manifest.hub


def _check_licence(name: str, manifest: Manifest, hub: Hub, *, accepted: bool) -> None:
    if hub.restricted and not accepted:
        raise ModelError(
            f"{name} has restricted terms: licence {manifest.licence}, commercial use: {manifest.commercial_use}. "
            f"Read the terms of {hub.repo} on the hub; pull with --licence-accepted if they allow your use"
        )
