"""Tests that the subreaper process kills all of its descendants, even those in other process sessions."""

import subprocess
import sys
import time
from pathlib import Path

from tests.browser.chromium import SUBREAPER

PATIENCE_S = 120.0
# A grandchild in a new session. It writes its process id and waits.
STRAY = 'setsid sh -c "echo \\$\\$ > {told}; exec sleep 300" & {then}'


def test_stopped_program_leaves_no_children(tmp_path: Path) -> None:
    told = tmp_path / "pid"
    reaper = subprocess.Popen([sys.executable, str(SUBREAPER), "sh", "-c", STRAY.format(told=told, then="sleep 300")])
    stray = said(told)
    assert stray.exists()
    reaper.terminate()
    assert reaper.wait(PATIENCE_S) == 0
    assert not stray.exists()


def test_ended_program_leaves_no_children(tmp_path: Path) -> None:
    told = tmp_path / "pid"
    wait = f"while ! [ -s {told} ]; do sleep 0.05; done; exit 3"
    ended = subprocess.run(
        [sys.executable, str(SUBREAPER), "sh", "-c", STRAY.format(told=told, then=wait)], check=False
    )
    assert ended.returncode == 3
    assert not said(told).exists()


def said(told: Path) -> Path:
    """Wait until the file ``told`` contains a process id, and return the /proc folder of that process."""
    end = time.monotonic() + PATIENCE_S
    while not (told.exists() and told.read_text("ascii").strip()):
        assert time.monotonic() < end
        time.sleep(0.05)
    return Path("/proc") / told.read_text("ascii").strip()
