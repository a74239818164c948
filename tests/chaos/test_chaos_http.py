"""Tests of the server process under load, with clients that disconnect, after signals, and with damaged weights."""

import asyncio
import json
import resource
import shutil
import signal
import socket
import time
from collections.abc import Iterator
from concurrent.futures import Future, ThreadPoolExecutor, wait
from pathlib import Path
from typing import Any

import httpx
import pytest

from tests.chaos.server import PATIENCE_S, Server, serving

pytestmark = pytest.mark.slow

SENTENCE = "Am {}. Tag des Jahres fuhr der Zug Nummer {} nicht wie geplant nach Hamburg, sondern nach Kiel und Lübeck."
NO_STORE = {"cache-control": "no-store"}
TINY = 2_000
FILES = 2 * TINY
SLOW = "tests.chaos.slow_service"
SMALL = {"text": "Der Zug fährt heute nicht."}
# Processor time of the server. It does not depend on how busy the machine is, only on other work that delays the probe.
PROBE_LIMIT_S = 2.0
# Long enough that no deadline passes on a busy machine.
PATIENT: dict[str, Any] = {"drain_s": f"{PATIENCE_S:.0f}", "request_timeout_ms": f"{PATIENCE_S * 1000:.0f}"}
# Limits for the long texts of these tests, which may be longer than the default limits allow.
LARGE: dict[str, Any] = {"max_text_chars": "200000", "queue_items": "20000", "queue_tokens": "400000"}
TOKENS = 'depesche_source_tokens_total{model="starter-de-en"}'
QUEUED = 'depesche_queue_sentences{model="starter-de-en"}'


def long_text(chars: int, *, first: int = 0) -> str:
    """Return paragraphs of different sentences, numbered from ``first``, that have ``chars`` characters in total."""
    numbers = range(first, first + chars // 90)
    sentences = (SENTENCE.format(n % 365, n) + ("\n\n" if n % 5 == 0 else " ") for n in numbers)
    return "".join(sentences)[:chars]


@pytest.fixture(scope="module")
def server() -> Iterator[Server]:
    """Yield a server with slow engines. The server and its clients may each have ``FILES`` connections open."""
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (max(soft, FILES), hard))
    try:
        with serving(program=SLOW, **LARGE) as found:
            yield found
    finally:
        resource.setrlimit(resource.RLIMIT_NOFILE, (soft, hard))


def test_long_article_does_not_delay_probes(server: Server) -> None:
    body = {"body": long_text(200_000), "outputs": ["summary", "translation"]}
    processor_s = []
    with ThreadPoolExecutor(1) as pool, httpx.Client(base_url=server.url, timeout=PATIENCE_S) as probe:
        working = pool.submit(server.post, "/v1/articles", body, {"request-timeout-ms": "5000"})
        while not wait([working], timeout=0.1).done:
            before_s = server.processor_s
            assert probe.get("/livez").status_code == 200
            assert probe.get("/readyz").status_code == 200
            processor_s.append((server.processor_s - before_s) / 2)
        assert working.result().status_code in {200, 504}
    assert len(processor_s) > 3
    assert max(processor_s) < PROBE_LIMIT_S


def test_disconnect_cancels_the_work(server: Server) -> None:
    url = httpx.URL(server.url)
    with socket.create_connection((url.host, url.port or 0), timeout=PATIENCE_S) as connection:
        connection.sendall(posted(long_text(200_000, first=9_000), "x-request-id: left\r\n"))
        end = time.monotonic() + PATIENCE_S
        while not server.sample(QUEUED):
            assert time.monotonic() < end
    assert server.event("RequestDone", request_id="left")["status"] == 499
    assert server.sample(QUEUED) == 0
    assert_engine_rests(server)


def test_disconnect_mid_stream_cancels_the_work(server: Server) -> None:
    before = server.sample(TOKENS)
    text = long_text(200_000, first=20_000)
    headers = {"accept": "text/event-stream", "x-request-id": "left-mid-stream"}
    asked = httpx.stream("POST", f"{server.url}/v1/translate", json={"text": text}, headers=headers, timeout=PATIENCE_S)
    with asked as answer:
        assert "event: sentence" in answer.iter_lines()
    server.event("ClientLeft", during="answer")
    server.event("RequestDone", request_id="left-mid-stream")
    assert server.sample(QUEUED) == 0
    assert_engine_rests(server)
    assert server.sample(TOKENS) - before < len(text) / 10


def assert_engine_rests(server: Server) -> None:
    """Assert that the engine has no work left from earlier requests.

    The function sends two requests. The first one waits for work that may be left. The second one must add only its own
    source tokens to the metrics.
    """
    counts = []
    for day in (1, 2):
        assert (
            server.post("/v1/translate", {"text": f"Am {day}. Mai fährt der Zug nicht."}, NO_STORE).status_code == 200
        )
        counts.append(server.sample(TOKENS))
    own = counts[1] - counts[0]
    assert 0 < own < 20


async def test_2000_requests_get_their_own_answers(server: Server) -> None:
    async def livez() -> bytes:
        return await exchange(server, b"GET /livez HTTP/1.1\r\nhost: test\r\nconnection: close\r\n\r\n")

    texts = [f"Zug {number} fährt." for number in range(TINY)]
    asked = [asyncio.create_task(exchange(server, posted(text))) for text in texts]
    while not all(task.done() for task in asked):
        assert (await livez()).startswith(b"HTTP/1.1 200 ")
        await asyncio.sleep(0.2)
    answers = [task.result().partition(b"\r\n\r\n") for task in asked]
    assert {head.partition(b"\r\n")[0] for head, _, _ in answers} == {b"HTTP/1.1 200 OK"}
    spans = [json.loads(body)["translations"][0]["sentences"][-1]["source"][1] for _, _, body in answers]
    assert spans == list(map(len, texts))


def posted(text: str, headers: str = "") -> bytes:
    """Return the bytes of an HTTP request that translates ``text``. ``headers`` are additional header lines."""
    body = json.dumps({"text": text}).encode()
    head = f"POST /v1/translate HTTP/1.1\r\nhost: test\r\nconnection: close\r\ncontent-length: {len(body)}\r\n"
    timeout = f"request-timeout-ms: {PATIENT['request_timeout_ms']}\r\n"
    return (head + headers + timeout + "content-type: application/json\r\n\r\n").encode() + body


async def exchange(server: Server, request: bytes) -> bytes:
    """Send a request on a new connection and return the whole response."""
    url = httpx.URL(server.url)
    reader, writer = await asyncio.open_connection(url.host, url.port)
    writer.write(request)
    answer = await reader.read()
    writer.close()
    await writer.wait_closed()
    return answer


def test_sigterm_under_load_loses_no_request() -> None:
    with serving(program=SLOW, batch_items="4", **PATIENT) as server, ThreadPoolExecutor(6) as pool:
        texts = [" ".join(SENTENCE.format(k, n) for n in range(8)) for k in range(6)]
        answers: list[Future[httpx.Response]] = [pool.submit(server.post, "/v1/translate", {"text": t}) for t in texts]
        for _ in texts:
            server.event("CacheLooked")  # the request has been read, and the work has begun
        server.process.send_signal(signal.SIGTERM)
        probe = server.until("/readyz", lambda answer: answer is None or answer.status_code == 503)
        assert probe is None or probe.json()["status"] == "draining"
        assert [answer.result(PATIENCE_S).status_code for answer in answers] == [200] * len(texts)
        assert server.process.wait(PATIENCE_S) == 0


def test_flipped_byte_in_weights_is_named(tmp_path: Path, models_dir: Path) -> None:
    shutil.copytree(models_dir / "catalog", tmp_path / "catalog")
    shutil.copytree(models_dir / "embedded", tmp_path / "embedded")
    weights = tmp_path / "embedded" / "starter-de-en" / "ct2-int8" / "model.bin"
    content = bytearray(weights.read_bytes())
    content[len(content) // 2] ^= 1
    weights.write_bytes(content)
    with serving(ready=False, models_dir=str(tmp_path), wait_for_models="1") as server:
        answer = server.until("/readyz", lambda found: found is not None and found.json()["status"] != "loading")
        assert answer is not None
        assert answer.status_code == 503
        assert answer.json()["status"] == "failed"
        assert "model.bin" in answer.json()["detail"]
        assert httpx.get(f"{server.url}/livez").status_code == 200
        refused = server.post("/v1/translate", SMALL)
        assert (refused.status_code, refused.json()["code"]) == (503, "unavailable")
        assert refused.json()["detail"].startswith("weights_mismatch: ")
        assert refused.headers["retry-after"] == "60"


def test_sighup_under_load_loses_no_request() -> None:
    with serving(batch_items="4", **PATIENT) as server, ThreadPoolExecutor(3) as pool:
        texts = [SENTENCE.format("hup", number) for number in range(30)]
        answers = [pool.submit(server.post, "/v1/translate", {"text": text}) for text in texts]
        server.event("CacheLooked")
        server.process.send_signal(signal.SIGHUP)
        told = server.event("models_reloaded")
        assert told["models"] == ["starter-de-en", "starter-sum-de"]
        assert [answer.result(PATIENCE_S).status_code for answer in answers] == [200] * len(texts)
        assert server.post("/v1/translate", SMALL).status_code == 200
