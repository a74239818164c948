"""Write a software bill of materials in the CycloneDX format (``make sbom``).

It lists the locked Python packages of the image with their hashes. ``make sbom`` writes build/sbom-cpu.json. The
release workflow attests this file and attaches it to the release.
"""

import json
import subprocess
import sys
from pathlib import Path

import service

ROOT = Path(__file__).parent.parent


def main() -> None:
    """Write the bill of materials of the image ``cpu`` to the folder ``build``, and print its path."""
    target = ROOT / "build" / "sbom-cpu.json"
    target.parent.mkdir(exist_ok=True)
    write(ROOT / "container" / "requirements-cpu.txt", target)
    print(target.relative_to(ROOT))


def write(requirements: Path, target: Path) -> None:
    """Write the bill of materials of a requirements file to ``target``.

    The result is not validated against the schema, because that takes minutes of processor time.

    Raises:
        subprocess.CalledProcessError: cyclonedx_py failed, for example because the file cannot be read.
    """
    command = [sys.executable, "-m", "cyclonedx_py", "requirements", str(requirements)]
    options = ["--pyproject", str(ROOT / "pyproject.toml"), "--output-reproducible", "--no-validate"]
    subprocess.run([*command, *options, "--output-file", str(target)], check=True)
    made = json.loads(target.read_text("utf-8"))
    made["metadata"]["component"]["version"] = service.__version__  # pyproject.toml does not contain it
    target.write_text(json.dumps(made, indent=1) + "\n", "utf-8")


if __name__ == "__main__":
    main()
