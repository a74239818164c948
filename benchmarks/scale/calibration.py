"""Service times, measured on the real processes with the machine to themselves: what the simulation draws from."""

import statistics
import time
from collections.abc import Sequence
from dataclasses import dataclass

from benchmarks.load.articles import Article
from benchmarks.load.clients import closed_loop
from benchmarks.scale.cluster import Process, Running
from benchmarks.scale.demand import Demands, Miss, common_part, scaled

CPU = "process_cpu_seconds_total"
CROWD = 8
BATCH_SENTENCES = 64  # the default of DEPESCHE_BATCH_ITEMS
SCRAPES = 10
MODELS = {"translation": "starter-de-en", "summary": "starter-sum-de"}


@dataclass(frozen=True, slots=True)
class Timed:
    """One request: seconds by the service's own clock, of the engines, and of this process's core."""

    total_s: float
    client_s: float
    engines_s: dict[str, float]
    sentences: int


@dataclass(frozen=True, slots=True)
class Phase:
    """Requests one after the other, and the process's core seconds for each."""

    requests: tuple[Timed, ...]
    core_s: float


async def measure(cluster: Running, alone: Sequence[Article], crowd: Sequence[Article]) -> Demands:
    """The demands: ``alone`` one after the other (missing, then in memory, then in Redis), ``crowd`` at once.

    Needs two processes. Every cache is empty before and after.
    """
    first, second = cluster.processes[:2]
    await _warm_up(cluster, alone[0])
    scrape_s = await _scrape_core_s(first)
    redis_before = await cluster.store.figures()
    missing = await _phase(first, alone, scrape_s)
    memory, shared = await _phase(first, alone, 0.0), await _phase(second, alone, 0.0)
    redis_after = await cluster.store.figures()
    client_s = statistics.mean(one.client_s for phase in (missing, memory, shared) for one in phase.requests)
    crowded_core_s = await _crowded_core_s(first, crowd)
    await cluster.forget()
    misses = _misses(missing)
    engines_s = statistics.mean(one.translation_s + one.summary_s for one in misses)
    text_s = statistics.mean(one.text_s for one in misses)
    company = BATCH_SENTENCES / statistics.mean(one.sentences for one in misses)
    return Demands(
        misses,
        scaled([one.total_s for one in memory.requests], memory.core_s),
        scaled([one.total_s for one in shared.requests], shared.core_s),
        client_s + (redis_after["core_s"] - redis_before["core_s"]) / (3 * len(alone)),
        common_part(engines_s, crowded_core_s - text_s, company),
        max(1, round(company)),
    )


def _misses(phase: Phase) -> tuple[Miss, ...]:
    """Each request's engines as they were measured; Python's part is what else the process took, by sentences."""
    engines_s = statistics.mean(sum(one.engines_s.values()) for one in phase.requests)
    a_sentence_s = max(0.0, phase.core_s - engines_s) / statistics.mean(one.sentences for one in phase.requests)
    return tuple(
        Miss(a_sentence_s * one.sentences, one.engines_s["translation"], one.engines_s["summary"], one.sentences)
        for one in phase.requests
    )


async def _warm_up(cluster: Running, article: Article) -> None:
    for process in cluster.processes:
        await ask(process, article)
    await cluster.forget()


async def _scrape_core_s(process: Process) -> float:
    """Core seconds of one look at the metrics, which the figures of others must not hold."""
    before = (await process.samples())[CPU]
    for _ in range(SCRAPES - 1):
        await process.samples()
    return ((await process.samples())[CPU] - before) / SCRAPES


async def _phase(process: Process, articles: Sequence[Article], scrape_s: float) -> Phase:
    """The articles one after the other. With ``scrape_s`` the engines are looked at after each, which costs that."""
    first = before = await process.samples()
    requests: list[Timed] = []
    for article in articles:
        client_before_s = time.process_time()
        total_s = await ask(process, article)
        client_s = time.process_time() - client_before_s
        after = await process.samples() if scrape_s else before
        engines_s = {task: _engine_s(after, model) - _engine_s(before, model) for task, model in MODELS.items()}
        requests.append(Timed(total_s, client_s, engines_s, len(article.sentences)))
        before = after
    core_s = (await process.samples())[CPU] - first[CPU]
    return Phase(tuple(requests), max(0.0, core_s / len(articles) - scrape_s))


def _engine_s(samples: dict[str, float], model: str) -> float:
    return samples[f"depesche_inference_seconds_sum{{model={model}}}"]


async def _crowded_core_s(process: Process, articles: Sequence[Article]) -> float:
    """Core seconds an article where many are asked for at once."""
    before = (await process.samples())[CPU]
    await closed_loop(lambda article: _chars(process, article), articles, CROWD)
    return ((await process.samples())[CPU] - before) / len(articles)


async def _chars(process: Process, article: Article) -> int:
    await ask(process, article)
    return len(article.text)


async def ask(process: Process, article: Article) -> float:
    """Summary and translation of an article; seconds by the answer's ``Server-Timing``.

    Raises:
        httpx.HTTPError: no answer, or one that is no success.
    """
    answer = (await process.server.http.post("/v1/articles", json={"body": article.text})).raise_for_status()
    timings = dict(part.strip().split(";dur=") for part in answer.headers["server-timing"].split(","))
    return float(timings["total"]) / 1_000
