"""The model catalogue: one manifest per model. The file stem of the manifest is the name of the model."""

import difflib
import re
from dataclasses import dataclass
from pathlib import Path

from service.errors import ModelError
from service.registry.manifest import Manifest, load

MANIFEST = "manifest.toml"
_NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]{0,99}")


@dataclass(frozen=True, slots=True)
class Entry:
    """A named model with its manifest. The paths in the manifest are relative to ``folder``."""

    name: str
    manifest: Manifest
    folder: Path

    @property
    def installed(self) -> bool:
        """Whether every file of the manifest exists. The content is not checked."""
        return self.manifest.complete and all((self.folder / file).is_file() for file in self.manifest.files)


def installed_names(folder: Path) -> list[str]:
    """Names of the models that are installed in ``folder``, sorted."""
    return sorted(path.parent.name for path in folder.glob(f"[!.]*/{MANIFEST}"))


def installed_path(folder: Path, name: str) -> Path:
    """The folder of the model ``name`` in the folder of installed models.

    Raises:
        ModelError: the name is not a valid model name.
    """
    if not _NAME.fullmatch(name):
        raise ModelError(f"{name!r} is no valid model name: use letters, digits, '.', '_' and '-'")
    return folder / name


class Catalog:
    """The manifests in ``models_dir/catalog`` and the manifests of the models in ``installed_dir``.

    The manifest of an installed model takes precedence over its manifest in the catalogue. Installed models do not need
    a manifest in the catalogue. Embedded models cannot be replaced.
    """

    def __init__(self, models_dir: Path, installed_dir: Path | None = None) -> None:
        self._models_dir = models_dir
        self._installed_dir = installed_dir

    def names(self) -> list[str]:
        """Names of all models, sorted."""
        return sorted({*self._published_names(), *self._installed_names()})

    def entry(self, name: str) -> Entry:
        """The model of that name.

        Raises:
            ModelError: the model does not exist (the message lists the most similar names), or its manifest is invalid.
        """
        if name in self._published_names():
            manifest = self.published(name)
            if manifest.hub is None:
                return Entry(name, manifest, self._models_dir / manifest.weights)
            folder = self._models_dir if self._installed_dir is None else installed_path(self._installed_dir, name)
            if not (folder / MANIFEST).is_file():
                return Entry(name, manifest, folder)
        elif self._installed_dir is not None and name in self._installed_names():
            folder = installed_path(self._installed_dir, name)
        else:
            raise self._unknown(name)
        return Entry(name, load(folder / MANIFEST), folder)

    def manifests(self) -> dict[str, Manifest]:
        """The manifests of all models by name. A published model has the manifest of the catalogue.

        Raises:
            ModelError: a manifest is invalid.
        """
        published, installed = set(self._published_names()), self.names()
        return {name: self.published(name) if name in published else self.entry(name).manifest for name in installed}

    def publishes(self, name: str) -> bool:
        """Whether ``models_dir/catalog`` has a model of that name."""
        return name in self._published_names()

    def published(self, name: str) -> Manifest:
        """The manifest in ``models_dir/catalog``. The model does not need to be installed.

        Raises:
            ModelError: as `entry`.
        """
        if name not in self._published_names():
            raise self._unknown(name)
        return load(self._models_dir / "catalog" / f"{name}.toml")

    def embedded(self, name: str) -> bool:
        """Whether the model is part of the service.

        Raises:
            ModelError: its manifest is invalid.
        """
        return name in self._published_names() and self.published(name).hub is None

    def _published_names(self) -> list[str]:
        return [path.stem for path in (self._models_dir / "catalog").glob("*.toml")]

    def _installed_names(self) -> list[str]:
        return [] if self._installed_dir is None else installed_names(self._installed_dir)

    def _unknown(self, name: str) -> ModelError:
        names = self.names()
        near = difflib.get_close_matches(name, names) or names
        return ModelError(f"there is no model {name!r}; the known models are: {', '.join(near) or 'none'}")
