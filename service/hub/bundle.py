"""Bundles: tar files that contain an installed model with checksums, for machines without access to a hub."""

import contextlib
import io
import re
import shutil
import tarfile
import tomllib
from collections.abc import Iterator
from pathlib import Path, PurePosixPath

import tomli_w

from service.errors import LockMismatch, ModelError, WeightsMismatch
from service.hub.installed import InstalledModels, write_errors
from service.hub.lock import LockedRepository
from service.registry.catalog import MANIFEST, Catalog, Entry
from service.registry.manifest import load
from service.registry.verify import Digest, verify_whole

SUMS, LOCKED = "SHA256SUMS", "locked.toml"
_LINE = re.compile(r"([0-9a-f]{64})  (\S+)")
_SUMS_BYTES_MAX = 2**20


def export(entry: Entry, installed: InstalledModels, path: Path) -> None:
    """Write the installed model to the new tar file ``path``. Repeated exports of the same model are byte-identical.

    The members are ``SHA256SUMS`` (in the format of ``sha256sum``), ``locked.toml`` (the repository's entry in the lock
    file), and the model's files in a folder with the model's name.

    Raises:
        WeightsMismatch: a file of the model is missing, does not match its digest in the manifest, or is in the folder
            of an engine but not in the manifest.
        ModelError: the model is not from a hub, is not installed or has no entry in the lock file, or ``path`` already
            exists or cannot be written.
    """
    if entry.manifest.hub is None:
        raise ModelError(f"{entry.name} cannot be exported: it is part of Depesche or runs on a remote server")
    verify_whole(entry)
    locked = installed.lock.read().get(entry.manifest.hub.repo)
    members = {f"{entry.name}/{name}": entry.folder / name for name in (MANIFEST, *entry.manifest.files)}
    if locked is None:
        raise ModelError(f"{installed.lock.path} has no entry for {entry.manifest.hub.repo}; pull {entry.name} again")
    small = {LOCKED: tomli_w.dumps(locked.model_dump()).encode()}
    with write_errors(str(path)), _new_file(path) as draft, tarfile.open(draft, "w", format=tarfile.PAX_FORMAT) as tar:
        sums = {name: Digest.of(source).sha256 for name, source in members.items()}
        sums |= {name: Digest.of_bytes(content).sha256 for name, content in small.items()}
        listing = "".join(f"{sums[name]}  {name}\n" for name in sorted(sums))
        for name, content in ({SUMS: listing.encode()} | small).items():
            tar.addfile(_member(name, len(content)), io.BytesIO(content))
        for name in sorted(members):
            with members[name].open("rb") as file:
                tar.addfile(_member(name, members[name].stat().st_size), file)


@contextlib.contextmanager
def _new_file(path: Path) -> Iterator[Path]:
    """Yield the path of a temporary file, which is renamed to ``path`` at the end of the ``with`` block.

    If the block raises an exception, the temporary file is deleted instead.

    Raises:
        ModelError: ``path`` already exists.
    """
    if path.exists():
        raise ModelError(f"{path} already exists and will not be overwritten; name another file")
    draft = path.with_name(f".{path.name}.draft")
    try:
        yield draft
        draft.replace(path)
    finally:
        draft.unlink(missing_ok=True)


def _member(name: str, size_bytes: int) -> tarfile.TarInfo:
    """Return a tar member without an owner's name and with modification time 0, so that bundles are reproducible."""
    member = tarfile.TarInfo(name)
    member.size, member.mode, member.mtime = size_bytes, 0o644, 0
    return member


def install(path: Path, catalog: Catalog, installed: InstalledModels) -> Entry:
    """Install the model from the bundle ``path``, and return its entry in the catalogue.

    An installed model of the same name is replaced only after all checks have passed.

    Raises:
        WeightsMismatch: a file is missing, is not listed in ``SHA256SUMS``, does not match its checksum there or in the
            manifest, or is in the folder of an engine but not in the manifest.
        LockMismatch: the model was converted from files that differ from those in the lock file.
        ModelError: the file is not a bundle of one hub model, its manifest is invalid, a model that is part of Depesche
            has the same name, the catalogue has a model of the same name with a different repository or task, another
            command is changing the installed models, or the model cannot be written.
    """
    with installed.changing(), write_errors(f"{path.name}: the model"), installed.draft() as draft:
        name = _unpack(path, draft)
        entry = Entry(name, load(draft / name / MANIFEST), draft / name)
        if entry.manifest.hub is None or catalog.embedded(name):
            raise ModelError(
                f"{path.name}: {name} is not a hub model, or it has the same name as a model that is part of Depesche"
            )
        installed.path(name)
        _require_catalogue_model(catalog, entry)
        verify_whole(entry)
        _check_lock(installed, entry.manifest.hub.repo, draft / LOCKED)
        installed.put(name, entry.folder)
    return catalog.entry(name)


def _require_catalogue_model(catalog: Catalog, entry: Entry) -> None:
    """Reject the model if the catalogue has a model of the same name with a different repository or task.

    Otherwise, the service could use the model from the bundle in place of the catalogue's model.

    Raises:
        ModelError: the model is rejected.
    """
    if not catalog.publishes(entry.name):
        return
    published = catalog.published(entry.name)
    for field, found, expected in (
        ("hub.repo", entry.manifest.hub and entry.manifest.hub.repo, published.hub and published.hub.repo),
        ("task", entry.manifest.task, published.task),
    ):
        if found != expected:
            raise ModelError(f"{entry.name} has {field} {found!r} in the bundle and {expected!r} in the catalogue")


def _unpack(path: Path, draft: Path) -> str:
    """Extract the bundle ``path`` to the folder ``draft``, and verify the checksums of its members.

    Return the model's name.

    Raises:
        WeightsMismatch: a member is missing, is not a regular file, is not listed in ``SHA256SUMS`` or does not match
            its checksum.
        ModelError: the file cannot be read or is not a model bundle.
    """
    try:
        if path.exists() and not path.is_file():
            raise ModelError(f"{path} is not a regular file")  # because opening a named pipe would block
        file = path.open("rb")
    except OSError as error:
        raise ModelError(f"{path} cannot be read: {error.strerror}") from error
    try:
        with file, tarfile.open(fileobj=file, mode="r:") as tar:
            return _unpack_members(path.name, tar, draft)
    except (tarfile.TarError, ValueError) as error:  # tarfile raises ValueError for negative sizes
        raise ModelError(f"{path.name} is not a complete model bundle: {error}") from error


def _unpack_members(bundle: str, tar: tarfile.TarFile, draft: Path) -> str:
    first = tar.next()
    if first is None or first.name != SUMS or not first.isreg() or not 0 <= first.size <= _SUMS_BYTES_MAX:
        raise ModelError(f"{bundle} is not a model bundle: it does not begin with {SUMS}")
    sums = _parse_sums(bundle, _open_member(tar, first).read())
    while member := tar.next():
        # If the size is negative, tarfile reads the same header forever.
        if not member.isreg() or member.issparse() or member.size < 0 or member.name not in sums:
            raise WeightsMismatch(f"{bundle}: {member.name!r} is not listed in {SUMS} or is not a regular file")
        target = draft / member.name
        target.parent.mkdir(parents=True, exist_ok=True)
        with target.open("wb") as file, _open_member(tar, member) as content:
            shutil.copyfileobj(content, file, 2**20)
        if Digest.of(target).sha256 != sums.pop(member.name):
            raise WeightsMismatch(f"{bundle}: {member.name} does not match its SHA-256 in {SUMS}")
    if sums:
        raise WeightsMismatch(f"{bundle}: {min(sums)} is missing")
    (name,) = {path.name for path in draft.iterdir() if path.is_dir()}
    return name


def _open_member(tar: tarfile.TarFile, member: tarfile.TarInfo) -> tarfile.ExFileObject:
    content = tar.extractfile(member)
    assert isinstance(content, tarfile.ExFileObject)  # noqa: S101 - the caller has checked that it is a regular file
    return content


def _parse_sums(bundle: str, listing: bytes) -> dict[str, str]:
    """Return the SHA-256 of each member by name. ``listing`` is the content of ``SHA256SUMS``.

    Raises:
        ModelError: a line is malformed, a member is listed twice, or the members other than ``locked.toml`` are not all
            in the same folder.
    """
    lines = [_LINE.fullmatch(line) for line in listing.decode("utf-8", "replace").splitlines()]
    sums = {line[2]: line[1] for line in lines if line is not None}
    members = [name for name in sums if name != LOCKED]
    inside = all(_in_a_folder(name) for name in members)
    if len(sums) != len(lines) or not inside or len({PurePosixPath(name).parts[0] for name in members}) != 1:
        raise ModelError(f"{bundle}: {SUMS} must list each file once, and all files of the model must be in one folder")
    return sums


def _in_a_folder(name: str) -> bool:
    """Return whether ``name`` is a normalised relative path with at least two parts and without ``..``."""
    path = PurePosixPath(name)
    return str(path) == name and not path.is_absolute() and ".." not in path.parts and len(path.parts) > 1


def _check_lock(installed: InstalledModels, repo: str, path: Path) -> None:
    """Check the bundle's ``locked.toml`` at ``path`` against the lock file.

    If the lock file has no entry for ``repo``, add the entry in ``locked.toml``.

    Raises:
        LockMismatch: the two entries for ``repo`` differ.
        ModelError: ``locked.toml`` is missing or invalid, or the lock file cannot be read.
    """
    if not path.is_file():
        raise ModelError(
            f"the bundle lacks {LOCKED}, which lists the digests of the original files; export the model again"
        )
    try:
        found = LockedRepository.model_validate(tomllib.loads(path.read_text("utf-8")))
    except ValueError as error:
        raise ModelError(f"the bundle's {LOCKED} is invalid; export the model again") from error
    try:
        installed.lock.check(repo, found)
    except LockMismatch as error:
        raise LockMismatch(f"the bundle contains a different version of the model: {error}") from error
    installed.lock.keep(repo, found)
