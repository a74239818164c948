"""A hub with a tiny model on it, and an operator's desk before it."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.hub_server import serving
from tests.store.desk import Desk, checkpoint


@pytest.fixture(scope="session")
def files(tmp_path_factory: pytest.TempPathFactory) -> dict[str, bytes]:
    """The files of a tiny checkpoint with random weights."""
    return checkpoint(tmp_path_factory.mktemp("tiny"))


@pytest.fixture
def desk(tmp_path: Path, files: dict[str, bytes]) -> Iterator[Desk]:
    with serving() as hub:
        made = Desk(tmp_path, hub)
        made.publish({**files, "README.md": b"a card", "tf_model.h5": bytes(5000)})
        yield made
