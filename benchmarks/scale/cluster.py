"""The real thing on loopback: processes of the service, nginx before some of them, and one Redis."""

import asyncio
import contextlib
import shutil
import sys
import tempfile
import time
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path

from prometheus_client.parser import text_string_to_metric_families
from redis.asyncio import Redis
from redis.exceptions import RedisError

from benchmarks.load.server import STOP_LIMIT_S, Server, free_port

PROGRAMS = ("nginx", "redis-server")
REDIS_LIMIT_S = 30.0
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
  upstream depesche {{
    least_conn;
{servers}
    keepalive 32;
  }}
  server {{
    listen 127.0.0.1:{port};
    location / {{
      proxy_pass http://depesche;
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
        url = await stack.enter_async_context(_redis(folder))
        started = [await stack.enter_async_context(_process(url)) for _ in range(processes)]
        client = Redis.from_url(url)
        stack.push_async_callback(client.aclose)
        yield Running(tuple(started), RedisStore(client))


@asynccontextmanager
async def proxy(processes: Sequence[Process]) -> AsyncIterator[Server]:
    """Nginx before these processes; each request goes to the one with the fewest open ones."""
    with tempfile.TemporaryDirectory(prefix="depesche-nginx-") as name:
        port = free_port()
        servers = "\n".join(f"    server 127.0.0.1:{process.port} max_fails=0;" for process in processes)
        config = Path(name) / "nginx.conf"
        config.write_text(NGINX.format(folder=name, port=port, servers=servers), "utf-8")
        command = ["nginx", "-p", name, "-c", str(config), "-e", "stderr"]
        async with Server(command, port, "/readyz", extra={}) as server:
            yield server


@asynccontextmanager
async def _process(redis_url: str) -> AsyncIterator[Process]:
    port, admin_port = free_port(), free_port()
    extra = {
        "DEPESCHE_PORT": str(port),
        "DEPESCHE_ADMIN_PORT": str(admin_port),
        "DEPESCHE_THREADS": "1",
        "DEPESCHE_PROFILE": "embedded",
        "DEPESCHE_REDIS_URL": redis_url,
        "DEPESCHE_LOG_LEVEL": "warning",
    }
    async with Server([sys.executable, "-m", "service", "serve"], port, "/readyz", extra=extra) as server:
        yield Process(port, admin_port, server)


@asynccontextmanager
async def _redis(folder: Path) -> AsyncIterator[str]:
    """A redis-server that keeps nothing on disk; its URL."""
    port = free_port()
    own = ["--port", str(port), "--bind", "127.0.0.1", "--dir", str(folder)]
    quiet = ["--save", "", "--appendonly", "no", "--logfile", str(folder / "redis.log")]
    process = await asyncio.create_subprocess_exec("redis-server", *own, *quiet)
    try:
        await _answers(f"redis://127.0.0.1:{port}/0")
        yield f"redis://127.0.0.1:{port}/0"
    finally:
        process.terminate()
        await asyncio.wait_for(process.wait(), STOP_LIMIT_S)


async def _answers(url: str) -> None:
    end_s = time.monotonic() + REDIS_LIMIT_S
    async with Redis.from_url(url) as client:
        while True:
            try:
                await client.info()
            except (RedisError, OSError) as error:
                if time.monotonic() > end_s:
                    raise SystemExit(f"redis-server did not answer after {REDIS_LIMIT_S} s") from error
                await asyncio.sleep(0.05)
            else:
                return
