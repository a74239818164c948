"""The parts of the latency benchmark. Each part measures a running server in one round and returns figures by name.

`TARGETS` contains the maximum allowed values of the figures. They apply to two cores and the embedded models.
"""

import asyncio
import json
import time
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import httpx

from benchmarks.articles import Article, Articles
from benchmarks.checkout import Checkout
from benchmarks.figures import percentile
from benchmarks.latency.arrivals import no_collection, steady
from benchmarks.load import wrk
from benchmarks.load.wrk import Failed
from benchmarks.server import NO_STORE, Server

EDIT_SENTENCES, MOST_DONE_AGAIN = 40, 3  # the edited sentence, and up to two sentences that use it as context
HITS_PER_S, HIT_SENTENCES, WARM_UP_S = 50.0, 20, 2.0
PROBES_PER_S, SETTLE_S, MOST_ARTICLES_A_S = 20.0, 2.0, 100
SHORT_ARTICLES, SHORT_SENTENCES, LONG_SENTENCES = 50, 5, 2_000
STREAM_SENTENCES = 20
MEMORY_STEPS, MEMORY_SENTENCES, LOOK_S = 12, 10, 0.1
MIB = 2**20
ENDPOINTS = {"/v1/translate": "text", "/v1/articles": "body"}
EDIT = f"one of {EDIT_SENTENCES} sentences edited / the whole article"
NEIGHBOUR = f"p95 of {SHORT_ARTICLES} short articles: next to a long one / alone"
GROWTH = "highest resident memory: growth from a sixth of the articles to the last, %"
START = "start to ready, s"
TARGETS = {
    EDIT: 0.25,
    NEIGHBOUR: 3.0,
    GROWTH: 5.0,
    START: 5.0,
    "/livez under load, p95, ms": 50.0,
    "/livez under load, p99, ms": 150.0,
    **{f"{path} from the cache, p99, ms": 10.0 for path in ENDPOINTS},
}


@dataclass(frozen=True, slots=True)
class Plan:
    """The articles and the parameters of the benchmark.

    ``seconds`` is the time for which each part sends requests at a fixed rate. ``clients`` is the number of concurrent
    clients that saturate the server. ``memory_articles`` is the number of articles in the part `memory`.
    """

    articles: Articles
    seconds: float = 20.0
    clients: int = 16
    memory_articles: int = 3_000


async def edit(plan: Plan, _: Checkout, server: Server, number: int) -> dict[str, float]:
    """Measure the time to translate a new article, and then the same article with one sentence edited.

    ``number`` is the number of the round.

    Raises:
        Failed: the service did not split the article into its sentences, a sentence of the new article was already
            cached, or more than `MOST_DONE_AGAIN` sentences of the edited article were translated again.
    """
    (article,) = plan.articles.take(f"edit {number}", 1, EDIT_SENTENCES, EDIT_SENTENCES)
    changed = article.edited(EDIT_SENTENCES // 2)
    whole_s, cached = await _translated(server, article)
    edited_s, cached_then = await _translated(server, changed)
    if cached != 0 or cached_then < EDIT_SENTENCES - MOST_DONE_AGAIN:
        raise Failed(f"{cached} of {EDIT_SENTENCES} sentences were cached before the edit, {cached_then} after it")
    return {EDIT: edited_s / whole_s, "the whole article, s": whole_s, "with one sentence edited, s": edited_s}


async def _translated(server: Server, article: Article) -> tuple[float, int]:
    """Translate ``article``.

    Return the seconds that the request took, and the number of sentences taken from the cache.

    Raises:
        Failed: the service did not split the article into its sentences.
    """
    started_s = time.perf_counter()
    answer = await server.post("/v1/translate", {"text": article.text}, {})
    seconds = time.perf_counter() - started_s
    (translation,) = answer["translations"]
    if translation["cached"]["of"] != len(article.sentences):
        raise Failed(f"{len(article.sentences)} sentences were sent, but {translation['cached']['of']} were found")
    return seconds, translation["cached"]["sentences"]


async def hits(plan: Plan, _: Checkout, server: Server, number: int) -> dict[str, float]:
    """Measure the latency of ``/v1/translate`` and ``/v1/articles`` for a cached article, requested at a fixed rate.

    ``number`` is the number of the round.

    Raises:
        Failed: the first request for the article failed, or the engine processed text, although the article was cached.
        ExceptionGroup: a later request failed.
    """
    (article,) = plan.articles.take(f"hits {number}", 1, HIT_SENTENCES, HIT_SENTENCES)
    found: dict[str, float] = {}
    for path, name in ENDPOINTS.items():
        ask = _asking(server, path, {name: article.text})
        await ask()
        before = await server.sample("depesche_source_tokens_total")
        with no_collection():
            await steady(ask, HITS_PER_S, min(WARM_UP_S, plan.seconds))
            seconds = await steady(ask, HITS_PER_S, plan.seconds)
        if await server.sample("depesche_source_tokens_total") != before:
            raise Failed(f"{path}: the engine ran, although the article was cached")
        for percent in (50, 99):
            found[f"{path} from the cache, p{percent}, ms"] = percentile(seconds, percent) * 1000
    return found


def _asking(server: Server, path: str, body: dict[str, Any]) -> Callable[[], Awaitable[None]]:
    """Return a function that sends ``body`` to ``path``, and raises `Failed` if the status is not 200.

    The body is encoded only once, and the response is not parsed.
    """
    content = json.dumps(body).encode()

    async def ask() -> None:
        answer = await server.http.post(path, content=content, headers={"Content-Type": "application/json"})
        if answer.status_code != httpx.codes.OK:
            raise Failed(f"{path} returned {answer.status_code}")

    return ask


async def probes(plan: Plan, _: Checkout, server: Server, number: int) -> dict[str, float]:
    """Measure the latency of ``/livez`` at a fixed rate of requests, while other clients saturate the server.

    Each request opens a new connection. ``number`` is the number of the round.

    Raises:
        ExceptionGroup: a request failed, or the other clients had too few articles to keep the server busy.
    """
    articles = plan.articles.take(f"probes {number}", MOST_ARTICLES_A_S * round(plan.seconds + 2 * SETTLE_S))
    bodies = [{"text": article.text} for article in articles]
    url, enough = str(server.http.base_url.join("/v1/translate")), asyncio.Event()
    async with asyncio.TaskGroup() as group:
        load = group.create_task(wrk.closed_loop(url, bodies, plan.clients, len(bodies), enough))
        await asyncio.sleep(SETTLE_S)
        with no_collection():
            seconds = await steady(lambda: _probe(server), PROBES_PER_S, plan.seconds)
        if load.done():
            raise Failed("the load ended before the probes")
        enough.set()
    return {f"/livez under load, p{percent}, ms": percentile(seconds, percent) * 1000 for percent in (50, 95, 99)}


async def _probe(server: Server) -> None:
    """Request ``/livez`` over a plain socket, because an HTTP client library would add to the measured latency.

    Raises:
        Failed: the status is not 200.
    """
    url = server.http.base_url
    reader, writer = await asyncio.open_connection(url.host, url.port)
    writer.write(b"GET /livez HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n")
    answer = await reader.read()
    writer.close()
    if not answer.startswith(b"HTTP/1.1 200 "):
        raise Failed(f"/livez returned {answer[:80]!r}")


async def neighbour(plan: Plan, _: Checkout, server: Server, number: int) -> dict[str, float]:
    """Measure how much a long article slows down several short ones, which are sent together directly after it.

    The figure is the 95th percentile of the latency of the short articles, divided by the same percentile without the
    long article. ``number`` is the number of the round.
    """
    (long,) = plan.articles.take(f"long {number}", 1, LONG_SENTENCES, LONG_SENTENCES)
    short = plan.articles.take(f"short {number}", SHORT_ARTICLES, SHORT_SENTENCES, SHORT_SENTENCES)
    alone_s = await _p95_s(server, short)
    leaving = asyncio.create_task(server.post("/v1/translate", {"text": long.text}, NO_STORE))
    await asyncio.sleep(0)
    beside_s = await _p95_s(server, short)
    leaving.cancel()
    await asyncio.gather(leaving, return_exceptions=True)
    return {NEIGHBOUR: beside_s / alone_s}


async def _p95_s(server: Server, articles: Sequence[Article]) -> float:
    async def timed(article: Article) -> float:
        started_s = time.perf_counter()
        await server.post("/v1/translate", {"text": article.text}, NO_STORE)
        return time.perf_counter() - started_s

    return percentile(await asyncio.gather(*map(timed, articles)), 95)


async def stream(plan: Plan, _: Checkout, server: Server, number: int) -> dict[str, float]:
    """Stream a new article as server-sent events. Measure the time to the first sentence and to the result.

    ``number`` is the number of the round.

    Raises:
        Failed: the stream contained no sentence or no result.
    """
    (article,) = plan.articles.take(f"stream {number}", 1, STREAM_SENTENCES, STREAM_SENTENCES)
    headers = {"Accept": "text/event-stream", **NO_STORE}
    first_s: dict[str, float] = {}
    started_s = time.perf_counter()
    async with server.http.stream("POST", "/v1/articles", json={"body": article.text}, headers=headers) as answer:
        async for line in answer.aiter_lines():
            if line.startswith("event: "):
                first_s.setdefault(line.removeprefix("event: "), time.perf_counter() - started_s)
    if not {"sentence", "result"} <= first_s.keys():
        raise Failed(f"the stream contained only the events {sorted(first_s)}")
    return {"streamed article, first sentence, s": first_s["sentence"], "streamed article, end, s": first_s["result"]}


async def memory(plan: Plan, _: Checkout, server: Server, number: int) -> dict[str, float]:
    """Measure by how many per cent resident memory grows while different articles are translated with a small cache.

    The articles are divided into groups of equal size. The growth is measured from the second group to the last. It
    compares the maxima of these groups, because the process sometimes frees memory and allocates it again. ``number``
    is the number of the round.
    """
    step = max(1, plan.memory_articles // MEMORY_STEPS)
    highest_mib: list[float] = []
    for at in range(MEMORY_STEPS):
        articles = plan.articles.take(f"memory {number} {at}", step, MEMORY_SENTENCES, MEMORY_SENTENCES)
        load = asyncio.create_task(_all_of(server, articles, plan.clients))
        highest = 0.0
        while not load.done():
            highest = max(highest, _resident_mib(server.pid))
            await asyncio.wait({load}, timeout=LOOK_S)
        load.result()
        highest_mib.append(highest)
    growth = 100 * (highest_mib[-1] / highest_mib[1] - 1)
    return {GROWTH: growth, "highest resident memory, MiB": highest_mib[-1]}


async def _all_of(server: Server, articles: Sequence[Article], clients: int) -> None:
    """Translate each article once, with ``clients`` requests in parallel."""
    waiting = iter(articles)

    async def client() -> None:
        for article in waiting:
            await server.post("/v1/translate", {"text": article.text}, {})

    async with asyncio.TaskGroup() as group:
        for _ in range(clients):
            group.create_task(client())


def _resident_mib(pid: int) -> float:
    """Return the resident memory of a process in MiB, as reported by Linux in /proc."""
    lines = Path(f"/proc/{pid}/status").read_text("utf-8").splitlines()
    (kib,) = (line.split()[1] for line in lines if line.startswith("VmRSS:"))
    return int(kib) / 1024


async def start(_: Plan, checkout: Checkout, server: Server, number: int) -> dict[str, float]:
    """Start another server process from ``checkout``, and measure the time until it is ready.

    The readiness of the process is checked every 200 ms.
    """
    del server, number
    started_s = time.perf_counter()
    async with checkout.server():
        return {START: time.perf_counter() - started_s}


@dataclass(frozen=True, slots=True)
class Part:
    """A part of the latency benchmark: the function that measures, and the server settings that it needs.

    ``once`` is True for a measurement that runs in only one round, because it takes long.
    """

    measure: Callable[[Plan, Checkout, Server, int], Awaitable[dict[str, float]]]
    once: bool = False
    settings: dict[str, str] = field(default_factory=dict)


PARTS = {
    "edit": Part(edit),
    "hits": Part(hits),
    "probes": Part(probes),
    "stream": Part(stream),
    "neighbour": Part(neighbour),
    "memory": Part(memory, once=True, settings={"cache_bytes": str(16 * MIB)}),
    "start": Part(start),
}
AGAINST = ("edit", "hits", "probes", "stream")
