"""The locks meet pyproject.toml, by hash, and `make lock` leaves torch and its libraries out."""

import re
import tomllib
from pathlib import Path
from typing import Any

import pytest
from packaging.requirements import Requirement
from packaging.utils import canonicalize_name
from packaging.version import Version

from container import lock

ROOT = Path(__file__).parent.parent.parent
PROJECT: dict[str, Any] = tomllib.loads((ROOT / "pyproject.toml").read_text("utf-8"))
ASKED = lock.requirements(PROJECT)
WANTED = {name: [one for one in asked if Requirement(one).name != "torch"] for name, asked in ASKED.items()}
# Debian bookworm's Python, on the machines that the image is for.
IMAGES = [
    {"python_version": "3.11", "python_full_version": "3.11.2", "platform_machine": machine, "sys_platform": "linux"}
    for machine in ("x86_64", "aarch64")
]


def entries(name: str) -> list[tuple[Requirement, int]]:
    """Every locked requirement, with the number of its hashes."""
    text = (ROOT / "container" / f"requirements-{name}.txt").read_text("utf-8").replace("\\\n", "")
    lines = [line for line in text.splitlines() if line and not line.startswith("#")]
    return [(Requirement(line.partition(" --hash")[0]), line.count("--hash=sha256:")) for line in lines]


def pinned(name: str, image: dict[str, str]) -> dict[str, Version]:
    found: dict[str, Version] = {}
    for requirement, _ in entries(name):
        if requirement.marker is None or requirement.marker.evaluate(image):
            (specifier,) = requirement.specifier
            assert specifier.operator == "=="
            assert canonicalize_name(requirement.name) not in found
            found[canonicalize_name(requirement.name)] = Version(specifier.version)
    return found


@pytest.mark.parametrize("image", IMAGES, ids=["x86_64", "aarch64"])
@pytest.mark.parametrize("name", WANTED)
def test_a_lock_meets_the_bounds_of_the_project(name: str, image: dict[str, str]) -> None:
    versions = pinned(name, image)
    for wanted in map(Requirement, WANTED[name]):
        found = versions.get(canonicalize_name(wanted.name))
        assert found is not None, f"{wanted} is not locked: make lock"
        assert wanted.specifier.contains(found), f"{wanted}: make lock"


@pytest.mark.parametrize("name", WANTED)
def test_everything_is_locked_by_hash(name: str) -> None:
    assert len(entries(name)) > 3
    assert [str(requirement) for requirement, hashes in entries(name) if not hashes] == []


@pytest.mark.parametrize("image", IMAGES, ids=["x86_64", "aarch64"])
def test_both_targets_run_on_the_same_versions(image: dict[str, str]) -> None:
    cpu, full = pinned("cpu", image), pinned("full", image)
    assert {name: version for name, version in cpu.items() if full[name] != version} == {}


def test_torch_within_its_bounds_is_left_to_the_dockerfile() -> None:
    (bounds,) = (Requirement(one) for one in ASKED["full"] if Requirement(one).name == "torch")
    assert bounds.specifier.contains(lock.torch_version((ROOT / "Dockerfile").read_text("utf-8")))
    assert [str(one) for one, _ in entries("full") if lock.WITH_TORCH.fullmatch(one.name)] == []


def test_an_image_has_every_extra_but_those_of_developers() -> None:
    extras = {
        "torch": ["torch>=2"],
        "convert": ["depesche[torch]", "wordfreq"],
        "dev": ["pytest"],
        "train": ["nltk"],
        "seal": ["cryptography"],
    }
    project = {"project": {"dependencies": ["a"], "optional-dependencies": extras}, "build-system": {"requires": ["b"]}}
    assert lock.requirements(project) == {
        "build": ["b"],
        "cpu": ["a", "cryptography"],
        "full": ["a", "cryptography", "torch>=2", "wordfreq"],
    }


def test_no_lock_names_an_index() -> None:
    for name in WANTED:
        assert not re.search(r"://|--(extra-)?index-url", (ROOT / "container" / f"requirements-{name}.txt").read_text())


def test_the_packages_of_a_lock_are_found_and_those_of_torch_told_apart() -> None:
    text = (
        "# by hand\nnvidia-cublas==13.1 ; sys_platform == 'linux' \\\n    --hash=sha256:00\ntorch==2.13.0\ntorchsde==1"
    )
    assert lock.names(text) == ["nvidia-cublas", "torch", "torchsde"]
    assert [name for name in lock.names(text) if lock.WITH_TORCH.fullmatch(name)] == ["nvidia-cublas", "torch"]


def test_a_dockerfile_without_a_version_of_torch_is_refused() -> None:
    with pytest.raises(ValueError, match="no TORCH_VERSION"):
        lock.torch_version("FROM scratch\n")
