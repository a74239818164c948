"""The command line with a fake conversion that only copies files. The real conversion imports slow libraries."""

import hashlib
import shutil
from pathlib import Path
from unittest.mock import patch

from service.cli.main import main
from service.registry.manifest import Manifest, dumps

FOLDER = "ct2"


def copy(
    checkpoint: Path, manifest: Manifest, target: Path, *, keep_checkpoint: bool = False, trim: bool = True
) -> Manifest:
    """Copy the files of ``checkpoint`` to ``target`` without conversion. Return the manifest of the installed model."""
    assert trim
    assert not keep_checkpoint, "only the real conversion keeps a checkpoint"
    shutil.copytree(checkpoint, target / FOLDER)
    paths = sorted((target / FOLDER).iterdir())
    files = {f"{FOLDER}/{path.name}": hashlib.sha256(path.read_bytes()).hexdigest() for path in paths}
    described = {
        "revision": "1",
        "engines": {"ctranslate2": {"folder": FOLDER, "compute_type": "int8"}},
        "files": files,
    }
    done = Manifest.model_validate({**manifest.model_dump(), **described})
    (target / "manifest.toml").write_text(dumps(done), "utf-8")
    return done


if __name__ == "__main__":
    with patch("service.cli.models.convert", copy):
        main()
