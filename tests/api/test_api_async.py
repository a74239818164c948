"""Tests of `Prefer: respond-async`: jobs, their owners, their storage in a real Redis, and webhooks."""

import asyncio
import base64
import hashlib
import hmac
import json
import queue
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from functools import partial
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from threading import Thread
from typing import Any

import httpx2
import pytest
from fastapi.testclient import TestClient

from service.app import create_app
from service.errors import InvalidInput
from service.events import Event, WebhookSent, ignore
from service.http import jobs
from service.http.keys import Key, Scope, digest_of
from service.http.webhooks import ATTEMPTS, Webhooks
from service.newsroom.commands import ArticleCommand, CallContext
from service.newsroom.newsroom import Newsroom
from service.settings import Settings
from tests.conftest import wait_until_ready
from tests.redis_server import RedisServer, redis_running

PATIENCE_S = 120.0
BODY = "Der Stadtrat hat am Montag den Zwetschgenkuchen für das kommende Jahr beschlossen."
ARTICLE = {"body": BODY, "outputs": ["translation"]}
ASYNC = {"prefer": "respond-async"}
SECRET = base64.b64encode(b"w" * 32).decode()
OWN, OTHER = "own-key-" + "x" * 32, "other-key-" + "y" * 32
AUTH, OTHER_AUTH = ({"authorization": f"Bearer {token}"} for token in (OWN, OTHER))


@pytest.fixture(scope="module")
def redis_server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[RedisServer]:
    with redis_running(tmp_path_factory.mktemp("redis")) as server:
        yield server


@pytest.fixture(scope="module")
def keys_file(tmp_path_factory: pytest.TempPathFactory) -> Path:
    file = tmp_path_factory.mktemp("keys") / "keys"
    scopes: frozenset[Scope] = frozenset({"articles"})
    lines = [Key(name, scopes, digest_of(token)).line() for name, token in (("cms", OWN), ("other", OTHER))]
    file.write_text("\n".join(lines), "utf-8")
    file.chmod(0o600)
    return file


@contextmanager
def serving(redis: RedisServer, **options: Any) -> Iterator[TestClient]:
    settings = Settings(
        redis_url=redis.url, redis_timeout_ms=30_000, cache_seal_key=base64.b64encode(b"s" * 32).decode(), **options
    )
    with TestClient(create_app(settings), raise_server_exceptions=False) as found:
        wait_until_ready(found)
        yield found


@pytest.fixture(scope="module")
def service(redis_server: RedisServer, keys_file: Path) -> Iterator[TestClient]:
    with serving(redis_server, keys_file=keys_file) as found:
        yield found


def begin(service: TestClient, body: Any = ARTICLE, path: str = "/v1/articles", **headers: str) -> Any:
    answer = service.post(path, json=body, headers=ASYNC | AUTH | headers)
    assert answer.status_code == 202, answer.text
    assert answer.headers["preference-applied"] == "respond-async"
    assert answer.headers["location"] == answer.json()["status_url"]
    return answer.json()


def ended(service: TestClient, job: Any) -> Any:
    """Wait until a job has ended, and return its status."""
    end = time.monotonic() + PATIENCE_S
    while (found := service.get(job["status_url"], headers=AUTH).json())["status"] == "running":
        assert time.monotonic() < end
        time.sleep(0.02)
    return found


def test_job_has_the_result_of_a_direct_request(service: TestClient) -> None:
    job = ended(service, begin(service))
    direct = service.post("/v1/articles", json=ARTICLE, headers=AUTH).json()
    assert job["status"] == "succeeded"
    assert job["problem"] is None
    assert job["result"]["result_key"] == direct["result_key"]
    assert job["result"]["translation"]["text"] == direct["translation"]["text"]


def test_batch_runs_as_a_job(service: TestClient) -> None:
    job = begin(service, {"articles": [{"id": "a", **ARTICLE}, {"body": " "}]}, "/v1/articles:batch")
    results = ended(service, job)["result"]["results"]
    assert [one["status"] for one in results] == [200, 422]


def test_another_process_reads_the_result(service: TestClient, redis_server: RedisServer, keys_file: Path) -> None:
    job = begin(service)
    ended(service, job)
    with serving(redis_server, keys_file=keys_file) as other:
        assert other.get(job["status_url"], headers=AUTH).json()["status"] == "succeeded"


def test_only_the_key_that_started_a_job_can_read_it(service: TestClient) -> None:
    job = begin(service)
    answer = service.get(job["status_url"], headers=OTHER_AUTH)
    assert (answer.status_code, answer.json()["code"]) == (404, "job_unknown")
    assert service.get(job["status_url"]).status_code == 401
    unknown = service.get("/v1/jobs/unknown", headers=AUTH).json()
    assert unknown["detail"] == answer.json()["detail"]


def test_stored_job_is_encrypted_and_expires_within_an_hour(service: TestClient, redis_server: RedisServer) -> None:
    with redis_server.client() as client:
        client.flushall()
        ended(service, begin(service))
        keys = [key for key in client.scan_iter() if client.type(key) == b"string"]
        values = [client.get(key) or b"" for key in keys]
        assert values
        assert all(value.startswith(b"s") and b"Zwetschgen" not in value for value in values)
        assert min(client.ttl(key) for key in keys) <= jobs.KEPT_S


def in_loop(service: TestClient, work: Callable[[], Any]) -> None:
    """Run a function or coroutine function in the event loop of the service."""
    assert service.portal is not None
    service.portal.call(work)


def newsroom_of(service: TestClient) -> Newsroom:
    found: Newsroom = service.app.state.runtime.newsroom  # type: ignore[attr-defined]  # the ASGI type has no state
    return found


@pytest.mark.parametrize("by", ["text", "result_key", "all"])
def test_purge_deletes_the_result(service: TestClient, by: str) -> None:
    job = begin(service)
    key = ended(service, job)["result"]["result_key"]
    newsroom = newsroom_of(service)
    purges: dict[str, Callable[[], Any]] = {
        "text": partial(newsroom.purge, texts=[BODY]),
        "result_key": partial(newsroom.purge, results=[key]),
        "all": newsroom.clear,
    }
    in_loop(service, purges[by])
    assert service.get(job["status_url"], headers=AUTH).status_code == 404


@pytest.fixture
def blocked(monkeypatch: pytest.MonkeyPatch) -> Callable[[TestClient], None]:
    """Block the processing of accepted articles, and return a function that lets it continue."""
    article, free = Newsroom.article, asyncio.Event()

    async def wait(newsroom: Newsroom, command: ArticleCommand, context: CallContext) -> Any:
        context.accepted()
        await free.wait()
        return await article(newsroom, command, context)

    monkeypatch.setattr(Newsroom, "article", wait)

    return lambda service: in_loop(service, free.set)


def test_running_job_has_no_result(service: TestClient, blocked: Callable[[TestClient], None]) -> None:
    job = begin(service)
    answer = service.get(job["status_url"], headers=AUTH)
    assert (answer.json()["status"], answer.json()["result"]) == ("running", None)
    assert answer.headers["retry-after"]
    assert answer.headers["cache-control"] == "no-store"
    blocked(service)
    assert ended(service, job)["status"] == "succeeded"


def test_result_is_not_stored_if_its_text_is_purged_meanwhile(
    service: TestClient, blocked: Callable[[TestClient], None]
) -> None:
    job = begin(service)
    in_loop(service, partial(newsroom_of(service).purge, texts=[BODY]))
    blocked(service)
    found = ended(service, job)
    assert (found["status"], found["problem"]["code"]) == ("failed", "job_lost")
    assert found["result"] is None


def test_job_survives_the_forgetting_of_another_result(
    service: TestClient, blocked: Callable[[TestClient], None]
) -> None:
    job = begin(service)
    assert service.delete(f"/v1/results/{'0' * 64}", headers=AUTH).status_code == 200
    blocked(service)
    assert ended(service, job)["status"] == "succeeded"


def test_job_of_an_ended_process_has_failed(
    service: TestClient, blocked: Callable[[TestClient], None], monkeypatch: pytest.MonkeyPatch
) -> None:
    job = begin(service)
    monkeypatch.setattr(jobs, "LOST_S", -1.0)  # no sign of life is recent enough
    found = service.get(job["status_url"], headers=AUTH).json()
    assert (found["status"], found["problem"]["code"]) == ("failed", "job_lost")
    blocked(service)


def test_shutdown_fails_a_running_job(
    service: TestClient, redis_server: RedisServer, keys_file: Path, blocked: Callable[[TestClient], None]
) -> None:
    with serving(redis_server, keys_file=keys_file, drain_s=0) as other:
        job = begin(other)
    found = ended(service, job)
    assert (found["status"], found["problem"]["code"]) == ("failed", "draining")
    blocked(service)


def test_shutdown_waits_for_all_articles_of_a_batch(
    service: TestClient, redis_server: RedisServer, keys_file: Path
) -> None:
    bodies = [f"Der Stadtrat {number} berät über den Zug nach Ulm. Er tagt am Montag." for number in range(16)]
    with serving(redis_server, keys_file=keys_file, drain_s=60) as other:
        job = begin(other, {"articles": [{**ARTICLE, "body": body} for body in bodies]}, "/v1/articles:batch")
    found = ended(service, job)
    assert [one["status"] for one in found["result"]["results"]] == [200] * 16


def test_failed_work_is_a_problem(service: TestClient) -> None:
    slow = {**ARTICLE, "body": " ".join(f"Der Zug Nummer {number} fährt nach Ulm." for number in range(400))}
    job = begin(service, {"articles": [slow]}, "/v1/articles:batch", **{"request-timeout-ms": "1"})
    (result,) = ended(service, job)["result"]["results"]
    assert (result["status"], result["problem"]["code"]) == (504, "deadline_exceeded")


@pytest.mark.parametrize(
    ("body", "headers", "code"),
    [
        ({"body": " "}, {}, "text_empty"),
        ({"body": BODY, "length": "huge"}, {}, "invalid_request"),
        ({"body": "<p>Ja.</p>", "format": "html", "previous": {"body": ""}}, {}, "previous_unsupported"),
        (ARTICLE, {"depesche-embargo": "1"}, "async_not_storable"),
        (ARTICLE, {"depesche-cache": "memory"}, "async_not_storable"),
        (ARTICLE, {"cache-control": "no-store"}, "async_not_storable"),
        (ARTICLE, {"depesche-webhook": "https://cms.example/hook"}, "webhook_refused"),
    ],
)
def test_invalid_request_is_refused_at_once(
    service: TestClient, redis_server: RedisServer, body: Any, headers: dict[str, str], code: str
) -> None:
    with redis_server.client() as client:
        client.flushall()
        answer = service.post("/v1/articles", json=body, headers=ASYNC | AUTH | headers)
        assert (answer.status_code, answer.json()["code"]) == (422, code)
        assert client.dbsize() == 0


def test_process_runs_a_limited_number_of_jobs(service: TestClient, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(jobs, "MOST_RUNNING", 0)
    answer = service.post("/v1/articles", json=ARTICLE, headers=ASYNC | AUTH)
    assert (answer.status_code, answer.json()["code"]) == (503, "queue_full")


def test_without_redis_the_preference_is_refused(client: TestClient) -> None:
    answer = client.post("/v1/articles", json=ARTICLE, headers=ASYNC)
    assert (answer.status_code, answer.json()["code"]) == (501, "async_unavailable")
    assert "DEPESCHE_REDIS_URL" in answer.json()["detail"]
    assert client.get("/v1/jobs/some").status_code == 501


@pytest.mark.redis
def test_failed_redis_is_reported(tmp_path: Path) -> None:
    with redis_running(tmp_path) as redis, serving(redis) as service:
        job = service.post("/v1/articles", json=ARTICLE, headers=ASYNC).json()
        redis.kill()
        for answer in (
            service.post("/v1/articles", json=ARTICLE, headers=ASYNC),
            service.get(job["status_url"]),
        ):
            assert (answer.status_code, answer.json()["code"]) == (503, "jobs_unavailable")
            assert answer.headers["retry-after"]


# Webhooks


class Receiver(ThreadingHTTPServer):
    """A server that records webhooks. It responds with the next of ``statuses``, or with 204 if none is left."""

    def __init__(self) -> None:
        super().__init__(("127.0.0.1", 0), Handler)
        self.url = f"http://127.0.0.1:{self.server_port}"
        self.received: queue.Queue[tuple[str, dict[str, str], bytes]] = queue.Queue()
        self.statuses: list[int] = []


class Handler(BaseHTTPRequestHandler):
    """Records one webhook."""

    server: Receiver

    def do_POST(self) -> None:
        body = self.rfile.read(int(self.headers["content-length"]))
        self.server.received.put((self.path, {k.lower(): v for k, v in self.headers.items()}, body))
        status = self.server.statuses.pop(0) if self.server.statuses else 204
        self.send_response(status)
        if status == 307:
            self.send_header("Location", "/elsewhere")
        self.send_header("Content-Length", "0")
        self.end_headers()

    def log_message(self, *_: object) -> None:
        """Log nothing."""


@pytest.fixture
def receiver() -> Iterator[Receiver]:
    server = Receiver()
    Thread(target=server.serve_forever, daemon=True).start()
    yield server
    server.shutdown()
    server.server_close()


def test_webhook_is_signed_and_contains_no_text(redis_server: RedisServer, keys_file: Path, receiver: Receiver) -> None:
    options = {"webhook_origins": receiver.url, "webhook_secret": SECRET, "keys_file": keys_file}
    with serving(redis_server, **options) as service:
        job = begin(service, **{"depesche-webhook": f"{receiver.url}/hook?cms=1"})
        path, headers, body = receiver.received.get(timeout=PATIENCE_S)
    assert path == "/hook?cms=1"
    assert json.loads(body) == {"type": "job.ended", "data": {"id": job["id"], "status": "succeeded"}}
    signed = f"{headers['webhook-id']}.{headers['webhook-timestamp']}.".encode() + body
    expected = base64.b64encode(hmac.digest(b"w" * 32, signed, hashlib.sha256)).decode()
    assert headers["webhook-signature"] == f"v1,{expected}"


async def test_webhook_is_repeated_until_it_is_confirmed(receiver: Receiver) -> None:
    events: list[Event] = []
    receiver.statuses = [500, 307]  # a redirect is not followed and does not confirm
    webhooks = Webhooks([receiver.url], b"w" * 32, events.append, pause_s=0.0)
    await webhooks.send(f"{receiver.url}/hook", "job", "succeeded")
    await webhooks.close()
    assert [receiver.received.get_nowait()[0] for _ in range(3)] == ["/hook"] * 3
    assert events == [WebhookSent("delivered")]


async def test_webhook_that_nobody_confirms_counts_as_failed() -> None:
    attempts: list[str] = []
    events: list[Event] = []

    def refuse(request: httpx2.Request) -> httpx2.Response:
        attempts.append(str(request.url))
        raise httpx2.ConnectError("refused")

    transport = httpx2.MockTransport(refuse)
    webhooks = Webhooks(["https://cms.example"], b"w" * 32, events.append, pause_s=0.0, transport=transport)
    await webhooks.send("https://cms.example/hook", "job", "failed")
    await webhooks.close()
    assert len(attempts) == ATTEMPTS
    assert events == [WebhookSent("failed")]


@pytest.mark.parametrize(
    "url",
    [
        "https://cms.example:8443/hook",
        "http://cms.example/hook",
        "https://cms.example.evil.example/hook",
        "https://cms.example@evil.example/hook",
        "https://user:word@cms.example/hook",
        "https://evil.example\\@cms.example/hook",
        "https://evil.example#@cms.example/",
        "https://cms.example./hook",
        "//cms.example/hook",
        "/hook",
        "http://169.254.169.254/latest/meta-data",
        "http://[::1]/",
        "file:///etc/passwd",
        "gopher://cms.example/",
        "",
        "https://cms.example/" + "x" * 3_000,
        "https://cms.example:99999/",
    ],
)
def test_webhook_to_another_origin_is_refused(url: str) -> None:
    webhooks = Webhooks(["https://cms.example", "http://cms.internal:8080"], b"w" * 32, ignore)
    with pytest.raises(InvalidInput) as refused:
        webhooks.require_allowed(url)
    assert refused.value.code == "webhook_refused"
    assert refused.value.pointer == "header:DEPESCHE-Webhook"


@pytest.mark.parametrize(
    "url", ["https://cms.example/hook", "https://CMS.example:443/hook", "http://cms.internal:8080/hook?a=1"]
)
def test_webhook_to_an_allowed_origin_is_accepted(url: str) -> None:
    Webhooks(["https://cms.example", "http://cms.internal:8080"], b"w" * 32, ignore).require_allowed(url)


def test_webhook_requires_the_preference(client: TestClient) -> None:
    answer = client.post("/v1/articles", json=ARTICLE, headers={"depesche-webhook": "https://cms.example/"})
    assert (answer.status_code, answer.json()["code"]) == (422, "webhook_refused")
    assert answer.json()["errors"][0]["pointer"] == "header:DEPESCHE-Webhook"


def test_webhooks_need_a_secret() -> None:
    with pytest.raises(ValueError, match="webhook_secret"):
        Settings(webhook_origins="https://cms.example")


def test_stored_job_is_read_unchanged() -> None:
    job = jobs.Job("id", None, "succeeded", 1.5, 2.5, '{"text": "Zwetschge\\n\u2028"}\n{}'.encode())
    assert jobs.Job.decode(job.encode()) == job
    assert json.loads(jobs.Job("id", "cms", "failed", 1.5, 2.5, b'{"code": "x"}').json("/v1/jobs/id", 60))[
        "problem"
    ] == {"code": "x"}
