"""Tests that Redis starts as configured in the manifests and in Compose, and stores nothing on disk."""

import shutil
import subprocess
import time
from collections.abc import Iterator
from contextlib import contextmanager
from ipaddress import ip_address, ip_network
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import pytest
from redis import Redis
from redis.exceptions import AuthenticationError, RedisError

from tests.api.both import both
from tests.k8s.conftest import rendered
from tests.k8s.manifests import containers, named, of_kind, service_container, settings
from tests.k8s.test_k8s_settings import COMPOSE
from tests.redis_server import PATIENCE_S, PROGRAM, free_port

MIB = 2**20
PASSWORD = "0123456789abcdef"  # noqa: S105 - of the servers that these tests start
VARIABLES = {"$(DEPESCHE_REDIS_PASSWORD)", "${DEPESCHE_REDIS_PASSWORD:?}"}


def of_the_overlay(name: str) -> list[str]:
    (found,) = (one for _, _, one in containers(rendered("overlays/redis")) if one["name"] == name)
    return [*found["command"], *found["args"]]


@contextmanager
def started(command: list[str], folder: Path) -> Iterator[Redis]:
    """Start Redis with ``command`` on a free port and with its files in ``folder``, and yield a client."""
    if shutil.which(PROGRAM) is None:
        pytest.skip(f"{PROGRAM} is not installed")
    port = free_port()
    own = ["--port", str(port), "--bind", "127.0.0.1", "--dir", str(folder)]
    given = [PASSWORD if one in VARIABLES else one for one in command]  # as Kubernetes and Compose do
    process = subprocess.Popen([*given, *own], stdout=subprocess.DEVNULL)
    try:
        yield answering(Redis(port=port, password=PASSWORD, decode_responses=True))
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


@pytest.mark.slow
@pytest.mark.parametrize(
    ("name", "policy", "mib"), [("redis", "volatile-ttl", (384, 256)), ("rates", "noeviction", (64, 64))]
)
def test_redis_persists_nothing(tmp_path: Path, name: str, policy: str, mib: tuple[int, int]) -> None:
    """Check that Redis stores nothing on disk, and that its eviction policy and memory limit are as expected.

    Redis is started as in the overlay and as in Compose. ``mib`` contains the two memory limits in MiB.
    """
    for command, most_mib in zip((of_the_overlay(name), COMPOSE[name]["command"]), mib, strict=True):
        assert command[-4:-2] == ["--dir", "/tmp"]  # noqa: S108 - the container's own
        with started(command, tmp_path) as client:
            assert client.config_get("maxmemory-policy") == {"maxmemory-policy": policy}
            assert client.config_get("maxmemory") == {"maxmemory": str(most_mib * MIB)}
            assert client.config_get("save") == {"save": ""}
            assert client.config_get("appendonly") == {"appendonly": "no"}
            client.set("key", "value")
            with pytest.raises(AuthenticationError):
                Redis(port=client.get_connection_kwargs()["port"]).ping()
        assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize("name", ["redis", "rates"])
def test_memory_limit_exceeds_maxmemory(name: str) -> None:
    (found,) = (one for _, _, one in containers(rendered("overlays/redis")) if one["name"] == name)
    most = int(found["args"][found["args"].index("--maxmemory") + 1].removesuffix("mb"))
    assert int(found["resources"]["limits"]["memory"].removesuffix("Mi")) >= most * 1.25  # buffers and fragmentation


def test_pods_may_reach_both_redises() -> None:
    manifests = rendered("overlays/redis")
    called = {urlsplit(settings(manifests)[f"DEPESCHE_{one}REDIS_URL"]).hostname for one in ("", "RATE_")}
    assert called == {"depesche-redis", "depesche-rates"}
    assert called <= {one["metadata"]["name"] for one in of_kind(manifests, "Service")}
    rules = named(manifests, "NetworkPolicy")["spec"]["egress"]
    peers = {peer["podSelector"]["matchLabels"]["app.kubernetes.io/name"] for peer in rules[-1]["to"]}
    assert peers == called


@pytest.mark.parametrize("name", ["redis", "rates"])
def test_redis_password_is_in_the_secret_of_the_service(name: str) -> None:
    (found,) = (one for _, _, one in containers(rendered("overlays/redis")) if one["name"] == name)
    sources = {one["name"]: one["valueFrom"]["secretKeyRef"] for one in found["env"]}
    assert set(sources) == {"DEPESCHE_REDIS_PASSWORD", "REDISCLI_AUTH"}  # the second one is for the readiness probe
    (secret,) = (
        one["secretRef"] for one in service_container(rendered("overlays/redis"))["envFrom"] if "secretRef" in one
    )
    for source in sources.values():
        assert source == {"name": secret["name"], "key": "DEPESCHE_REDIS_PASSWORD"}


def test_pull_job_reaches_no_private_address() -> None:
    rule = named(rendered("models"), "NetworkPolicy", "depesche-models")["spec"]["egress"][-1]
    for peer in rule["to"]:
        whole, excluded = ip_network(peer["ipBlock"]["cidr"]), list(map(ip_network, peer["ipBlock"]["except"]))
        for private in ("10.1.2.3", "172.20.0.1", "192.168.0.1", "169.254.169.254", "100.64.0.1", "fd00::1", "fe80::1"):
            address = ip_address(private)
            assert address not in whole or any(address in one for one in excluded)


async def test_password_setting_is_used_for_both_redises(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    with started(of_the_overlay("redis"), tmp_path) as client:
        url = f"redis://127.0.0.1:{client.get_connection_kwargs()['port']}/0"
        given: dict[str, Any] = {
            "redis_url": url,
            "redis_password": PASSWORD,
            "redis_timeout_ms": 30_000,
            "rate_requests": "9/hour",
        }
        async with both(monkeypatch, **given) as ports:
            assert (await ports.translate("Der Zug fährt heute nicht.")).is_success
        keys = Redis(port=client.get_connection_kwargs()["port"], password=PASSWORD).scan_iter()
        assert {key.split(b":")[0] for key in keys} == {b"depesche", b"depesche-rate"}
