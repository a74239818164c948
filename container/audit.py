"""What is in an image's root file system, and what must not be."""

import shutil
from collections.abc import Iterator, Sequence
from pathlib import Path

from container.findings import confirm

NOT_IN_THE_RESULT = ("gcc", "cc", "g++", "c++", "ld", "as", "make", "pip", "pip3", "git", "curl")
PROGRAMS = ("opt/depesche/bin", "usr/local/bin", "usr/local/sbin", "usr/bin", "usr/sbin", "bin", "sbin")
LEFTOVERS = ("root/.cache", "var/lib/apt/lists", "var/cache/apt/archives", "src", "wheel", "opt/tools")
WRITABLE_BY_OTHERS = 0o022


def audit(root: Path, *, torch: bool) -> None:
    """Look for what building left behind.

    Raises:
        Disproved: there is something, or torch is there (or not) against what the target says.
    """
    path = ":".join(str(root / folder) for folder in PROGRAMS)
    tools = [name for name in NOT_IN_THE_RESULT if shutil.which(name, path=path)]
    confirm(f"no compiler, no package tool of Python{_but(tools)}", so=not tools)
    left = [str(found.relative_to(root)) for name in LEFTOVERS for found in _files(root / name)]
    confirm(f"no cache, list or source{_but(left)}", so=not left)
    found = any(packages(root).glob("torch"))
    confirm(f"torch is {'' if torch else 'not '}in it", so=found == torch)
    loose = [str(path) for path in _files(root / "opt") if path.lstat().st_mode & WRITABLE_BY_OTHERS]
    confirm(f"nothing of it can be written by others{_but(loose)}", so=not loose)


def packages(root: Path) -> Path:
    """Where the image's Python packages are."""
    return next(root.glob("opt/depesche/lib/python3*/site-packages"))


def _files(folder: Path) -> Iterator[Path]:
    return (path for path in folder.rglob("*") if path.is_file() and not path.is_symlink())


def _but(exceptions: Sequence[str]) -> str:
    return f", but {', '.join(exceptions[:5])}" if exceptions else ""
