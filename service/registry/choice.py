"""The choice of a model at start: by name or by profile, for a task and a pair of languages."""

from typing import Literal

from service.errors import ModelError
from service.registry.catalog import Catalog, Entry
from service.registry.manifest import Quality, Task

Profile = Literal["auto", "embedded", "production"]


def choose(
    catalog: Catalog, task: Task, source: str, target: str, profile: Profile, name: str | None = None
) -> Entry | None:
    """The model for ``task`` from ``source`` to ``target`` (language codes; equal for summaries).

    Returns the model ``name``, or the default model of the profile if ``name`` is None. The profile ``auto`` selects
    the default production model if it is installed, and otherwise the default embedded model. Returns None if the
    catalogue has no model for the task and the languages.

    Raises:
        ModelError: the model does not exist, its manifest is invalid, or its task or languages differ. Or no model has
            the quality of the profile, or several have it and none is preferred.
    """
    if name is not None:
        entry = catalog.entry(name)
        _require_fit(entry, task, source, target)
        return entry
    defaults = {quality: _default(catalog, task, source, target, quality) for quality in ("starter", "production")}
    if not any(defaults.values()):
        return None
    production, starter = defaults["production"], defaults["starter"]
    installed = production is not None and catalog.entry(production).installed
    chosen = production if profile == "production" or (profile == "auto" and installed) else starter
    if chosen is None:
        raise ModelError(f"the profile {profile!r} has no {task} model for {source}→{target}")
    return catalog.entry(chosen)


def _require_fit(entry: Entry, task: Task, source: str, target: str) -> None:
    manifest = entry.manifest
    if manifest.task != task:
        raise ModelError(f"{entry.name} is a {manifest.task} model, not a {task} model")
    if (manifest.source_lang, manifest.target_lang) != (source, target):
        own, wanted = f"{manifest.source_lang}→{manifest.target_lang}", f"{source}→{target}"
        raise ModelError(f"{entry.name} is a {task} model for {own}, but the service needs {wanted}")


def _default(catalog: Catalog, task: Task, source: str, target: str, quality: Quality) -> str | None:
    """The name of the preferred model of this quality, or of the only model; None if there is no model."""
    fitting = [
        (name, manifest)
        for name, manifest in catalog.manifests().items()
        if (manifest.task, manifest.source_lang, manifest.target_lang, manifest.quality)
        == (task, source, target, quality)
    ]
    preferred = [name for name, manifest in fitting if manifest.preferred] or [name for name, _ in fitting]
    if len(preferred) > 1:
        names = ", ".join(preferred)
        raise ModelError(f"several {quality} {task} models for {source}→{target} exist, but none is preferred: {names}")
    return preferred[0] if preferred else None
