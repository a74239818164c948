"""Tests that the example programs run unchanged against the real service."""

import json
import os
import re
import subprocess
import sys
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import httpx
import pytest
from fastapi.testclient import TestClient

from service.app import create_app
from service.settings import Settings
from tests.chaos.server import PATIENCE_S, serving
from tests.conftest import wait_until_ready

pytestmark = pytest.mark.slow

ROOT = Path(__file__).parent.parent
EXAMPLES = ROOT / "examples"


@pytest.fixture(scope="module")
def url() -> Iterator[str]:
    """Start a service process, wait until it is ready, and yield its URL."""
    with serving() as server:
        yield server.url


def ran(command: list[str], url: str) -> subprocess.CompletedProcess[str]:
    env = {**os.environ, "DEPESCHE_URL": url}
    return subprocess.run(command, capture_output=True, text=True, check=False, timeout=PATIENCE_S, env=env)


def python(name: str, url: str, *args: str) -> subprocess.CompletedProcess[str]:
    return ran([sys.executable, str(EXAMPLES / name), *args], url)


@contextmanager
def in_front_of(url: str, first: tuple[int, dict[str, str], bytes]) -> Iterator[str]:
    """Start a server that answers the first request with ``first`` and forwards later requests to ``url``.

    ``first`` is a status, headers and a body. Yield the URL of the server.
    """
    answers = [first]

    class Handler(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            body = self.rfile.read(int(self.headers["Content-Length"]))
            status, headers, content = answers.pop() if answers else self._passed_on(body)
            self.send_response(status)
            for name, value in {**headers, "Content-Length": str(len(content))}.items():
                self.send_header(name, value)
            self.end_headers()
            self.wfile.write(content)

        def _passed_on(self, body: bytes) -> tuple[int, dict[str, str], bytes]:
            headers = {"Content-Type": "application/json"}
            found = httpx.post(url + self.path, content=body, headers=headers, timeout=PATIENCE_S)
            return found.status_code, {"Content-Type": found.headers["Content-Type"]}, found.content

        def log_message(self, format: str, *args: Any) -> None:  # noqa: A002 - the name in the base class
            """Do nothing, so that requests are not logged."""

    with ThreadingHTTPServer(("127.0.0.1", 0), Handler) as server:
        thread = threading.Thread(target=server.serve_forever)
        thread.start()
        try:
            yield f"http://127.0.0.1:{server.server_port}"
        finally:
            server.shutdown()
            thread.join()


def busy(retry_after: str = "1") -> tuple[int, dict[str, str], bytes]:
    """Return the status, headers and body of the response of a service whose queue is full."""
    problem = {"status": 503, "code": "queue_full", "detail": "full", "request_id": "a", "errors": []}
    headers = {"Content-Type": "application/problem+json", "Retry-After": retry_after}
    return 503, headers, json.dumps(problem).encode()


def test_readme_shows_the_answer_of_the_default_translator() -> None:
    example = (ROOT / "README.md").read_text("utf-8").partition("<!-- example -->")[2]
    command, answer = re.findall(r"```(?:sh|json)\n(.*?)```", example, re.DOTALL)[:2]
    body = json.loads(command.partition("-d '")[2].rpartition("'")[0])
    assert "http://127.0.0.1:8000/v1/translate " in command
    with TestClient(create_app(Settings(models_dir=ROOT / "models", engine_replicas=1))) as client:
        wait_until_ready(client)
        given = client.post("/v1/translate", json=body)
    shown, made = json.loads(answer), given.json()
    # int8 sums differ between processors, and with them the log-probability from which the confidence is computed.
    expected = shown["translations"][0]["sentences"][0].pop("confidence")
    assert made["translations"][0]["sentences"][0].pop("confidence") == pytest.approx(expected, abs=0.1)
    assert made == shown


def test_shell_example_succeeds(url: str) -> None:
    done = ran(["bash", str(EXAMPLES / "curl.sh")], url)
    assert done.returncode == 0, done.stdout + done.stderr
    assert done.stdout.rstrip().endswith("# Done")
    for part in ("event: sentence", "event: result", "\n504\n", "text_empty", "detected_source_language", "Bauhof"):
        assert part in done.stdout, part


def test_shell_example_ends_at_a_problem(url: str) -> None:
    done = ran(["bash", str(EXAMPLES / "curl.sh")], f"{url}/nowhere")
    assert done.returncode != 0
    assert '"not_found"' in done.stdout


def test_article_example_prints_all_outputs(url: str) -> None:
    done = python("article.py", url)
    assert done.returncode == 0, done.stderr
    for part in (
        "Headline: Stadtrat berät über neue Brücke",
        "Summary: ",
        "Translation: ",
        "Warning (",
        "Needs review",
    ):
        assert part in done.stdout, part


def test_article_example_waits_as_asked(url: str) -> None:
    with in_front_of(url, busy()) as front:
        done = python("article.py", front)
    assert done.returncode == 0, done.stderr
    assert "busy (503); retrying in 1 s" in done.stderr
    assert "Summary: " in done.stdout


def test_article_example_explains_a_refusal(url: str, tmp_path: Path) -> None:
    empty = tmp_path / "empty.txt"
    empty.write_text(" ", "utf-8")
    done = python("article.py", url, str(empty))
    assert done.returncode == 1
    assert "422 text_empty" in done.stderr
    assert "/body" in done.stderr


def test_stream_example_prints_sentences_first(url: str) -> None:
    done = python("stream.py", url)
    assert done.returncode == 0, done.stderr
    lines = done.stdout.splitlines()
    assert [line.startswith("text 0, [") for line in lines] == [True, True, True, False]
    assert lines[-1].startswith("Summary: ")
    assert " of " in done.stderr


def test_deepl_client_works(url: str) -> None:
    done = python("deepl_client.py", url)
    assert done.returncode == 0, done.stderr
    assert done.stdout.count("DE: ") == 2
    assert "HTML: <p>" in done.stdout
    assert "Refused: " in done.stdout
    assert "<kuerzel>dpa/abc</kuerzel></meldung>" in done.stdout


def test_deepl_client_names_the_target(url: str) -> None:
    assert "EN-GB" in python("deepl_client.py", url).stdout.splitlines()[0]
