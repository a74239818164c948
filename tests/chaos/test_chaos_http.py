"""The real server in a process of its own: under load, left by its callers, told to stop, with damaged weights."""

import shutil
import signal
import time
from collections.abc import Iterator
from concurrent.futures import Future, ThreadPoolExecutor, wait
from pathlib import Path

import httpx
import pytest

from tests.chaos.server import PATIENCE_S, Server, serving

MODELS = Path(__file__).parent.parent.parent / "models"
SENTENCE = "Am {}. Tag des Jahres fuhr der Zug Nummer {} nicht wie geplant nach Hamburg, sondern nach Kiel und Lübeck."
SMALL = {"text": "Der Zug fährt heute nicht."}
PROBE_LIMIT_S = 2.0


def long_text(chars: int, *, first: int = 0) -> str:
    """Distinct sentences, numbered from ``first``, in paragraphs; ``chars`` characters in all."""
    numbers = range(first, first + chars // 90)
    sentences = (SENTENCE.format(n % 365, n) + ("\n\n" if n % 5 == 0 else " ") for n in numbers)
    return "".join(sentences)[:chars]


@pytest.fixture(scope="module")
def server() -> Iterator[Server]:
    with serving() as found:
        yield found


def test_probes_are_answered_while_a_long_article_is_worked_on(server: Server) -> None:
    body = {"body": long_text(200_000), "outputs": ["summary", "translation"]}
    seconds = []
    with ThreadPoolExecutor(1) as pool, httpx.Client(base_url=server.url, timeout=PATIENCE_S) as probe:
        working = pool.submit(server.post, "/v1/articles", body, {"request-timeout-ms": "12000"})
        while not wait([working], timeout=0.1).done:
            before = time.monotonic()
            assert probe.get("/livez").status_code == 200
            assert probe.get("/readyz").status_code == 200
            seconds.append((time.monotonic() - before) / 2)
        assert working.result().status_code in {200, 504}
    assert len(seconds) > 10
    assert max(seconds) < PROBE_LIMIT_S


def test_a_caller_that_leaves_takes_its_work_along(server: Server) -> None:
    with pytest.raises(httpx.ReadTimeout):
        server.post("/v1/translate", {"text": long_text(200_000, first=9_000)}, {"x-request-id": "left"}, timeout_s=3.0)
    assert server.event("RequestDone", request_id="left")["status"] == 499
    before = time.monotonic()
    assert server.post("/v1/translate", SMALL).status_code == 200
    assert time.monotonic() - before < 20


def test_sigterm_under_load_loses_no_accepted_request() -> None:
    with serving(batch_items="4", drain_s="100") as server, ThreadPoolExecutor(6) as pool:
        texts = [" ".join(SENTENCE.format(k, n) for n in range(8)) for k in range(6)]
        answers: list[Future[httpx.Response]] = [pool.submit(server.post, "/v1/translate", {"text": t}) for t in texts]
        for _ in texts:
            server.event("CacheLooked")  # the request was read and is being worked on
        server.process.send_signal(signal.SIGTERM)
        probe = server.until("/readyz", lambda answer: answer is None or answer.status_code == 503)
        assert probe is None or probe.json()["status"] == "draining"
        assert [answer.result(PATIENCE_S).status_code for answer in answers] == [200] * len(texts)
        assert server.process.wait(PATIENCE_S) == 0


def test_weights_with_a_flipped_byte_are_refused_by_name(tmp_path: Path) -> None:
    shutil.copytree(MODELS / "catalog", tmp_path / "catalog")
    shutil.copytree(MODELS / "embedded", tmp_path / "embedded")
    weights = tmp_path / "embedded" / "starter-de-en" / "ct2-int8" / "model.bin"
    content = bytearray(weights.read_bytes())
    content[len(content) // 2] ^= 1
    weights.write_bytes(content)
    with serving(ready=False, models_dir=str(tmp_path)) as server:
        answer = server.until("/readyz", lambda found: found is not None and found.json()["status"] != "loading")
        assert answer is not None
        assert answer.status_code == 503
        assert answer.json()["status"] == "failed"
        assert "model.bin" in answer.json()["detail"]
        assert httpx.get(f"{server.url}/livez").status_code == 200
        refused = server.post("/v1/translate", SMALL)
        assert (refused.status_code, refused.json()["code"]) == (503, "not_ready")
