"""The command line with a conversion that copies, for tests of what stands before it: the real one is slow to load."""

import hashlib
import shutil
from pathlib import Path
from unittest.mock import patch

from service.cli import main
from service.manifest import Manifest, dumps

FOLDER = "ct2"


def copy(checkpoint: Path, manifest: Manifest, target: Path, *, keep_checkpoint: bool = False) -> Manifest:
    """Install the checkpoint's own files, as if CTranslate2 read them; they are the checkpoint already."""
    assert not keep_checkpoint, "the real conversion has to be tested for this"
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
    with patch("service.models_command.convert", copy):
        main()
