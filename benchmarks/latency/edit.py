"""One of 40 sentences edited: only that sentence reaches the engine, in a part of the article's first time."""

import random
import time
from typing import Any

from benchmarks.latency.finding import Failed, Finding
from benchmarks.latency.plan import Plan
from benchmarks.latency.prose import edited, exact
from benchmarks.latency.subject import TRANSLATOR, source_tokens, subject
from benchmarks.load.articles import Article
from benchmarks.load.server import ROOT, Server
from service.engines.tokenizer import Tokenizer
from service.registry.catalog import Catalog
from service.text.normalise import for_model

SENTENCES = 40
MOST = 0.25


async def measure(plan: Plan) -> list[Finding]:
    """The ratio of the second time to the first, one article a round.

    Raises:
        Failed: other tokens than those of the edited sentence reached the engine.
    """
    entry = Catalog(ROOT / "models").entry(TRANSLATOR)
    tokenizer = Tokenizer(entry.manifest, entry.folder)
    articles, rng = exact(plan.data, plan.rounds + 1, SENTENCES, plan.seed), random.Random(plan.seed)
    seconds: list[tuple[float, float]] = []
    async with subject() as server:
        await _ask(server, articles.pop())
        for article in articles:
            place = rng.randrange(SENTENCES)
            changed = edited(article, place)
            first_s, _, _ = await _ask(server, article)
            second_s, tokens, cached = await _ask(server, changed)
            require(tokens, len(tokenizer.encode(for_model(changed.sentences[place]))), cached)
            seconds.append((first_s, second_s))
    first, second = zip(*seconds, strict=True)
    ratios = [after_s / before_s for before_s, after_s in seconds]
    return [
        Finding.of("edit", "one of 40 sentences edited / the article's first time", "", ratios, MOST),
        Finding.of("edit", "first time", "s", first),
        Finding.of("edit", "with one sentence edited", "s", second),
    ]


async def _ask(server: Server, article: Article) -> tuple[float, float, dict[str, Any]]:
    """Seconds, source tokens that reached the engine, and what the answer says of the cache."""
    before = await source_tokens(server)
    started_s = time.perf_counter()
    answer = await server.post("/v1/translate", {"text": article.text}, {})
    seconds = time.perf_counter() - started_s
    return seconds, await source_tokens(server) - before, answer["translations"][0]["cached"]


def require(tokens: float, expected: int, cached: dict[str, Any]) -> None:
    """Only the edited sentence's ``expected`` tokens reached the engine, all other sentences were cached.

    Raises:
        Failed: it was otherwise.
    """
    if tokens != expected or cached != {"sentences": SENTENCES - 1, "of": SENTENCES}:
        raise Failed(f"{tokens:g} tokens reached the engine, the edited sentence has {expected}; cached: {cached}")
