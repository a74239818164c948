"""The catalogue: one manifest a model; its file stem is the model's name."""

import difflib
from dataclasses import dataclass
from pathlib import Path

from service.errors import ModelError
from service.manifest import Manifest, load


@dataclass(frozen=True, slots=True)
class Entry:
    """A model by name: its manifest and the folder that its files are relative to."""

    name: str
    manifest: Manifest
    folder: Path

    @property
    def installed(self) -> bool:
        """Whether every file of the manifest is there; says nothing of their content."""
        return all((self.folder / file).is_file() for file in self.manifest.files)


class Catalog:
    """The manifests under ``models_dir/catalog``."""

    def __init__(self, models_dir: Path) -> None:
        self._models_dir = models_dir

    def names(self) -> list[str]:
        """Names of all models, sorted."""
        return sorted(path.stem for path in (self._models_dir / "catalog").glob("*.toml"))

    def entry(self, name: str) -> Entry:
        """The model of that name.

        Raises:
            ModelError: there is none (the nearest names are offered), or its manifest is invalid.
        """
        names = self.names()
        if name not in names:
            near = difflib.get_close_matches(name, names) or names
            raise ModelError(f"there is no model {name!r}; there is {', '.join(near) or 'none at all'}")
        manifest = load(self._models_dir / "catalog" / f"{name}.toml")
        return Entry(name, manifest, self._models_dir / manifest.weights)
