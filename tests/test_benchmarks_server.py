"""Tests that the ports for the benchmarks' servers are free, and that no two processes get the same port."""

import socket
import subprocess
import sys

import pytest

from benchmarks import server
from benchmarks.server import LOOPBACK, ROOT, environment, free_port

# Three processes take twelve of forty ports each. Without claims, two of them would nearly always share a port.
ASKING = """
import sys
from benchmarks import server
server.PORTS = range(int(sys.argv[1]), int(sys.argv[1]) + 40)
print(*(server.free_port() for _ in range(12)), flush=True)
sys.stdin.read()
"""


@pytest.mark.slow
def test_processes_get_different_ports() -> None:
    command = [sys.executable, "-c", ASKING, str(server.PORTS.stop - 100)]
    asking = [
        subprocess.Popen(
            command, cwd=ROOT, env=environment({}), stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
        )
        for _ in range(3)
    ]
    given = []
    for process in asking:
        assert process.stdout is not None
        given += process.stdout.readline().split()
    for process in asking:
        process.communicate()
    assert len(set(given)) == len(given) == 36


def test_port_in_use_is_not_given(monkeypatch: pytest.MonkeyPatch) -> None:
    port = free_port()
    monkeypatch.setattr(server, "PORTS", range(port, port + 1))
    monkeypatch.setattr(server, "_claim", lambda _: True)
    assert free_port() == port
    with socket.create_server((LOOPBACK, port)), pytest.raises(RuntimeError, match=f"from {port} to {port}"):
        free_port()


def test_port_is_given_once(monkeypatch: pytest.MonkeyPatch) -> None:
    port = free_port()
    monkeypatch.setattr(server, "PORTS", range(port, port + 1))
    with pytest.raises(RuntimeError):
        free_port()
