"""The Redis of the manifests and of Compose: a real one starts with its arguments, and forgets as it should."""

import shutil
import subprocess
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest
from redis import Redis
from redis.exceptions import RedisError

from tests.k8s.conftest import rendered
from tests.k8s.manifests import containers
from tests.k8s.test_k8s_settings import COMPOSE
from tests.redis_server import PATIENCE_S, PROGRAM, free_port

MIB = 2**20


def of_the_overlay() -> list[str]:
    (found,) = (one for _, _, one in containers(rendered("overlays/redis")) if one["name"] == "redis")
    return [*found["command"], *found["args"]]


@contextmanager
def started(command: list[str], folder: Path) -> Iterator[Redis]:
    """A server by that command, but for its folder, on a free port of loopback."""
    if shutil.which(PROGRAM) is None:
        pytest.skip(f"{PROGRAM} is not installed")
    port = free_port()
    own = ["--port", str(port), "--bind", "127.0.0.1", "--dir", str(folder)]
    process = subprocess.Popen([*command, *own], stdout=subprocess.DEVNULL)
    try:
        yield answering(Redis(port=port, decode_responses=True))
    finally:
        process.kill()
        process.wait()


def answering(client: Redis) -> Redis:
    end = time.monotonic() + PATIENCE_S
    while True:
        try:
            client.ping()
        except RedisError:
            assert time.monotonic() < end
            time.sleep(0.02)
        else:
            return client


def test_it_keeps_nothing_on_disk_and_lets_go_first_what_expires_first(tmp_path: Path) -> None:
    for command, most_mib in ((of_the_overlay(), 384), (COMPOSE["redis"]["command"], 256)):
        assert command[-2:] == ["--dir", "/tmp"]  # noqa: S108 - the container's own
        with started(command, tmp_path) as client:
            assert client.config_get("maxmemory-policy") == {"maxmemory-policy": "volatile-ttl"}
            assert client.config_get("maxmemory") == {"maxmemory": str(most_mib * MIB)}
            assert client.config_get("save") == {"save": ""}
            assert client.config_get("appendonly") == {"appendonly": "no"}
            client.set("key", "value")
        assert list(tmp_path.iterdir()) == []


def test_it_is_granted_more_than_it_fills() -> None:
    (found,) = (one for _, _, one in containers(rendered("overlays/redis")) if one["name"] == "redis")
    most = int(found["args"][found["args"].index("--maxmemory") + 1].removesuffix("mb"))
    assert int(found["resources"]["limits"]["memory"].removesuffix("Mi")) >= most * 1.25  # buffers, fragmentation
