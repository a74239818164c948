"""Tests of files in parts: unpacking restores every byte, and if a part is damaged, nothing is restored."""

import json
import shutil
import tempfile
from collections.abc import Callable
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from typer.testing import CliRunner

from models.train.__main__ import app
from models.train.parts import MANIFEST, PartsError, pack, unpack

NAMES = st.lists(st.sampled_from(["a", "b", "ä ö", ".hidden"]), min_size=1, max_size=3).map("/".join)
FOLDERS = st.dictionaries(NAMES, st.binary(max_size=40), max_size=6).filter(
    lambda files: not any(one != other and other.startswith(f"{one}/") for one in files for other in files)
)


def lay_out(folder: Path, files: dict[str, bytes]) -> Path:
    folder.mkdir()
    for name, content in files.items():
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        (folder / name).write_bytes(content)
    return folder


def contents(folder: Path) -> dict[str, bytes]:
    return {str(p.relative_to(folder)): p.read_bytes() for p in sorted(folder.rglob("*")) if p.is_file()}


@settings(max_examples=60, deadline=None)
@given(FOLDERS, st.integers(1, 50))
def test_parts_have_their_size_and_round_trip(files: dict[str, bytes], part_bytes: int) -> None:
    with tempfile.TemporaryDirectory() as scratch:
        folder, parts, back = lay_out(Path(scratch) / "in", files), Path(scratch) / "parts", Path(scratch) / "out"
        packed = pack(folder, parts, part_bytes)
        assert unpack(parts, back) == packed
        assert contents(back) == files
        sizes = [(parts / part.name).stat().st_size for part in packed.parts]
        assert sizes[:-1] == [part_bytes] * len(sizes[:-1])
        assert sum(sizes) == sum(map(len, files.values()))


@pytest.fixture
def parts(tmp_path: Path) -> Path:
    """Pack two files into three parts of ten bytes and one part of two bytes, and return the folder of the parts."""
    folder = lay_out(tmp_path / "in", {"weights.bin": bytes(range(25)), "deep/data.tsv": b"ja\tyes\n"})
    pack(folder, tmp_path / "parts", 10)
    return tmp_path / "parts"


def flip(path: Path) -> None:
    content = bytearray(path.read_bytes())
    content[3] ^= 1
    path.write_bytes(content)


def list_twice(parts: Path) -> None:
    table = json.loads((parts / MANIFEST).read_text("utf-8"))
    table["parts"].append(table["parts"][0])
    (parts / MANIFEST).write_text(json.dumps(table), "utf-8")


def rename_file(parts: Path) -> None:
    text = (parts / MANIFEST).read_text("utf-8")
    (parts / MANIFEST).write_text(text.replace("deep/data.tsv", "../data.tsv"), "utf-8")


def swap(parts: Path) -> None:
    first, second = parts / "part-0001", parts / "part-0002"
    first.rename(parts / "kept")
    second.rename(first)
    (parts / "kept").rename(second)


@pytest.mark.parametrize(
    ("harm", "message"),
    [
        (lambda parts: (parts / "part-0002").unlink(), "part-0002 is missing"),
        (lambda parts: shutil.copy(parts / "part-0002", parts / "part-0005"), "part-0005 is not listed"),
        (lambda parts: shutil.copy(parts / "part-0001", parts / "part-0002"), "part-0002 is damaged"),
        (lambda parts: (parts / "part-0003").write_bytes(b""), "part-0003 is damaged"),
        (lambda parts: flip(parts / "part-0001"), "part-0001 is damaged"),
        (swap, "part-0001 is damaged"),
        (list_twice, "lists part-0001 twice"),
        (rename_file, r"lists \.\./data\.tsv"),
        (lambda parts: (parts / MANIFEST).unlink(), "manifest.json cannot be read"),
        (lambda parts: (parts / MANIFEST).write_text("{}"), "manifest.json cannot be read"),
    ],
    ids=[
        "missing",
        "doubled",
        "doubled over another",
        "cut",
        "damaged",
        "swapped",
        "listed twice",
        "outside",
        "",
        "{}",
    ],
)
def test_wrong_parts_restore_nothing(parts: Path, harm: Callable[[Path], object], message: str) -> None:
    harm(parts)
    with pytest.raises(PartsError, match=message):
        unpack(parts, parts.parent / "out")
    assert not contents(parts.parent / "out") if (parts.parent / "out").exists() else True
    assert not (parts.parent / "data.tsv").exists()


def test_existing_files_are_kept(parts: Path, tmp_path: Path) -> None:
    with pytest.raises(PartsError, match="is not empty"):
        unpack(parts, tmp_path / "in")
    with pytest.raises(PartsError, match="is not empty"):
        pack(tmp_path / "in", parts, 10)


def test_link_is_refused(tmp_path: Path) -> None:
    folder = lay_out(tmp_path / "in", {"a": b"a"})
    (folder / "link").symlink_to(folder / "a")
    with pytest.raises(PartsError, match="link is neither"):
        pack(folder, tmp_path / "parts", 10)


def test_commands_pack_unpack_and_name_errors(tmp_path: Path) -> None:
    folder = lay_out(tmp_path / "in", {"weights.bin": bytes(3 << 20)})
    places = {name: str(tmp_path / name) for name in ("in", "parts", "out")}
    packing = CliRunner().invoke(app, ["pack", places["in"], places["parts"], "--part-mib", "1"])
    assert (packing.exit_code, len(list((tmp_path / "parts").iterdir()))) == (0, 4)
    (tmp_path / "parts" / "part-0003").unlink()
    failed = CliRunner().invoke(app, ["unpack", places["parts"], places["out"]])
    assert failed.exit_code == 1
    assert "part-0003 is missing" in failed.output
    pack(folder, tmp_path / "again", 1 << 20)
    assert CliRunner().invoke(app, ["unpack", str(tmp_path / "again"), places["out"]]).exit_code == 0
    assert contents(tmp_path / "out") == contents(folder)
