"""Tests of the key store: lookup, expiry, and reloads of the key file."""

import asyncio
import datetime as dt
import os
from pathlib import Path

import pytest

from service.errors import KeyExpired, KeyUnknown
from service.events import Event, KeysRead, KeysRefused
from service.http.keys import ApiKeyStore, Key, KeyFileInvalid, digest_of

OLD, NEW = "old-" + "x" * 40, "new-" + "x" * 40
LAST = dt.date(2027, 3, 31)


def line(token: str, until: dt.date | None = None) -> str:
    return Key("cms", frozenset({"translate"}), digest_of(token), until).line() + "\n"


@pytest.fixture
def file(tmp_path: Path) -> Path:
    path = tmp_path / "keys"
    path.write_text(line(OLD), "utf-8")
    return path


def test_only_exact_token_finds_key(file: Path) -> None:
    store = ApiKeyStore(file)
    assert store.require(OLD).id == "cms"
    for wrong in (NEW, "", OLD[:-1], OLD + " ", OLD.upper(), digest_of(OLD).hex(), "\udfff"):
        with pytest.raises(KeyUnknown):
            store.require(wrong)


def test_key_expires_after_its_last_day(file: Path) -> None:
    file.write_text(line(OLD, LAST), "utf-8")
    assert ApiKeyStore(file, today=lambda: LAST).require(OLD)
    with pytest.raises(KeyExpired, match="2027-03-31"):
        ApiKeyStore(file, today=lambda: LAST + dt.timedelta(1)).require(OLD)


def test_rotation_takes_effect(file: Path) -> None:
    received: list[Event] = []
    store = ApiKeyStore(file, listener=received.append)
    file.write_text(line(OLD) + line(NEW), "utf-8")
    asyncio.run(store.refresh())
    assert store.require(OLD) != store.require(NEW)
    file.write_text(line(NEW), "utf-8")
    asyncio.run(store.refresh())
    with pytest.raises(KeyUnknown):
        store.require(OLD)
    asyncio.run(store.refresh())
    assert received == [KeysRead(1), KeysRead(2), KeysRead(1)]


def test_replaced_symlink_is_followed(file: Path, tmp_path: Path) -> None:
    mounted, later = tmp_path / "mounted", tmp_path / "later"
    mounted.symlink_to(file)
    store = ApiKeyStore(mounted)
    later.write_text(line(NEW), "utf-8")
    os.utime(later, ns=(file.stat().st_mtime_ns,) * 2)
    mounted.unlink()
    mounted.symlink_to(later)
    asyncio.run(store.refresh())
    assert store.require(NEW)


@pytest.mark.parametrize("content", ["", "# all gone\n", "cms translate\n", line(NEW) + "broken\n", None])
def test_broken_file_keeps_old_keys(file: Path, content: str | None) -> None:
    received: list[Event] = []
    store = ApiKeyStore(file, listener=received.append)
    file.unlink()
    if content is not None:
        file.write_text(content, "utf-8")
    for _ in range(2):
        asyncio.run(store.refresh())
    assert store.require(OLD)
    refused = [event for event in received if isinstance(event, KeysRefused)]
    assert [event.kept for event in refused] == [1]
    file.write_text(line(NEW) + line(OLD), "utf-8")
    asyncio.run(store.refresh())
    assert received[-1] == KeysRead(2)


def test_file_broken_at_start_is_an_error(tmp_path: Path) -> None:
    with pytest.raises(KeyFileInvalid):
        ApiKeyStore(tmp_path / "none")
