"""The catalogue: one manifest a model; its file stem is the model's name."""

import difflib
from dataclasses import dataclass
from pathlib import Path

from service.errors import ModelError
from service.manifest import Manifest, load
from service.store.installed import MANIFEST, Installed


@dataclass(frozen=True, slots=True)
class Entry:
    """A model by name: its manifest and the folder that its files are relative to."""

    name: str
    manifest: Manifest
    folder: Path

    @property
    def installed(self) -> bool:
        """Whether every file of the manifest is there; says nothing of their content."""
        return self.manifest.complete and all((self.folder / file).is_file() for file in self.manifest.files)


class Catalog:
    """The manifests under ``models_dir/catalog``, and those of the models that are installed under ``installed_dir``.

    An installed model's own manifest counts, and it need not be in the catalogue; what is embedded is not replaced.
    """

    def __init__(self, models_dir: Path, installed_dir: Path | None = None) -> None:
        self._models_dir = models_dir
        self._installed = None if installed_dir is None else Installed(installed_dir)

    def names(self) -> list[str]:
        """Names of all models, sorted."""
        installed = [] if self._installed is None else self._installed.names()
        return sorted({*self._published_names(), *installed})

    def entry(self, name: str) -> Entry:
        """The model of that name.

        Raises:
            ModelError: there is none (the nearest names are offered), or its manifest is invalid.
        """
        if name in self._published_names():
            manifest = self.published(name)
            if manifest.hub is None:
                return Entry(name, manifest, self._models_dir / manifest.weights)
            folder = self._models_dir if self._installed is None else self._installed.path(name)
            if not (folder / MANIFEST).is_file():
                return Entry(name, manifest, folder)
        elif self._installed is not None and name in self._installed.names():
            folder = self._installed.path(name)
        else:
            raise self._unknown(name)
        return Entry(name, load(folder / MANIFEST), folder)

    def publishes(self, name: str) -> bool:
        """Whether the catalogue itself has a model of that name."""
        return name in self._published_names()

    def published(self, name: str) -> Manifest:
        """The catalogue's own manifest, whether the model is installed or not; raises ModelError as `entry` does."""
        if name not in self._published_names():
            raise self._unknown(name)
        return load(self._models_dir / "catalog" / f"{name}.toml")

    def embedded(self, name: str) -> bool:
        """Whether the model of that name comes with the service; raises ModelError where its manifest is invalid."""
        return name in self._published_names() and self.published(name).hub is None

    def _published_names(self) -> list[str]:
        return [path.stem for path in (self._models_dir / "catalog").glob("*.toml")]

    def _unknown(self, name: str) -> ModelError:
        names = self.names()
        near = difflib.get_close_matches(name, names) or names
        return ModelError(f"there is no model {name!r}; there is {', '.join(near) or 'none at all'}")
