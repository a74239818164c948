"""The choice at start: which model does which task, by name or by profile."""

from collections.abc import Mapping
from typing import Literal

from service.errors import ModelError
from service.manifest import Quality, Task
from service.store.catalog import Catalog, Entry

Profile = Literal["auto", "embedded", "production"]
DEFAULTS: Mapping[Quality, Mapping[Task, str]] = {
    "starter": {"translation": "starter-de-en", "summary": "starter-sum-de"},
    "production": {"translation": "opus-mt-de-en", "summary": "mt5-small-sum-de-mit-v1"},
}


def choose(catalog: Catalog, task: Task, profile: Profile, name: str | None = None) -> Entry:
    """The model for ``task``: the one of that ``name``, else the profile's.

    ``auto`` takes the pretrained model where it is installed and the embedded one where it is not, task by task.

    Raises:
        ModelError: there is no such model, its manifest is invalid, or it is for another task.
    """
    entry = catalog.entry(name) if name is not None else _of_profile(catalog, task, profile)
    if entry.manifest.task != task:
        raise ModelError(f"{entry.name} is a {entry.manifest.task} model, not a {task} model")
    return entry


def _of_profile(catalog: Catalog, task: Task, profile: Profile) -> Entry:
    pretrained = DEFAULTS["production"][task]
    if profile == "production" or (
        profile == "auto" and pretrained in catalog.names() and catalog.entry(pretrained).installed
    ):
        return catalog.entry(pretrained)
    return catalog.entry(DEFAULTS["starter"][task])
