"""Resolve the dependencies in pyproject.toml to the versions and hashes that the image installs (``make lock``).

``requirements-build.txt`` contains the packages for building the wheel. ``requirements-cpu.txt`` contains those for the
target ``cpu`` of the Dockerfile, and ``requirements-full.txt`` those for the target ``full``. All three files leave out
torch, because the builds of torch, and therefore their hashes, differ between package indexes. The Dockerfile pins the
version of torch, which installs its own CUDA libraries.
"""

import re
import subprocess
import sys
import tempfile
import tomllib
from pathlib import Path
from typing import Any

FOLDER = Path(__file__).parent
ROOT = FOLDER.parent
PYTHON = "3.11"  # the Python version of the base image (Debian bookworm)
DEVELOPER_EXTRAS = {"benchmarks", "train", "dev", "docs", "evaluate"}  # an evaluation runs on a workstation
LARGE = {"torch", "convert"}
OWN_EXTRA = re.compile(r"depesche\[")
TORCH_PACKAGE = re.compile(r"torch|triton|(nvidia|cuda)-.+")


def main() -> None:
    """Resolve the requirements, and write the requirements files ``build``, ``cpu`` and ``full``."""
    asked = requirements(tomllib.loads((ROOT / "pyproject.toml").read_text("utf-8")))
    asked["full"].append(f"torch=={torch_version((ROOT / 'Dockerfile').read_text('utf-8'))}")
    for name, wanted in asked.items():
        write(name, resolved(wanted))


def requirements(project: dict[str, Any]) -> dict[str, list[str]]:
    """Return the requirements for each requirements file: ``build``, ``cpu`` and ``full``. They are not yet resolved.

    ``project`` is the parsed pyproject.toml. ``cpu`` and ``full`` contain the dependencies and all extras except those
    for developers. The extras ``torch`` and ``convert``, and the extras that depend on another extra of the project
    (such as `depesche[torch]`), are only in ``full``.
    """
    extras: dict[str, list[str]] = project["project"].get("optional-dependencies", {})
    wanted = {name: asked for name, asked in extras.items() if name not in DEVELOPER_EXTRAS}
    heavy = {name for name, asked in wanted.items() if name in LARGE or any(map(OWN_EXTRA.match, asked))}
    cpu = [*project["project"]["dependencies"], *(one for name in wanted.keys() - heavy for one in wanted[name])]
    torch = [one for name in sorted(heavy) for one in wanted[name] if not OWN_EXTRA.match(one)]
    return {"build": project["build-system"]["requires"], "cpu": sorted(cpu), "full": sorted([*cpu, *torch])}


def torch_version(dockerfile: str) -> str:
    """Return the version of torch that the Dockerfile installs. ``dockerfile`` is the text of the Dockerfile.

    Raises:
        ValueError: the Dockerfile contains no ``ARG TORCH_VERSION``.
    """
    found = re.search(r"^ARG TORCH_VERSION=(\S+)$", dockerfile, re.MULTILINE)
    if found is None:
        raise ValueError("the Dockerfile contains no ARG TORCH_VERSION")
    return found[1]


def resolved(requirements: list[str]) -> str:
    """Resolve ``requirements``, and return the text of a requirements file with versions and hashes.

    The file leaves out torch, triton and the CUDA packages.

    Raises:
        subprocess.CalledProcessError: uv finds no solution or cannot reach a package index.
    """
    left_out = sorted({name for name in names(_compiled(requirements, [])) if TORCH_PACKAGE.fullmatch(name)})
    options = [option for name in left_out for option in ("--no-emit-package", name)]
    return _compiled(requirements, ["--generate-hashes", *options])


def names(lock: str) -> list[str]:
    """Return the names of the packages in order. ``lock`` is the text of a requirements file."""
    return re.findall(r"^([a-z0-9][a-z0-9.-]*)==", lock, re.MULTILINE)


def write(name: str, lock: str) -> None:
    """Write ``lock``, the text of a requirements file, to ``requirements-NAME.txt`` under a header line."""
    head = f"# Locked packages of the image: {name}. Written by `make lock`; do not edit.\n"
    (FOLDER / f"requirements-{name}.txt").write_text(head + lock, "utf-8")


def _compiled(requirements: list[str], options: list[str]) -> str:
    with tempfile.TemporaryDirectory() as folder:
        asked = Path(folder) / "requirements.in"
        asked.write_text("\n".join(requirements), "utf-8")
        command = [sys.executable, "-m", "uv", "pip", "compile", "--quiet", "--universal", "--no-header"]
        plain = ["--python-version", PYTHON, "--no-annotate", "--no-emit-index-url", *options]
        return subprocess.run([*command, *plain, str(asked)], check=True, capture_output=True, text=True).stdout


if __name__ == "__main__":
    main()
