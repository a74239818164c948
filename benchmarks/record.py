"""Record results with their provenance: machine, command, commit and time."""

import json
import os
import platform
import subprocess
import sys
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

ROOT = Path(__file__).parent.parent
RESULTS = Path(__file__).parent / "results"


def _git(folder: Path, *args: str) -> str:
    done = subprocess.run(["git", *args], cwd=folder, capture_output=True, text=True, check=False)  # noqa: S607 - git is found on the PATH
    return done.stdout.strip()


def commit(folder: Path) -> str:
    """Return the commit of a checkout, or ``none`` for a folder without git.

    ``+changes`` is appended if tracked files have been modified.
    """
    dirty = "+changes" if _git(folder, "status", "--porcelain", "--untracked-files=no") else ""
    return (_git(folder, "rev-parse", "--short=12", "HEAD") or "none") + dirty


def machine() -> str:
    """Return the processor model, the number of cores and the Python version."""
    processor = platform.processor() or platform.machine()
    info = Path("/proc/cpuinfo")
    if info.exists():
        names = [line.partition(":")[2].strip() for line in info.read_text().splitlines() if "model name" in line]
        processor = names[0] if names else processor
    return f"{processor}, {len(os.sched_getaffinity(0))} cores, Python {platform.python_version()}"


def provenance() -> dict[str, Any]:
    """Return the machine, the command, the commit of this checkout and the current time."""
    return {
        "machine": machine(),
        "command": "python -m " + " ".join([_module(), *("DIR" if "/" in a else a for a in sys.argv[1:])]),
        "commit": commit(ROOT),
        "time": datetime.now(UTC).isoformat(timespec="seconds"),
    }


def _module() -> str:
    return ".".join(Path(sys.argv[0]).resolve().relative_to(ROOT).with_suffix("").parts).removesuffix(".__main__")


def write(name: str, result: dict[str, Any]) -> Path:
    """Write ``result`` with its provenance to ``results/NAME.json``, and return the path of this file."""
    RESULTS.mkdir(exist_ok=True)
    path = RESULTS / f"{name}.json"
    path.write_text(json.dumps({**provenance(), **result}, ensure_ascii=False, indent=1) + "\n", "utf-8")
    return path
