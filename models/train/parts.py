"""Split a folder into parts of equal size for transfers that do not allow large files, and restore the folder.

The files are concatenated in the order of their paths, and the resulting stream of bytes is cut into parts.
``manifest.json`` lists the size and SHA-256 of every part and every file.
"""

import hashlib
import json
import shutil
from collections.abc import Iterable, Iterator
from dataclasses import asdict, dataclass
from pathlib import Path, PurePosixPath

MANIFEST = "manifest.json"
VERSION = 1
CHUNK_BYTES = 1 << 20


class PartsError(Exception):
    """A folder cannot be split into parts or restored from them. The message names the file or folder at fault."""


@dataclass(frozen=True)
class Piece:
    """A part or a file that the manifest lists, with its size and its SHA-256 in hexadecimal.

    The name of a file is its path relative to the folder.
    """

    name: str
    size_bytes: int
    sha256: str


@dataclass(frozen=True)
class Packed:
    """The contents of a manifest: the parts in order, and the files that were split into these parts."""

    parts: tuple[Piece, ...]
    files: tuple[Piece, ...]


def pack(folder: Path, parts: Path, part_bytes: int) -> Packed:
    """Split the files under ``folder`` into parts of ``part_bytes`` bytes, and write them to ``parts``.

    ``parts`` must be new or empty. Only the last part may be smaller.

    Raises:
        PartsError: ``parts`` is not empty, ``folder`` contains something other than files and folders, or
            ``part_bytes`` is less than 1.
    """
    if part_bytes < 1:
        raise PartsError(f"a part must have at least one byte, not {part_bytes}")
    names = _names(folder)
    _emptied(parts)
    files: list[Piece] = []
    made = [
        _written(parts / f"part-{number:04}", cut)
        for number, cut in enumerate(_cuts(folder, names, files, part_bytes), 1)
    ]
    packed = Packed(tuple(made), tuple(files))
    (parts / MANIFEST).write_text(json.dumps({"version": VERSION, **asdict(packed)}, indent=1) + "\n", "utf-8")
    return packed


def unpack(parts: Path, folder: Path) -> Packed:
    """Restore the packed files from the folder ``parts``, and write them to ``folder``, which must be new or empty.

    Either all files are restored or none.

    Raises:
        PartsError: a part is missing, damaged or not listed, a restored file does not match the manifest, or ``folder``
            is not empty.
    """
    packed = _listed(parts)
    _emptied(folder)
    made = folder.with_name(f"{folder.name}.part")
    shutil.rmtree(made, ignore_errors=True)
    made.mkdir(parents=True)
    try:
        stream = _stream(parts, packed.parts)
        rest = b""
        for file in packed.files:
            rest = _file(made / file.name, file, stream, rest)
        folder.rmdir()
        made.rename(folder)
    finally:
        shutil.rmtree(made, ignore_errors=True)
    return packed


def _names(folder: Path) -> list[str]:
    paths = sorted(folder.rglob("*"))
    for path in paths:
        if path.is_symlink() or not (path.is_file() or path.is_dir()):
            raise PartsError(f"{path.relative_to(folder)} is neither a file nor a folder")
    return sorted(path.relative_to(folder).as_posix() for path in paths if path.is_file())


def _emptied(folder: Path) -> None:
    folder.mkdir(parents=True, exist_ok=True)
    if any(folder.iterdir()):
        raise PartsError(f"{folder} is not empty; name a new or empty folder")


def _cuts(folder: Path, names: Iterable[str], files: list[Piece], part_bytes: int) -> Iterator[bytes]:
    """Concatenate the files ``names`` in ``folder``, and yield the contents in slices of ``part_bytes`` bytes.

    The last slice may be smaller. Each file is added to ``files`` once all of its contents have been read.
    """
    held = bytearray()
    for name in names:
        digest, size = hashlib.sha256(), 0
        with (folder / name).open("rb") as file:
            while chunk := file.read(CHUNK_BYTES):
                digest.update(chunk)
                size += len(chunk)
                held += chunk
                while len(held) >= part_bytes:
                    yield bytes(held[:part_bytes])
                    del held[:part_bytes]
        files.append(Piece(name, size, digest.hexdigest()))
    if held:
        yield bytes(held)


def _written(path: Path, cut: bytes) -> Piece:
    path.write_bytes(cut)
    return Piece(path.name, len(cut), hashlib.sha256(cut).hexdigest())


def _listed(parts: Path) -> Packed:
    """Read the manifest, and check that the folder contains exactly the parts that it lists.

    Raises:
        PartsError: the manifest is invalid, or a part is missing or not listed.
    """
    try:
        table = json.loads((parts / MANIFEST).read_text("utf-8"))
        if table["version"] != VERSION:
            raise PartsError(f"{MANIFEST} has version {table['version']}, not {VERSION}")
        packed = Packed(*(tuple(Piece(**piece) for piece in table[kind]) for kind in ("parts", "files")))
    except (OSError, ValueError, KeyError, TypeError) as error:
        raise PartsError(f"{MANIFEST} cannot be read: {error}") from error
    for kind in (packed.parts, packed.files):
        names = [piece.name for piece in kind]
        if twice := {name for name in names if names.count(name) > 1}:
            raise PartsError(f"{MANIFEST} lists {min(twice)} twice")
    if outside := [file.name for file in packed.files if not _is_inside(file.name)]:
        raise PartsError(f"{MANIFEST} lists {outside[0]}, which is not a path inside the folder")
    there = {path.name for path in parts.iterdir()} - {MANIFEST}
    listed = {part.name for part in packed.parts}
    if missing := listed - there:
        raise PartsError(f"{min(missing)} is missing")
    if unlisted := there - listed:
        raise PartsError(f"{min(unlisted)} is not listed in {MANIFEST}")
    return packed


def _is_inside(name: str) -> bool:
    path = PurePosixPath(name)
    return bool(path.parts) and not path.is_absolute() and ".." not in path.parts and str(path) == name


def _stream(parts: Path, listed: Iterable[Piece]) -> Iterator[bytes]:
    for part in listed:
        cut = (parts / part.name).read_bytes()
        if (len(cut), hashlib.sha256(cut).hexdigest()) != (part.size_bytes, part.sha256):
            raise PartsError(f"{part.name} is damaged: its checksum does not match the manifest")
        yield cut


def _file(path: Path, file: Piece, stream: Iterator[bytes], rest: bytes) -> bytes:
    """Write ``file`` to ``path``. Return the bytes that were read but not needed.

    The contents are read from ``rest``, the unused bytes of the previous part, and then from further parts in
    ``stream``.

    Raises:
        PartsError: the parts end too early, or the contents do not match the manifest.
    """
    path.parent.mkdir(parents=True, exist_ok=True)
    digest, missing = hashlib.sha256(), file.size_bytes
    with path.open("wb") as out:
        while missing:
            rest = rest or next(stream, b"")
            if not rest:
                raise PartsError(f"{file.name} is incomplete: the parts end too early")
            taken, rest = rest[:missing], rest[missing:]
            digest.update(taken)
            out.write(taken)
            missing -= len(taken)
    if digest.hexdigest() != file.sha256:
        raise PartsError(f"{file.name} is damaged: its checksum does not match the manifest")
    return rest
