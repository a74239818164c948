"""Tests of restarts and Redis outages with real processes under load: every caller gets a response."""

import asyncio
import signal
import socket
import time
from collections import Counter

import httpx
import pytest

from tests.chaos.cluster import Missing, require_programs
from tests.chaos.redis_outage import break_redis
from tests.chaos.rolling_restart import roll
from tests.chaos.server import PATIENCE_S, Server, serving

pytestmark = pytest.mark.slow

CALLERS = 6


@pytest.fixture
def programs() -> None:
    """Skip the test if nginx or redis-server is not installed."""
    try:
        require_programs()
    except Missing as missing:
        pytest.skip(str(missing))


async def until_told_to_go(server: Server) -> Counter[int]:
    """Send requests on one connection until a response has ``Connection: close``.

    Send SIGTERM to the server after ten responses. Return the number of responses for each status.
    """
    limits = httpx.Limits(max_connections=1)
    statuses: Counter[int] = Counter()
    async with httpx.AsyncClient(base_url=server.url, timeout=PATIENCE_S, limits=limits, trust_env=False) as http:
        while True:
            answer = await http.post("/v1/translate", json={"text": "Der Zug fährt heute nicht."})
            statuses[answer.status_code] += 1
            if answer.headers.get("connection") == "close":
                return statuses
            if statuses.total() == 10:
                server.process.send_signal(signal.SIGTERM)


async def test_drain_closes_keep_alive_connections() -> None:
    with serving(drain_s=f"{PATIENCE_S:.0f}") as server:
        found = await asyncio.gather(*(until_told_to_go(server) for _ in range(CALLERS)))
        assert {status for statuses in found for status in statuses} == {200}
        assert min(statuses.total() for statuses in found) > 1
        assert await asyncio.to_thread(server.process.wait, PATIENCE_S) == 0


def test_keep_alive_setting_is_honoured() -> None:
    with serving(keep_alive_s="6") as server:  # uvicorn's default of 5 s is shorter than that of most proxies
        url = httpx.URL(server.url)
        with socket.create_connection((url.host, url.port or 0), timeout=PATIENCE_S) as connection:
            asked_s = time.monotonic()  # before the server starts its timer
            connection.sendall(b"GET /livez HTTP/1.1\r\nhost: test\r\n\r\n")
            assert connection.recv(1 << 16).startswith(b"HTTP/1.1 200 ")
            while connection.recv(1 << 16):
                pass
            assert time.monotonic() - asked_s > 5.9


@pytest.mark.parametrize("stop", [signal.SIGTERM, signal.SIGINT])
def test_stop_during_load_exits_0(stop: signal.Signals) -> None:
    with serving(ready=False) as server:
        # The engine's thread is in library code and cannot be cancelled.
        server.until("/readyz", lambda answer: answer is not None and bool(answer.json()["models"]))
        server.process.send_signal(stop)
        assert server.process.wait(PATIENCE_S) == 0


def test_sigterm_during_reload_exits_0() -> None:
    with serving(threads="2") as server:  # the layout is tuned, so a load takes time
        server.event("EngineReady", model="starter-sum-de")  # the last engine of the first load
        server.process.send_signal(signal.SIGHUP)
        server.event("EngineReady", model="starter-de-en")  # the reload is now loading the second engine
        server.process.send_signal(signal.SIGTERM)
        assert server.process.wait(PATIENCE_S) == 0


@pytest.mark.usefixtures("programs")
async def test_rolling_restart_loses_no_request() -> None:
    done = await roll(processes=2, requests=300, clients=4)
    assert (done.answers.failed, done.exit_codes) == (0, (0, 0))
    assert done.during > 0
    assert done.answers["200"] >= 300


@pytest.mark.usefixtures("programs")
async def test_redis_outage_fails_no_request() -> None:
    outage = await break_redis(requests=60, clients=4)
    assert outage.answers.failed == 0
    phases = {phase.name: phase for phase in outage.phases}
    assert {name for name, phase in phases.items() if phase.blocked} == {"killed", "paused"}
    for name in ("up", "restored", "resumed"):
        assert phases[name].shared_hits > 0
    for name in ("killed", "paused"):
        assert phases[name].shared_hits == 0
        assert phases[name].requests >= 60
