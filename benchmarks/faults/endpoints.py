"""Nginx whose endpoints are taken out and put back while it runs: a file for each one that gets no new requests.

A reload of its configuration would do the same, but then nginx itself closes its callers' connections, now and then
with a request on the way. Here they stay open, and so do nginx's own to the process that is about to end, as those of
proxies before Kubernetes' pods do.
"""

import contextlib
import tempfile
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from pathlib import Path

from benchmarks.scale.cluster import nginx, upstream


class Endpoints:
    """The ports that requests are spread over, those that were taken out excepted."""

    def __init__(self, url: str, folder: Path) -> None:
        self.url = url
        self._folder = folder

    def take_out(self, port: int) -> None:
        """No new request goes there."""
        (self._folder / str(port)).touch()

    def put_back(self, port: int) -> None:
        """It gets its part again."""
        (self._folder / str(port)).unlink()


@asynccontextmanager
async def endpoints(ports: Sequence[int]) -> AsyncIterator[Endpoints]:
    """Nginx before two or more ports, up, and one of them ready."""
    async with contextlib.AsyncExitStack() as stack:
        folder = Path(stack.enter_context(tempfile.TemporaryDirectory(prefix="depesche-nginx-")))
        folder.chmod(0o755)  # noqa: ASYNC240 - no wait; started by root, nginx looks for the files as somebody else
        server = await stack.enter_async_context(nginx(_upstreams(ports), _route(folder), folder))
        yield Endpoints(str(server.http.base_url), folder)


def _upstreams(ports: Sequence[int]) -> str:
    """By a request's random number one port, which is alone in its upstream, and all others in a second one."""
    shares = "".join(f" {100 / len(ports):.2f}% {port};" for port in ports[:-1])
    split = f"  split_clients $request_id $port {{{shares} * {ports[-1]}; }}\n"
    alone = "".join(upstream(f"only{port}", [port]) for port in ports)
    return split + alone + "".join(upstream(f"not{port}", [one for one in ports if one != port]) for port in ports)


def _route(folder: Path) -> str:
    return f"set $to only; if (-f {folder}/$port) {{ set $to not; }} proxy_pass http://$to$port;"
