"""Tests of compute types: the manifest's type, the default for the device, and types that a model does not support."""

import pytest

from service.errors import ModelError
from service.generation.engines.base import resolve_compute_type
from service.generation.engines.loading import load_engine
from service.registry.manifest import EngineFiles, EngineKind, Manifest
from tests.engine.checkpoints import Checkpoint, described, installed


def of(architecture: str) -> Manifest:
    files = {
        "ctranslate2": EngineFiles(folder="ct2", compute_type="int8"),
        "torch": EngineFiles(folder="torch", compute_type="float32"),
    }
    return described(architecture).model_copy(update={"engines": files})


@pytest.mark.parametrize(
    ("architecture", "kind", "device", "expected"),
    [
        ("marian", "ctranslate2", "cpu", "int8"),
        ("marian", "torch", "cpu", "float32"),
        ("marian", "ctranslate2", "cuda", "float16"),
        ("fsmt", "torch", "cuda", "float16"),
        ("mt5", "ctranslate2", "cpu", "int8"),
        ("mt5", "ctranslate2", "cuda", "bfloat16"),
        ("t5", "torch", "cuda", "bfloat16"),
    ],
)
def test_auto_is_manifest_type_on_cpu_and_half_precision_on_gpu(
    architecture: str, kind: EngineKind, device: str, expected: str
) -> None:
    assert resolve_compute_type(of(architecture), kind, device) == expected


@pytest.mark.parametrize("wanted", ["bfloat16", "float32"])
def test_requested_compute_type_overrides_manifest(wanted: str) -> None:
    assert resolve_compute_type(of("mt5"), "torch", "cpu", wanted) == wanted


@pytest.mark.parametrize("architecture", ["t5", "mt5"])
@pytest.mark.parametrize("wanted", ["float16", "int8_float16"])
@pytest.mark.parametrize("device", ["cpu", "cuda"])
def test_t5_in_float16_is_refused(architecture: str, wanted: str, device: str) -> None:
    with pytest.raises(ModelError, match=r"overflows in .*float16; use bfloat16 or int8"):
        resolve_compute_type(of(architecture), "ctranslate2", device, wanted)


def test_manifest_with_float16_for_t5_is_refused() -> None:
    manifest = of("t5").model_copy(update={"engines": {"torch": EngineFiles(folder="torch", compute_type="float16")}})
    with pytest.raises(ModelError, match="overflows"):
        resolve_compute_type(manifest, "torch", "cpu")


def test_engine_reports_its_compute_type() -> None:
    with pytest.raises(
        ModelError, match="does not support the compute type int8; it supports bfloat16, float16, float32"
    ):
        resolve_compute_type(of("marian"), "torch", "cpu", "int8")


@pytest.fixture(scope="module")
def checkpoint(tmp_path_factory: pytest.TempPathFactory) -> Checkpoint:
    return installed("mt5", tmp_path_factory.mktemp("arithmetic"))


@pytest.mark.parametrize("kind", ["ctranslate2", "torch"])
def test_t5_is_never_loaded_in_float16(checkpoint: Checkpoint, kind: EngineKind) -> None:
    with pytest.raises(ModelError, match="overflows in float16"):
        load_engine(checkpoint.manifest, checkpoint.folder, kind, device="cpu", threads=1, compute_type="float16")


@pytest.mark.parametrize("kind", ["ctranslate2", "torch"])
def test_missing_device_is_a_clear_error(checkpoint: Checkpoint, kind: EngineKind) -> None:
    import torch

    if torch.cuda.is_available():
        pytest.skip("there is a GPU, on which the model would load")
    with pytest.raises(ModelError, match=r"cannot load"):
        load_engine(checkpoint.manifest, checkpoint.folder, kind, device="cuda", threads=1)


def test_torch_computes_in_bfloat16_on_request(checkpoint: Checkpoint) -> None:
    from service.generation.engines.torch import TorchEngine

    loaded = load_engine(
        checkpoint.manifest, checkpoint.folder, "torch", device="cpu", threads=1, compute_type="bfloat16"
    )
    assert isinstance(loaded, TorchEngine)
    assert str(loaded._model.dtype) == "torch.bfloat16"
