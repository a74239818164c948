"""From a manifest to a loaded engine."""

from pathlib import Path

from service.engines.base import Engine
from service.engines.layout import Layout
from service.errors import ModelError
from service.manifest import EngineKind, Manifest


def load_engine(
    manifest: Manifest, folder: Path, kind: EngineKind, *, device: str, threads: int, replicas: int = 1
) -> Engine:
    """Load ``manifest``'s files in ``folder`` with the engine of that kind.

    CTranslate2 works in ``replicas`` of ``threads`` threads each; torch has one and makes no more of them.

    Raises:
        ModelError: the model has no files for this engine, or they cannot be loaded.
    """
    files = manifest.engines.get(kind)
    if files is None:
        offered = ", ".join(manifest.engines)
        raise ModelError(f"{manifest.id} cannot run on {kind}; its manifest offers {offered}")
    if kind == "ctranslate2":
        from service.engines.ctranslate2 import CTranslate2Engine  # noqa: PLC0415 - load only the engine in use

        return CTranslate2Engine(
            folder / files.folder, compute_type=files.compute_type, device=device, layout=Layout(replicas, threads)
        )
    from service.engines.torch import TorchEngine, target_pieces, vocabulary  # noqa: PLC0415 - an optional extra

    return TorchEngine(
        folder / files.folder,
        vocabulary(manifest, folder),
        target_pieces=target_pieces(manifest, folder),
        dtype=files.compute_type,
        device=device,
        threads=threads,
    )
