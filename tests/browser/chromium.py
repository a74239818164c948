"""Debian's headless Chromium, controlled by Playwright.

Chromium is started by a subreaper, a parent process that adopts and finally kills all of Chromium's processes.
"""

import shutil
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest
from playwright.sync_api import Browser, sync_playwright

PROGRAM = "chromium"
SUBREAPER = Path(__file__).with_name("subreaper.py")
PATIENCE_S = 180.0
FLAGS = """--headless --no-sandbox --disable-gpu --disable-quic --disable-dev-shm-usage --no-first-run --mute-audio
    --no-default-browser-check --disable-background-networking --disable-component-update --disable-sync
    --disable-extensions --disable-breakpad --force-color-profile=srgb --hide-scrollbars --remote-debugging-port=0"""


@contextmanager
def browsing(folder: Path) -> Iterator[Browser]:
    """Start a browser with an empty profile in ``folder``, and yield it. Skip the test if Chromium is not installed."""
    program = shutil.which(PROGRAM)
    if program is None:
        pytest.skip(f"{PROGRAM} is not installed")
    with _running(program, folder) as address, sync_playwright() as driver:
        browser = driver.chromium.connect_over_cdp(address)
        yield browser
        browser.close()


@contextmanager
def _running(program: str, folder: Path) -> Iterator[str]:
    """Start Chromium, yield the address of its debugging port, and stop Chromium at the end of the block."""
    profile = folder / "profile"
    command = [sys.executable, str(SUBREAPER), program, *FLAGS.split(), f"--user-data-dir={profile}", "about:blank"]
    with (folder / "chromium.log").open("wb") as log:
        process = subprocess.Popen(command, stdout=log, stderr=log)
    try:
        yield _address(profile / "DevToolsActivePort", process)
    finally:
        process.terminate()
        process.wait()


def _address(stated: Path, process: subprocess.Popen[bytes]) -> str:
    end = time.monotonic() + PATIENCE_S
    # The file exists before its second line has been written.
    while not stated.exists() or len(lines := stated.read_text("ascii").split()) < 2:
        assert process.poll() is None, f"{PROGRAM} ended with {process.returncode}"
        assert time.monotonic() < end
        time.sleep(0.05)
    return f"ws://127.0.0.1:{lines[0]}{lines[1]}"
