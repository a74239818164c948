"""Runs of Schemathesis against the service, with all phases and checks of Schemathesis."""

import json
import socket
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import httpx
import uvicorn

from tests.outside.application import DOCUMENT, application

CONFIGURATION = Path(__file__).parent / "schemathesis.toml"
ROOT = CONFIGURATION.parent.parent.parent
PHASES = "examples,coverage,fuzzing,stateful"
START_S = 120.0


@contextmanager
def serving() -> Iterator[str]:
    """Serve the public and the administration application on one free port, and yield the URL when it is ready."""
    # asyncio sets TCP_NODELAY only if the protocol of the socket is TCP.
    listening = socket.socket(socket.AF_INET, socket.SOCK_STREAM, socket.IPPROTO_TCP)
    listening.bind(("127.0.0.1", 0))
    server = uvicorn.Server(uvicorn.Config(application(), log_level="warning"))
    thread = threading.Thread(target=server.run, args=([listening],), daemon=True)
    thread.start()
    url = f"http://127.0.0.1:{listening.getsockname()[1]}"
    try:
        _wait(url)
        yield url
    finally:
        server.should_exit = True
        thread.join()
        listening.close()


def _wait(url: str) -> None:
    end = time.monotonic() + START_S
    while httpx.get(f"{url}/readyz", timeout=START_S).status_code != 200:
        assert time.monotonic() < end, "the service did not become ready"
        time.sleep(0.05)


def examine(
    url: str, *options: str, seed: int = 1, document: dict[str, Any] | None = None
) -> subprocess.CompletedProcess[str]:
    """Run Schemathesis with ``options`` on the service at ``url``, and return the result of its process.

    ``document`` replaces the OpenAPI document of the service. The exit status is 0 if Schemathesis finds no fault.
    """
    with tempfile.TemporaryDirectory() as folder:
        location = f"{url}{DOCUMENT}"
        if document is not None:
            location = f"{folder}/openapi.json"
            Path(location).write_text(json.dumps(document), "utf-8")
        command = [sys.executable, "-m", "schemathesis.cli", "--config-file", str(CONFIGURATION), "--no-color", "run"]
        command += [location, "--url", url, "--phases", PHASES, "--seed", str(seed), *options]
        return subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=False)
