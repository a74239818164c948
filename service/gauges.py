"""What is true at the moment of a scrape: readiness, models, queues, the size of the cache."""

import platform
from collections.abc import Iterable, Sequence
from typing import get_args

from prometheus_client.core import GaugeMetricFamily
from prometheus_client.registry import Collector

from service import __version__
from service.batching.plan import Priority
from service.pipeline.service import Service


class Present(Collector):
    """Asks ``service`` at each scrape, which is on the event loop."""

    def __init__(self, service: Service) -> None:
        self._service = service

    def collect(self) -> Iterable[GaugeMetricFamily]:
        """All of it."""
        yield _family("build_info", "This build.", ("version", "python"), ((__version__, platform.python_version()), 1))
        yield _family("ready", "1 when /readyz says yes.", (), ((), self._service.condition == "ready"))
        yield from self._of_cache()
        yield from self._of_models()
        yield from self._of_queues()

    def _of_cache(self) -> Iterable[GaugeMetricFamily]:
        cache = self._service.cache
        stats = cache.memory.stats
        yield _family("cache_memory_bytes", "Bytes of the memory tier.", (), ((), stats.bytes))
        yield _family("cache_memory_entries", "Entries of the memory tier.", (), ((), stats.entries))
        passed_over = ((), cache.shared_passed_over)
        yield _family("shared_cache_passed_over", "1 while the breaker is not closed.", (), passed_over)

    def _of_models(self) -> Iterable[GaugeMetricFamily]:
        models = self._service.models
        labels = ("model", "revision", "engine", "quality")
        named = [((m.name, m.manifest.revision, m.engine, m.manifest.quality), 1.0) for m in models]
        yield _family("model_info", "A served model.", labels, *named)
        states = [((m.name,), m.batcher.state) for m in models]
        yield _family("model_ready", "1 when it takes work.", ("model",), *((n, s.ready) for n, s in states))
        hung = ((name, state.hung or state.dead) for name, state in states)
        yield _family("model_hung", "1 while a call hangs, or the engine is lost.", ("model",), *hung)

    def _of_queues(self) -> Iterable[GaugeMetricFamily]:
        queues = [(m.name, m.batcher.queue) for m in self._service.models]
        yield _family("queue_sentences", "Sentences that wait.", ("model",), *(((n,), len(q)) for n, q in queues))
        yield _family("queue_source_tokens", "Tokens that wait.", ("model",), *(((n,), q.tokens) for n, q in queues))
        ages = [((name, p), queue.oldest_s(p)) for name, queue in queues for p in get_args(Priority)]
        yield _family("queue_oldest_seconds", "Wait of the oldest that waits.", ("model", "priority"), *ages)


def _family(name: str, text: str, labels: Sequence[str], *values: tuple[Sequence[str], float]) -> GaugeMetricFamily:
    family = GaugeMetricFamily(f"depesche_{name}", text, labels=labels)
    for of, value in values:
        family.add_metric(of, value)
    return family
