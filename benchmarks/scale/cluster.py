"""The real thing on loopback: processes of the service, nginx before some of them, and one Redis."""

import contextlib
import shutil
import sys
import tempfile
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path

from prometheus_client.parser import text_string_to_metric_families
from redis.asyncio import Redis

from benchmarks.load.server import Server, free_port
from benchmarks.redis_server import RedisServer

PROGRAMS = ("nginx", "redis-server")
NGINX = """
worker_processes 1;
daemon off;
pid {folder}/nginx.pid;
error_log stderr warn;
events {{ worker_connections 1024; }}
http {{
  access_log off;
  client_max_body_size 4m;
  client_body_buffer_size 1m;
  client_body_temp_path {folder}/body;
  proxy_temp_path {folder}/proxy;
  fastcgi_temp_path {folder}/fastcgi;
  uwsgi_temp_path {folder}/uwsgi;
  scgi_temp_path {folder}/scgi;
{upstreams}
  server {{
    listen 127.0.0.1:{port};
    location / {{
      {route}
      proxy_http_version 1.1;
      proxy_set_header Connection "";
      proxy_buffers 16 64k;
      proxy_read_timeout 150s;
    }}
  }}
}}
"""


class Missing(Exception):
    """A program that the measured run needs is not installed."""


def require_programs() -> None:
    """Raises Missing, which names those that are not installed."""
    missing = [program for program in PROGRAMS if shutil.which(program) is None]
    if missing:
        raise Missing(f"{' and '.join(missing)} must be installed for the measured run")


@dataclass(frozen=True, slots=True)
class Process:
    """One process of the service: where it is asked, and where it is administered."""

    port: int
    admin_port: int
    server: Server

    async def samples(self) -> dict[str, float]:
        """Its metrics: values by name and labels, as ``name`` or ``name{label=value,…}`` with labels in order."""
        text = (await self.server.http.get("/metrics")).raise_for_status().text
        families = text_string_to_metric_families(text)
        return {_named(one.name, one.labels): one.value for family in families for one in family.samples}

    async def forget(self) -> None:
        """Empty its memory and what is in Redis."""
        url = f"http://127.0.0.1:{self.admin_port}/admin/cache/purge"
        (await self.server.http.post(url, json={"all": True})).raise_for_status()


def _named(name: str, labels: dict[str, str]) -> str:
    inner = ",".join(f"{key}={value}" for key, value in sorted(labels.items()))
    return f"{name}{{{inner}}}" if inner else name


@dataclass(frozen=True, slots=True)
class RedisStore:
    """The Redis that all processes share."""

    client: Redis

    async def figures(self) -> dict[str, float]:
        """Its own counters: bytes of memory, seconds of processor time, commands, bytes in and out."""
        info = await self.client.info()
        return {
            "memory_bytes": float(info["used_memory"]),
            "core_s": float(info["used_cpu_user"]) + float(info["used_cpu_sys"]),
            "commands": float(info["total_commands_processed"]),
            "traffic_bytes": float(info["total_net_input_bytes"]) + float(info["total_net_output_bytes"]),
        }


@dataclass(frozen=True, slots=True)
class Running:
    """All processes, up and ready, and their Redis."""

    processes: tuple[Process, ...]
    store: RedisStore

    async def forget(self) -> None:
        """Empty every cache."""
        for process in self.processes:
            await process.forget()


@asynccontextmanager
async def running(processes: int) -> AsyncIterator[Running]:
    """So many processes of one thread an engine, started one after the other, with one new Redis.

    Raises:
        Missing: nginx or redis-server is not installed.
    """
    require_programs()
    async with contextlib.AsyncExitStack() as stack:
        folder = Path(stack.enter_context(tempfile.TemporaryDirectory(prefix="depesche-scale-")))
        redis = RedisServer(folder)
        stack.callback(redis.kill)
        redis.start()
        started = [await stack.enter_async_context(process(free_port(), redis.url)) for _ in range(processes)]
        client = Redis.from_url(redis.url)
        stack.push_async_callback(client.aclose)
        yield Running(tuple(started), RedisStore(client))


@asynccontextmanager
async def nginx(upstreams: str, route: str, folder: Path) -> AsyncIterator[Server]:
    """Nginx with these upstreams and this way to them, asked for ``/readyz`` until one of them is ready."""
    port = free_port()
    config = folder / "nginx.conf"
    config.write_text(NGINX.format(folder=folder, port=port, upstreams=upstreams, route=route), "utf-8")
    command = ["nginx", "-p", str(folder), "-c", str(config), "-e", "stderr"]
    async with Server(command, port, "/readyz", extra={}) as server:
        yield server


def upstream(name: str, ports: Sequence[int]) -> str:
    """An upstream of these ports; each request goes to the one with the fewest open ones."""
    servers = " ".join(f"server 127.0.0.1:{port} max_fails=0;" for port in ports)
    return f"  upstream {name} {{ least_conn; {servers} keepalive 32; }}\n"


@asynccontextmanager
async def proxy(processes: Sequence[Process]) -> AsyncIterator[Server]:
    """Nginx before these processes."""
    ports = [process.port for process in processes]
    with tempfile.TemporaryDirectory(prefix="depesche-nginx-") as name:
        async with nginx(upstream("depesche", ports), "proxy_pass http://depesche;", Path(name)) as server:
            yield server


@asynccontextmanager
async def process(port: int, redis_url: str | None, **settings: str) -> AsyncIterator[Process]:
    """One process of one thread an engine, ready; ``settings`` by their names without prefix, in small letters."""
    admin_port = free_port()
    given = {f"DEPESCHE_{name.upper()}": value for name, value in settings.items()}
    shared = {} if redis_url is None else {"DEPESCHE_REDIS_URL": redis_url}
    extra = {
        "DEPESCHE_PORT": str(port),
        "DEPESCHE_ADMIN_PORT": str(admin_port),
        "DEPESCHE_THREADS": "1",
        "DEPESCHE_PROFILE": "embedded",
        "DEPESCHE_LOG_LEVEL": "warning",
        **shared,
        **given,
    }
    async with Server([sys.executable, "-m", "service", "serve"], port, "/readyz", extra=extra) as server:
        yield Process(port, admin_port, server)
