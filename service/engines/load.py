"""From a manifest to a loaded engine."""

from pathlib import Path

from service.engines.base import Engine
from service.errors import ModelError
from service.manifest import EngineKind, Manifest


def load_engine(manifest: Manifest, folder: Path, kind: EngineKind, *, device: str, threads: int) -> Engine:
    """Load ``manifest``'s files in ``folder`` with the engine of that kind.

    Raises:
        ModelError: the model has no files for this engine, or they cannot be loaded.
    """
    files = manifest.engines.get(kind)
    if files is None:
        offered = ", ".join(manifest.engines)
        raise ModelError(f"{manifest.id} cannot run on {kind}; its manifest offers {offered}")
    if kind == "ctranslate2":
        from service.engines.ctranslate2 import CTranslate2Engine  # noqa: PLC0415 - load only the engine in use

        return CTranslate2Engine(folder / files.folder, compute_type=files.compute_type, device=device, threads=threads)
    from service.engines.torch import TorchEngine, vocabulary  # noqa: PLC0415 - an optional extra

    ids = vocabulary(manifest, folder)
    return TorchEngine(folder / files.folder, ids, dtype=files.compute_type, device=device, threads=threads)
