"""The server under test: the real process with the embedded weights, as it ships unless settings say otherwise."""

import sys

from benchmarks.latency.finding import Failed
from benchmarks.load.server import Server, free_port

TRANSLATOR = "starter-de-en"


def subject(**settings: str) -> Server:
    """A server to be used with ``async with``; ``settings`` by their names without prefix, in small letters."""
    port = free_port()
    given = {f"DEPESCHE_{name.upper()}": value for name, value in settings.items()}
    extra = {"DEPESCHE_PORT": str(port), "DEPESCHE_LOG_LEVEL": "warning", **given}
    return Server([sys.executable, "-m", "service", "serve"], port, "/readyz", extra=extra)


async def sample(server: Server, name: str) -> float:
    """The value of one sample of the server's own metrics, by its name and labels as they are written.

    Raises:
        Failed: there is no such sample.
    """
    for line in (await server.http.get("/metrics")).text.splitlines():
        if line.startswith(f"{name} "):
            return float(line.rsplit(" ", 1)[1])
    raise Failed(f"the server's metrics have no {name}")


async def source_tokens(server: Server) -> float:
    """The translation engine's token counter."""
    return await sample(server, f'depesche_source_tokens_total{{model="{TRANSLATOR}"}}')
