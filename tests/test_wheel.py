"""Tests that the wheel contains the service and its models, and that an editable install copies no weights."""

import shutil
import zipfile
from pathlib import Path

import pytest
from hatchling.builders.wheel import WheelBuilder

ROOT = Path(__file__).parent.parent
WEIGHTS = "models/embedded/small/ct2-int8/model.bin"
PARTS = tuple(f"models/embedded/large/ct2-int8/model.bin.part{number}" for number in (1, 2))
MANIFEST = "models/catalog/small.toml"


@pytest.fixture
def checkout(tmp_path: Path) -> Path:
    """Create a checkout with the service and without any weights, and return its folder."""
    root = tmp_path / "checkout"
    shutil.copytree(ROOT / "service", root / "service", ignore=shutil.ignore_patterns("__pycache__"))
    for name in ("pyproject.toml", "README.md", "LICENSE", ".gitignore"):
        shutil.copy(ROOT / name, root)
    for name in (MANIFEST, "models/train/trainer.py", "models/README.md", "tests/test_it.py", "benchmarks/speed.py"):
        (root / name).parent.mkdir(parents=True, exist_ok=True)
        (root / name).write_text("", "utf-8")
    return root


@pytest.fixture
def checkout_with_weights(checkout: Path) -> Path:
    for name in (WEIGHTS, *PARTS):
        (checkout / name).parent.mkdir(parents=True, exist_ok=True)
        (checkout / name).write_bytes(b"weights")
    return checkout


def built(root: Path, version: str) -> zipfile.ZipFile:
    (path,) = WheelBuilder(str(root)).build(directory=str(root / "dist"), versions=[version])
    return zipfile.ZipFile(path)


def content(wheel: zipfile.ZipFile) -> set[str]:
    return {name for name in wheel.namelist() if ".dist-info/" not in name}


def test_wheel_is_complete(checkout_with_weights: Path) -> None:
    service = (ROOT / "service").rglob("*")
    wanted = {str(path.relative_to(ROOT)) for path in service if path.is_file() and "__pycache__" not in path.parts}
    assert {"service/__main__.py", "service/py.typed", "service/languages/de/data/abbreviations.txt"} <= wanted
    with built(checkout_with_weights, "standard") as wheel:
        assert content(wheel) == wanted | {MANIFEST, WEIGHTS, *PARTS}
        assert wheel.read(WEIGHTS) == b"weights"


def test_editable_install_copies_no_weights(checkout_with_weights: Path) -> None:
    with built(checkout_with_weights, "editable") as wheel:
        assert content(wheel) == {"_depesche.pth"}
        assert wheel.read("_depesche.pth").decode().split("\n") == [str(checkout_with_weights)]


def test_editable_install_needs_no_weights(checkout: Path) -> None:
    with built(checkout, "editable") as wheel:
        assert content(wheel) == {"_depesche.pth"}


def test_both_install_the_command(checkout_with_weights: Path) -> None:
    for version in ("standard", "editable"):
        with built(checkout_with_weights, version) as wheel:
            (name,) = (name for name in wheel.namelist() if name.endswith("entry_points.txt"))
            assert "depesche = service.cli.main:main" in wheel.read(name).decode()
