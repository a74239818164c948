"""Tests of the files that define the container image: locked requirements, torch version, base image and tags."""

import json
import os
import re
import tomllib
from pathlib import Path
from typing import Any

import pytest
import yaml
from packaging.requirements import Requirement
from packaging.utils import canonicalize_name
from packaging.version import Version

import service
from container import lock, pin, sbom

ROOT = Path(__file__).parents[2]
PROJECT: dict[str, Any] = tomllib.loads((ROOT / "pyproject.toml").read_text("utf-8"))
REQUIRED = lock.requirements(PROJECT)
LOCKED = {name: [one for one in required if Requirement(one).name != "torch"] for name, required in REQUIRED.items()}
# The Python version of Debian bookworm, on the platforms of the image.
IMAGES = [
    {"python_version": "3.11", "python_full_version": "3.11.2", "platform_machine": machine, "sys_platform": "linux"}
    for machine in ("x86_64", "aarch64")
]
DIGEST = "sha256:" + "0123456789abcdef" * 4
DOCKERFILE = "ARG BASE_IMAGE=debian:bookworm-slim\nARG BASE_DIGEST=\nFROM ${BASE_IMAGE}\n"


def entries(name: str) -> list[tuple[Requirement, int]]:
    """Return the locked requirements in ``requirements-{name}.txt``, each with its number of hashes."""
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
@pytest.mark.parametrize("name", LOCKED)
def test_lock_meets_project_bounds(name: str, image: dict[str, str]) -> None:
    versions = pinned(name, image)
    for required in map(Requirement, LOCKED[name]):
        found = versions.get(canonicalize_name(required.name))
        assert found is not None, f"{required} is not locked: make lock"
        assert required.specifier.contains(found), f"{required}: make lock"


@pytest.mark.parametrize("name", LOCKED)
def test_every_requirement_has_a_hash(name: str) -> None:
    assert len(entries(name)) > 3
    assert [str(requirement) for requirement, hashes in entries(name) if not hashes] == []


@pytest.mark.parametrize("image", IMAGES, ids=["x86_64", "aarch64"])
def test_targets_share_versions(image: dict[str, str]) -> None:
    cpu, full = pinned("cpu", image), pinned("full", image)
    assert {name: version for name, version in cpu.items() if full[name] != version} == {}


def test_torch_pins_agree() -> None:
    (bounds,) = (Requirement(one) for one in REQUIRED["full"] if Requirement(one).name == "torch")
    version = lock.torch_version((ROOT / "Dockerfile").read_text("utf-8"))
    assert bounds.specifier.contains(version)
    assert f"TORCH ?= torch=={version}\n" in (ROOT / "Makefile").read_text("utf-8")
    assert [str(one) for one, _ in entries("full") if lock.TORCH_PACKAGE.fullmatch(one.name)] == []


def test_image_omits_developer_extras() -> None:
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
    for name in LOCKED:
        assert not re.search(r"://|--(extra-)?index-url", (ROOT / "container" / f"requirements-{name}.txt").read_text())


def test_packages_of_torch_are_recognised() -> None:
    text = (
        "# a comment\nnvidia-cublas==13.1 ; sys_platform == 'linux' \\\n    --hash=sha256:00\n"
        "torch==2.13.0\ntorchsde==1"
    )
    assert lock.names(text) == ["nvidia-cublas", "torch", "torchsde"]
    assert [name for name in lock.names(text) if lock.TORCH_PACKAGE.fullmatch(name)] == ["nvidia-cublas", "torch"]


def test_dockerfile_without_torch_is_refused() -> None:
    with pytest.raises(ValueError, match="no ARG TORCH_VERSION"):
        lock.torch_version("FROM scratch\n")


def test_image_tags_are_the_version() -> None:
    files = [*(ROOT / "k8s").rglob("kustomization.yaml"), ROOT / "compose.yaml"]
    pattern = r"(?:newName: depesche\n\s+newTag: \"|image: depesche:)(.*)-(?:cpu|full)\b"
    tags = [tag for file in files for tag in re.findall(pattern, file.read_text("utf-8"))]
    assert set(tags) == {service.__version__}


@pytest.fixture
def docker(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Put a folder for a fake ``docker`` program first in PATH, and return the path of this program.

    The test writes the program with `write_docker`.
    """
    monkeypatch.setenv("PATH", f"{tmp_path}:{os.environ['PATH']}")
    monkeypatch.setattr(pin, "DOCKERFILE", tmp_path / "Dockerfile")
    (tmp_path / "Dockerfile").write_text(DOCKERFILE, "utf-8")
    copies = tuple(tmp_path / path.name for path in pin.REDIS_FILES)
    for path, copy in zip(pin.REDIS_FILES, copies, strict=True):
        copy.write_text(path.read_text("utf-8"), "utf-8")
    monkeypatch.setattr(pin, "REDIS_FILES", copies)
    return tmp_path / "docker"


def write_docker(docker: Path, script: str) -> None:
    docker.write_text(f"#!/bin/sh\n{script}\n", "utf-8")
    docker.chmod(0o755)


OTHER_DIGEST = "sha256:" + "a" * 64
BOTH_IMAGES = f"case $4 in debian:bookworm-slim) echo {DIGEST};; redis:*) echo {OTHER_DIGEST};; *) exit 1;; esac"


def test_digests_are_written(docker: Path, capsys: pytest.CaptureFixture[str]) -> None:
    write_docker(docker, BOTH_IMAGES)
    for _ in range(2):  # the second run finds pinned images
        pin.main()
        assert pin.DOCKERFILE.read_text("utf-8") == DOCKERFILE.replace("BASE_DIGEST=", f"BASE_DIGEST={DIGEST}")
        compose, kustomization = (path.read_text("utf-8") for path in pin.REDIS_FILES)
        assert compose.count(f"image: redis:7.4-bookworm@{OTHER_DIGEST}\n") == 2
        assert kustomization.count(f"newTag: 7.4-bookworm@{OTHER_DIGEST}\n") == 1
    assert capsys.readouterr().out == f"BASE_DIGEST={DIGEST}\nredis:7.4-bookworm@{OTHER_DIGEST}\n" * 2


def test_check_refuses_an_image_without_a_digest(docker: Path) -> None:
    with pytest.raises(SystemExit, match=r"no image digest in Dockerfile, compose\.yaml, kustomization\.yaml"):
        pin.main(["--check"])
    write_docker(docker, BOTH_IMAGES)
    pin.main()
    pin.main(["--check"])
    for path in (pin.DOCKERFILE, *pin.REDIS_FILES):
        whole = path.read_text("utf-8")
        path.write_text(whole.replace("sha256:", "sha256-", 1), "utf-8")
        with pytest.raises(SystemExit, match=path.name):
            pin.main(["--check"])
        path.write_text(whole, "utf-8")


def test_release_builds_only_pinned_and_signed_images() -> None:
    steps = yaml.safe_load((ROOT / ".github/workflows/release.yml").read_text("utf-8"))["jobs"]["image"]["steps"]
    runs = [step.get("run") or step["uses"].partition("@")[0] for step in steps]
    assert runs.index("make pin-check") < runs.index("docker/build-push-action")
    assert runs.index("docker/build-push-action") < min(
        map(runs.index, ("actions/attest-build-provenance", "actions/attest-sbom"))
    )
    assert runs.index("sigstore/cosign-installer") < runs.index("make sign")


def test_sbom_lists_every_locked_package_with_its_hashes(tmp_path: Path) -> None:
    made = tmp_path / "sbom.json"
    sbom.write(ROOT / "container/requirements-cpu.txt", made)
    found = json.loads(made.read_text("utf-8"))
    assert found["bomFormat"] == "CycloneDX"
    listed = {(canonicalize_name(one["name"]), one["version"]) for one in found["components"]}
    assert listed == {
        (canonicalize_name(one.name), str(next(iter(one.specifier)).version)) for one, _ in entries("cpu")
    }
    assert all(one["externalReferences"][0]["hashes"] for one in found["components"])
    assert found["metadata"]["component"]["version"] == service.__version__


def test_old_digest_is_replaced() -> None:
    old = DOCKERFILE.replace("BASE_DIGEST=", "BASE_DIGEST=sha256:" + "f" * 64)
    assert pin.pinned(old, DIGEST) == DOCKERFILE.replace("BASE_DIGEST=", f"BASE_DIGEST={DIGEST}")


@pytest.mark.parametrize(
    ("script", "reason"),
    [("echo no route to it >&2; exit 1", "no route to it"), ("echo latest", "latest"), ("true", "no digest")],
)
def test_no_digest_changes_nothing(docker: Path, script: str, reason: str) -> None:
    write_docker(docker, script)
    before = [path.read_text("utf-8") for path in pin.REDIS_FILES]
    with pytest.raises(SystemExit, match=reason):
        pin.main()
    assert pin.DOCKERFILE.read_text("utf-8") == DOCKERFILE
    assert [path.read_text("utf-8") for path in pin.REDIS_FILES] == before


def test_no_docker_changes_nothing(docker: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PATH", str(docker.parent / "empty"))
    with pytest.raises(SystemExit, match="docker cannot be run"):
        pin.main()
    assert pin.DOCKERFILE.read_text("utf-8") == DOCKERFILE


def test_dockerfile_without_base_is_refused() -> None:
    with pytest.raises(pin.NotPinned, match="no ARG BASE_IMAGE"):
        pin.base_image("FROM scratch\n")
