"""The arithmetic that an engine uses: the manifest's on a processor, half precision on a GPU, or what is asked for."""

from service.errors import ModelError
from service.manifest import EngineKind, Manifest

# T5's activations were trained in bfloat16's range and overflow in float16: outputs turn into nonsense, in silence.
WIDE_RANGE = frozenset({"t5", "mt5"})
OFFERED: dict[EngineKind, frozenset[str]] = {
    "ctranslate2": frozenset(
        {"int8", "int8_float32", "int8_bfloat16", "int8_float16", "bfloat16", "float16", "float32"}
    ),
    "torch": frozenset({"bfloat16", "float16", "float32"}),
}


def compute_type(manifest: Manifest, kind: EngineKind, device: str, wanted: str = "auto") -> str:
    """The name of the arithmetic, as the engine of that kind knows it.

    ``auto`` is the manifest's on ``cpu``; on ``cuda`` it is float16, and bfloat16 for the T5 family.

    Raises:
        ModelError: the model has no files for the engine, the engine does not know the arithmetic, or the model does
            not work in it.
    """
    if kind not in manifest.engines:
        raise ModelError(f"{manifest.id} cannot run on {kind}; its manifest offers {', '.join(manifest.engines)}")
    wide = manifest.architecture in WIDE_RANGE
    if wanted == "auto" and device == "cpu":
        wanted = manifest.engines[kind].compute_type
    elif wanted == "auto":
        wanted = "bfloat16" if wide else "float16"
    if wanted not in OFFERED[kind]:
        raise ModelError(f"{kind} does not compute in {wanted}; it offers {', '.join(sorted(OFFERED[kind]))}")
    if wide and wanted.endswith("float16") and not wanted.endswith("bfloat16"):
        raise ModelError(
            f"{manifest.id} is a {manifest.architecture} model, which overflows in {wanted}; use bfloat16 or int8"
        )
    return wanted
