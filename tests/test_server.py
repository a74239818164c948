"""Tests of both ports in one process: they start and stop together, and a port that is in use is reported."""

import json
import os
import signal
import socket
import subprocess
import sys
from pathlib import Path

import httpx
import pytest

from service.server import _listening
from tests.chaos.server import PATIENCE_S, serving
from tests.redis_server import free_port


@pytest.mark.slow
def test_both_ports_serve_until_sigterm() -> None:
    port = free_port()
    with serving(admin_port=str(port), metrics_port="admin") as server:
        admin = f"http://127.0.0.1:{port}"
        text = {"text": "Der Zug fährt heute nicht."}
        assert server.post("/v1/translate", text).status_code == 200
        purged = httpx.post(f"{admin}/admin/cache/purge", json=text, timeout=PATIENCE_S)
        assert purged.json() == {"purged": {"memory": 1, "shared": None}}
        assert httpx.get(f"{admin}/metrics", timeout=PATIENCE_S).status_code == 200
        assert httpx.get(f"{server.url}/metrics", timeout=PATIENCE_S).status_code == 404
        server.process.send_signal(signal.SIGTERM)
        assert server.process.wait(PATIENCE_S) == 0
        with socket.socket() as again:
            assert again.connect_ex(("127.0.0.1", port)) != 0


@pytest.mark.slow
def test_stream_ends_after_sigterm() -> None:
    text = " ".join(f"Der Bus Nummer {n} fährt heute nicht nach Kiel, sondern nach Husum." for n in range(200))
    headers = {"accept": "text/event-stream"}
    with (
        serving() as server,
        httpx.stream(
            "POST", f"{server.url}/v1/translate", json={"text": text}, headers=headers, timeout=PATIENCE_S
        ) as stream,
    ):
        lines = stream.iter_lines()
        names = [next(lines)]
        server.process.send_signal(signal.SIGTERM)
        names += [line for line in lines if line.startswith("event:")]
        assert names[-1] == "event: result"
        assert server.process.wait(PATIENCE_S) == 0


@pytest.mark.slow
def test_accepted_batch_is_finished_after_sigterm() -> None:
    """The service refuses new requests one second after the signal, while most articles have not started."""
    articles = [
        {"body": " ".join(f"Der Bus Nummer {n} fährt heute nicht nach Kiel." for n in range(10 * m, 10 * m + 10))}
        for m in range(16)
    ]
    body = {"articles": [{**one, "outputs": ["translation"]} for one in articles]}
    with (
        serving(program="tests.chaos.slow_service", batch_items="1", drain_s="120") as server,
        httpx.stream(
            "POST",
            f"{server.url}/v1/articles:batch",
            json=body,
            headers={"accept": "text/event-stream"},
            timeout=PATIENCE_S,
        ) as stream,
    ):
        lines = stream.iter_lines()
        first = next(line for line in lines if line.startswith("data:"))
        server.process.send_signal(signal.SIGTERM)
        found = [json.loads(line.removeprefix("data:")) for line in (first, *lines) if line.startswith("data:")]
        assert [one["status"] for one in found[:-1]] == [200] * 16
        assert found[-1] == {"succeeded": 16, "failed": 0}
        assert server.process.wait(PATIENCE_S) == 0


@pytest.fixture
def ipv6() -> None:
    """Skip the test if this machine has no IPv6."""
    try:
        socket.create_server(("::1", 0), family=socket.AF_INET6).close()
    except OSError as error:
        pytest.skip(f"no IPv6 on this machine: {error}")


@pytest.mark.slow
@pytest.mark.usefixtures("ipv6")
def test_ipv6_admin_host_excludes_ipv4() -> None:
    port = free_port()
    with serving(ready=False, admin_host="::", admin_port=str(port), metrics_port="admin"):
        assert httpx.get(f"http://[::1]:{port}/metrics", timeout=PATIENCE_S).status_code == 200
        with socket.socket() as other:
            assert other.connect_ex(("127.0.0.1", port)) != 0


@pytest.mark.slow
def test_admin_port_in_use_is_one_line() -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = str(taken.getsockname()[1])
        done = subprocess.run(
            [sys.executable, "-m", "service", "serve", "--port", "0"],
            env={**os.environ, "DEPESCHE_ADMIN_PORT": port},
            capture_output=True,
            text=True,
            timeout=PATIENCE_S,
            check=False,
        )
    assert done.returncode == 1
    last = done.stderr.splitlines()[-1]
    assert last.startswith(
        f"depesche: cannot listen on the administration port 127.0.0.1:{port}: Address already in use"
    )


@pytest.mark.slow
def test_port_in_use_is_one_line() -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = str(taken.getsockname()[1])
        done = served("--port", port)
    assert done.returncode == 1
    assert done.stderr.splitlines() == [f"depesche: cannot listen on the port 127.0.0.1:{port}: Address already in use"]


@pytest.mark.slow
def test_models_that_cannot_be_loaded_end_the_process(tmp_path: Path) -> None:
    done = served("--port", "0", DEPESCHE_MODELS_DIR=str(tmp_path))
    assert done.returncode == 1
    assert done.stderr.splitlines()[0].startswith("Depesche is listening on http://127.0.0.1:")
    assert "http://127.0.0.1:0" not in done.stderr
    last = done.stderr.splitlines()[-1]
    assert last.startswith("depesche: the models could not be loaded: there is no translation model for de→en")


def served(*options: str, **environment: str) -> subprocess.CompletedProcess[str]:
    """Run ``python -m service serve`` with ``options`` and the variables ``environment``, and return its result."""
    command = [sys.executable, "-m", "service", "serve", *options]
    given = {**os.environ, **environment}
    return subprocess.run(command, env=given, capture_output=True, text=True, timeout=PATIENCE_S, check=False)


def test_admin_port_sends_without_delay() -> None:
    with _listening("127.0.0.1", 0, "port") as listening:
        assert listening.proto == socket.IPPROTO_TCP
