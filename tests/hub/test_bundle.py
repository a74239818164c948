"""Tests of bundles: export and import preserve every byte, and invalid or malicious tar files are rejected."""

import hashlib
import io
import os
import subprocess
import tarfile
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import pytest

from service.errors import LockMismatch, ModelError, WeightsMismatch
from service.hub import bundle
from service.hub.installed import InstalledModels
from service.hub.lock import LockedRepository
from service.registry.catalog import Catalog
from service.registry.manifest import load
from service.registry.verify import Digest
from tests.hub.desk import CATALOG, NAME, REPO
from tests.hub.library import write_model
from tests.hub.light import copy

LOCKED = LockedRepository(commit="1" * 40, files={"config.json": Digest.of_bytes(b"{}")})


@dataclass(frozen=True)
class Site:
    """A machine with a catalogue and a folder of installed models."""

    folder: Path

    @property
    def installed(self) -> InstalledModels:
        return InstalledModels(self.folder / "installed")

    @property
    def catalog(self) -> Catalog:
        return Catalog(self.folder / "models", self.folder / "installed")

    def content(self) -> dict[str, bytes]:
        model = self.folder / "installed" / NAME
        return {str(path.relative_to(model)): path.read_bytes() for path in sorted(model.rglob("*")) if path.is_file()}

    def leftovers(self) -> list[str]:
        return [path.name for path in (self.folder / "installed").glob(".draft*")]


def site(folder: Path) -> Site:
    (folder / "models" / "catalog").mkdir(parents=True)
    (folder / "models" / "catalog" / f"{NAME}.toml").write_text(CATALOG, "utf-8")
    return Site(folder)


def installed(here: Site, weights: bytes = b"weights") -> Site:
    """Install a model that consists of small files on the machine ``here``, and return ``here``."""
    checkpoint = here.folder / "checkpoint"
    checkpoint.mkdir(exist_ok=True)
    (checkpoint / "model.bin").write_bytes(weights)
    (checkpoint / "config.json").write_bytes(b"{}")
    with here.installed.changing(), here.installed.draft() as draft:
        copy(checkpoint, load(here.folder / "models" / "catalog" / f"{NAME}.toml"), draft / NAME)
        here.installed.put(NAME, draft / NAME)
    return here


@pytest.fixture
def sender(tmp_path: Path) -> Site:
    here = installed(site(tmp_path / "sender"))
    here.installed.lock.keep(REPO, LOCKED)
    return here


@pytest.fixture
def receiver(tmp_path: Path) -> Site:
    return site(tmp_path / "receiver")


@pytest.fixture
def path(sender: Site, tmp_path: Path) -> Path:
    bundle.export(sender.catalog.entry(NAME), sender.installed, tmp_path / "tiny.tar")
    return tmp_path / "tiny.tar"


def packed(path: Path, members: list[tuple[tarfile.TarInfo, bytes]]) -> Path:
    with tarfile.open(path, "w") as tar:
        for member, content in members:
            member.size = len(content)
            tar.addfile(member, io.BytesIO(content))
    return path


def members(path: Path) -> list[tuple[tarfile.TarInfo, bytes]]:
    with tarfile.open(path) as tar:
        return [(member, content.read()) for member in tar if (content := tar.extractfile(member))]


def listed(*names: str, content: bytes = b"x") -> tuple[tarfile.TarInfo, bytes]:
    """Return the tar member SHA256SUMS, which lists the files ``names`` with the checksum of ``content``."""
    sha256 = hashlib.sha256(content).hexdigest()
    return tarfile.TarInfo("SHA256SUMS"), "".join(f"{sha256}  {name}\n" for name in names).encode()


def test_import_restores_model_and_lock(sender: Site, receiver: Site, path: Path) -> None:
    entry = bundle.install(path, receiver.catalog, receiver.installed)
    assert entry.installed
    assert receiver.content() == sender.content()
    assert receiver.installed.lock.read() == {REPO: LOCKED}
    assert receiver.leftovers() == []


def test_export_is_reproducible(sender: Site, path: Path, tmp_path: Path) -> None:
    bundle.export(sender.catalog.entry(NAME), sender.installed, tmp_path / "again.tar")
    elsewhere = installed(site(tmp_path / "elsewhere"))
    elsewhere.installed.lock.keep(REPO, LOCKED)
    bundle.export(elsewhere.catalog.entry(NAME), elsewhere.installed, tmp_path / "other.tar")
    assert path.read_bytes() == (tmp_path / "again.tar").read_bytes() == (tmp_path / "other.tar").read_bytes()


def test_sha256sum_reads_the_checksums(path: Path, tmp_path: Path) -> None:
    (tmp_path / "unpacked").mkdir()
    with tarfile.open(path) as tar:
        tar.extractall(tmp_path / "unpacked", filter="data")
    subprocess.run(["sha256sum", "--check", "--quiet", "SHA256SUMS"], cwd=tmp_path / "unpacked", check=True)  # noqa: S607


def test_existing_file_is_not_overwritten(sender: Site, path: Path) -> None:
    before = path.read_bytes()
    with pytest.raises(ModelError, match=r"tiny\.tar already exists"):
        bundle.export(sender.catalog.entry(NAME), sender.installed, path)
    assert path.read_bytes() == before


def test_damaged_model_is_not_exported(sender: Site, tmp_path: Path) -> None:
    (sender.folder / "installed" / NAME / "ct2" / "model.bin").write_bytes(b"other")
    with pytest.raises(WeightsMismatch, match=r"ct2/model\.bin does not match its SHA-256"):
        bundle.export(sender.catalog.entry(NAME), sender.installed, tmp_path / "bad.tar")
    assert not list(tmp_path.glob("*bad.tar*"))


@pytest.mark.parametrize("place", range(1, 5))
def test_flipped_byte_is_refused(receiver: Site, path: Path, place: int) -> None:
    installed(receiver, b"older weights")
    before = receiver.content()
    changed = members(path)
    member, content = changed[place]
    changed[place] = (member, content[:-1] + bytes([content[-1] ^ 1]))
    with pytest.raises(WeightsMismatch, match="does not match its SHA-256 in SHA256SUMS"):
        bundle.install(packed(path, changed), receiver.catalog, receiver.installed)
    assert receiver.content() == before
    assert receiver.leftovers() == []


@pytest.mark.parametrize("kept", [0, 100, 3000, -9000])
def test_truncated_file_is_refused(receiver: Site, path: Path, kept: int) -> None:
    path.write_bytes(path.read_bytes()[:kept])
    with pytest.raises(ModelError, match=r"tiny\.tar"):
        bundle.install(path, receiver.catalog, receiver.installed)
    assert receiver.leftovers() == []
    assert receiver.installed.names() == []


@pytest.mark.parametrize("name", ["../evil", "/evil", "tiny/../../evil", "tiny//x", "./tiny/x", "other/x", "evil", "."])
def test_member_outside_the_model_folder_is_refused(receiver: Site, tmp_path: Path, name: str) -> None:
    path = packed(tmp_path / "t.tar", [listed(name, "tiny/manifest.toml"), (tarfile.TarInfo(name), b"x")])
    with pytest.raises(ModelError, match="all files of the model must be in one folder"):
        bundle.install(path, receiver.catalog, receiver.installed)
    assert not list(tmp_path.rglob("evil"))


@pytest.mark.parametrize("kind", [tarfile.SYMTYPE, tarfile.LNKTYPE, tarfile.CHRTYPE, tarfile.FIFOTYPE, tarfile.DIRTYPE])
def test_special_member_is_refused(receiver: Site, tmp_path: Path, kind: bytes) -> None:
    member = tarfile.TarInfo("tiny/manifest.toml")
    member.type, member.linkname = kind, "/etc/passwd"
    path = packed(tmp_path / "t.tar", [listed("tiny/manifest.toml"), (member, b"")])
    with pytest.raises(WeightsMismatch, match="or is not a regular file"):
        bundle.install(path, receiver.catalog, receiver.installed)


def test_fifo_is_refused(receiver: Site, tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "fifo.tar")
    with pytest.raises(ModelError, match=r"fifo\.tar is not a regular file"):
        bundle.install(tmp_path / "fifo.tar", receiver.catalog, receiver.installed)


@pytest.mark.parametrize("place", range(3))
@pytest.mark.parametrize("size_bytes", [-1, -512, -1024, -(2**40)])
def test_negative_member_size_is_refused(receiver: Site, path: Path, place: int, size_bytes: int) -> None:
    content = bytearray(path.read_bytes())
    with tarfile.open(path) as tar:
        start = tar.getmembers()[place].offset
    content[start + 124 : start + 136] = size_bytes.to_bytes(12, "big", signed=True)
    content[start + 148 : start + 156] = b" " * 8
    content[start + 148 : start + 156] = b"%06o\0 " % sum(content[start : start + 512])
    path.write_bytes(content)
    with pytest.raises(ModelError, match=r"tiny\.tar"):
        bundle.install(path, receiver.catalog, receiver.installed)
    assert receiver.leftovers() == []


def test_missing_or_repeated_member_is_refused(receiver: Site, path: Path, tmp_path: Path) -> None:
    whole = members(path)
    with pytest.raises(WeightsMismatch, match="is missing"):
        bundle.install(packed(tmp_path / "short.tar", whole[:-1]), receiver.catalog, receiver.installed)
    with pytest.raises(WeightsMismatch, match="is not listed in SHA256SUMS"):
        bundle.install(packed(tmp_path / "twice.tar", [*whole, whole[-1]]), receiver.catalog, receiver.installed)


def test_version_that_differs_from_the_lock_is_refused(receiver: Site, path: Path) -> None:
    installed(receiver, b"older weights")
    receiver.installed.lock.keep(REPO, LOCKED.model_copy(update={"commit": "2" * 40}))
    before = receiver.content()
    with pytest.raises(LockMismatch, match=f"the commit is {'1' * 40} instead of {'2' * 40}"):
        bundle.install(path, receiver.catalog, receiver.installed)
    assert receiver.content() == before


def test_embedded_model_is_neither_exported_nor_replaced(receiver: Site, path: Path) -> None:
    write_model(receiver.folder / "models", "starter")
    with pytest.raises(ModelError, match="is part of Depesche"):
        bundle.export(receiver.catalog.entry("starter"), receiver.installed, path.with_name("starter.tar"))
    write_model(receiver.folder / "models", NAME)
    with pytest.raises(ModelError, match="same name as a model that is part of Depesche"):
        bundle.install(path, receiver.catalog, receiver.installed)


def resealed(path: Path, change: Callable[[dict[str, bytes]], object]) -> Path:
    """Apply ``change`` to the files of the bundle at ``path``, write new checksums, and return ``path``."""
    held = {member.name: content for member, content in members(path)[1:]}
    change(held)
    listing = "".join(f"{hashlib.sha256(held[name]).hexdigest()}  {name}\n" for name in sorted(held))
    whole = {"SHA256SUMS": listing.encode(), **held}
    return packed(path, [(tarfile.TarInfo(name), content) for name, content in whole.items()])


def test_bundle_without_locked_toml_is_refused(receiver: Site, path: Path) -> None:
    resealed(path, lambda held: held.pop("locked.toml"))
    with pytest.raises(ModelError, match=r"lacks locked\.toml"):
        bundle.install(path, receiver.catalog, receiver.installed)
    assert receiver.installed.names() == []
    assert receiver.leftovers() == []


def test_model_without_a_lock_is_not_exported(tmp_path: Path) -> None:
    here = installed(site(tmp_path / "unlocked"))
    with pytest.raises(ModelError, match=f"has no entry for {REPO}"):
        bundle.export(here.catalog.entry(NAME), here.installed, tmp_path / "unlocked.tar")


@pytest.mark.parametrize(
    ("old", "new", "message"),
    [
        (
            f'repo = "{REPO}"',
            'repo = "tests/other"',
            r"has hub\.repo 'tests/other' in the bundle and 'tests/tiny' in the catalogue",
        ),
        (
            'task = "translation"',
            'task = "summary"',
            r"has task 'summary' in the bundle and 'translation' in the catalogue",
        ),
        ('folder = "ct2"', 'folder = "../other"', "must be relative to the model's folder"),
        ('"ct2/model.bin"', '"/etc/passwd"', "must be relative to the model's folder"),
        ('source = "source.spm"', 'source = "a/../../b.spm"', "must be relative to the model's folder"),
    ],
)
def test_other_model_under_a_catalogue_name_is_refused(
    receiver: Site, path: Path, old: str, new: str, message: str
) -> None:
    installed(receiver, b"older weights")
    before = receiver.content()

    def change(held: dict[str, bytes]) -> None:
        manifest = held[f"{NAME}/manifest.toml"].decode()
        assert old in manifest
        held[f"{NAME}/manifest.toml"] = manifest.replace(old, new).encode()

    with pytest.raises(ModelError, match=message):
        bundle.install(resealed(path, change), receiver.catalog, receiver.installed)
    assert receiver.content() == before


def test_model_missing_from_the_catalogue_is_installed(receiver: Site, path: Path) -> None:
    (receiver.folder / "models" / "catalog" / f"{NAME}.toml").unlink()
    assert bundle.install(path, receiver.catalog, receiver.installed).installed
