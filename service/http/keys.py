"""API keys and the file that holds them.

A line is ``ID SCOPES sha256:HASH [UNTIL]``, scopes with commas between them, the last day as YYYY-MM-DD; ``#`` begins
a comment. An id may stand on several lines: while a key is rotated its old and its new one are both good.
"""

import asyncio
import datetime as dt
import hashlib
import hmac
import re
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Literal, get_args

from service.errors import DepescheError, KeyExpired, KeyUnknown
from service.events import KeysRead, KeysRefused, Listener, ignore

Scope = Literal["translate", "summarize", "articles", "admin"]

PROBES = frozenset({"/livez", "/readyz", "/health", "/metrics"})
# The page and the documentation hold nothing but themselves; what they call needs a key again.
PAGES = frozenset({"/", "/docs", "/docs/oauth2-redirect", "/redoc", "/openapi.json"})
# LibreTranslate's client asks for it with its key in the body of a GET, which nobody reads; it tells no secrets.
CAPABILITIES = frozenset({"/languages"})
OPEN = PROBES | PAGES
ASSETS = "/static/"


def is_open(path: str) -> bool:
    """Whether ``path`` needs no key and is not counted. Whatever is not known to be open is not."""
    return path in OPEN or path.startswith(ASSETS)


def needs_key(path: str) -> bool:
    """Whether ``path`` needs a key, where there are keys; what needs none may yet be counted."""
    return not is_open(path) and path not in CAPABILITIES


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


POLL_S = 1.0
Stamp = tuple[int, int, int]


def _today() -> dt.date:
    return dt.datetime.now(dt.UTC).date()


class ApiKeyStore:
    """The keys of ``file``. A file that is broken, empty or gone later on changes nothing: the old keys stay good.

    Raises:
        KeyFileInvalid: it is so from the start.
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
        """All of them, expired ones too."""
        return self._keys

    def require(self, token: str) -> Key:
        """The key of this ``token``.

        Raises:
            KeyUnknown: there is none; as KeyExpired: its last day is past (in UTC).
        """
        given, found = digest_of(token), None
        for key in self._keys:  # all of them, whichever it is: how long it takes says nothing
            if hmac.compare_digest(key.digest, given):
                found = key
        if found is None:
            raise KeyUnknown("this key is not known")
        if found.until is not None and self._today() > found.until:
            raise KeyExpired(f"this key was good until {found.until.isoformat()}")
        return found

    async def watch(self) -> None:
        """Read the file whenever it has changed, for ever."""
        while True:
            await asyncio.sleep(POLL_S)
            await self.refresh()

    async def refresh(self) -> None:
        """Read the file if it has changed."""
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
    """What changes with the file, also when a link to it is turned, as Kubernetes does; None: there is none."""
    try:
        found = file.stat()
    except OSError:
        return None
    return found.st_mtime_ns, found.st_ino, found.st_size
