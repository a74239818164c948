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
from tests.php import php

pytestmark = pytest.mark.slow

ROOT = Path(__file__).parent.parent
EXAMPLES = ROOT / "examples"
PLUGIN = EXAMPLES / "wordpress" / "depesche.php"
WORDPRESS = ROOT / "tests" / "data" / "wordpress" / "run.php"
BLOCKS = (
    "<!-- wp:paragraph --><p>Der <em>Stadtrat</em> hat am Montag über die Brücke beraten.</p><!-- /wp:paragraph -->"
    '<!-- wp:paragraph --><p>Sie soll <a href="https://cms.example/b">2027</a> fertig sein.</p><!-- /wp:paragraph -->'
)
FIELDS = {"post": 7, "title": "Rat berät", "excerpt": "Der Rat tagt am Abend.", "content": BLOCKS}


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


def test_plugin_is_valid_php() -> None:
    assert "No syntax errors" in php("-l", str(PLUGIN))


def called(do: str, **given: Any) -> dict[str, Any]:
    """Run the WordPress plugin in a fake WordPress, which makes the call named ``do``.

    The plugin sends a real request to the service. Return the state of the fake WordPress after the call.
    """
    world: dict[str, Any] = json.loads(php(str(WORDPRESS), str(PLUGIN), given=json.dumps({"do": do, **given})))
    return world


def asked(route: str, url: str, **given: Any) -> dict[str, Any]:
    """Send a request to one of the plugin's routes.

    Return the state of the fake WordPress after the request.
    """
    return called("ask", **{"route": route, "fields": FIELDS, "settings": {"url": url, "key": "secret"}, **given})


def test_plugin_stores_an_english_draft(url: str) -> None:
    world = asked("english", url)
    assert world["answer"]["status"] == 201
    assert world["answer"]["body"]["starter"] is True
    (draft,) = world["posts"]
    assert draft["post_status"] == "draft"
    assert draft["post_content"].count("<!-- wp:paragraph --><p>") == BLOCKS.count("<p>")
    assert '<a href="https://cms.example/b">' in draft["post_content"]
    assert draft["post_title"]
    assert draft["post_excerpt"]
    assert draft["meta_input"]["_depesche_source"] == FIELDS["post"]
    assert draft["meta_input"]["_depesche_machine_made"] is True
    assert "trainedAlgorithmicMedia" in draft["meta_input"]["_depesche_provenance"]


def test_plugin_teaser_stores_nothing(url: str) -> None:
    world = asked("teaser", url)
    assert world["answer"]["status"] == 200, world["answer"]
    assert world["answer"]["body"]["teaser"]
    assert world["posts"] == []


@pytest.mark.parametrize("given", [{"nonce": "stale"}, {"may": ["edit_post"]}, {"may": ["edit_posts"]}])
def test_plugin_checks_the_right_to_edit(given: dict[str, Any]) -> None:
    world = asked("english", "http://127.0.0.1:9", **given)
    assert world["answer"]["code"] == "rest_forbidden"


def test_plugin_passes_on_retry_after(url: str) -> None:
    with in_front_of(url, busy("7")) as front:
        answer = asked("english", front)["answer"]
    assert (answer["status"], answer["code"]) == (503, "depesche_queue_full")
    assert "7 seconds" in answer["message"]


def test_refused_key_ends_no_session(url: str) -> None:
    with in_front_of(url, (401, {}, b"{}")) as front:
        answer = asked("english", front)["answer"]
    assert (answer["status"], answer["code"]) == (502, "depesche_http_401")


@pytest.mark.parametrize("content", [b"<html>login</html>", b"[]", b'{"article": 1}'])
def test_plugin_reports_a_foreign_answer(url: str, content: bytes) -> None:
    with in_front_of(url, (200, {}, content)) as front:
        world = asked("english", front)
    assert world["answer"]["code"] == "depesche_not_understood"
    assert world["posts"] == []


def test_plugin_removes_scripts(url: str) -> None:
    translation: dict[str, Any] = {
        "headline": "<b>T</b>",
        "lead": None,
        "text": "<p>a</p><script>x</script>",
        "warnings": [],
    }
    answer = {
        "article": {"warnings": []},
        "models": {"summary": None, "translation": {"quality": "production"}},
        "translation": {**translation, "needs_review": False},
    }
    with in_front_of(url, (200, {}, json.dumps(answer).encode())) as front:
        (draft,) = asked("english", front)["posts"]
    assert draft["post_title"] == "T"
    assert "<script" not in draft["post_content"]


@pytest.mark.parametrize("typed", ["javascript:alert(1)", "not an address"])
def test_plugin_refuses_a_wrong_address(typed: str) -> None:
    stored = {"url": "https://depesche.example", "key": "old"}
    world = called("sanitize", settings=stored, sent={"url": typed, "key": ""})
    assert world["answer"] == stored
    assert world["errors"] == ["url"]


def test_plugin_deletes_its_key() -> None:
    sent = {"url": "http://10.0.0.5:8000/", "key": "", "forget_key": "1"}
    world = called("sanitize", settings={"url": "", "key": "old"}, sent=sent)
    assert world["answer"] == {"url": "http://10.0.0.5:8000", "key": ""}


def test_uninstall_deletes_the_options() -> None:
    assert called("uninstall", settings={"url": "http://10.0.0.5", "key": "old"})["options"] == []


def test_panel_loads_in_the_editor_only() -> None:
    (script,) = called("editor")["scripts"].values()
    assert script["queued"] is True
    assert "registerPlugin" in script["source"]
    assert called("editor", screen="site-editor")["scripts"] == []
