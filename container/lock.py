"""``make lock``: the exact versions and hashes that the image installs, resolved from pyproject.toml.

``requirements-build.txt`` is what builds the wheel, ``requirements-cpu.txt`` what target ``cpu`` runs on, and
``requirements-full.txt`` what ``full`` has besides torch. Torch itself is not in it: its builds differ by index, so
the Dockerfile names its version, and its CUDA libraries come with it.
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
PYTHON = "3.11"  # Debian bookworm's, which the image runs on
OF_DEVELOPERS = {"train", "dev", "docs"}
OWN = re.compile(r"depesche\[")
WITH_TORCH = re.compile(r"torch|triton|(nvidia|cuda)-.+")


def main() -> None:
    """Write the three files anew."""
    asked = requirements(tomllib.loads((ROOT / "pyproject.toml").read_text("utf-8")))
    asked["full"].append(f"torch=={torch_version((ROOT / 'Dockerfile').read_text('utf-8'))}")
    for name, wanted in asked.items():
        write(name, resolved(wanted))


def requirements(project: dict[str, Any]) -> dict[str, list[str]]:
    """What pyproject.toml asks for, by lock; an extra that a deployment may want is in every image that can have it.

    An extra that names another one of the project (`depesche[torch]`) needs torch, and is in `full` alone.
    """
    extras: dict[str, list[str]] = project["project"].get("optional-dependencies", {})
    wanted = {name: asked for name, asked in extras.items() if name not in OF_DEVELOPERS}
    heavy = {name for name, asked in wanted.items() if name == "torch" or any(map(OWN.match, asked))}
    cpu = [*project["project"]["dependencies"], *(one for name in wanted.keys() - heavy for one in wanted[name])]
    torch = [one for name in sorted(heavy) for one in wanted[name] if not OWN.match(one)]
    return {"build": project["build-system"]["requires"], "cpu": sorted(cpu), "full": sorted([*cpu, *torch])}


def torch_version(dockerfile: str) -> str:
    """The version of torch that the Dockerfile installs."""
    found = re.search(r"^ARG TORCH_VERSION=(\S+)$", dockerfile, re.MULTILINE)
    if found is None:
        raise ValueError("the Dockerfile names no TORCH_VERSION")
    return found[1]


def resolved(requirements: list[str]) -> str:
    """The lock for these requirements, in the format of pip's requirements files, without torch and what comes with it.

    Raises:
        subprocess.CalledProcessError: they cannot be met, or no package index answers.
    """
    left_out = sorted({name for name in names(_compiled(requirements, [])) if WITH_TORCH.fullmatch(name)})
    options = [option for name in left_out for option in ("--no-emit-package", name)]
    return _compiled(requirements, ["--generate-hashes", *options])


def names(lock: str) -> list[str]:
    """The packages of a lock, in its order."""
    return re.findall(r"^([a-z0-9][a-z0-9.-]*)==", lock, re.MULTILINE)


def write(name: str, lock: str) -> None:
    """Keep a lock under its name."""
    head = f"# What {name} is made with. Written by `make lock`; not to be edited.\n"
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
