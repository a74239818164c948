"""The catalogue of models, and a function that chooses a model for a task and a pair of languages."""

import difflib
import os
import re
from dataclasses import dataclass, field
from pathlib import Path
from typing import Literal, get_args

from service.errors import ModelError
from service.registry.manifest import Manifest, Quality, Task, load

MANIFEST = "manifest.toml"
_NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]{0,99}")


def default_weights_dir() -> Path:
    """Return the default cache folder for model files that are joined from parts.

    The path follows the XDG Base Directory Specification.
    """
    home = os.environ.get("XDG_CACHE_HOME", "")
    return (Path(home) if Path(home).is_absolute() else Path.home() / ".cache") / "depesche" / "weights"


@dataclass(frozen=True, slots=True)
class Entry:
    """A named model with its manifest. The paths in the manifest are relative to ``folder``.

    If large files of the model are stored in parts, a copy of the model with the joined files is kept under
    ``weights_dir``.
    """

    name: str
    manifest: Manifest
    folder: Path
    weights_dir: Path = field(default_factory=default_weights_dir)

    @property
    def installed(self) -> bool:
        """True if the manifest lists files and all of them exist. The contents of the files are not checked.

        Rules are always installed, because they are part of the service.
        """
        return self.manifest.rules or (
            self.manifest.complete and all((self.folder / file).is_file() for file in self.manifest.files)
        )


def installed_names(folder: Path) -> list[str]:
    """Return the sorted names of the models that are installed in ``folder``."""
    return sorted(path.parent.name for path in folder.glob(f"[!.]*/{MANIFEST}"))


def installed_path(folder: Path, name: str) -> Path:
    """Return the path at which the model ``name`` is installed, or would be installed, in ``folder``.

    Raises:
        ModelError: ``name`` is not a valid model name.
    """
    if not _NAME.fullmatch(name):
        raise ModelError(
            f"{name!r} is not a valid model name: use at most 100 ASCII letters, digits, '.', '_' and '-', and begin "
            "with a letter or a digit"
        )
    return folder / name


class Catalog:
    """A catalogue of models. It consists of the manifests in ``models_dir/catalog`` and those of the installed models.

    Installed models are in ``installed_dir``. The manifest of an installed model replaces the manifest of the same name
    in ``models_dir/catalog`` if the latter is that of a hub model, which lists no files. The other manifests in
    ``models_dir/catalog`` cannot be replaced. Both folders may be missing. ``weights_dir`` is the cache folder for
    files that are joined from parts. By default, it is `default_weights_dir`.
    """

    def __init__(self, models_dir: Path, installed_dir: Path | None = None, weights_dir: Path | None = None) -> None:
        self._models_dir = models_dir
        self._installed_dir = installed_dir
        self._weights_dir = default_weights_dir() if weights_dir is None else weights_dir

    def names(self) -> list[str]:
        """Return the sorted names of all models."""
        return sorted({*self._published_names(), *self._installed_names()})

    def entry(self, name: str) -> Entry:
        """Return the entry of the model ``name``.

        Raises:
            ModelError: there is no such model, or its manifest is invalid. In the first case, the message lists similar
                names.
        """
        if name in self._published_names():
            manifest = self.published(name)
            if manifest.hub is None:  # embedded, remote or rules
                return Entry(name, manifest, self._models_dir / manifest.weights, self._weights_dir)
            folder = self._models_dir if self._installed_dir is None else installed_path(self._installed_dir, name)
            if not (folder / MANIFEST).is_file():
                return Entry(name, manifest, folder, self._weights_dir)
        elif self._installed_dir is not None and name in self._installed_names():
            folder = installed_path(self._installed_dir, name)
        else:
            raise self._unknown(name)
        return Entry(name, load(folder / MANIFEST), folder, self._weights_dir)

    def manifests(self) -> dict[str, Manifest]:
        """Return the manifests of all models by name.

        If ``models_dir/catalog`` contains a manifest of a model, return this manifest even if the model is installed.

        Raises:
            ModelError: a manifest is invalid.
        """
        published, installed = set(self._published_names()), self.names()
        return {name: self.published(name) if name in published else self.entry(name).manifest for name in installed}

    def publishes(self, name: str) -> bool:
        """Return whether ``models_dir/catalog`` contains a manifest for the model ``name``."""
        return name in self._published_names()

    def published(self, name: str) -> Manifest:
        """Return the manifest of the model ``name`` in ``models_dir/catalog``, even if the model is installed.

        Raises:
            ModelError: ``models_dir/catalog`` contains no manifest for the model, or the manifest is invalid.
        """
        if name not in self._published_names():
            raise self._unknown(name)
        return load(self._models_dir / "catalog" / f"{name}.toml")

    def embedded(self, name: str) -> bool:
        """Return whether the model ``name`` is part of the service.

        Raises:
            ModelError: the manifest of the model is invalid.
        """
        if name not in self._published_names():
            return False
        manifest = self.published(name)
        return bool(manifest.weights) or manifest.rules

    def _published_names(self) -> list[str]:
        return [path.stem for path in (self._models_dir / "catalog").glob("*.toml")]

    def _installed_names(self) -> list[str]:
        return [] if self._installed_dir is None else installed_names(self._installed_dir)

    def _unknown(self, name: str) -> ModelError:
        names = self.names()
        near = difflib.get_close_matches(name, names) or names
        return ModelError(f"there is no model {name!r}; possible names: {', '.join(near) or 'none'}")


def recommended(catalog: Catalog) -> str:
    """Return the name of the default production model for translation from German to English.

    Raises:
        ModelError: the catalogue has no such model, has several such models of which not exactly one is preferred, or
            contains an invalid manifest.
    """
    name = _default(catalog, "translation", "de", "en", "production")
    if name is None:
        raise ModelError("the catalogue recommends no translation model; name the model to pull")
    return name


Profile = Literal["auto", "embedded", "production"]


def choose(
    catalog: Catalog, task: Task, source: str, target: str, profile: Profile, name: str | None = None
) -> Entry | None:
    """Return the model for a task and a pair of languages, or None if the catalogue has no model for them.

    ``source`` and ``target`` are language codes, which are equal for summaries. If ``name`` is set, return the model
    with this name. Otherwise, the profile determines the quality of the model:

    - ``production`` requires a production model: the preferred one if it is installed, otherwise the only one that is
      installed. If there is no such model, the result is the default production model, which is not installed.
    - ``embedded`` selects a draft model or, if there is none, a starter model.
    - ``auto`` selects the same production model as ``production`` if it is installed, and otherwise the same model as
      ``embedded``.

    No profile selects a remote model, because texts may leave the machine only if the operator has named such a model.
    The result is therefore also None if all models for the task and the languages are remote.

    Raises:
        ModelError: a manifest is invalid; the model ``name`` does not exist, or has another task or other languages; no
            model has the required quality; or several models have the same quality, but not exactly one of them is
            marked as preferred.
    """
    if name is not None:
        entry = catalog.entry(name)
        _require_fit(entry, task, source, target)
        return entry
    defaults = {quality: _default(catalog, task, source, target, quality) for quality in get_args(Quality)}
    if not any(defaults.values()):
        return None
    production = _installed_production(catalog, task, source, target) or defaults["production"]
    embedded = defaults["draft"] or defaults["starter"]
    installed = production is not None and catalog.entry(production).installed
    chosen = production if profile == "production" or (profile == "auto" and installed) else embedded
    if chosen is None:
        raise ModelError(f"there is no {task} model for {source}→{target} that the profile {profile!r} can use")
    return catalog.entry(chosen)


def _require_fit(entry: Entry, task: Task, source: str, target: str) -> None:
    manifest = entry.manifest
    if manifest.task != task:
        raise ModelError(f"{entry.name} is a {manifest.task} model, not a {task} model")
    if (manifest.source_lang, manifest.target_lang) != (source, target):
        own, wanted = f"{manifest.source_lang}→{manifest.target_lang}", f"{source}→{target}"
        raise ModelError(f"{entry.name} is a {task} model for {own}, but the service needs {wanted}")


def _installed_production(catalog: Catalog, task: Task, source: str, target: str) -> str | None:
    """Return the name of the installed production model to use, or None.

    If the preferred model is not installed, the only installed model is used. The result is None if no model or more
    than one model is installed, and none of them is preferred.
    """
    fitting = _fitting(catalog, task, source, target, "production")
    installed = [name for name in fitting if catalog.entry(name).installed]
    preferred = [name for name in installed if fitting[name].preferred]
    return preferred[0] if preferred else installed[0] if len(installed) == 1 else None


def _fitting(catalog: Catalog, task: Task, source: str, target: str, quality: Quality) -> dict[str, Manifest]:
    """Return the manifests of all models except remote ones for a task, a pair of languages and a quality, by name."""
    return {
        name: manifest
        for name, manifest in catalog.manifests().items()
        if manifest.remote is None
        and (manifest.task, manifest.source_lang, manifest.target_lang, manifest.quality)
        == (task, source, target, quality)
    }


def _default(catalog: Catalog, task: Task, source: str, target: str, quality: Quality) -> str | None:
    """Return the name of the default model for a task, a pair of languages and a quality, or None if there is no model.

    If there are several such models, the default is the one whose manifest is marked as preferred.

    Raises:
        ModelError: there are several such models, but not exactly one of them is preferred.
    """
    fitting = _fitting(catalog, task, source, target, quality)
    preferred = [name for name, manifest in fitting.items() if manifest.preferred] or list(fitting)
    if len(preferred) > 1:
        names = ", ".join(preferred)
        raise ModelError(f"exactly one {quality} {task} model for {source}→{target} must be preferred, of: {names}")
    return preferred[0] if preferred else None
