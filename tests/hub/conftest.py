"""Fixtures with a hub that has a tiny model, and an operator who pulls the model from it."""

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from subprocess import CompletedProcess

import pytest

from tests.hub.desk import NAME, Desk, checkpoint
from tests.hub_server import serving


@pytest.fixture(scope="session")
def files(tmp_path_factory: pytest.TempPathFactory) -> dict[str, bytes]:
    """Return the files of a tiny checkpoint with random weights."""
    return checkpoint(tmp_path_factory.mktemp("tiny"))


@pytest.fixture
def desk(tmp_path: Path, files: dict[str, bytes]) -> Iterator[Desk]:
    with serving() as hub:
        made = Desk(tmp_path, hub)
        made.publish({**files, "README.md": b"a card", "tf_model.h5": bytes(5000)})
        yield made


@dataclass(frozen=True)
class Pulled:
    """A `Desk` whose model has been pulled with the real conversion, and the result of the command."""

    desk: Desk
    done: CompletedProcess[str]


@pytest.fixture(scope="session")
def pulled(tmp_path_factory: pytest.TempPathFactory, files: dict[str, bytes]) -> Iterator[Pulled]:
    """Pull a tiny model in a new Python process. Tests must not change it."""
    with serving() as hub:
        made = Desk(tmp_path_factory.mktemp("pulled"), hub, program="service")
        made.publish({**files, "README.md": b"a card", "tf_model.h5": bytes(5000)})
        yield Pulled(made, made.run_in_new_process("pull", NAME))
