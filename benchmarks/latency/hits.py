"""Fully cached articles: latency at a fixed rate, from the scheduled times."""

import json
from collections.abc import Mapping, Sequence
from typing import Any

import httpx

from benchmarks.latency.arrivals import no_collection, steady
from benchmarks.latency.finding import Failed, Finding, quantile
from benchmarks.latency.plan import Plan
from benchmarks.latency.subject import sample, source_tokens, subject
from benchmarks.load.articles import read
from benchmarks.load.clients import open_loop
from benchmarks.load.server import Server

RATE_PER_S = 50.0
MOST_MS = 10.0
WARM_UP_S = 2.0
ARTICLES = 15  # the one of middle length is asked for
PROCESSOR = "process_cpu_seconds_total"
JSON = {"Content-Type": "application/json"}
ENDPOINTS = {"/v1/translate": "text", "/v1/articles": "body"}


async def measure(plan: Plan) -> list[Finding]:
    """99th percentiles of both endpoints at even distances, which have the target, and with Poisson arrivals.

    Raises:
        Failed: something reached the engine.
    """
    article = sorted(read(plan.data, ARTICLES, plan.seed), key=lambda one: len(one.sentences))[ARTICLES // 2]
    found: list[Finding] = []
    async with subject() as server:
        for path, name in ENDPOINTS.items():
            asked = _Asked(server, path, {name: article.text})
            await asked()
            before = await source_tokens(server)
            with no_collection():
                await steady(asked, RATE_PER_S, min(WARM_UP_S, plan.seconds))
                before_s = await sample(server, PROCESSOR)
                even_s = await steady(asked, RATE_PER_S, plan.seconds)
                processor_ms = (await sample(server, PROCESSOR) - before_s) * 1000 / len(even_s)
                many = [article] * max(2, round(RATE_PER_S * plan.seconds))
                random_s = (await open_loop(asked.of, many, RATE_PER_S, plan.seed)).latencies_s
            if await source_tokens(server) != before:
                raise Failed(f"{path}: the engine worked on what was to be cached")
            beside = {"sentences": len(article.sentences), "server_processor_ms_a_request": round(processor_ms, 2)}
            found += [
                _finding(path, even_s, MOST_MS, beside),
                _finding(f"{path}, Poisson arrivals", random_s, None, {}),
                Finding.of("hits", f"{path}, the server's processor time a request", "ms", [processor_ms]),
            ]
    return found


class _Asked:
    """One request, again and again; its body is made once and its answer is not parsed."""

    def __init__(self, server: Server, path: str, body: dict[str, Any]) -> None:
        self._server = server
        self._path = path
        self._content = json.dumps(body).encode()

    async def __call__(self) -> None:
        answer = await self._server.http.post(self._path, content=self._content, headers=JSON)
        if answer.status_code != httpx.codes.OK:
            raise Failed(f"{self._path}: {answer.status_code}")

    async def of(self, _: object) -> int:
        """The same for a loop over articles."""
        await self()
        return 0


def _finding(what: str, seconds: Sequence[float], most_ms: float | None, beside: Mapping[str, float]) -> Finding:
    at = {f"p{percent}_ms": round(quantile(seconds, percent) * 1000, 2) for percent in (50, 95, 99)}
    least_ms, most_seen_ms = (round(one(seconds) * 1000, 2) for one in (min, max))
    told = f"{what}, p99 at {RATE_PER_S:g} requests a second"
    return Finding(
        "hits", told, "ms", at["p99_ms"], least_ms, most_seen_ms, most_ms, {**at, "requests": len(seconds), **beside}
    )
