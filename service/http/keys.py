"""API keys, and the file in which their hashes are stored.

Each line of the file has the form ``ID SCOPES sha256:HASH [UNTIL]``. Commas separate the scopes, which are the
permissions of the key. UNTIL is the last day on which the key is valid (YYYY-MM-DD, in UTC). ``#`` starts a comment.
Several lines may have the same id, so that the old and the new key of a caller are both valid while the caller switches
keys.
"""

import asyncio
import datetime as dt
import hashlib
import hmac
import logging
import os
import re
import stat
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Literal, get_args

from service.errors import DepescheError, KeyExpired, KeyUnknown
from service.events import KeysRead, KeysRefused, Listener, ignore

Scope = Literal["translate", "summarize", "articles", "admin", "embargo"]
"""A permission of a key. ``embargo`` is a restriction instead: it puts every request with the key under embargo."""
EMBARGO: Scope = "embargo"

SCOPES: tuple[Scope, ...] = get_args(Scope)
ID = re.compile(r"[A-Za-z0-9._-]{1,64}")
HASH = re.compile(r"sha256:([0-9a-f]{64})")
FIELDS = (3, 4)
MAX_FILE_BYTES = 2**26
# 43 characters of base64url encode 256 bits. A token with fewer than 32 characters may be a password.
MIN_TOKEN_CHARS, MAX_TOKEN_CHARS = 32, 512
TOKEN = re.compile(rf"[!-~]{{{MIN_TOKEN_CHARS},{MAX_TOKEN_CHARS}}}")


_log = logging.getLogger("depesche")


class KeyFileInvalid(DepescheError):
    """The key file cannot be read, is too large, contains an invalid line, or contains no keys.

    The error message never quotes the content of the file.
    """

    code = "key_file_invalid"


@dataclass(frozen=True, slots=True)
class Key:
    """An API key, as stored in one line of the key file.

    ``id`` identifies the owner of the key in logs and rate limits. ``scopes`` are the permissions of the key.
    ``digest`` is the result of `digest_of` for the secret key. ``until`` is the last day on which the key is valid, or
    None if the key does not expire.
    """

    id: str
    scopes: frozenset[Scope]
    digest: bytes
    until: dt.date | None = None

    def line(self) -> str:
        """Return the line of the key file that stores this key."""
        scopes = ",".join(scope for scope in SCOPES if scope in self.scopes)
        until = "" if self.until is None else f" {self.until.isoformat()}"
        return f"{self.id} {scopes} sha256:{self.digest.hex()}{until}"


def digest_of(token: str) -> bytes:
    """Return the SHA-256 digest of the secret key ``token``.

    Passwords need a slow, salted hash. A generated key has 256 random bits, so an attacker cannot try all keys, and no
    two keys are equal. A fast hash is therefore safe, and it takes only a few microseconds per request.
    """
    return hashlib.sha256(token.encode("utf-8", "surrogatepass")).digest()


def read(file: Path) -> tuple[Key, ...]:
    """Return the keys that are stored in ``file``.

    Raises:
        KeyFileInvalid: the file cannot be read, is not a regular file, is larger than `MAX_FILE_BYTES`, or is not valid
            UTF-8; or `parse` finds an error.
    """
    try:
        return parse(_content(file).decode("utf-8"))
    except OSError as error:
        raise KeyFileInvalid(f"the key file cannot be read: {error.strerror}") from error
    except UnicodeDecodeError as error:
        raise KeyFileInvalid("the key file is not valid UTF-8") from error


def _content(file: Path) -> bytes:
    # Without O_NONBLOCK, opening a named pipe would wait for a writer.
    with os.fdopen(os.open(file, os.O_RDONLY | os.O_NONBLOCK), "rb") as opened:
        kind = os.fstat(opened.fileno()).st_mode
        if not stat.S_ISREG(kind):
            raise KeyFileInvalid("the key file is not a regular file")
        if kind & (stat.S_IWGRP | stat.S_IWOTH):
            _log.warning(
                "key_file_writable",
                extra={"detail": "the group or other users may write to the key file; run chmod go-w on it"},
            )
        content = opened.read(MAX_FILE_BYTES + 1)
    if len(content) > MAX_FILE_BYTES:
        raise KeyFileInvalid(f"the key file has more than {MAX_FILE_BYTES:,} bytes")
    return content


def parse(text: str) -> tuple[Key, ...]:
    """Return the keys in ``text``, the content of a key file.

    Raises:
        KeyFileInvalid: a line is invalid, a key appears twice, or the text contains no keys.
    """
    keys = tuple(_keys(text.split("\n")))  # other line separators may be part of a comment
    if not keys:
        raise KeyFileInvalid("the key file contains no keys; create one with `depesche keys new`")
    return keys


def _keys(lines: Sequence[str]) -> Iterable[Key]:
    seen: set[bytes] = set()
    for number, line in enumerate(lines, 1):
        fields = line.partition("#")[0].split()
        if not fields:
            continue
        key = _key(fields, number)
        if key.digest in seen:
            raise KeyFileInvalid(
                f"line {number}: duplicate key; an earlier line has the same hash, so delete one of the two lines"
            )
        seen.add(key.digest)
        yield key


def _key(fields: Sequence[str], number: int) -> Key:
    if len(fields) not in FIELDS:
        raise KeyFileInvalid(f"line {number}: expected ID SCOPES HASH [UNTIL], found {len(fields)} fields")
    if ID.fullmatch(fields[0]) is None:
        raise KeyFileInvalid(
            f"line {number}: an id must consist of 1 to 64 letters, digits, dots, dashes or underscores"
        )
    found = HASH.fullmatch(fields[2])
    if found is None:
        raise KeyFileInvalid(f"line {number}: the hash must be 'sha256:' followed by 64 hexadecimal digits")
    try:
        return Key(fields[0], scopes_in(fields[1]), bytes.fromhex(found[1]), _date(fields[3:]))
    except ValueError as error:
        raise KeyFileInvalid(f"line {number}: {error}") from error


def scopes_in(text: str) -> frozenset[Scope]:
    """Return the scopes in a comma-separated list.

    Raises:
        ValueError: a scope is unknown.
    """
    named = set(text.split(","))
    if not named <= set(SCOPES):
        raise ValueError(f"unknown scope; valid scopes are {', '.join(SCOPES)}")
    return frozenset(scope for scope in SCOPES if scope in named)


def _date(fields: Sequence[str]) -> dt.date | None:
    try:
        return dt.date.fromisoformat(fields[0]) if fields else None
    except ValueError:
        raise ValueError(
            "UNTIL, the last day on which the key is valid, must be a date in the form YYYY-MM-DD"
        ) from None


POLL_S = 1.0
Stamp = tuple[int, int, int]


def _today() -> dt.date:
    return dt.datetime.now(dt.UTC).date()


class ApiKeyStore:
    """The API keys in ``file``. While `watch` is running, the store reads the file again whenever it changes.

    If the changed file is invalid, the previous keys stay valid.

    Raises:
        KeyFileInvalid: the file cannot be read or is invalid when the store is created.
    """

    def __init__(self, file: Path, *, listener: Listener = ignore, today: Callable[[], dt.date] = _today) -> None:
        self._file = file
        self._listener = listener
        self._today = today
        self._stamp = _stamp(file)
        self._keys = read(file)
        listener(KeysRead(len(self._keys)))

    @property
    def keys(self) -> tuple[Key, ...]:
        """All keys, including expired ones."""
        return self._keys

    def require(self, token: str) -> Key:
        """Return the stored key that matches the secret key ``token``.

        Raises:
            KeyUnknown: no key matches.
            KeyExpired: the last valid day of the key (in UTC) has passed.
        """
        digest, found = digest_of(token), None
        for key in self._keys:  # compare all keys, so that the response time reveals nothing
            if hmac.compare_digest(key.digest, digest):
                found = key
        if found is None:
            raise KeyUnknown("the API key is unknown; check it, or request a new key")
        if found.until is not None and self._today() > found.until:
            raise KeyExpired(f"the API key expired at the end of {found.until.isoformat()} (UTC); request a new key")
        return found

    async def watch(self) -> None:
        """Call `refresh` every second until the task is cancelled."""
        while True:
            await asyncio.sleep(POLL_S)
            await self.refresh()

    async def refresh(self) -> None:
        """Read the file again if it has changed. If it is now invalid, keep the previous keys and report the error."""
        stamp = await asyncio.to_thread(_stamp, self._file)
        if stamp == self._stamp:
            return
        self._stamp = stamp
        try:
            self._keys = await asyncio.to_thread(read, self._file)
        except KeyFileInvalid as error:
            self._listener(KeysRefused(str(error), len(self._keys)))
        else:
            self._listener(KeysRead(len(self._keys)))


def _stamp(file: Path) -> Stamp | None:
    """Return the modification time in nanoseconds, the inode and the size of the file, or None if it is not accessible.

    A new inode shows that Kubernetes has replaced the symbolic link to the file.
    """
    try:
        found = file.stat()
    except OSError:
        return None
    return found.st_mtime_ns, found.st_ino, found.st_size
