"""The choice of a model at start: by name or by profile, for each task."""

from collections.abc import Mapping
from typing import Literal

from service.errors import ModelError
from service.registry.catalog import Catalog, Entry
from service.registry.manifest import Quality, Task

Profile = Literal["auto", "embedded", "production"]
DEFAULTS: Mapping[Quality, Mapping[Task, str]] = {
    "starter": {"translation": "starter-de-en", "summary": "starter-sum-de"},
    "production": {"translation": "opus-mt-de-en", "summary": "mt5-small-sum-de-mit-v1"},
}


def choose(catalog: Catalog, task: Task, profile: Profile, name: str | None = None) -> Entry:
    """The model for ``task``: the model called ``name``, or the profile's model if ``name`` is None.

    The profile ``auto`` prefers the production model if it is installed, and otherwise takes the embedded model.

    Raises:
        ModelError: the model does not exist, its manifest is invalid, or it is for another task.
    """
    entry = catalog.entry(name) if name is not None else _profile_entry(catalog, task, profile)
    if entry.manifest.task != task:
        raise ModelError(f"{entry.name} is a {entry.manifest.task} model, not a {task} model")
    return entry


def _profile_entry(catalog: Catalog, task: Task, profile: Profile) -> Entry:
    production = DEFAULTS["production"][task]
    if profile == "production" or (
        profile == "auto" and production in catalog.names() and catalog.entry(production).installed
    ):
        return catalog.entry(production)
    return catalog.entry(DEFAULTS["starter"][task])
