"""Tests of clients that read responses too slowly, of signals, and of the duration of a shutdown."""

import asyncio
import signal
import socket
import subprocess
import sys
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from types import SimpleNamespace
from typing import Any

import pytest
import uvicorn

from service.newsroom.lifecycle import Lifecycle
from service.server import ClientTimeoutProtocol, _Server

BYTES = 20_000_000
PATIENCE_S = (
    300.0  # the imports of the process take seconds of processor time, and a busy machine gives it a small share
)
REQUEST = b"GET / HTTP/1.1\r\nHost: a\r\n\r\n"


async def _large(scope: Any, receive: Any, send: Any) -> None:
    del receive
    if scope["type"] == "http":
        await send({"type": "http.response.start", "status": 200, "headers": []})
        await send({"type": "http.response.body", "body": bytes(BYTES)})


@asynccontextmanager
async def _serving(timeout_s: float) -> AsyncIterator[tuple[uvicorn.Server, int]]:
    protocol = type("Protocol", (ClientTimeoutProtocol,), {"write_timeout_s": timeout_s})
    listening = socket.create_server(("127.0.0.1", 0))
    server = uvicorn.Server(uvicorn.Config(_large, http=protocol, lifespan="off", log_config=None))
    serving = asyncio.create_task(server.serve(sockets=[listening]))
    try:
        yield server, listening.getsockname()[1]
    finally:
        server.should_exit = True
        await serving


async def _connected(port: int) -> socket.socket:
    client = socket.socket()
    client.settimeout(0)
    loop = asyncio.get_running_loop()
    await loop.sock_connect(client, ("127.0.0.1", port))
    await loop.sock_sendall(client, REQUEST)
    return client


async def test_client_that_does_not_read_is_cut() -> None:
    async with _serving(0.4) as (server, port):
        with await _connected(port):
            await asyncio.sleep(0.2)
            assert len(server.server_state.connections) == 1
            begun_s = time.monotonic()
            while server.server_state.connections and time.monotonic() - begun_s < 10:  # noqa: ASYNC110 - no event
                await asyncio.sleep(0.05)
            assert not server.server_state.connections


async def test_client_that_reads_slowly_gets_everything() -> None:
    async with _serving(0.4) as (_, port):
        with await _connected(port) as client:
            received = 0
            while part := await asyncio.get_running_loop().sock_recv(client, BYTES // 40):
                received += len(part)
                if received >= BYTES:
                    break
                await asyncio.sleep(0.02)
            assert received >= BYTES


@pytest.fixture
def server() -> Any:
    """Return a server with a fake service that counts its reloads. Each reload takes two turns of the event loop."""
    reloads: list[int] = []

    async def reload() -> None:
        reloads.append(1)
        await asyncio.sleep(0)
        await asyncio.sleep(0)

    newsroom: Any = SimpleNamespace(lifecycle=Lifecycle(), reload=reload, models=(), reloads=reloads)
    return _Server(uvicorn.Config(_large, log_config=None), newsroom, None, 1.0, [])


async def test_many_sighups_cause_two_reloads(server: Any) -> None:
    server._begin_reload()
    await asyncio.sleep(0)
    for _ in range(60):
        server._begin_reload()
    await server._reloading
    assert len(server._newsroom.reloads) == 2


STUCK = """
import asyncio, threading, time
from types import SimpleNamespace
import uvicorn
from service.newsroom.lifecycle import Lifecycle
from service.server import _Server, _exit
import signal, socket

async def app(scope, receive, send):
    if scope["type"] == "http":
        print("started", flush=True)
        await asyncio.get_running_loop().run_in_executor(None, time.sleep, 60)

signal.signal(signal.SIGTERM, _exit)
config = uvicorn.Config(app, port=PORT, lifespan="off", log_config=None)
main = socket.create_server(("127.0.0.1", PORT))
_Server(config, SimpleNamespace(lifecycle=Lifecycle()), None, 0.5, []).run([main])
"""


@pytest.mark.slow
def test_sigterm_ends_the_process_while_a_thread_is_stuck() -> None:
    with socket.create_server(("127.0.0.1", 0)) as free:
        port = free.getsockname()[1]
    command = [sys.executable, "-c", STUCK.replace("PORT", str(port))]
    with subprocess.Popen(command, stdout=subprocess.PIPE) as process:
        try:
            with _when_open(port) as client:
                client.sendall(REQUEST)
                assert process.stdout is not None
                assert process.stdout.readline() == b"started\n"
                begun_s = time.monotonic()
                process.send_signal(signal.SIGTERM)
                assert process.wait(50) == 0
                assert time.monotonic() - begun_s < 45  # the thread sleeps for 60 s
        finally:
            process.kill()


def _when_open(port: int) -> socket.socket:
    end_s = time.monotonic() + PATIENCE_S
    while True:
        try:
            return socket.create_connection(("127.0.0.1", port))
        except ConnectionRefusedError:
            if time.monotonic() > end_s:
                raise
            time.sleep(0.05)
