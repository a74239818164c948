"""The names of the files with the weights of a checkpoint, and the index of weights in several files."""

import json
import re
from pathlib import Path

from service.errors import ModelError

SAFETENSORS, INDEX, PICKLE = "model.safetensors", "model.safetensors.index.json", "pytorch_model.bin"
SHARDS = "model-*-of-*.safetensors"
"""The names of the files of a checkpoint that is stored in several files (shards), as a pattern of `fnmatch`."""


def weight_files(folder: Path) -> list[str]:
    """Return the names of the safetensors files in ``folder``: one file, or the shards that the index lists.

    Raises:
        ModelError: there are no safetensors files, or the index is damaged or lists files that are missing.
    """
    if (folder / SAFETENSORS).is_file():
        return [SAFETENSORS]
    if not (folder / INDEX).is_file():
        raise ModelError(f"the snapshot has no {SAFETENSORS}")
    files = shards((folder / INDEX).read_bytes())
    missing = [name for name in files if not (folder / name).is_file()]
    if missing:
        raise ModelError(f"the snapshot lacks {', '.join(missing)}, which {INDEX} lists")
    return files


def shards(index: bytes) -> list[str]:
    """Return the sorted names of the files that an index of sharded safetensors lists.

    Raises:
        ModelError: the index is damaged, or a name in it is not that of a safetensors file in the same folder.
    """
    try:
        names = sorted(set(json.loads(index)["weight_map"].values()))
    except (ValueError, KeyError, TypeError, AttributeError) as error:
        raise ModelError(f"{INDEX} is damaged") from error
    if not names or not all(isinstance(name, str) and re.fullmatch(r"[\w-]+\.safetensors", name) for name in names):
        raise ModelError(f"{INDEX} lists a file with an unsupported name")
    return names
