"""The base image without a registry: Debian put into a folder by debootstrap stands in for the slim one."""

import shutil
import subprocess
from pathlib import Path

RELEASE = "bookworm"
# What Debian's slim images leave out, too (debuerreotype, .slimify-excludes).
NOT_IN_SLIM = ("doc", "info", "linda", "lintian", "locale", "man", "groff")


def bootstrapped(folder: Path) -> Path:
    """A root file system of the release in ``folder``, made once.

    Raises:
        subprocess.CalledProcessError: debootstrap failed; its log lies in the folder.
    """
    root = folder / RELEASE
    if not root.exists():
        made = folder / f"{RELEASE}.partial"
        shutil.rmtree(made, ignore_errors=True)
        with (folder / "debootstrap.log").open("w", encoding="utf-8") as log:
            subprocess.run(["debootstrap", "--variant=minbase", RELEASE, str(made)], check=True, stdout=log, stderr=log)
        slim(made)
        made.rename(root)
    return root


def slim(root: Path) -> None:
    """Take away what a slim image has not: documentation, translations, and the packages' archives and lists."""
    for name in NOT_IN_SLIM:
        shutil.rmtree(root / "usr/share" / name, ignore_errors=True)
    for files in ("var/cache/apt/archives", "var/lib/apt/lists", "var/log"):
        for path in (root / files).rglob("*"):
            if path.is_file():
                path.unlink()
