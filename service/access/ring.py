"""The keys that are good now: found in constant time, and read anew when their file changes."""

import asyncio
import datetime as dt
import hmac
from collections.abc import Callable
from pathlib import Path

from service.access.keyfile import Key, KeyFileInvalid, digest_of, read
from service.errors import KeyExpired, KeyUnknown
from service.events import KeysRead, KeysRefused, Listener, ignore

POLL_S = 1.0
Stamp = tuple[int, int, int]


def _today() -> dt.date:
    return dt.datetime.now(dt.UTC).date()


class Ring:
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
