"""The ring: keys are found, expire, and follow their file; a broken one changes nothing and is told."""

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


def test_a_key_is_found_by_itself_alone(file: Path) -> None:
    ring = ApiKeyStore(file)
    assert ring.require(OLD).id == "cms"
    for wrong in (NEW, "", OLD[:-1], OLD + " ", OLD.upper(), digest_of(OLD).hex(), "\udfff"):
        with pytest.raises(KeyUnknown):
            ring.require(wrong)


def test_a_key_is_good_on_its_last_day_and_not_after(file: Path) -> None:
    file.write_text(line(OLD, LAST), "utf-8")
    assert ApiKeyStore(file, today=lambda: LAST).require(OLD)
    with pytest.raises(KeyExpired, match="2027-03-31"):
        ApiKeyStore(file, today=lambda: LAST + dt.timedelta(1)).require(OLD)


def test_a_rotation_takes_effect_line_by_line(file: Path) -> None:
    told: list[Event] = []
    ring = ApiKeyStore(file, listener=told.append)
    file.write_text(line(OLD) + line(NEW), "utf-8")
    asyncio.run(ring.refresh())
    assert ring.require(OLD) != ring.require(NEW)
    file.write_text(line(NEW), "utf-8")
    asyncio.run(ring.refresh())
    with pytest.raises(KeyUnknown):
        ring.require(OLD)
    asyncio.run(ring.refresh())
    assert told == [KeysRead(1), KeysRead(2), KeysRead(1)]


def test_a_link_that_is_turned_to_another_file_is_followed(file: Path, tmp_path: Path) -> None:
    mounted, later = tmp_path / "mounted", tmp_path / "later"
    mounted.symlink_to(file)
    ring = ApiKeyStore(mounted)
    later.write_text(line(NEW), "utf-8")
    os.utime(later, ns=(file.stat().st_mtime_ns,) * 2)
    mounted.unlink()
    mounted.symlink_to(later)
    asyncio.run(ring.refresh())
    assert ring.require(NEW)


@pytest.mark.parametrize("content", ["", "# all gone\n", "cms translate\n", line(NEW) + "broken\n", None])
def test_a_broken_file_keeps_the_old_keys_says_so_once_and_is_left_behind(file: Path, content: str | None) -> None:
    told: list[Event] = []
    ring = ApiKeyStore(file, listener=told.append)
    file.unlink()
    if content is not None:
        file.write_text(content, "utf-8")
    for _ in range(2):
        asyncio.run(ring.refresh())
    assert ring.require(OLD)
    refused = [event for event in told if isinstance(event, KeysRefused)]
    assert [event.kept for event in refused] == [1]
    file.write_text(line(NEW) + line(OLD), "utf-8")
    asyncio.run(ring.refresh())
    assert told[-1] == KeysRead(2)


def test_a_file_that_is_broken_from_the_start_opens_no_service(tmp_path: Path) -> None:
    with pytest.raises(KeyFileInvalid):
        ApiKeyStore(tmp_path / "none")
