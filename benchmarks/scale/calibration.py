"""Service times, measured on the real processes with the machine to themselves: what the simulation draws from."""

import itertools
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
MODELS = {"translation": "starter-de-en", "summary": "starter-sum-de"}
BOTH = tuple(MODELS)


class Disturbed(Exception):
    """The engines took more time than the process had cores for: others used the machine, and no figure would hold."""


@dataclass(frozen=True, slots=True)
class Phase:
    """Requests one after the other: seconds of each by the service's clock; core seconds a request, ours and its."""

    total_s: tuple[float, ...]
    core_s: float
    client_s: float


async def measure(cluster: Running, alone: Sequence[Article], crowd: Sequence[Article]) -> Demands:
    """The demands: ``alone`` one after the other (missing, then in memory, then in Redis), ``crowd`` at once.

    Needs two processes. Every cache is empty before and after.

    Raises:
        Disturbed: others used the machine meanwhile.
    """
    first, second = cluster.processes[:2]
    for process in cluster.processes:
        await ask(process, alone[0], BOTH)
    await cluster.forget()
    engines_s = [await engine_s(first, task, alone) for task in BOTH]
    await cluster.forget()
    redis_before = await cluster.store.figures()
    missing, memory, shared = [await phase(process, alone) for process in (first, first, second)]
    redis_after = await cluster.store.figures()
    crowded_core_s = await _crowded_core_s(first, crowd)
    await cluster.forget()
    misses = misses_of(missing.core_s, engines_s, [len(article.sentences) for article in alone])
    alone_s = statistics.mean(one.translation_s + one.summary_s for one in misses)
    company = BATCH_SENTENCES / statistics.mean(one.sentences for one in misses)
    redis_s = (redis_after["core_s"] - redis_before["core_s"]) / (3 * len(alone))
    return Demands(
        misses,
        scaled(memory.total_s, memory.core_s),
        scaled(shared.total_s, shared.core_s),
        statistics.mean(one.client_s for one in (missing, memory, shared)) + redis_s,
        common_part(alone_s, crowded_core_s - (missing.core_s - alone_s), company),
        max(1, round(company)),
    )


def misses_of(core_s: float, engines_s: Sequence[Sequence[float]], sentences: Sequence[int]) -> tuple[Miss, ...]:
    """Each article's engines as they were measured; Python's part is what else the process took, by sentences.

    ``core_s`` is the process's for an article; ``engines_s`` by output and article.

    Raises:
        Disturbed: there is nothing else.
    """
    text_s = core_s - sum(map(statistics.mean, engines_s))
    if text_s <= 0.0:
        raise Disturbed(f"the engines took {core_s - text_s:.3f} s an article, the whole process {core_s:.3f} core s")
    a_sentence_s = text_s / statistics.mean(sentences)
    translation_s, summary_s = engines_s
    each = zip(translation_s, summary_s, sentences, strict=True)
    return tuple(Miss(a_sentence_s * size, one_s, other_s, size) for one_s, other_s, size in each)


async def engine_s(process: Process, task: str, articles: Sequence[Article]) -> list[float]:
    """Seconds of that output's engine for each article. The other one rests, so that neither waits for a core."""
    name = f"depesche_inference_seconds_sum{{model={MODELS[task]}}}"
    passed_s = [(await process.samples())[name]]
    for article in articles:
        await ask(process, article, (task,))
        passed_s.append((await process.samples())[name])
    return [after - before for before, after in itertools.pairwise(passed_s)]


async def phase(process: Process, articles: Sequence[Article]) -> Phase:
    """Summary and translation of the articles, one after the other."""
    before_s = (await process.samples())[CPU]
    client_before_s = time.process_time()
    total_s = tuple([await ask(process, article, BOTH) for article in articles])
    client_s = time.process_time() - client_before_s
    core_s = (await process.samples())[CPU] - before_s
    return Phase(total_s, core_s / len(articles), client_s / len(articles))


async def _crowded_core_s(process: Process, articles: Sequence[Article]) -> float:
    """Core seconds an article where many are asked for at once."""
    before = (await process.samples())[CPU]
    await closed_loop(lambda article: _chars(process, article), articles, CROWD)
    return ((await process.samples())[CPU] - before) / len(articles)


async def _chars(process: Process, article: Article) -> int:
    await ask(process, article, BOTH)
    return len(article.text)


async def ask(process: Process, article: Article, outputs: Sequence[str]) -> float:
    """These outputs of an article; seconds by the answer's ``Server-Timing``.

    Raises:
        httpx.HTTPError: no answer, or one that is no success.
    """
    body = {"body": article.text, "outputs": list(outputs)}
    answer = (await process.server.http.post("/v1/articles", json=body)).raise_for_status()
    timings = dict(part.strip().split(";dur=") for part in answer.headers["server-timing"].split(","))
    return float(timings["total"]) / 1_000
