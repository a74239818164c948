"""Tests of the folder of installed models: changes are atomic, and only one process at a time changes the folder."""

import signal
import subprocess
import sys
import threading
from pathlib import Path

import pytest

from service.errors import ModelError
from service.hub import installed
from service.hub.installed import InstalledModels


def model(folder: Path, content: str) -> Path:
    """Create a fake model of two files with the same content, and return its folder."""
    folder.mkdir(parents=True)
    for name in ("manifest.toml", "model.bin"):
        (folder / name).write_text(content, "utf-8")
    return folder


def put(models: InstalledModels, content: str) -> None:
    with models.changing(), models.draft() as draft:
        models.put("tiny", model(draft / "tiny", content))


@pytest.fixture
def models(tmp_path: Path) -> InstalledModels:
    return InstalledModels(tmp_path / "installed")


def test_put_replace_and_remove_leave_no_files(models: InstalledModels) -> None:
    assert models.names() == []
    for content in ("one", "two"):
        put(models, content)
        assert models.names() == ["tiny"]
        assert (models.path("tiny") / "model.bin").read_text("utf-8") == content
    with models.changing():
        models.remove("tiny")
    assert [path.name for path in models.folder.iterdir()] == [".changing"]


def test_replacement_works_without_exchange(models: InstalledModels, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(installed, "_exchange", lambda *_: False)
    put(models, "one")
    put(models, "two")
    assert (models.path("tiny") / "model.bin").read_text("utf-8") == "two"
    assert [path.name for path in models.folder.iterdir() if path.is_dir()] == ["tiny"]


@pytest.mark.skipif(sys.platform != "linux", reason="only Linux has renameat2")
def test_model_is_never_missing_during_replacements(models: InstalledModels) -> None:
    put(models, "0")
    missing, stop = [], threading.Event()

    def look() -> None:
        while not stop.is_set():
            if not (models.path("tiny") / "model.bin").exists():
                missing.append(1)

    watcher = threading.Thread(target=look)
    watcher.start()
    for turn in range(50):
        put(models, str(turn))
    stop.set()
    watcher.join()
    assert not missing


def test_draft_of_a_killed_process_is_deleted(models: InstalledModels) -> None:
    put(models, "one")
    program = (
        "import os, signal, sys; from pathlib import Path; from service.hub.installed import InstalledModels\n"
        "models = InstalledModels(Path(sys.argv[1]))\n"
        "with models.changing(), models.draft() as draft:\n"
        "    (draft / 'half').write_text('half'); os.kill(os.getpid(), signal.SIGKILL)\n"
    )
    died = subprocess.run([sys.executable, "-c", program, models.folder], check=False)
    assert died.returncode == -signal.SIGKILL
    assert len(list(models.folder.glob(".draft-*"))) == 1
    put(models, "two")
    assert not list(models.folder.glob(".draft-*"))


def test_second_change_is_refused(models: InstalledModels) -> None:
    with models.changing(), pytest.raises(ModelError, match="another command is changing"), models.changing():
        pass


def test_unwritable_folder_is_named(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("in the way", "utf-8")
    with (
        pytest.raises(ModelError, match=r"the folder of installed models .*/models cannot be written: Not a directory"),
        InstalledModels(tmp_path / "file" / "models").changing(),
    ):
        pass


@pytest.mark.parametrize("name", ["", ".", "..", "../x", "a/b", ".hidden", "x" * 101, "a\n"])
def test_invalid_name_is_refused(models: InstalledModels, name: str) -> None:
    with pytest.raises(ModelError, match="is not a valid model name"):
        models.path(name)
