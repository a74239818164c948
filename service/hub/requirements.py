"""The requirements for the installation of a model: packages, torch, disk space and memory.

`service.hub.pull` checks them before the download.
"""

import importlib.util
from collections.abc import Mapping
from dataclasses import dataclass

from service.errors import ModelError
from service.hub.files import PICKLE
from service.registry.manifest import Architecture, Manifest

PACKAGES = ("safetensors", "transformers", "sacrebleu", "wordfreq")
"""The packages of the extra ``convert`` whose presence is checked."""
CONVERTIBLE: frozenset[Architecture] = frozenset({"marian", "t5", "mt5", "bart", "mbart", "m2m100", "fsmt"})
"""The architectures that `service.hub.conversion` can convert. The others run on torch."""
FLOAT32_BYTES = 4
# The disk space for temporary files, as a multiple of the size of the weights in float32. The files are the float32
# model for the comparison, the int8 model, and the trimmed checkpoint.
DISK_FACTOR = 2
# The memory, as a multiple of the size of the weights in float32 and a constant in bytes for the libraries. More memory
# is needed if torch is installed, because the model is then compared with its checkpoint. docs/production.md contains
# the measurements.
MEMORY, MEMORY_WITH_TORCH = (1.5, 300 << 20), (2.5, 400 << 20)


def has(package: str) -> bool:
    """Return whether a package is installed."""
    return importlib.util.find_spec(package) is not None


def judged(manifest: Manifest) -> bool:
    """Return whether the outputs of the model are scored against references.

    References exist only for translations from German into English.
    """
    return (manifest.task, manifest.source_lang, manifest.target_lang) == ("translation", "de", "en")


def needs_torch(manifest: Manifest) -> bool:
    """Return whether the model can only be checked with torch.

    Without torch, a model can be installed only if it can be converted and its outputs are `judged`.
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
        raise ModelError(f"these packages are required but not installed: {', '.join(missing)}; run: make production")
    require_torch(manifest, name)


@dataclass(frozen=True, slots=True)
class Needs:
    """The disk space and memory that the installation of a model needs.

    ``download_bytes`` is the space that the download needs in the cache of the hub client. ``disk_bytes`` is the
    maximum space that the installation needs in the folder of the installed models. ``memory_bytes`` is the maximum
    memory that the conversion needs. ``pickled`` states whether the weights are a pickle.
    """

    download_bytes: int
    disk_bytes: int
    memory_bytes: int
    pickled: bool

    @classmethod
    def of(cls, sizes_bytes: Mapping[str, int], parameters: int | None = None, *, keep: bool = False) -> "Needs":
        """Return the needs of a repository. ``sizes_bytes`` maps the names of its files to their sizes.

        ``parameters`` is the number of parameters, or None if the hub does not state it. In this case, the stored
        weights are assumed to have two bytes per parameter, so that they take twice the space in float32. ``keep``
        states whether the checkpoint is also installed.
        """
        stored_bytes = sum(size for name, size in sizes_bytes.items() if name.endswith((".safetensors", ".bin")))
        float32_bytes = 2 * stored_bytes if parameters is None else FLOAT32_BYTES * parameters
        pickled = PICKLE in sizes_bytes
        disk_bytes = DISK_FACTOR * float32_bytes + stored_bytes * (pickled + keep)
        factor, base_bytes = MEMORY_WITH_TORCH if has("torch") else MEMORY
        return cls(sum(sizes_bytes.values()), disk_bytes, int(float32_bytes * factor) + base_bytes, pickled)
