"""From a name of the catalogue to an installed model: fetch, compare, make safe, convert, put in place."""

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from service.errors import ModelError
from service.manifest import Hub, Manifest
from service.store import hub as hub_room
from service.store.catalog import Catalog, Entry
from service.store.hub import PICKLED, SAFE, Report, Snapshot
from service.store.installed import Installed, told
from service.store.pickles import rewrite
from service.store.verify import verify_whole

VERIFIED = ("architecture", "hub.revision")  # what a pull compares with the model's own files and with the hub
Convert = Callable[[Path, Manifest, Path], Manifest]
Say = Callable[[str], None]


@dataclass(frozen=True, slots=True)
class Pull:
    """How models are pulled.

    ``convert(checkpoint, manifest, target)`` makes the folder ``target`` of the engines' files and the manifest that
    describes them, and returns that; ``report`` is told of bytes, ``say`` of steps.
    """

    catalog: Catalog
    installed: Installed
    convert: Convert
    report: Report
    say: Say

    def install(self, name: str, *, licence_accepted: bool) -> Entry:
        """Pull and install the model of that name; one that was installed stays as it is until the new one is whole.

        Raises:
            ModelError: whatever is wrong, with its cause; see `hub.pull`, `Lock.check`, `pickles.rewrite`, ``convert``.
        """
        manifest = self.catalog.published(name)
        hub = _of_the_hub(name, manifest)
        _accept(name, manifest, hub, accepted=licence_accepted)
        with self.installed.changing():
            snapshot = self._fetched(hub)
            with told(f"{name}"):
                return self._installed(name, manifest, hub, snapshot)

    def _fetched(self, hub: Hub) -> Snapshot:
        """The repository's files, held against the lock, which is written at the first pull."""
        lock = self.installed.lock
        snapshot = hub_room.pull(hub, lock.commit(hub.repo), self.report)
        found = snapshot.locked()
        try:
            lock.check(hub.repo, found)
        except ModelError:
            hub_room.discard(snapshot)
            raise
        if lock.commit(hub.repo) is None:
            with told("the lock"):
                lock.keep(hub.repo, found)
        return snapshot

    def _installed(self, name: str, manifest: Manifest, hub: Hub, snapshot: Snapshot) -> Entry:
        pinned = manifest.model_copy(
            update={
                "hub": hub.model_copy(update={"revision": snapshot.commit}),
                "verified": tuple(sorted({*manifest.verified, *VERIFIED})),
            }
        )
        with self.installed.draft() as draft:
            checkpoint, made = draft / "checkpoint", draft / name
            self._lay_out(snapshot, checkpoint)
            self.say("converting")
            described = self.convert(checkpoint, pinned, made)
            verify_whole(Entry(name, described, made))
            self.installed.put(name, made)
        return self.catalog.entry(name)

    def _lay_out(self, snapshot: Snapshot, checkpoint: Path) -> None:
        """A folder of the checkpoint's files, weights as safetensors alone."""
        checkpoint.mkdir()
        for name, path in snapshot.files.items():
            if name == PICKLED:
                self.say("rewriting pickled weights as safetensors, in a process of their own")
                rewrite(path, checkpoint / SAFE)
            else:
                (checkpoint / name).symlink_to(path.resolve())


def _of_the_hub(name: str, manifest: Manifest) -> Hub:
    if manifest.hub is None:
        raise ModelError(f"{name} comes with Depesche and is not pulled")
    return manifest.hub


def _accept(name: str, manifest: Manifest, hub: Hub, *, accepted: bool) -> None:
    if hub.restricted and not accepted:
        raise ModelError(
            f"{name} has restricted terms: licence {manifest.licence}, commercial use: {manifest.commercial_use}. "
            f"Read them on the page of {hub.repo}; pull with --licence-accepted if they allow your use"
        )
