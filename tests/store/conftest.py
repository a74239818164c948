"""What tests of conversion share: quiet libraries, and a manifest's snapshot to break."""

import warnings
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from service.manifest import Manifest
from tests.engine.checkpoints import SNAPSHOTS

Making = Callable[[str], tuple[Path, Manifest]]


@pytest.fixture
def quiet() -> Iterator[None]:
    """Transformers recommends sacremoses to whoever loads a Marian tokenizer."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        yield


@pytest.fixture
def snapshot(tmp_path: Path, quiet: None) -> Making:
    """Makes the snapshot of a tiny checkpoint: its folder and its manifest in the catalogue."""
    del quiet

    def make(name: str) -> tuple[Path, Manifest]:
        folder = tmp_path / "hub" / name
        folder.mkdir(parents=True)
        return folder, SNAPSHOTS[name](folder)

    return make
