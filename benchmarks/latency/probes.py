"""The liveness probe while the server has all the work that it can do."""

import asyncio
from collections.abc import Sequence
from itertools import cycle

from benchmarks.latency.arrivals import no_collection, steady
from benchmarks.latency.finding import Failed, Finding, quantile
from benchmarks.latency.plan import Plan
from benchmarks.latency.subject import subject
from benchmarks.load.articles import Article, read
from benchmarks.load.server import Server
from benchmarks.load.system import NO_STORE

ARTICLES_A_CLIENT = 4
RATE_PER_S = 20.0
MOST_MS = {50: None, 95: 50.0, 99: 150.0}
SETTLE_S = 2.0


async def measure(plan: Plan) -> list[Finding]:
    """Percentiles of ``/livez`` at a fixed rate, each on a connection of its own as probes are, beside closed loops.

    Raises:
        ExceptionGroup: a request or a probe failed.
    """
    articles = read(plan.data, ARTICLES_A_CLIENT * plan.clients, plan.seed)
    async with subject() as server, asyncio.TaskGroup() as group:
        # No two clients have an article in common: the same work at the same time is done once.
        mine = [articles[number :: plan.clients] for number in range(plan.clients)]
        clients = [group.create_task(_saturate(server, some)) for some in mine]
        await asyncio.sleep(SETTLE_S)
        with no_collection():
            seconds = await steady(lambda: _probe(server), RATE_PER_S, plan.seconds)
        for client in clients:
            client.cancel()
    spread = (round(min(seconds) * 1000, 2), round(max(seconds) * 1000, 2))
    what = f"/livez beside {plan.clients} clients"
    return [
        Finding("probes", f"{what}, p{percent}", "ms", round(quantile(seconds, percent) * 1000, 2), *spread, most_ms)
        for percent, most_ms in MOST_MS.items()
    ]


async def _saturate(server: Server, articles: Sequence[Article]) -> None:
    """Ask for one article after the other until cancelled."""
    for article in cycle(articles):
        await server.post("/v1/translate", {"text": article.text}, NO_STORE)


async def _probe(server: Server) -> None:
    """One probe without a client library, whose own work would be in the figure."""
    url = server.http.base_url
    reader, writer = await asyncio.open_connection(url.host, url.port)
    writer.write(b"GET /livez HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n")
    answer = await reader.read()
    writer.close()
    if not answer.startswith(b"HTTP/1.1 200 "):
        raise Failed(f"/livez answered {answer[:80]!r}")
