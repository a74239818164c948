"""Tests of model pulls that fail: the installed model is kept, damaged files are not used, the next pull resumes."""

import hashlib
import os
import signal
from collections.abc import Iterator
from io import BytesIO
from pathlib import Path

import pytest

from tests.hub.desk import NAME, PATIENCE_S, REPO, Desk, Program, checkpoint, pickled
from tests.hub_server import serving

pytestmark = pytest.mark.slow

MIB = 2**20


@pytest.fixture(scope="module")
def files(tmp_path_factory: pytest.TempPathFactory) -> dict[str, bytes]:
    return checkpoint(tmp_path_factory.mktemp("tiny"))


@pytest.fixture
def desk(tmp_path: Path, files: dict[str, bytes]) -> Iterator[Desk]:
    """Yield an operator's environment (`Desk`) with an installed model but no lock file.

    Without a lock file, the hub may serve different files in the next pull.
    """
    with serving() as hub:
        made = Desk(tmp_path, hub)
        made.publish(files)
        made.pull()
        (made.installed / "models.lock").unlink()
        hub.asked.clear()
        yield made


def large(files: dict[str, bytes]) -> dict[str, bytes]:
    """Return ``files`` with an additional file of 32 MiB, which the client downloads in chunks of 10 MiB."""
    return {**files, "large.spm": os.urandom(32 * MIB)}


def test_broken_download_resumes(desk: Desk, files: dict[str, bytes]) -> None:
    desk.publish(large(files), commit="2" * 40)
    desk.hub.cut_after_bytes = [25 * MIB]
    desk.pull()
    ranges = [asked for _, path, asked in desk.hub.asked if path.startswith("/large/") and asked]
    assert ranges == [f"bytes={20 * MIB}-"]
    assert desk.locked()["files"]["large.spm"]["size_bytes"] == 32 * MIB


def test_killed_pull_fetches_missing_files_only(desk: Desk, files: dict[str, bytes]) -> None:
    old = desk.content()
    desk.publish(large({**files, "config.json": files["config.json"] + b"\n"}), commit="2" * 40)
    desk.hub.held.clear()
    running = desk.start("pull", NAME)
    assert desk.hub.half.wait(PATIENCE_S)
    running.process.kill()
    assert running.end(PATIENCE_S).returncode == -signal.SIGKILL
    assert desk.content() == old
    desk.hub.held.set()
    desk.hub.asked.clear()
    desk.pull()
    assert not [path for path in desk.hub.fetched() if path.endswith("config.json")]
    assert desk.locked()["commit"] == "2" * 40
    assert desk.leftovers() == []


def test_corrupt_download_is_refused(desk: Desk, files: dict[str, bytes]) -> None:
    old = desk.content()
    other = {**files, "model.safetensors": files["model.safetensors"] + b"\0"}
    desk.publish({**other}, commit="2" * 40)
    spoilt = hashlib.sha256(other["model.safetensors"]).hexdigest()
    desk.hub.spoilt.add(spoilt)
    message = desk.error_of("pull", NAME)
    assert f"{REPO}: model.safetensors does not match its digest in the hub's listing" in message
    assert desk.content() == old
    assert not (desk.installed / "models.lock").exists()
    desk.publish(files, commit="3" * 40)
    desk.pull()


@pytest.mark.parametrize("full_at", ["download", "installing"])
def test_full_disk_keeps_the_installed_model(desk: Desk, files: dict[str, bytes], full_at: str) -> None:
    old = desk.content()
    desk.publish(pickled(files), commit="2" * 40)
    weights = len(desk.hub.repos[REPO].files["pytorch_model.bin"])
    if full_at == "installing":
        desk.pull()  # fills the download cache
        old = desk.content()
    message = desk.error_of("pull", NAME, file_bytes=weights // 2)
    assert "File too large" in message
    assert desk.content() == old
    assert desk.leftovers() == []
    desk.pull()


def test_malicious_pickle_does_not_run(desk: Desk, files: dict[str, bytes], tmp_path: Path) -> None:
    old, trace = desk.content(), tmp_path / "trace"
    desk.publish(pickled(files, more=Program(f"touch {trace}")), commit="2" * 40)
    message = desk.error_of("pull", NAME)
    assert "pytorch_model.bin contains objects other than weights" in message
    assert not trace.exists()
    assert desk.content() == old
    import torch  # takes seconds

    torch.load(BytesIO(desk.hub.repos[REPO].files["pytorch_model.bin"]), weights_only=False)
    assert trace.exists()  # an unsafe load would run it


def test_second_command_is_refused(desk: Desk, files: dict[str, bytes]) -> None:
    desk.publish(large(files), commit="2" * 40)
    desk.hub.held.clear()
    first = desk.start("pull", NAME)
    assert desk.hub.half.wait(PATIENCE_S)
    assert "another command is changing the models" in desk.error_of("remove", NAME)
    desk.hub.held.set()
    assert first.end(PATIENCE_S).returncode == 0
