"""The embedded models with the translator in float32: the same weights, decoder rows and search, not quantised."""

import json
import shutil
from pathlib import Path

from models.marian.export import TARGET_VOCABULARY, digests, write_ctranslate2
from models.marian.pieces import Pieces
from service.store.catalog import Catalog

ROOT = Path(__file__).parent.parent
MODELS = ROOT / "models"
TRANSLATOR, SUMMARISER = "starter-de-en", "starter-sum-de"
INT8, FLOAT32 = 'folder = "ct2-int8"\ncompute_type = "int8"', 'folder = "ct2-float32"\ncompute_type = "float32"'


def write(scratch: Path) -> Path:
    """Write a models folder under ``scratch`` for `Settings.models_dir`.

    Raises:
        ValueError: the translator's manifest has no int8 engine to take the place of.
    """
    models = scratch / "models"
    shutil.copytree(MODELS / "catalog", models / "catalog")
    for name in (TRANSLATOR, SUMMARISER):
        shutil.copytree(MODELS / "embedded" / name, models / "embedded" / name)
    entry = Catalog(models).entry(TRANSLATOR)
    pieces = Pieces(entry.folder / "pieces.model")
    write_ctranslate2(
        entry.folder / "ct2-float32", entry.folder / "float16", pieces, _kept(entry.folder, pieces), "float32"
    )
    shutil.rmtree(entry.folder / "ct2-int8")
    _rewrite(models / "catalog" / f"{TRANSLATOR}.toml", entry.folder)
    return models


def _kept(folder: Path, pieces: Pieces) -> list[int] | None:
    """Ids of the pieces that the int8 model's decoder has rows for; None: all."""
    listed = folder / "float16" / TARGET_VOCABULARY
    if not listed.exists():
        return None
    ids = pieces.vocabulary()
    return [ids[piece] for piece in json.loads(listed.read_text("utf-8"))]


def _rewrite(manifest: Path, folder: Path) -> None:
    settings, _, _ = manifest.read_text("utf-8").partition("[files]\n")
    if INT8 not in settings:
        raise ValueError(f"{manifest.name} has no int8 engine")
    files = "".join(f'"{name}" = "{digest}"\n' for name, digest in digests(folder).items())
    manifest.write_text(f"{settings.replace(INT8, FLOAT32)}[files]\n{files}", "utf-8")
