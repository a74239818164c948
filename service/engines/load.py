"""From a manifest to a loaded engine."""

from pathlib import Path

from service.engines.arithmetic import compute_type
from service.engines.base import Engine
from service.engines.layout import Layout
from service.engines.tokenizer import Tokenizer
from service.errors import ModelError
from service.manifest import EngineKind, Manifest


def load_engine(
    manifest: Manifest,
    folder: Path,
    kind: EngineKind,
    *,
    device: str,
    threads: int,
    replicas: int = 1,
    arithmetic: str = "auto",
) -> Engine:
    """Load ``manifest``'s files in ``folder`` with the engine of that kind, to compute in ``arithmetic``.

    CTranslate2 works in ``replicas`` of ``threads`` threads each; torch has one and makes no more of them.

    Raises:
        ModelError: the model has no files for this engine, they cannot be loaded, or it does not work in that
            arithmetic, on this device.
    """
    files = manifest.engines.get(kind)
    if files is None:
        offered = ", ".join(manifest.engines)
        raise ModelError(f"{manifest.id} cannot run on {kind}; its manifest offers {offered}")
    computed = compute_type(manifest, kind, device, arithmetic)
    if kind == "ctranslate2":
        from service.engines.ctranslate2 import CTranslate2Engine  # noqa: PLC0415 - load only the engine in use

        return CTranslate2Engine(
            folder / files.folder,
            written=Tokenizer(manifest, folder).writable,
            compute_type=computed,
            device=device,
            layout=Layout(replicas, threads),
        )
    from service.engines.torch import TorchEngine  # noqa: PLC0415 - an optional extra
    from service.engines.vocabulary import read_vocabulary  # noqa: PLC0415 - the torch engine's alone

    return TorchEngine(
        folder / files.folder, read_vocabulary(manifest, folder), dtype=computed, device=device, threads=threads
    )
