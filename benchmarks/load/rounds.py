"""The rounds: every system takes its turn in each, so that a noisy minute hits them all."""

import contextlib
from collections.abc import Callable, Sequence
from dataclasses import dataclass

from benchmarks.load.articles import Article
from benchmarks.load.clients import Load, open_loop
from benchmarks.load.system import Http, Round, System


@dataclass(frozen=True, slots=True)
class Work:
    """The articles of a round and those of the warm-up, and how many clients ask.

    ``shares`` gives slow systems a part of the articles, by name; the others get all. What is compared are rates.
    """

    articles: Sequence[Article]
    warm_up: Sequence[Article]
    clients: int
    shares: dict[str, float]

    def of(self, system: System) -> Sequence[Article]:
        """The system's articles in each round."""
        return self.articles[: max(1, round(len(self.articles) * self.shares.get(system.name, 1.0)))]


async def interleaved(
    systems: Sequence[System], work: Work, rounds: int, say: Callable[[str], None]
) -> dict[str, list[Round]]:
    """By system's name: one result a round. All are started and warm before the first; those not in turn are idle."""
    found: dict[str, list[Round]] = {system.name: [] for system in systems}
    async with contextlib.AsyncExitStack() as running:
        for system in systems:
            await running.enter_async_context(system)
            await system.warm_up(work.warm_up)
            say(f"{system.name} is warm: {system.what}")
        for number in range(1, rounds + 1):
            for system in systems:
                done = await system.round(work.of(system), work.clients)
                found[system.name].append(done)
                say(f"round {number}, {system.name}: {done.sentences_per_s:.2f} sentences a second")
    return found


async def open_loops(system: Http, articles: Sequence[Article], rates_per_s: Sequence[float], seed: int) -> list[Load]:
    """The system alone under Poisson arrivals at each of the rates."""
    async with system:
        await system.warm_up(articles)
        return [await open_loop(system.ask, articles, rate_per_s, seed) for rate_per_s in rates_per_s]
