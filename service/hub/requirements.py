"""What the installation of a model needs: packages, torch, disk and memory. It is known before the download.

`service.hub.pull` checks it before the download, and `service.hub.acceptance` and `service.hub.installation` act on it.
"""

import importlib.util
from collections.abc import Mapping
from dataclasses import dataclass

from service.errors import ModelError
from service.hub.files import PICKLE
from service.registry.manifest import Architecture, Manifest

PACKAGES = ("safetensors", "transformers", "sacrebleu", "wordfreq")
"""Packages of the extra ``convert``."""
CONVERTIBLE: frozenset[Architecture] = frozenset({"marian", "t5", "mt5", "bart", "mbart", "m2m100", "fsmt"})
"""The architectures that `service.hub.conversion` can convert. The others run on torch."""
FLOAT32_BYTES = 4
# The disk space for temporary files, as a multiple of the weights in float32: the float32 model for the comparison, the
# int8 model, and the trimmed checkpoint. The memory also contains a constant for the libraries. It is larger if torch
# is installed, because the model is then compared with its checkpoint. docs/production.md has the measurements.
DISK_FACTOR = 2
MEMORY, MEMORY_WITH_TORCH = (1.5, 300 << 20), (2.5, 400 << 20)


def has(package: str) -> bool:
    """Return whether a package is installed."""
    return importlib.util.find_spec(package) is not None


def judged(manifest: Manifest) -> bool:
    """Return whether the test sentences can judge the outputs of the model, which must translate German to English."""
    return (manifest.task, manifest.source_lang, manifest.target_lang) == ("translation", "de", "en")


def needs_torch(manifest: Manifest) -> bool:
    """Return whether the model can only be checked with torch.

    Without torch, a model can only be installed if it is converted and the test sentences can judge its outputs.
    """
    return manifest.architecture not in CONVERTIBLE or not judged(manifest)


def require_torch(manifest: Manifest, name: str) -> None:
    """Raise `ModelError` if the check of the model ``name`` needs torch, and torch is not installed."""
    if needs_torch(manifest) and not has("torch"):
        raise ModelError(f"{name} can only be checked with torch; run: make production-torch")


def require_packages(manifest: Manifest, name: str) -> None:
    """Raise `ModelError` if a package that the installation of the model ``name`` needs is missing."""
    missing = [package for package in PACKAGES if not has(package)]
    if missing:
        raise ModelError(f"a pull needs {', '.join(missing)}, which is not installed; run: make production")
    require_torch(manifest, name)


@dataclass(frozen=True, slots=True)
class Needs:
    """The space that the installation of a model needs.

    ``download_bytes`` is needed in the cache of the hub client, and at most ``disk_bytes`` in the folder of the
    installed models. ``memory_bytes`` is the memory that the conversion needs at most. ``pickled`` states whether the
    weights are a pickle.
    """

    download_bytes: int
    disk_bytes: int
    memory_bytes: int
    pickled: bool

    @classmethod
    def of(cls, sizes_bytes: Mapping[str, int], parameters: int | None = None, *, keep: bool = False) -> "Needs":
        """Return the space for a repository with files of these sizes.

        ``parameters`` is the number of parameters, if the hub states it. Otherwise, the weights may have two bytes per
        parameter, and take twice the space in float32. ``keep`` states whether the checkpoint is also installed.
        """
        stored_bytes = sum(size for name, size in sizes_bytes.items() if name.endswith((".safetensors", ".bin")))
        float32_bytes = 2 * stored_bytes if parameters is None else FLOAT32_BYTES * parameters
        pickled = PICKLE in sizes_bytes
        disk_bytes = DISK_FACTOR * float32_bytes + stored_bytes * (pickled + keep)
        factor, base_bytes = MEMORY_WITH_TORCH if has("torch") else MEMORY
        return cls(sum(sizes_bytes.values()), disk_bytes, int(float32_bytes * factor) + base_bytes, pickled)
