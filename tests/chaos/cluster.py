"""Processes of the service on the loopback address, with nginx in front of them, for tests of rolling updates.

While nginx is running, a test creates a file named after a port to stop new requests to this port. If nginx reloaded
its configuration instead, it would close the connections of callers, sometimes in the middle of a request. With the
file, these connections stay open. The connections between nginx and the process that is stopping also stay open, as
between a proxy and a Kubernetes pod.
"""

import contextlib
import os
import shutil
import sys
import tempfile
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path

from prometheus_client.parser import text_string_to_metric_families

from benchmarks.server import Server, free_port

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
    """The error that a program which the test needs is not installed."""


def require_programs() -> None:
    """Raise an exception if nginx or redis-server is not installed.

    Raises:
        Missing: a program is not installed. The message names it.
    """
    missing = [program for program in PROGRAMS if shutil.which(program) is None]
    if missing:
        raise Missing(f"{' and '.join(missing)} must be installed")


@dataclass(frozen=True, slots=True)
class Process:
    """A running process of the service, with its main port and its administration port."""

    port: int
    admin_port: int
    server: Server

    async def samples(self) -> dict[str, float]:
        """Return the value of each metric of the process.

        A key is ``name`` or ``name{label=value,…}`` with sorted labels.
        """
        text = (await self.server.http.get("/metrics")).raise_for_status().text
        families = text_string_to_metric_families(text)
        return {_named(one.name, one.labels): one.value for family in families for one in family.samples}


def _named(name: str, labels: dict[str, str]) -> str:
    inner = ",".join(f"{key}={value}" for key, value in sorted(labels.items()))
    return f"{name}{{{inner}}}" if inner else name


@asynccontextmanager
async def nginx(upstreams: str, route: str, folder: Path) -> AsyncIterator[Server]:
    """Start nginx, wait until a process behind it is ready, and yield nginx's server.

    Stop nginx after the ``with`` block.

    ``upstreams`` and ``route`` are parts of nginx's configuration: the groups of ports, and the directives that select
    a group for a request. ``folder`` is the folder for nginx's files.
    """
    port = free_port()
    config = folder / "nginx.conf"
    config.write_text(NGINX.format(folder=folder, port=port, upstreams=upstreams, route=route), "utf-8")
    command = ["nginx", "-p", str(folder), "-c", str(config), "-e", "stderr"]
    async with Server(command, port, "/readyz", extra={}) as server:
        yield server


def upstream(name: str, ports: Sequence[int]) -> str:
    """Return the configuration of an nginx upstream. It sends each request to the port with the fewest connections."""
    servers = " ".join(f"server 127.0.0.1:{port} max_fails=0;" for port in ports)
    return f"  upstream {name} {{ least_conn; {servers} keepalive 32; }}\n"


@asynccontextmanager
async def process(port: int, redis_url: str | None, **settings: str) -> AsyncIterator[Process]:
    """Start a process of the service with the tiny test models, and yield it when it is ready.

    The process uses one thread per engine, and stops after the ``with`` block. ``settings`` are environment variables
    in lower case, without the prefix ``DEPESCHE_``. If ``redis_url`` is None, the process uses no Redis.
    """
    admin_port = free_port()
    given = {f"DEPESCHE_{name.upper()}": value for name, value in settings.items()}
    shared = {} if redis_url is None else {"DEPESCHE_REDIS_URL": redis_url, "DEPESCHE_CACHE_SEAL_KEY": "none"}
    extra = {
        "DEPESCHE_PORT": str(port),
        "DEPESCHE_ADMIN_PORT": str(admin_port),
        "DEPESCHE_THREADS": "1",
        "DEPESCHE_PROFILE": "embedded",
        "DEPESCHE_MODELS_DIR": os.environ["DEPESCHE_MODELS_DIR"],  # set by `tests/conftest.py`
        "DEPESCHE_LOG_LEVEL": "warning",
        **shared,
        **given,
    }
    async with Server([sys.executable, "-m", "service", "serve"], port, "/readyz", extra=extra) as server:
        yield Process(port, admin_port, server)


class Endpoints:
    """The set of ports to which nginx sends new requests. ``url`` is the URL of nginx."""

    def __init__(self, url: str, folder: Path) -> None:
        self.url = url
        self._folder = folder

    def take_out(self, port: int) -> None:
        """Stop sending new requests to ``port``."""
        (self._folder / str(port)).touch()

    def put_back(self, port: int) -> None:
        """Start sending new requests to ``port`` again."""
        (self._folder / str(port)).unlink()


@asynccontextmanager
async def endpoints(ports: Sequence[int]) -> AsyncIterator[Endpoints]:
    """Start nginx in front of two or more ports, and yield the set of ports that it uses.

    At least one port must be ready.
    """
    async with contextlib.AsyncExitStack() as stack:
        folder = Path(stack.enter_context(tempfile.TemporaryDirectory(prefix="depesche-nginx-")))
        folder.chmod(0o755)  # noqa: ASYNC240 - does not wait; nginx reads the files as another user
        server = await stack.enter_async_context(nginx(_upstreams(ports), _route(folder), folder))
        yield Endpoints(str(server.http.base_url), folder)


def _upstreams(ports: Sequence[int]) -> str:
    """Return the configuration of two upstreams for each port: one with the port itself, and one with all other ports.

    nginx selects the port for a request by hashing the id of the request.
    """
    shares = "".join(f" {100 / len(ports):.2f}% {port};" for port in ports[:-1])
    split = f"  split_clients $request_id $port {{{shares} * {ports[-1]}; }}\n"
    alone = "".join(upstream(f"only{port}", [port]) for port in ports)
    return split + alone + "".join(upstream(f"not{port}", [one for one in ports if one != port]) for port in ports)


def _route(folder: Path) -> str:
    return f"set $to only; if (-f {folder}/$port) {{ set $to not; }} proxy_pass http://$to$port;"
