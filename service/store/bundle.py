"""A bundle: an installed model in one file, with checksums, for machines that reach no hub."""

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
from service.manifest import load
from service.store.catalog import Catalog, Entry
from service.store.digest import Digest
from service.store.installed import MANIFEST, Installed, told
from service.store.lock import Locked
from service.store.verify import verify_whole

SUMS, LOCKED = "SHA256SUMS", "locked.toml"
_LINE = re.compile(r"([0-9a-f]{64})  (\S+)")
_MOST_LISTED_BYTES = 2**20


def export(entry: Entry, installed: Installed, path: Path) -> None:
    """Write the installed model as the tar file ``path``; the same model gives the same bytes.

    It holds ``SHA256SUMS`` (which ``sha256sum -c`` reads), then ``NAME/…`` and what the lock says of its repository.

    Raises:
        WeightsMismatch: the model is not whole.
        ModelError: the model comes with Depesche, is not installed or not in the lock, or ``path`` exists or cannot be
            written.
    """
    if entry.manifest.hub is None:
        raise ModelError(f"{entry.name} comes with Depesche and needs no bundle")
    verify_whole(entry)
    locked = installed.lock.read().get(entry.manifest.hub.repo)
    members = {f"{entry.name}/{name}": entry.folder / name for name in (MANIFEST, *entry.manifest.files)}
    if locked is None:
        raise ModelError(f"{installed.lock.path} holds nothing of {entry.manifest.hub.repo}; pull {entry.name} again")
    small = {LOCKED: tomli_w.dumps(locked.model_dump()).encode()}
    with told(str(path)), _appearing(path) as draft, tarfile.open(draft, "w", format=tarfile.PAX_FORMAT) as tar:
        sums = {name: Digest.of(source).sha256 for name, source in members.items()}
        sums |= {name: Digest.of_bytes(content).sha256 for name, content in small.items()}
        listing = "".join(f"{sums[name]}  {name}\n" for name in sorted(sums))
        for name, content in ({SUMS: listing.encode()} | small).items():
            tar.addfile(_member(name, len(content)), io.BytesIO(content))
        for name in sorted(members):
            with members[name].open("rb") as file:
                tar.addfile(_member(name, members[name].stat().st_size), file)


@contextlib.contextmanager
def _appearing(path: Path) -> Iterator[Path]:
    """A draft that takes the name ``path``, which must be free, once it is whole."""
    if path.exists():
        raise ModelError(f"{path} exists and is left as it is")
    draft = path.with_name(f".{path.name}.draft")
    try:
        yield draft
        draft.replace(path)
    finally:
        draft.unlink(missing_ok=True)


def _member(name: str, size_bytes: int) -> tarfile.TarInfo:
    """A member that tells nothing of the machine: no owner, no time."""
    member = tarfile.TarInfo(name)
    member.size, member.mode, member.mtime = size_bytes, 0o644, 0
    return member


def install(path: Path, catalog: Catalog, installed: Installed) -> Entry:
    """Install the model of the bundle ``path``; one that was installed stays as it is until the new one is whole.

    Raises:
        WeightsMismatch: a file is not the one that the checksums or the manifest name, or one is missing or too many.
        LockMismatch: the model was made from other files than those that were pulled here at first.
        ModelError: it is no bundle, holds anything but files of one model and what its repository gave, is not of the
            repository and task that the catalogue has under its name, or cannot be written.
    """
    with installed.changing(), told(f"{path.name}: the model"), installed.draft() as draft:
        name = _unpack(path, draft)
        entry = Entry(name, load(draft / name / MANIFEST), draft / name)
        if entry.manifest.hub is None or catalog.embedded(name):
            raise ModelError(f"{path.name} holds {name}, a name or a kind of model that comes with Depesche alone")
        installed.path(name)
        _require_published(catalog, entry)
        verify_whole(entry)
        _agree(installed, entry.manifest.hub.repo, draft / LOCKED)
        installed.put(name, entry.folder)
    return catalog.entry(name)


def _require_published(catalog: Catalog, entry: Entry) -> None:
    """A name of the catalogue, which the service may take by itself, stands for the catalogue's model alone."""
    if not catalog.publishes(entry.name):
        return
    published = catalog.published(entry.name)
    for field, found, wanted in (
        ("hub.repo", entry.manifest.hub and entry.manifest.hub.repo, published.hub and published.hub.repo),
        ("task", entry.manifest.task, published.task),
    ):
        if found != wanted:
            raise ModelError(f"the bundle's {entry.name} has {field} {found!r}; the catalogue's has {wanted!r}")


def _unpack(path: Path, draft: Path) -> str:
    """Write the members under ``draft`` as the checksums list them; returns the model's name."""
    try:
        file = path.open("rb")
    except OSError as error:
        raise ModelError(f"{path} cannot be read: {error.strerror}") from error
    try:
        with file, tarfile.open(fileobj=file, mode="r:") as tar:
            return _unpacked(path.name, tar, draft)
    except tarfile.TarError as error:
        raise ModelError(f"{path.name} is no bundle of a model, or is cut: {error}") from error


def _unpacked(bundle: str, tar: tarfile.TarFile, draft: Path) -> str:
    first = tar.next()
    if first is None or first.name != SUMS or not first.isreg() or first.size > _MOST_LISTED_BYTES:
        raise ModelError(f"{bundle} is no bundle of a model: it does not begin with {SUMS}")
    sums = _sums(bundle, _content(tar, first).read())
    while member := tar.next():
        if not member.isreg() or member.issparse() or member.name not in sums:
            raise WeightsMismatch(f"{bundle}: {member.name!r} is not in {SUMS}, or is no plain file")
        target = draft / member.name
        target.parent.mkdir(parents=True, exist_ok=True)
        with target.open("wb") as file, _content(tar, member) as content:
            shutil.copyfileobj(content, file, 2**20)
        if Digest.of(target).sha256 != sums.pop(member.name):
            raise WeightsMismatch(f"{bundle}: {member.name} is not the file that {SUMS} names")
    if sums:
        raise WeightsMismatch(f"{bundle}: {min(sums)} is missing")
    (name,) = {path.name for path in draft.iterdir() if path.is_dir()}
    return name


def _content(tar: tarfile.TarFile, member: tarfile.TarInfo) -> tarfile.ExFileObject:
    content = tar.extractfile(member)
    assert isinstance(content, tarfile.ExFileObject)  # noqa: S101 - a plain file has content
    return content


def _sums(bundle: str, listing: bytes) -> dict[str, str]:
    """The listed files of one model and their SHA-256; none can lead out of its folder."""
    lines = [_LINE.fullmatch(line) for line in listing.decode("utf-8", "replace").splitlines()]
    sums = {line[2]: line[1] for line in lines if line is not None}
    folders = {PurePosixPath(name).parts[0] for name in sums if name != LOCKED}
    inside = all(_inside(name) for name in sums if name != LOCKED)
    if len(sums) != len(lines) or not inside or len(folders) != 1:
        raise ModelError(f"{bundle}: {SUMS} does not list the files of one model, each once, under the model's name")
    return sums


def _inside(name: str) -> bool:
    path = PurePosixPath(name)
    return str(path) == name and not path.is_absolute() and ".." not in path.parts and len(path.parts) > 1


def _agree(installed: Installed, repo: str, path: Path) -> None:
    """Hold what the bundle says of its repository against the lock, or put it there."""
    if not path.is_file():
        raise ModelError(f"the bundle has no {LOCKED}, so nobody can tell which files it was made from; export it anew")
    try:
        found = Locked.model_validate(tomllib.loads(path.read_text("utf-8")))
    except ValueError as error:
        raise ModelError(f"{LOCKED} of the bundle is no lock") from error
    try:
        installed.lock.check(repo, found)
    except LockMismatch as error:
        raise LockMismatch(f"the bundle is of another version: {error}") from error
    installed.lock.keep(repo, found)
