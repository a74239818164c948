"""``make prove``: builds the image from the Dockerfile without a container engine, and shows that it serves.

Debian's debootstrap makes the base, Buildah carries out the Dockerfile's own steps under chroot, and the service runs
from the result as the image's user on a read-only root: ready, translating, stopping. Says the size of each stage.
Needs root, debootstrap, buildah, and the package indexes of Debian and Python.
"""

import argparse
import os
import shutil
import subprocess
import sys
from pathlib import Path

from container.audit import audit, packages
from container.bootstrap import bootstrapped
from container.buildah import Buildah
from container.findings import Disproved
from container.index import of_this_machine
from container.size import content_bytes, largest
from container.trial import try_out

ROOT = Path(__file__).parent.parent
ENGINES = {"cpu": "ctranslate2", "full": "torch"}
STAGES = {"cpu": ("base", "tools", "installed-cpu", "cpu"), "full": ("base", "tools", "installed-full", "full")}
PROGRAMS = ("debootstrap", "buildah", "unshare", "setpriv")
BASE = "localhost/depesche-base:latest"


def main() -> None:
    """Build and try the target that was asked for."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("target", choices=STAGES)
    parser.add_argument("--folder", type=Path, default=ROOT / "build" / "container", help="keeps base and layers")
    parser.add_argument("--article", type=Path, help="UTF-8 text of a page, to summarise and translate as well")
    given = parser.parse_args()
    missing = [name for name in PROGRAMS if shutil.which(name) is None]
    if missing or os.geteuid() != 0:
        sys.exit(f"prove: has to be root, and needs {', '.join(missing or PROGRAMS)}")
    try:
        prove(given.target, given.folder.resolve(), given.article)
    except Disproved as error:
        sys.exit(f"prove: {error}; the service's log is {given.folder / 'service.log'}")
    except subprocess.CalledProcessError as error:
        sys.exit(f"prove: {error.cmd[0]} failed with {error.returncode}; the logs are in {given.folder}")


def prove(target: str, folder: Path, article: Path | None) -> None:
    """Build one target, say what it weighs, and serve from it.

    Raises:
        Disproved: something in it is not as it should be.
        subprocess.CalledProcessError: a step of the build failed.
    """
    folder.mkdir(parents=True, exist_ok=True)
    buildah = Buildah(folder)
    arguments = {"BASE_IMAGE": buildah.imported(bootstrapped(folder), BASE), "VERSION": "proof"}
    index = of_this_machine(folder)
    for stage in STAGES[target]:
        image = buildah.built(ROOT, stage, arguments, index)
        with buildah.mounted(image) as root:
            print(f"stage {stage}: {_mib(content_bytes(root))}", flush=True)
    with buildah.mounted(image) as root:
        for name, size in largest(packages(root), 8):
            print(f"  {name}: {_mib(size)}")
        audit(root, torch=target == "full")
        try_out(root, buildah.config(image), ENGINES[target], article, folder / "service.log")


def _mib(size: int) -> str:
    return f"{size / 2**20:.0f} MiB"


if __name__ == "__main__":
    main()
