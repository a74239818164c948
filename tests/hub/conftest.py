"""Fixtures with a hub that has a tiny model, and an operator's environment in which the model has been pulled."""

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
    """An operator's environment (`Desk`) after a pull with the real conversion, and the result of the pull."""

    desk: Desk
    done: CompletedProcess[str]


@pytest.fixture(scope="session")
def pulled(tmp_path_factory: pytest.TempPathFactory, files: dict[str, bytes]) -> Iterator[Pulled]:
    """Pull a tiny model in a new Python process, and yield the result. Tests must not change the result."""
    with serving() as hub:
        made = Desk(tmp_path_factory.mktemp("pulled"), hub, program="service")
        made.publish({**files, "README.md": b"a card", "tf_model.h5": bytes(5000)})
        yield Pulled(made, made.run_in_new_process("pull", NAME))
