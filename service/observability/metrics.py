"""Metrics of the service in the Prometheus format."""

import platform
from collections.abc import Callable, Iterable, Sequence
from typing import Any, get_args

from prometheus_client import CollectorRegistry, Counter, Gauge, Histogram, ProcessCollector, disable_created_metrics
from prometheus_client.core import GaugeMetricFamily
from prometheus_client.registry import Collector

from service import __version__, events
from service.generation.call import Priority
from service.generation.local import LocalGenerator
from service.generation.remote.generator import RemoteGenerator
from service.http import codes
from service.languages.base import codes as language_codes
from service.languages.base import language
from service.newsroom.newsroom import Newsroom
from service.registry.manifest import Task
from service.text.language_id import foreign_code


class StateCollector(Collector):
    """A collector that computes gauges from the state of the newsroom at each scrape. It must run on the event loop."""

    def __init__(self, newsroom: Newsroom) -> None:
        self._newsroom = newsroom

    def collect(self) -> Iterable[GaugeMetricFamily]:
        """Yield the gauges of the process, the cache, the local and remote models, and the queues."""
        yield _gauge_family(
            "build_info",
            "The versions of the service and of Python, as labels. The value is always 1.",
            ("version", "python"),
            ((__version__, platform.python_version()), 1),
        )
        yield _gauge_family("ready", "1 if the service is ready.", (), ((), self._newsroom.status == "ready"))
        yield from self._cache_gauges()
        yield from self._model_gauges()
        yield from self._queue_gauges()
        yield from self._remote_gauges()

    def _cache_gauges(self) -> Iterable[GaugeMetricFamily]:
        cache = self._newsroom.cache
        stats = cache.memory.stats
        yield _gauge_family("cache_memory_bytes", "Size of the memory tier in bytes.", (), ((), stats.bytes))
        yield _gauge_family("cache_memory_entries", "Number of entries in the memory tier.", (), ((), stats.entries))
        blocked = ((), cache.shared_blocked)
        yield _gauge_family(
            "shared_cache_passed_over", "1 while the circuit breaker is skipping the shared cache.", (), blocked
        )

    def _model_gauges(self) -> Iterable[GaugeMetricFamily]:
        models = self._newsroom.models
        labels = ("model", "revision", "engine", "quality")
        named = [((m.name, m.manifest.revision, m.engine, m.manifest.quality), 1.0) for m in models]
        yield _gauge_family("model_info", "A model that is in use. The value is always 1.", labels, *named)
        yield _gauge_family(
            "model_ready",
            "1 if the model accepts work.",
            ("model",),
            *(((m.name,), m.health == "ready") for m in models),
        )
        states = [((m.name,), m.batcher.state) for m in models if isinstance(m, LocalGenerator)]
        hung = ((name, state.hung or state.dead) for name, state in states)
        yield _gauge_family(
            "model_hung", "1 if an engine call is hanging or the engine has failed permanently.", ("model",), *hung
        )

    def _remote_gauges(self) -> Iterable[GaugeMetricFamily]:
        remote = [m for m in self._newsroom.models if isinstance(m, RemoteGenerator)]
        away = (((m.name,), m.health == "away") for m in remote)
        yield _gauge_family(
            "remote_away",
            "1 while requests for the remote model fail, because its server does not answer.",
            ("model",),
            *away,
        )
        yield _gauge_family(
            "remote_sentences",
            "Sentences that are being processed by the remote model or waiting for it.",
            ("model",),
            *(((m.name,), m.running) for m in remote),
        )
        yield _gauge_family(
            "remote_waiting_sentences",
            "Sentences that wait until one of the simultaneous requests to the remote server ends.",
            ("model",),
            *(((m.name,), m.waiting) for m in remote),
        )

    def _queue_gauges(self) -> Iterable[GaugeMetricFamily]:
        queues = [(m.name, m.batcher.queue) for m in self._newsroom.models if isinstance(m, LocalGenerator)]
        yield _gauge_family(
            "queue_sentences", "Sentences in the queue.", ("model",), *(((n,), len(q)) for n, q in queues)
        )
        yield _gauge_family(
            "queue_source_tokens", "Source tokens in the queue.", ("model",), *(((n,), q.tokens) for n, q in queues)
        )
        ages = [((name, p), queue.oldest_s(p)) for name, queue in queues for p in get_args(Priority)]
        yield _gauge_family(
            "queue_oldest_seconds", "Age of the oldest sentence in the queue.", ("model", "priority"), *ages
        )


def _gauge_family(
    name: str, text: str, labels: Sequence[str], *values: tuple[Sequence[str], float]
) -> GaugeMetricFamily:
    family = GaugeMetricFamily(f"depesche_{name}", text, labels=labels)
    for of, value in values:
        family.add_metric(of, value)
    return family


SECONDS = (0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0, 30.0, 60.0)
ITEMS = (1, 2, 4, 8, 16, 32, 64, 128)
TOKENS = (16, 32, 64, 128, 256, 512, 1024, 2048, 4096)
TIERS = ("memory", "shared", "none")
OTHER = "other"
# Problem codes of requests that are refused because of a limit or the state of the service, and of requests that fail.
REFUSED = frozenset(
    {
        "body_too_large",
        "draining",
        "engine_unavailable",
        "not_ready",
        "queue_full",
        "quota_exceeded",
        "rate_exceeded",
        "too_slow",
        "work_too_large",
        OTHER,
    }
)
FAILED = frozenset({"deadline_exceeded", "engine_failed", "engine_hung", "internal", "worker_lost", OTHER})
REFUSED_STATUS = frozenset({429, 503})
MIN_ERROR_STATUS = 500
# Known warning codes. All other codes are counted as OTHER.
WARNINGS = frozenset(
    {
        OTHER,
        *(one.code for one in codes.WARNINGS),
        *(foreign_code(one) for one in map(language, language_codes()) if one.marker_words),
    }
)


class Metrics:
    """All metrics of the service, in one registry.

    Counters, histograms and some gauges are updated by `listen`. The other gauges are computed from the state of
    ``newsroom`` at each scrape. Counters whose label values are known start at zero, so that the first failure is
    visible as an increase.
    """

    def __init__(self, newsroom: Newsroom) -> None:
        # Otherwise, every counter and histogram would get an extra gauge with its creation time.
        disable_created_metrics()  # type: ignore[no-untyped-call]  # the library does not annotate this function
        self.registry = CollectorRegistry()
        ProcessCollector(registry=self.registry)
        self.registry.register(StateCollector(newsroom))
        self._add_http()
        self._add_results()
        self._add_batching()
        self._add_remote()
        self._add_cache()
        self._initialise_labels()
        self._handlers = self._event_handlers()

    def _add_http(self) -> None:
        self._in_progress = self._gauge("http_requests_in_progress", "Requests in progress, including this scrape.")
        self._requests = self._counter("http_requests", "Finished requests.", "route", "method", "status")
        self._request_s = self._histogram("http_request_seconds", "Duration of a request.", "route", "status")
        self._refused = self._counter(
            "requests_refused", "Requests refused because of a limit or the state of the service.", "reason"
        )
        self._failed = self._counter("requests_failed", "Requests that failed with a server error.", "reason")
        self._departures = self._counter(
            "client_departures", "Clients that disconnected before the end of the response.", "during"
        )

        self._keys = self._gauge("keys", "Number of API keys; 0 if the service has no keys.")
        self._keys_refused = self._gauge(
            "keys_refused", "1 while the key file is invalid and the old keys stay in use."
        )
        self._rate_failures = self._counter(
            "rate_store_failures", "Rate limit calls to Redis that failed or were skipped.", "reason"
        )

    def _add_results(self) -> None:
        self._results = self._counter("results", "Results returned to clients.", "output")
        self._reviews = self._counter("results_needing_review", "Results that an editor must review.", "output")
        self._truncations = self._counter("results_truncated", "Results that were truncated at a limit.", "output")
        self._warnings = self._counter("warnings", "Results with at least one warning that has this code.", "code")

    def _add_batching(self) -> None:
        self._queue_s = self._histogram("queue_seconds", "Queue time of the oldest sentence in a batch.", "model")
        self._inference_s = self._histogram("inference_seconds", "Duration of an engine call.", "model")
        self._items = self._histogram("batch_sentences", "Sentences in a batch.", "model", buckets=ITEMS)
        self._padded = self._histogram(
            "batch_padded_tokens", "Source tokens in a batch, including padding.", "model", buckets=TOKENS
        )
        self._read = self._counter("source_tokens", "Source tokens that the engine processed.", "model")
        self._written = self._counter("output_tokens", "Tokens that the engine generated, in all hypotheses.", "model")
        self._failures = self._counter("engine_failures", "Failed engine calls.", "model", "reason")
        self._rebuilds = self._counter("engine_rebuilds", "Engine rebuilds after a failure.", "model")
        self._load_s = self._gauge("engine_load_seconds", "Duration of the last load and warm-up.", "model")

    def _add_remote(self) -> None:
        self._remote_calls = self._counter(
            "remote_calls", "Attempts to use a remote server, by outcome.", "model", "outcome"
        )
        self._remote_s = self._histogram("remote_seconds", "Duration of an attempt to use a remote server.", "model")
        self._remote_tokens = self._counter(
            "remote_tokens", "Tokens that a remote server reported, by kind.", "model", "kind"
        )
        self._invalid_answers = self._counter(
            "remote_invalid_answers", "Texts for which a remote model gave no usable answer.", "model"
        )

    def _add_cache(self) -> None:
        self._lookups = self._counter("cache_lookups", "Cache lookups, by the tier that had the entry.", "task", "tier")
        self._shared_failures = self._counter(
            "shared_cache_failures", "Calls to the shared cache that failed or were skipped.", "reason"
        )
        self._openings = self._counter("shared_cache_breaker_openings", "Number of times the circuit breaker opened.")
        self._unopened = self._counter(
            "shared_cache_unopened", "Cache entries that were found but could not be used.", "reason"
        )
        self._jobs = self._counter("jobs", "Requests with `Prefer: respond-async` that have ended.", "state")
        self._webhooks = self._counter("webhooks", "Webhooks that were sent, by outcome.", "outcome")

    def _initialise_labels(self) -> None:
        for counter, known in (
            (self._refused, REFUSED),
            (self._failed, FAILED),
            (self._departures, get_args(events.Stage)),
            (self._warnings, WARNINGS),
            (self._shared_failures, get_args(events.SharedFailure)),
            (self._unopened, get_args(events.Unopened)),
            (self._rate_failures, get_args(events.SharedFailure)),
            (self._jobs, ("succeeded", "failed")),
            (self._webhooks, ("delivered", "failed")),
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
        """Update the metrics for an event. Ignore an event for which there is no metric."""
        if (handler := self._handlers.get(type(event))) is not None:
            handler(event)

    def _event_handlers(self) -> dict[type, Callable[[Any], None]]:
        return {
            events.RequestBegun: lambda _: self._in_progress.inc(),
            events.RequestDone: self._count_request,
            events.ResultGiven: self._count_result,
            events.ProblemGiven: self._count_problem,
            events.ClientLeft: lambda event: self._departures.labels(event.during).inc(),
            events.KeysRead: self._set_keys,
            events.KeysRefused: lambda _: self._keys_refused.set(1),
            events.RateStoreFailed: lambda event: self._rate_failures.labels(event.reason).inc(),
            events.CacheLooked: self._count_lookups,
            events.SharedCacheFailed: self._count_shared_failure,
            events.JobEnded: lambda event: self._jobs.labels(event.state).inc(),
            events.WebhookSent: lambda event: self._webhooks.labels(event.outcome).inc(),
            events.EntryUnopened: lambda event: self._unopened.labels(event.reason).inc(),
            events.BatchDone: self._observe_batch,
            events.EngineFailed: lambda event: self._failures.labels(event.model, event.reason).inc(),
            events.EngineReady: self._set_engine,
            events.RemoteCalled: self._count_remote_call,
            events.AnswerInvalid: lambda event: self._invalid_answers.labels(event.model).inc(),
        }

    def _count_request(self, event: events.RequestDone) -> None:
        self._in_progress.dec()
        status = str(event.status)
        self._requests.labels(event.route, event.method, status).inc()
        self._request_s.labels(event.route, status).observe(event.seconds)

    def _set_keys(self, event: events.KeysRead) -> None:
        self._keys.set(event.keys)
        self._keys_refused.set(0)

    def _count_result(self, event: events.ResultGiven) -> None:
        self._results.labels(event.output).inc()
        self._reviews.labels(event.output).inc(event.needs_review)
        self._truncations.labels(event.output).inc(event.truncated)
        for code in {code if code in WARNINGS else OTHER for code in event.codes}:
            self._warnings.labels(code).inc()

    def _count_problem(self, event: events.ProblemGiven) -> None:
        """Count a refused or failed request under its error code, or under `OTHER` if the code is not a known label.

        All other errors of clients are counted only in the request counter, under their HTTP status.
        """
        if event.code in REFUSED or event.status in REFUSED_STATUS:
            self._refused.labels(event.code if event.code in REFUSED else OTHER).inc()
        elif event.status >= MIN_ERROR_STATUS:
            self._failed.labels(event.code if event.code in FAILED else OTHER).inc()

    def _count_lookups(self, event: events.CacheLooked) -> None:
        self._lookups.labels(event.task, "memory").inc(event.memory_hits)
        self._lookups.labels(event.task, "shared").inc(event.shared_hits)
        self._lookups.labels(event.task, "none").inc(event.asked - event.memory_hits - event.shared_hits)

    def _count_shared_failure(self, event: events.SharedCacheFailed) -> None:
        self._shared_failures.labels(event.reason).inc()
        self._openings.inc(event.opened)

    def _observe_batch(self, event: events.BatchDone) -> None:
        self._queue_s.labels(event.model).observe(event.oldest_wait_s)
        self._inference_s.labels(event.model).observe(event.inference_s)
        self._items.labels(event.model).observe(event.items)
        self._padded.labels(event.model).observe(event.padded_tokens)
        self._read.labels(event.model).inc(event.source_tokens)
        self._written.labels(event.model).inc(event.output_tokens)

    def _count_remote_call(self, event: events.RemoteCalled) -> None:
        self._remote_calls.labels(event.model, event.outcome).inc()
        self._remote_s.labels(event.model).observe(event.seconds)
        self._remote_tokens.labels(event.model, "prompt").inc(event.prompt_tokens or 0)
        self._remote_tokens.labels(event.model, "output").inc(event.output_tokens or 0)

    def _set_engine(self, event: events.EngineReady) -> None:
        self._load_s.labels(event.model).set(event.load_s)
        self._rebuilds.labels(event.model).inc(event.rebuilt)
        for metric in (self._queue_s, self._inference_s, self._items, self._padded, self._read, self._written):
            metric.labels(event.model)
        for reason in get_args(events.EngineFailure):
            self._failures.labels(event.model, reason)
