"""Pulls a model of the catalogue: download, check, convert, install."""

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from service.errors import ModelError
from service.hub import client
from service.hub.client import PICKLE, SAFETENSORS, Report, Snapshot
from service.hub.installed import Installed, write_errors
from service.hub.pickles import rewrite
from service.registry.catalog import Catalog, Entry
from service.registry.manifest import Hub, Manifest
from service.registry.verify import verify_whole

VERIFIED = ("architecture", "hub.revision")  # manifest fields that a pull checks
Convert = Callable[[Path, Manifest, Path], Manifest]
Say = Callable[[str], None]


@dataclass(frozen=True, slots=True)
class Pull:
    """Installs models from the hub.

    ``convert(checkpoint, manifest, target)`` writes the engines' files and the manifest to the new folder ``target``
    and returns that manifest. ``report`` receives download progress, ``say`` the name of each step.
    """

    catalog: Catalog
    installed: Installed
    convert: Convert
    report: Report
    say: Say

    def install(self, name: str, *, licence_accepted: bool) -> Entry:
        """Pull and install a model. An installed model of that name stays until the new one is complete.

        Raises:
            ModelError: any step failed; see `client.pull`, `Lock.check`, `pickles.rewrite` and ``convert``.
        """
        manifest = self.catalog.published(name)
        hub = _hub_of(name, manifest)
        _check_licence(name, manifest, hub, accepted=licence_accepted)
        with self.installed.changing():
            snapshot = self._download(hub)
            with write_errors(name):
                return self._install_snapshot(name, manifest, hub, snapshot)

    def _download(self, hub: Hub) -> Snapshot:
        """The repository's files. They must match the lock; the first pull writes it."""
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
        """Link the snapshot's files into a new folder, with a pickle rewritten as safetensors."""
        checkpoint.mkdir()
        for name, path in snapshot.files.items():
            if name != PICKLE:
                (checkpoint / name).symlink_to(path.resolve())
        if PICKLE in snapshot.files:
            self.say("rewriting pickled weights as safetensors, in a separate process")
            rewrite(snapshot.files[PICKLE], checkpoint / SAFETENSORS)


def _hub_of(name: str, manifest: Manifest) -> Hub:
    if manifest.hub is None:
        raise ModelError(f"{name} comes with Depesche and is not pulled")
    return manifest.hub


def _check_licence(name: str, manifest: Manifest, hub: Hub, *, accepted: bool) -> None:
    if hub.restricted and not accepted:
        raise ModelError(
            f"{name} has restricted terms: licence {manifest.licence}, commercial use: {manifest.commercial_use}. "
            f"Read them on the page of {hub.repo}; pull with --licence-accepted if they allow your use"
        )
