"""Tests that a request that takes much time or memory does not delay the requests of another caller."""

import json
import time
from collections.abc import Callable, Iterator
from typing import Any, NamedTuple

import httpx
import pytest

from tests.attack.victim import Victim, memory_bytes, p95
from tests.chaos.server import Server, serving

JSON = {"content-type": "application/json"}
FORM = {"content-type": "application/x-www-form-urlencoded"}
POD_BYTES = 2**30
ALLOWED_GROWTH = 1.2
# A busy machine delays requests, so the victim is compared with its own requests before the attack. The attacks once
# stopped other callers for minutes.
ALLOWED_DELAY = 10
LEAST_S = 30.0


class Attack(NamedTuple):
    """A request that attacks the service, with the status and the error code that the service must return."""

    path: str
    body: Callable[[], bytes]
    status: int
    code: str | None = None
    headers: dict[str, str] = JSON


def _json(path: str, body: Callable[[], Any], status: int, code: str | None = None, **headers: str) -> Attack:
    return Attack(path, lambda: json.dumps(body()).encode(), status, code, {**JSON, **headers})


def _page(attributes: int) -> str:
    names = " ".join(f"a{n:x}" for n in range(attributes))
    return f"<html><body><article><p {names}>Der Hund schläft.</p></article></body></html>"


ATTACKS = {
    "many similar glossary terms": _json(
        "/v1/translate", lambda: {"text": "Aaa " * 2_000, "glossary": {f"Aaa x{n}": "b" for n in range(10_000)}},
        200,
    ),
    "many wrong members": _json("/v1/translate", lambda: {"text": [1] * 40_000}, 422, "too_many_texts"),
    "many values": _json("/v1/articles", lambda: {"document": {"@graph": [{}] * 300_000}}, 422, "too_many_values"),
    "many values, compatible": _json("/v2/translate", lambda: {"text": [1] * 300_000}, 400, "too_many_values"),
    "line break in the path": _json("/v1/articles%0A", lambda: {"body": "Hund"}, 400, "path_invalid"),
    "form of percent signs": Attack("/translate", lambda: b"q=" + b"%" * 900_000, 400, None, FORM),
    "form of separators": Attack("/translate", lambda: b"&" * 900_000, 400, None, FORM),
    "many attributes of a tag": _json(
        "/v1/articles", lambda: {"document": _page(50_000)}, 422, "too_many_attributes"
    ),
    "many sentences": _json("/v1/translate", lambda: {"text": ["Ja. " * 60_000] * 4}, 422, "too_many_sentences"),
    "many paragraphs": _json("/v1/articles", lambda: {"body": "a\n" * 100_000}, 422, "too_many_sentences"),
    "many sentences that are allowed": _json(
        "/v1/translate", lambda: {"text": "Ja. " * 6_000}, 200
    ),
    "much inline markup": _json(
        "/v1/translate", lambda: {"text": "<p>" + "<b>a</b> " * 20_000, "format": "html"}, 504, "deadline_exceeded",
        **{"Request-Timeout-Ms": "1500"},
    ),
}  # fmt: skip


@pytest.fixture(scope="module")
def server() -> Iterator[Server]:
    with serving(program="tests.chaos.slow_service", drain_s="2", max_text_chars="250000") as found:
        found.post("/v1/translate", {"text": "Der Bus kommt. " * 2_000})  # starts the worker processes
        yield found


@pytest.fixture(scope="module")
def quiet_s(server: Server) -> float:
    """Return the 95th percentile of the durations of short requests, in seconds, while there is no attack."""
    with Victim(server.url, "ruhig") as victim:
        time.sleep(1.0)
    return p95(victim.new_s)


@pytest.fixture(scope="module")
def memory_before_bytes(server: Server, quiet_s: float) -> int:
    del quiet_s  # measured after the first requests
    return memory_bytes(server.process.pid)


@pytest.mark.parametrize("name", ATTACKS)
@pytest.mark.usefixtures("memory_before_bytes")
def test_attack_delays_no_other_caller(server: Server, quiet_s: float, name: str) -> None:
    attack = ATTACKS[name]
    body = attack.body()
    with Victim(server.url, name) as victim:
        answer = httpx.post(server.url + attack.path, content=body, headers=attack.headers, timeout=300)
        used_bytes = memory_bytes(server.process.pid)
    assert answer.status_code == attack.status, answer.text[:500]
    if attack.code is not None:
        assert answer.json()["code"] == attack.code
    if attack.status != 200:
        assert len(answer.content) < 10_000
    assert victim.statuses == {200}
    most_s = max(LEAST_S, ALLOWED_DELAY * quiet_s)
    assert max(p95(victim.new_s), p95(victim.cached_s), p95(victim.probe_s)) <= most_s
    assert used_bytes < POD_BYTES


def test_memory_returns_after_the_attacks(server: Server, memory_before_bytes: int) -> None:
    end_s = time.monotonic() + 120
    while memory_bytes(server.process.pid) > ALLOWED_GROWTH * memory_before_bytes and time.monotonic() < end_s:
        time.sleep(1.0)
    assert memory_bytes(server.process.pid) <= ALLOWED_GROWTH * memory_before_bytes
