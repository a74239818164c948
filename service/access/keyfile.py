"""The key file: one key a line, as its hash, with who holds it, what it is for, and until when.

A line is ``ID SCOPES sha256:HASH [UNTIL]``, scopes with commas between them, the last day as YYYY-MM-DD; ``#`` begins
a comment. An id may stand on several lines: while a key is rotated its old and its new one are both good.
"""

import datetime as dt
import hashlib
import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import get_args

from service.access.places import Scope
from service.errors import DepescheError

SCOPES: tuple[Scope, ...] = get_args(Scope)
ID = re.compile(r"[A-Za-z0-9._-]{1,64}")
HASH = re.compile(r"sha256:([0-9a-f]{64})")
FIELDS = (3, 4)
# 43 characters of base64url hold 256 bits; what is shorter than 32 may be a word that somebody made up.
LEAST_TOKEN_CHARS, MOST_TOKEN_CHARS = 32, 512
TOKEN = re.compile(rf"[!-~]{{{LEAST_TOKEN_CHARS},{MOST_TOKEN_CHARS}}}")


class KeyFileInvalid(DepescheError):
    """The key file cannot be read, or a line of it; the message names the line and holds nothing of it."""

    code = "key_file_invalid"


@dataclass(frozen=True, slots=True)
class Key:
    """One line. ``id`` names the holder in logs and limits, ``digest`` is what `digest_of` makes of the key."""

    id: str
    scopes: frozenset[Scope]
    digest: bytes
    until: dt.date | None = None

    def line(self) -> str:
        """The line of the file."""
        scopes = ",".join(scope for scope in SCOPES if scope in self.scopes)
        until = "" if self.until is None else f" {self.until.isoformat()}"
        return f"{self.id} {scopes} sha256:{self.digest.hex()}{until}"


def digest_of(token: str) -> bytes:
    """SHA-256 of a key.

    A slow, salted hash is for what people can remember. A key has 256 random bits: nobody can try them all, whatever
    one try costs, no two are equal, and a fast hash lets a request be checked in microseconds.
    """
    return hashlib.sha256(token.encode("utf-8", "surrogatepass")).digest()


def read(file: Path) -> tuple[Key, ...]:
    """The keys of ``file``; raises as `parse` does, also where the file cannot be read."""
    try:
        return parse(file.read_text("utf-8"))
    except OSError as error:
        raise KeyFileInvalid(f"the key file cannot be read: {error.strerror}") from error
    except UnicodeDecodeError as error:
        raise KeyFileInvalid("the key file is not UTF-8") from error


def parse(text: str) -> tuple[Key, ...]:
    """The keys of a file.

    Raises:
        KeyFileInvalid: a line is wrong, a key is there twice, or there is none at all.
    """
    keys = tuple(_keys(text.splitlines()))
    if not keys:
        raise KeyFileInvalid("the key file holds no key")
    return keys


def _keys(lines: Sequence[str]) -> Iterable[Key]:
    seen: set[bytes] = set()
    for number, line in enumerate(lines, 1):
        fields = line.partition("#")[0].split()
        if not fields:
            continue
        key = _key(fields, number)
        if key.digest in seen:
            raise KeyFileInvalid(f"line {number}: this key is on another line, too")
        seen.add(key.digest)
        yield key


def _key(fields: Sequence[str], number: int) -> Key:
    if len(fields) not in FIELDS:
        raise KeyFileInvalid(f"line {number}: {len(fields)} fields, not ID SCOPES HASH [UNTIL]")
    if ID.fullmatch(fields[0]) is None:
        raise KeyFileInvalid(f"line {number}: an id has 1 to 64 letters, digits, dots, dashes and underscores")
    found = HASH.fullmatch(fields[2])
    if found is None:
        raise KeyFileInvalid(f"line {number}: the hash is not sha256: and 64 hexadecimal digits")
    try:
        return Key(fields[0], scopes_in(fields[1]), bytes.fromhex(found[1]), _date(fields[3:]))
    except ValueError as error:
        raise KeyFileInvalid(f"line {number}: {error}") from error


def scopes_in(text: str) -> frozenset[Scope]:
    """The scopes of a list with commas. Raises ValueError for one that does not exist."""
    named = set(text.split(","))
    if not named <= set(SCOPES):
        raise ValueError(f"scopes are {', '.join(SCOPES)}")
    return frozenset(scope for scope in SCOPES if scope in named)


def _date(fields: Sequence[str]) -> dt.date | None:
    try:
        return dt.date.fromisoformat(fields[0]) if fields else None
    except ValueError:
        raise ValueError("the last day is not YYYY-MM-DD") from None
