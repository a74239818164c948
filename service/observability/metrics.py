"""Prometheus metrics."""

import platform
from collections.abc import Callable, Iterable, Sequence
from typing import Any, get_args

from prometheus_client import CollectorRegistry, Counter, Gauge, Histogram, ProcessCollector, disable_created_metrics
from prometheus_client.core import GaugeMetricFamily
from prometheus_client.registry import Collector

from service import __version__, events
from service.checks.base import Code
from service.generation.call import Priority
from service.languages.base import codes, language
from service.newsroom.newsroom import Newsroom
from service.registry.manifest import Task
from service.text.language_id import foreign_code


class Present(Collector):
    """Asks ``newsroom`` at each scrape, which is on the event loop."""

    def __init__(self, newsroom: Newsroom) -> None:
        self._newsroom = newsroom

    def collect(self) -> Iterable[GaugeMetricFamily]:
        """All of it."""
        yield _family("build_info", "This build.", ("version", "python"), ((__version__, platform.python_version()), 1))
        yield _family("ready", "1 when /readyz says yes.", (), ((), self._newsroom.status == "ready"))
        yield from self._of_cache()
        yield from self._of_models()
        yield from self._of_queues()

    def _of_cache(self) -> Iterable[GaugeMetricFamily]:
        cache = self._newsroom.cache
        stats = cache.memory.stats
        yield _family("cache_memory_bytes", "Bytes of the memory tier.", (), ((), stats.bytes))
        yield _family("cache_memory_entries", "Entries of the memory tier.", (), ((), stats.entries))
        blocked = ((), cache.shared_blocked)
        yield _family("shared_cache_passed_over", "1 while the breaker is not closed.", (), blocked)

    def _of_models(self) -> Iterable[GaugeMetricFamily]:
        models = self._newsroom.models
        labels = ("model", "revision", "engine", "quality")
        named = [((m.name, m.manifest.revision, m.engine, m.manifest.quality), 1.0) for m in models]
        yield _family("model_info", "A served model.", labels, *named)
        states = [((m.name,), m.batcher.state) for m in models]
        yield _family("model_ready", "1 when it takes work.", ("model",), *((n, s.ready) for n, s in states))
        hung = ((name, state.hung or state.dead) for name, state in states)
        yield _family("model_hung", "1 while a call hangs, or the engine is lost.", ("model",), *hung)

    def _of_queues(self) -> Iterable[GaugeMetricFamily]:
        queues = [(m.name, m.batcher.queue) for m in self._newsroom.models]
        yield _family("queue_sentences", "Sentences that wait.", ("model",), *(((n,), len(q)) for n, q in queues))
        yield _family("queue_source_tokens", "Tokens that wait.", ("model",), *(((n,), q.tokens) for n, q in queues))
        ages = [((name, p), queue.oldest_s(p)) for name, queue in queues for p in get_args(Priority)]
        yield _family("queue_oldest_seconds", "Wait of the oldest that waits.", ("model", "priority"), *ages)


def _family(name: str, text: str, labels: Sequence[str], *values: tuple[Sequence[str], float]) -> GaugeMetricFamily:
    family = GaugeMetricFamily(f"depesche_{name}", text, labels=labels)
    for of, value in values:
        family.add_metric(of, value)
    return family


SECONDS = (0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0, 30.0, 60.0)
ITEMS = (1, 2, 4, 8, 16, 32, 64, 128)
TOKENS = (16, 32, 64, 128, 256, 512, 1024, 2048, 4096)
TIERS = ("memory", "shared", "none")
OTHER = "other"
# Reasons for which work is not begun, and those for which begun work fails: codes of problems.
REFUSED = frozenset(
    {
        "body_too_large",
        "draining",
        "not_ready",
        "queue_full",
        "quota_exceeded",
        "rate_exceeded",
        "too_slow",
        "work_too_large",
        OTHER,
    }
)
FAILED = frozenset({"deadline_exceeded", "engine_failed", "engine_hung", "internal", OTHER})
REFUSED_STATUS = frozenset({429, 503})
LEAST_FAILURE = 500
# The codes of warnings. One that is missing here counts as OTHER, and a test says which.
WARNINGS = frozenset(
    {
        "control_characters",
        "length_exceeded",
        "length_unreachable",
        "maybe_furniture",
        "method_changed",
        "not_cleaned",
        "nothing_to_summarise",
        "sentence_split",
        "sentence_verbatim",
        "shorter_than_asked",
        *(foreign_code(one) for one in map(language, codes()) if one.marker_words),  # those of source texts
        "term_not_applied",
        "truncated",
        "variants_fewer",
        OTHER,
        *(code.value for code in Code),
    }
)


class Metrics:
    """One registry; `listen` takes every event, ``newsroom`` is asked at each scrape.

    Labels whose values are known are there from the start, at zero, so that a first failure shows as an increase.
    """

    def __init__(self, newsroom: Newsroom) -> None:
        # Without it there is a gauge beside every counter and histogram that only says when it was made.
        disable_created_metrics()  # type: ignore[no-untyped-call]  # the library left it untyped
        self.registry = CollectorRegistry()
        ProcessCollector(registry=self.registry)
        self.registry.register(Present(newsroom))
        self._http()
        self._outcomes()
        self._batching()
        self._cache()
        self._begin()
        self._counts = self._counting()

    def _http(self) -> None:
        self._in_progress = self._gauge("http_requests_in_progress", "Requests being answered, this scrape included.")
        self._requests = self._counter("http_requests", "Requests answered.", "route", "method", "status")
        self._request_s = self._histogram("http_request_seconds", "Time to answer a request.", "route", "status")
        self._refused = self._counter("requests_refused", "Requests whose work was not begun.", "reason")
        self._failed = self._counter("requests_failed", "Requests whose work was begun and failed.", "reason")
        self._departures = self._counter("client_departures", "Callers that left before their answer.", "during")

        self._keys = self._gauge("keys", "API keys that are known; 0 where none are asked for.")
        self._keys_refused = self._gauge("keys_refused", "1 while the key file cannot be used and old keys stay good.")
        self._rate_failures = self._counter("rate_store_failures", "Counts without the shared counters.", "reason")

    def _outcomes(self) -> None:
        self._results = self._counter("results", "Results in answers.", "output")
        self._reviews = self._counter("results_needing_review", "Results that an editor must look at.", "output")
        self._truncations = self._counter("results_truncated", "Results of which a part met a limit.", "output")
        self._warnings = self._counter("warnings", "Results with a warning of this code.", "code")

    def _batching(self) -> None:
        self._queue_s = self._histogram("queue_seconds", "Wait of the oldest sentence of a batch.", "model")
        self._inference_s = self._histogram("inference_seconds", "Time of one engine call.", "model")
        self._items = self._histogram("batch_sentences", "Sentences of a batch.", "model", buckets=ITEMS)
        self._padded = self._histogram("batch_padded_tokens", "Source tokens with padding.", "model", buckets=TOKENS)
        self._read = self._counter("source_tokens", "Source tokens that reached the engine.", "model")
        self._written = self._counter("output_tokens", "Tokens that the engine wrote, of all hypotheses.", "model")
        self._failures = self._counter("engine_failures", "Engine calls that failed.", "model", "reason")
        self._rebuilds = self._counter("engine_rebuilds", "Engines built again after a failure.", "model")
        self._load_s = self._gauge("engine_load_seconds", "Time of the last load and warm-up.", "model")

    def _cache(self) -> None:
        self._lookups = self._counter("cache_lookups", "Entries looked for, by where they were.", "task", "tier")
        self._shared_failures = self._counter("shared_cache_failures", "Calls without the shared tier.", "reason")
        self._openings = self._counter("shared_cache_breaker_openings", "Times that the breaker opened.")
        self._unopened = self._counter("shared_cache_unopened", "Values that could not be read.", "reason")

    def _begin(self) -> None:
        for counter, known in (
            (self._refused, REFUSED),
            (self._failed, FAILED),
            (self._departures, get_args(events.Stage)),
            (self._warnings, WARNINGS),
            (self._shared_failures, get_args(events.SharedFailure)),
            (self._unopened, get_args(events.Unopened)),
            (self._rate_failures, get_args(events.SharedFailure)),
            *((one, get_args(events.Output)) for one in (self._results, self._reviews, self._truncations)),
        ):
            for value in sorted(known):
                counter.labels(value)
        for task in get_args(Task):
            for tier in TIERS:
                self._lookups.labels(task, tier)

    def _histogram(self, name: str, text: str, *labels: str, buckets: Sequence[float] = SECONDS) -> Histogram:
        return Histogram(f"depesche_{name}", text, labels, buckets=buckets, registry=self.registry)

    def _counter(self, name: str, text: str, *labels: str) -> Counter:
        return Counter(f"depesche_{name}", text, labels, registry=self.registry)

    def _gauge(self, name: str, text: str, *labels: str) -> Gauge:
        return Gauge(f"depesche_{name}", text, labels, registry=self.registry)

    def listen(self, event: events.Event) -> None:
        """Count an event; one that no metric is made of is passed over."""
        if (count := self._counts.get(type(event))) is not None:
            count(event)

    def _counting(self) -> dict[type, Callable[[Any], None]]:
        return {
            events.RequestBegun: lambda _: self._in_progress.inc(),
            events.RequestDone: self._answered,
            events.ResultGiven: self._given,
            events.ProblemGiven: self._problem,
            events.ClientLeft: lambda event: self._departures.labels(event.during).inc(),
            events.KeysRead: self._keys_known,
            events.KeysRefused: lambda _: self._keys_refused.set(1),
            events.RateStoreFailed: lambda event: self._rate_failures.labels(event.reason).inc(),
            events.CacheLooked: self._looked,
            events.SharedCacheFailed: self._passed_over,
            events.EntryUnopened: lambda event: self._unopened.labels(event.reason).inc(),
            events.BatchDone: self._batch,
            events.EngineFailed: lambda event: self._failures.labels(event.model, event.reason).inc(),
            events.EngineReady: self._loaded,
        }

    def _answered(self, event: events.RequestDone) -> None:
        self._in_progress.dec()
        status = str(event.status)
        self._requests.labels(event.route, event.method, status).inc()
        self._request_s.labels(event.route, status).observe(event.seconds)

    def _keys_known(self, event: events.KeysRead) -> None:
        self._keys.set(event.keys)
        self._keys_refused.set(0)

    def _given(self, event: events.ResultGiven) -> None:
        self._results.labels(event.output).inc()
        self._reviews.labels(event.output).inc(event.needs_review)
        self._truncations.labels(event.output).inc(event.truncated)
        for code in {code if code in WARNINGS else OTHER for code in event.codes}:
            self._warnings.labels(code).inc()

    def _problem(self, event: events.ProblemGiven) -> None:
        """What is the caller's own mistake is only counted as a request, by its status."""
        if event.code in REFUSED or event.status in REFUSED_STATUS:
            self._refused.labels(event.code if event.code in REFUSED else OTHER).inc()
        elif event.status >= LEAST_FAILURE:
            self._failed.labels(event.code if event.code in FAILED else OTHER).inc()

    def _looked(self, event: events.CacheLooked) -> None:
        self._lookups.labels(event.task, "memory").inc(event.memory_hits)
        self._lookups.labels(event.task, "shared").inc(event.shared_hits)
        self._lookups.labels(event.task, "none").inc(event.asked - event.memory_hits - event.shared_hits)

    def _passed_over(self, event: events.SharedCacheFailed) -> None:
        self._shared_failures.labels(event.reason).inc()
        self._openings.inc(event.opened)

    def _batch(self, event: events.BatchDone) -> None:
        self._queue_s.labels(event.model).observe(event.oldest_wait_s)
        self._inference_s.labels(event.model).observe(event.inference_s)
        self._items.labels(event.model).observe(event.items)
        self._padded.labels(event.model).observe(event.padded_tokens)
        self._read.labels(event.model).inc(event.source_tokens)
        self._written.labels(event.model).inc(event.output_tokens)

    def _loaded(self, event: events.EngineReady) -> None:
        self._load_s.labels(event.model).set(event.load_s)
        self._rebuilds.labels(event.model).inc(event.rebuilt)
        for metric in (self._queue_s, self._inference_s, self._items, self._padded, self._read, self._written):
            metric.labels(event.model)
        for reason in get_args(events.EngineFailure):
            self._failures.labels(event.model, reason)
