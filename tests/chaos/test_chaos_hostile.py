"""Tests that the server process survives slow, huge, compressed and forged requests."""

import contextlib
import gzip
import hashlib
import json
import re
import socket
import time
from collections.abc import Iterator

import httpx
import pytest

from tests.chaos.server import PATIENCE_S, Server, serving

pytestmark = pytest.mark.slow

HEADER_S, BODY_S = 1.0, 1.5
SLOWEST_S = 60.0  # on a busy machine
HEAD = b"POST /v1/translate HTTP/1.1\r\nhost: test\r\ncontent-type: application/json\r\n"
TOKEN = "t" * 40
KEYS = f"desk translate sha256:{hashlib.sha256(TOKEN.encode()).hexdigest()}\n"
SMALL = {"text": "Der Zug fährt heute nicht."}


@pytest.fixture(scope="module")
def server() -> Iterator[Server]:
    """Start a server with short time limits for request headers and bodies.

    After every test, this server must still be able to translate.
    """
    with serving(header_timeout_s=str(HEADER_S), body_timeout_s=str(BODY_S)) as found:
        yield found


@pytest.fixture(autouse=True)
def serves_on(server: Server) -> Iterator[None]:
    yield
    assert server.post("/v1/translate", SMALL).status_code == 200
    assert server.process.poll() is None


def connected(server: Server) -> socket.socket:
    url = httpx.URL(server.url)
    assert url.port is not None
    return socket.create_connection((url.host, url.port), timeout=PATIENCE_S)


def answer_to(server: Server, sent: bytes) -> bytes:
    """Send ``sent`` on a new connection, and return all bytes that the server sends until it closes the connection."""
    with connected(server) as connection:
        connection.sendall(sent)
        return read_all(connection)


def read_all(connection: socket.socket) -> bytes:
    found = b""
    while part := _received(connection):
        found += part
    return found


def _received(connection: socket.socket) -> bytes:
    try:
        return connection.recv(65_536)
    except ConnectionResetError:  # the server closed the connection with unread bytes
        return b""


def status_of(answer: bytes) -> int:
    found = re.match(rb"HTTP/1.1 (\d{3}) ", answer)
    return int(found[1]) if found else 0


@pytest.mark.parametrize("begun", [b"", b"GET", HEAD, HEAD + b"x-slow: "], ids=["nothing", "line", "head", "header"])
def test_unfinished_head_is_closed(server: Server, begun: bytes) -> None:
    started_s = time.monotonic()  # before the server starts its timer
    with connected(server) as connection:
        connection.sendall(begun)
        assert read_all(connection) == b""
        assert HEADER_S - 0.1 <= time.monotonic() - started_s < SLOWEST_S


def test_trickled_head_is_closed(server: Server) -> None:
    with connected(server) as connection:
        started_s = time.monotonic()
        connection.sendall(HEAD)
        connection.settimeout(0.1)
        while time.monotonic() - started_s < SLOWEST_S:
            try:
                connection.sendall(b"x-slow: 1\r\n")
                if connection.recv(1) == b"":
                    break
            except TimeoutError:
                continue
            except OSError:
                break
        assert time.monotonic() - started_s < SLOWEST_S


def test_slow_second_head_is_closed(server: Server) -> None:
    with connected(server) as connection:
        connection.sendall(b"GET /livez HTTP/1.1\r\nhost: test\r\n\r\n")
        assert status_of(connection.recv(65_536)) == 200
        connection.sendall(b"GET /livez HTT")
        read_all(connection)


def test_idle_connection_outlives_the_head_limit(server: Server) -> None:
    with httpx.Client(base_url=server.url, timeout=PATIENCE_S) as client:
        streams = set()
        for _ in range(3):
            answer = client.get("/livez")
            assert answer.status_code == 200
            streams.add(answer.extensions["network_stream"])
            time.sleep(HEADER_S * 1.2)
        assert len(streams) == 1


def test_missing_body_gets_408(server: Server) -> None:
    started_s = time.monotonic()
    answer = answer_to(server, HEAD + b'content-length: 100\r\n\r\n{"text"')
    assert status_of(answer) == 408
    assert b'"code":"body_timeout"' in answer
    assert BODY_S - 0.1 <= time.monotonic() - started_s < SLOWEST_S


REFUSED = {
    "size": (b"content-length: 999999999\r\n\r\n", 413),
    "chunks": (b"transfer-encoding: chunked\r\ncontent-encoding: gzip\r\n\r\n", 415),
    "encoding": (b"content-encoding: gzip\r\ncontent-length: 100\r\n\r\n", 415),
    "asks": (b"expect: 100-continue\r\ncontent-length: 999999999\r\n\r\n", 413),
}


@pytest.mark.parametrize("more", [b"", b"5"], ids=["silent", "one byte more"])
@pytest.mark.parametrize("refused", REFUSED)
def test_refusal_before_the_body_closes(server: Server, refused: str, more: bytes) -> None:
    _require_the_end(server, *REFUSED[refused], more)


@pytest.fixture(scope="module")
def locked(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    """Start a server with a key file whose only key has the scope ``translate``."""
    keys = tmp_path_factory.mktemp("keys") / "keys.toml"
    keys.write_text(KEYS, "utf-8")
    with serving(body_timeout_s=str(BODY_S), keys_file=str(keys)) as found:
        yield found


@pytest.mark.parametrize("more", [b"", b"5"], ids=["silent", "one byte more"])
# A scope is checked at the route, after the body limit.
@pytest.mark.parametrize(("path", "token", "status"), [("translate", "none", 401), ("summarize", TOKEN, 413)])
def test_refused_key_closes_before_the_body(locked: Server, path: str, token: str, status: int, more: bytes) -> None:
    head = HEAD.replace(b"translate", path.encode())
    _require_the_end(
        locked,
        b"authorization: Bearer " + token.encode() + b"\r\ncontent-length: 999999999\r\n\r\n",
        status,
        more,
        head,
    )


def _require_the_end(server: Server, rest: bytes, status: int, more: bytes, head: bytes = HEAD) -> None:
    """Send ``head + rest`` and then ``more``, and assert that the response is complete and has ``status``.

    The response must have ``Connection: close``, and the server must close the connection.
    """
    with connected(server) as connection:
        connection.sendall(head + rest)
        answer = connection.recv(65_536)
        connection.sendall(more)
        answer += read_all(connection)
    assert status_of(answer) == status
    assert b"\r\nconnection: close\r\n" in answer
    assert answer.endswith(b"}")


def test_slow_connections_block_no_other(server: Server) -> None:
    slow = [connected(server) for _ in range(200)]
    try:
        for number, connection in enumerate(slow):
            connection.sendall(HEAD if number % 2 else HEAD + b"content-length: 100\r\n\r\n{")
        assert server.post("/v1/translate", SMALL).status_code == 200
        assert {status_of(read_all(connection)) for connection in slow} == {0, 408}
    finally:
        for connection in slow:
            connection.close()


@pytest.mark.parametrize(
    "header",
    [b"x-huge: " + b"a" * 1_000_000, b"authorization: Bearer " + b"a" * 200_000, b"x-one: 1\r\n" * 50_000 + b"x: 1"],
    ids=["one", "key", "many"],
)
def test_huge_headers_are_refused(server: Server, header: bytes) -> None:
    with connected(server) as connection:
        with contextlib.suppress(OSError):  # the server closes the connection in the middle of a header
            connection.sendall(HEAD + header + b"\r\ncontent-length: 2\r\n\r\n{}")
        assert status_of(read_all(connection)) in {0, 400}


def test_gzip_bomb_is_refused(server: Server) -> None:
    bomb = gzip.compress(bytes(200_000_000))
    before_s = server.processor_s
    headers = {"content-encoding": "gzip", "content-type": "application/json"}
    answer = httpx.post(f"{server.url}/v1/translate", content=bomb, headers=headers, timeout=PATIENCE_S)
    assert (answer.status_code, answer.json()["code"]) == (415, "encoding_unsupported")
    assert server.processor_s - before_s < 2.0


def test_deep_json_is_refused_everywhere(server: Server) -> None:
    for path in ("/v1/translate", "/v1/summarize", "/v1/articles", "/v2/translate", "/translate", "/detect"):
        content = b'{"document": ' + b"[" * 10_000 + b"]" * 10_000 + b"}"
        answer = httpx.post(
            f"{server.url}{path}", content=content, headers={"content-type": "application/json"}, timeout=PATIENCE_S
        )
        assert answer.status_code in {400, 422}
        assert answer.json()["code"] == "json_too_deep"


@pytest.mark.parametrize(
    "sent",
    [
        b'GET /livez HTTP/1.1\r\nhost: test\r\nx-request-id: a\x0b{"event": "forged"}\r\nconnection: close\r\n\r\n',
        b"GET /%0d%0aset-cookie:%20forged=1 HTTP/1.1\r\nhost: test\r\nconnection: close\r\n\r\n",
        b"GET /static/%0a%7b%22event%22:%22forged%22%7d HTTP/1.1\r\nhost: test\r\nconnection: close\r\n\r\n",
        b"GET /livez?%0d%0aforged HTTP/1.1\r\nhost: forged\r\nconnection: close\r\n\r\n",
        b"FORGED /livez HTTP/1.1\r\nhost: test\r\nconnection: close\r\n\r\n",
        b"GET /livez HTTP/1.1\r\nhost: a\r\nhost: forged\r\nconnection: close\r\n\r\n",
        b"GET http://forged/livez HTTP/1.1\r\nhost: test\r\nconnection: close\r\n\r\n",
        b"GET /livez\nforged HTTP/1.1\r\nhost: test\r\n\r\n",
        b"forged\x00\xff\r\n\r\n",
        HEAD + b"transfer-encoding: gzip, chunked\r\n\r\n0\r\n\r\n",
        HEAD + b"content-length: 2\r\ntransfer-encoding: chunked\r\nconnection: close\r\n\r\n0\r\n\r\n",
        HEAD + b"content-length: -1\r\n\r\n",
        HEAD + b"content-length: 1\r\ncontent-length: 2\r\n\r\n",
    ],
)
def test_injection_reaches_no_header_or_log(server: Server, sent: bytes) -> None:
    answer = answer_to(server, sent)
    head = answer.partition(b"\r\n\r\n")[0]
    assert status_of(answer) in {200, 400, 404, 405, 415, 422, 501}
    assert b"set-cookie" not in head.lower()
    assert b"forged" not in head.lower()
    # Reading a log line that is not a JSON object would fail. No line contains the injected text.
    marker = f"after-{time.monotonic_ns()}"
    httpx.get(f"{server.url}/v1/models", headers={"x-request-id": marker}, timeout=PATIENCE_S)
    lines = []

    def seen(line: dict[str, object]) -> bool:
        lines.append(json.dumps(line))
        return line.get("request_id") == marker

    server.line(seen)
    assert not [line for line in lines if "forged" in line.lower()]


@pytest.mark.parametrize(
    "target",
    [
        b"/static/../settings.py",
        b"/static/%2e%2e/settings.py",
        b"/static/..%2f..%2fsettings.py",
        b"/static//etc/passwd",
        b"/../../../../etc/passwd",
        b"/static/..\\settings.py",
        b"/static/%00",
        b"/static/%c0%ae%c0%ae/settings.py",
    ],
)
def test_path_traversal_is_refused(server: Server, target: bytes) -> None:
    answer = answer_to(server, b"GET " + target + b" HTTP/1.1\r\nhost: test\r\nconnection: close\r\n\r\n")
    assert status_of(answer) in {400, 404}
    assert b"root:" not in answer
    assert b"DEPESCHE_" not in answer
