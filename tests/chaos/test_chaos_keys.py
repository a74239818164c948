"""Tests of a key file that is replaced or becomes invalid while the service is running, or is missing at startup."""

import os
import subprocess
import sys
from pathlib import Path

import httpx
import pytest

from service.http.keys import Key, digest_of
from tests.chaos.server import PATIENCE_S, Server, serving

pytestmark = pytest.mark.slow

OLD, NEW = "old-" + "x" * 40, "new-" + "x" * 40


def line(token: str) -> str:
    return Key("cms", frozenset({"translate"}), digest_of(token)).line() + "\n"


def status(server: Server, token: str) -> int:
    headers = {"authorization": f"Bearer {token}"}
    return httpx.get(f"{server.url}/v1/models", headers=headers, timeout=PATIENCE_S).status_code


def test_keys_rotate_without_restart(tmp_path: Path) -> None:
    file = tmp_path / "keys"
    file.write_text(line(OLD), "utf-8")
    with serving(keys_file=str(file)) as server:
        assert (status(server, OLD), status(server, NEW)) == (200, 401)
        file.write_text(line(OLD) + line(NEW), "utf-8")
        server.event("KeysRead", keys=2)
        assert (status(server, OLD), status(server, NEW)) == (200, 200)
        file.write_text(f"{line(NEW)}cms translate {NEW}\n", "utf-8")
        refused = server.event("KeysRefused", kept=2, level="error")
        assert NEW not in str(refused)
        assert "line 2" in refused["detail"]
        assert (status(server, OLD), status(server, NEW)) == (200, 200)
        assert server.sample("depesche_keys_refused") == 1
        file.write_text(line(NEW), "utf-8")
        server.event("KeysRead", keys=1)
        assert (status(server, OLD), status(server, NEW)) == (401, 200)
        assert server.sample("depesche_keys_refused") == 0


def test_missing_key_file_refuses_start(tmp_path: Path) -> None:
    done = subprocess.run(
        [sys.executable, "-m", "service", "serve", "--port", "0"],
        env={**os.environ, "DEPESCHE_KEYS_FILE": str(tmp_path / "none")},
        capture_output=True,
        text=True,
        timeout=PATIENCE_S,
        check=False,
    )
    assert done.returncode == 1
    assert done.stderr.splitlines()[-1] == "depesche: the key file cannot be read: No such file or directory"
