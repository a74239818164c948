"""Tests of weights that are stored in parts and joined in a cache folder, and of faults in parts, cache and disk."""

import hashlib
import os
import random
import shutil
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from typer.testing import CliRunner

from service.cli.main import app
from service.errors import ModelError, WeightsMismatch
from service.registry.catalog import Catalog, Entry, default_weights_dir
from service.registry.joining import join, ready
from service.registry.manifest import Manifest, dumps, load
from service.registry.verify import verify, verify_whole
from tests.hub.library import write_model

NAME = "large"
WEIGHTS = "ct2-int8/model.bin"
PARTS = tuple(f"{WEIGHTS}.part{number}" for number in (1, 2, 3))
CONTENT = random.Random(1).randbytes(5_000_000)
ROOT = Path(__file__).parents[2]


@pytest.fixture
def models(tmp_path: Path) -> Path:
    """Create a models folder with one model whose weights are stored in parts, and return the folder."""
    write_in_parts(tmp_path / "models")
    return tmp_path / "models"


def write_in_parts(models: Path) -> None:
    path = write_model(models, NAME)
    folder = models / "embedded" / NAME
    (folder / WEIGHTS).unlink()
    cuts = (CONTENT[:2_000_000], CONTENT[2_000_000:4_000_000], CONTENT[4_000_000:])
    for part, cut in zip(PARTS, cuts, strict=True):
        (folder / part).write_bytes(cut)
    manifest = load(path)
    files = {name: sha256 for name, sha256 in manifest.files.items() if name != WEIGHTS}
    files |= {part: hashlib.sha256(cut).hexdigest() for part, cut in zip(PARTS, cuts, strict=True)}
    joined = {WEIGHTS: {"parts": PARTS, "sha256": hashlib.sha256(CONTENT).hexdigest()}}
    path.write_text(
        dumps(Manifest.model_validate({**manifest.model_dump(), "files": files, "joined": joined})), "utf-8"
    )


@pytest.fixture
def entry(models: Path, tmp_path: Path) -> Entry:
    return Catalog(models, weights_dir=tmp_path / "cache").entry(NAME)


def cached(entry: Entry) -> list[Path]:
    """Return all files in the cache folder of joined weights, except the lock file."""
    return sorted(path for path in entry.weights_dir.rglob("*") if path.is_file() and path.suffix != ".lock")


def test_parts_are_joined_on_first_use(entry: Entry) -> None:
    made = ready(entry, "ctranslate2")
    assert (made.folder / WEIGHTS).read_bytes() == CONTENT
    assert (made.folder / "pieces.model").read_bytes() == (entry.folder / "pieces.model").read_bytes()
    assert sorted(path.name for path in (made.folder / "ct2-int8").iterdir()) == ["config.json", "model.bin"]
    assert made.folder.parent == entry.weights_dir
    assert made.manifest.files[WEIGHTS] == hashlib.sha256(CONTENT).hexdigest()
    verify_whole(made)
    assert len(cached(entry)) == len(made.manifest.files)


def test_a_model_without_parts_is_used_in_its_place(models: Path, tmp_path: Path) -> None:
    write_model(models, "small")
    entry = Catalog(models, weights_dir=tmp_path / "cache").entry("small")
    assert ready(entry, "ctranslate2") is entry
    assert join(entry) is entry
    assert not (tmp_path / "cache").exists()
    (entry.folder / WEIGHTS).write_bytes(b"other")
    with pytest.raises(WeightsMismatch, match=f"small: {WEIGHTS} does not match"):
        ready(entry, "ctranslate2")


def test_a_joined_model_is_used_without_its_parts(entry: Entry) -> None:
    made = ready(entry, "ctranslate2")
    written = (made.folder / WEIGHTS).stat().st_mtime_ns
    for part in PARTS:
        (entry.folder / part).unlink()
    assert ready(entry, "ctranslate2") == made
    assert (made.folder / WEIGHTS).stat().st_mtime_ns == written


def test_manifests_of_the_same_files_share_the_joined_model(entry: Entry, models: Path) -> None:
    text = (models / "catalog" / f"{NAME}.toml").read_text("utf-8")
    (models / "catalog" / "other.toml").write_text(text.replace('"translation"', '"summary"'), "utf-8")
    other = Catalog(models, weights_dir=entry.weights_dir).entry("other")
    assert ready(other, "ctranslate2").folder == ready(entry, "ctranslate2").folder


@pytest.mark.parametrize("name", [WEIGHTS, "ct2-int8/config.json"])
@pytest.mark.parametrize("change", ["flip", "cut", "remove"])
def test_a_damaged_file_in_the_cache_is_made_again(entry: Entry, name: str, change: str) -> None:
    made = ready(entry, "ctranslate2")
    path = made.folder / name
    content = path.read_bytes()
    if change == "remove":
        path.unlink()
    else:
        path.write_bytes(content[:-1] if change == "cut" else bytes([content[0] ^ 1]) + content[1:])
    assert ready(entry, "ctranslate2") == made
    assert path.read_bytes() == content


def test_an_unlisted_file_in_the_cache_is_refused(entry: Entry) -> None:
    made = ready(entry, "ctranslate2")
    (made.folder / "ct2-int8" / "model.json").write_bytes(b"{}")
    with pytest.raises(WeightsMismatch, match=f"{NAME}: ct2-int8/model.json is not in the manifest"):
        ready(entry, "ctranslate2")


@pytest.mark.parametrize("part", PARTS)
@pytest.mark.parametrize("change", ["flip", "cut", "longer", "remove", "folder"])
def test_a_bad_part_is_named_and_nothing_remains(entry: Entry, part: str, change: str) -> None:
    path = entry.folder / part
    content = path.read_bytes()
    path.unlink()
    if change == "folder":
        path.mkdir()
    elif change != "remove":
        changed = {"flip": content[:-1] + bytes([content[-1] ^ 1]), "cut": content[:-9], "longer": content + b"x"}
        path.write_bytes(changed[change])
    uses: list[Callable[[], object]] = [lambda: ready(entry, "ctranslate2"), lambda: join(entry)]
    for use in uses:
        with pytest.raises(WeightsMismatch, match=f"{NAME}: {part} (does not match its SHA-256|cannot be read)"):
            use()
        assert [
            path for path in cached(entry) if path.name.startswith(("model.bin", ".")) or path.suffix == ".draft"
        ] == []
    with pytest.raises(WeightsMismatch, match=part):
        verify_whole(entry)


def test_swapped_parts_are_named(entry: Entry) -> None:
    first, second = (entry.folder / part for part in PARTS[:2])
    content = first.read_bytes()
    first.write_bytes(second.read_bytes())
    second.write_bytes(content)
    with pytest.raises(WeightsMismatch, match=f"{NAME}: {PARTS[0]} does not match"):
        ready(entry, "ctranslate2")


def test_parts_in_a_wrong_order_are_refused(entry: Entry) -> None:
    joined = {WEIGHTS: {"parts": (PARTS[1], PARTS[0], PARTS[2]), "sha256": hashlib.sha256(CONTENT).hexdigest()}}
    manifest = Manifest.model_validate({**entry.manifest.model_dump(), "joined": joined})
    wrong = Entry(NAME, manifest, entry.folder, entry.weights_dir)
    for use in (lambda: ready(wrong, "ctranslate2"), lambda: verify_whole(wrong)):
        with pytest.raises(WeightsMismatch, match=f"{NAME}: {WEIGHTS}, joined from its parts, does not match"):
            use()
    assert not any(path.name == "model.bin" or path.suffix == ".draft" for path in cached(wrong))


def test_the_parts_pass_as_files(entry: Entry) -> None:
    verify(entry, "ctranslate2")
    verify_whole(entry)
    assert entry.installed


@pytest.mark.parametrize(
    ("changed", "message"),
    [
        (
            {"parts": [*PARTS, "ct2-int8/model.bin.part4"]},
            "contains the part 'ct2-int8/model.bin.part4', which is not in `files`",
        ),
        ({"parts": [PARTS[0], PARTS[0]]}, "contains a part twice"),
        ({"parts": []}, "at least 1 item"),
        ({"sha256": "abc"}, "should match pattern"),
        ({"parts": ["../model.bin.part1"]}, "relative to the model's folder"),
    ],
)
def test_an_invalid_table_is_refused(entry: Entry, changed: dict[str, object], message: str) -> None:
    table = entry.manifest.model_dump()
    table["joined"] = {WEIGHTS: {**table["joined"][WEIGHTS], **changed}}
    with pytest.raises(ValueError, match=message):
        Manifest.model_validate(table)


def test_a_stored_file_has_no_parts(entry: Entry) -> None:
    table = entry.manifest.model_dump()
    with pytest.raises(ValueError, match=r"'ct2-int8/config\.json' must not be in both `joined` and `files`"):
        Manifest.model_validate({**table, "joined": {"ct2-int8/config.json": table["joined"][WEIGHTS]}})


def test_a_cache_folder_that_cannot_be_made_is_named(models: Path, tmp_path: Path) -> None:
    (tmp_path / "file").write_text("", "utf-8")
    entry = Catalog(models, weights_dir=tmp_path / "file" / "cache").entry(NAME)
    with pytest.raises(
        ModelError, match=rf"{NAME} cannot be joined in {entry.weights_dir}: Not a directory; set DEPESCHE"
    ):
        ready(entry, "ctranslate2")


USE = """
import os, resource, sys
from pathlib import Path
from service.errors import ModelError
from service.registry.catalog import Catalog
from service.registry.joining import ready

models, cache, user, file_bytes = sys.argv[1:]
if user != "0" and os.getuid() == 0:
    os.setuid(int(user))
if file_bytes != "0":
    resource.setrlimit(resource.RLIMIT_FSIZE, (int(file_bytes),) * 2)
print("start", flush=True)
try:
    print(ready(Catalog(Path(models), weights_dir=Path(cache)).entry("large"), "ctranslate2").folder)
except ModelError as error:
    print(f"{type(error).__name__}: {error}")
"""


def process(models: Path, cache: Path, *, user: int = 0, file_bytes: int = 0) -> subprocess.Popen[str]:
    """Start a process that joins the weights of a model in ``models``, using the cache folder ``cache``.

    ``user`` is the user id of the process, and ``file_bytes`` is its limit for the size of a file. 0 means no change.
    """
    command = [sys.executable, "-c", USE, str(models), str(cache), str(user), str(file_bytes)]
    return subprocess.Popen(command, cwd=ROOT, stdout=subprocess.PIPE, text=True)


def answer(running: subprocess.Popen[str]) -> str:
    output, _ = running.communicate(timeout=120)
    assert running.returncode == 0
    return output.removeprefix("start\n").strip()


def test_two_processes_join_at_once(models: Path, tmp_path: Path) -> None:
    running = [process(models, tmp_path / "cache") for _ in range(3)]
    folders = {answer(one) for one in running}
    (folder,) = folders
    assert (Path(folder) / WEIGHTS).read_bytes() == CONTENT
    names = {path.name for path in (tmp_path / "cache").iterdir()}
    assert names == {Path(folder).name, f".{Path(folder).name}.lock"}


def test_a_process_waits_for_another_that_joins(entry: Entry, models: Path) -> None:
    import fcntl

    made = join(entry)
    (made.folder / WEIGHTS).unlink()
    with made.folder.with_name(f".{made.folder.name}.lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        waiting = process(models, entry.weights_dir)
        assert waiting.stdout is not None
        assert waiting.stdout.readline() == "start\n"
        time.sleep(1)
        assert waiting.poll() is None
        assert not (made.folder / WEIGHTS).exists()
    assert answer(waiting) == str(made.folder)


def test_a_draft_of_a_killed_process_is_replaced(entry: Entry, models: Path) -> None:
    made = join(entry)
    (made.folder / WEIGHTS).unlink()
    draft = made.folder.with_name(f".{made.folder.name}.draft")
    draft.write_bytes(b"half" * 10_000_000)  # longer than the file
    killed = process(models, entry.weights_dir)
    killed.send_signal(signal.SIGKILL)
    killed.communicate()
    assert ready(entry, "ctranslate2") == made
    assert (made.folder / WEIGHTS).read_bytes() == CONTENT
    assert not draft.exists()


def test_a_write_error_names_the_folder_and_the_setting(models: Path, tmp_path: Path) -> None:
    found = answer(process(models, tmp_path / "cache", file_bytes=3_000_000))
    assert found.startswith(f"ModelError: the parts of {NAME} cannot be joined in {tmp_path / 'cache'}: File too large")
    assert "DEPESCHE_WEIGHTS_DIR" in found
    assert not any(path.name == "model.bin" or path.suffix == ".draft" for path in (tmp_path / "cache").rglob("*"))


@pytest.fixture
def open_folder() -> Iterator[Path]:
    """Create a folder that other users may read, unlike the temporary folders of pytest."""
    folder = Path(tempfile.mkdtemp())
    folder.chmod(0o755)
    yield folder
    shutil.rmtree(folder)


def test_a_read_only_cache_is_enough_for_a_joined_model(open_folder: Path) -> None:
    write_in_parts(open_folder / "models")
    cache = open_folder / "cache"
    made = join(Catalog(open_folder / "models", weights_dir=cache).entry(NAME))
    for path in (cache, *cache.rglob("*")):
        path.chmod(0o555 if path.is_dir() else 0o444)
    other = 65_534 if os.getuid() == 0 else 0  # permissions do not bind root
    assert answer(process(open_folder / "models", cache, user=other)) == str(made.folder)
    (made.folder / "ct2-int8").chmod(0o755)
    (made.folder / WEIGHTS).unlink()
    (made.folder / "ct2-int8").chmod(0o555)
    found = answer(process(open_folder / "models", cache, user=other))
    assert found.startswith(
        f"ModelError: the parts of {NAME} cannot be joined in {cache}: Permission denied; set DEPESCHE"
    )
    for path in (cache, *cache.rglob("*")):
        path.chmod(0o755)


def test_a_command_joins_all_embedded_models(models: Path, tmp_path: Path) -> None:
    write_model(models, "small")
    places = {"DEPESCHE_MODELS_DIR": str(models), "DEPESCHE_WEIGHTS_DIR": str(tmp_path / "cache")}
    result = CliRunner().invoke(app, ["models", "join"], env=places)
    assert result.exit_code == 0, result.output
    (folder,) = (path for path in (tmp_path / "cache").iterdir() if path.is_dir())
    assert (folder / WEIGHTS).read_bytes() == CONTENT
    assert f"{NAME} is ready in {folder}" in result.output.replace("\n", "")
    (models / "embedded" / NAME / PARTS[1]).unlink()
    shutil.rmtree(folder)
    result = CliRunner().invoke(app, ["models", "join"], env=places)
    assert result.exit_code == 1
    assert PARTS[1] in result.output


def test_the_default_folder_is_in_the_users_cache(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path))
    assert default_weights_dir() == tmp_path / "depesche" / "weights"
    monkeypatch.setenv("XDG_CACHE_HOME", "relative")
    monkeypatch.setenv("HOME", "/home/somebody")
    assert default_weights_dir() == Path("/home/somebody/.cache/depesche/weights")
