"""Prometheus metrics: events become counters and histograms here; no label holds text, and each has few values."""

from collections.abc import Callable, Iterable, Sequence

from prometheus_client import CollectorRegistry, Counter, Gauge, Histogram
from prometheus_client.core import GaugeMetricFamily
from prometheus_client.registry import Collector

from service.events import BatchDone, CacheLooked, EngineFailed, EngineReady, Event, RequestDone, SharedCacheFailed
from service.pipeline.served import ServedModel

SECONDS = (0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0, 30.0, 60.0)
ITEMS = (1, 2, 4, 8, 16, 32, 64, 128)
TOKENS = (16, 32, 64, 128, 256, 512, 1024, 2048, 4096)


class Metrics:
    """One registry; `listen` takes every event, ``models`` and ``shared_passed_over`` are asked at each scrape."""

    def __init__(self, models: Callable[[], Sequence[ServedModel]], shared_passed_over: Callable[[], bool]) -> None:
        self.registry = CollectorRegistry()
        self.registry.register(_Models(models))
        self._requests = self._histogram("http_request_seconds", "Time to answer a request.", ["route", "status"])
        self._queue = self._histogram("queue_seconds", "Wait of the oldest sentence of a batch.", ["model"])
        self._inference = self._histogram("inference_seconds", "Time of one engine call.", ["model"])
        self._items = self._histogram("batch_sentences", "Sentences of a batch.", ["model"], ITEMS)
        self._tokens = self._histogram("batch_source_tokens", "Padded source tokens of a batch.", ["model"], TOKENS)
        self._written = self._counter("output_tokens", "Tokens that a model wrote.", ["model"])
        self._failures = self._counter("engine_failures", "Engine calls that failed.", ["model", "reason"])
        self._loads = Gauge(
            "depesche_engine_load_seconds", "Time of the last load and warm-up.", ["model"], registry=self.registry
        )
        self._lookups = self._counter("cache_lookups", "Entries looked for, by where they were.", ["task", "tier"])
        self._shared_failures = self._counter("shared_cache_failures", "Calls without the shared tier.", ["reason"])
        Gauge("depesche_shared_cache_passed_over", "1 while the breaker is open.", registry=self.registry).set_function(
            shared_passed_over
        )

    def _histogram(self, name: str, text: str, labels: list[str], buckets: Sequence[float] = SECONDS) -> Histogram:
        return Histogram(f"depesche_{name}", text, labels, buckets=buckets, registry=self.registry)

    def _counter(self, name: str, text: str, labels: list[str]) -> Counter:
        return Counter(f"depesche_{name}", text, labels, registry=self.registry)

    def listen(self, event: Event) -> None:
        """Count an event."""
        match event:
            case RequestDone():
                self._requests.labels(event.route, str(event.status)).observe(event.seconds)
            case BatchDone():
                self._batch(event)
            case CacheLooked():
                self._looked(event)
            case SharedCacheFailed():
                self._shared_failures.labels(event.reason).inc()
            case EngineFailed():
                self._failures.labels(event.model, event.reason).inc()
            case EngineReady():
                self._loads.labels(event.model).set(event.load_s)

    def _looked(self, event: CacheLooked) -> None:
        self._lookups.labels(event.task, "memory").inc(event.memory_hits)
        self._lookups.labels(event.task, "shared").inc(event.shared_hits)
        self._lookups.labels(event.task, "none").inc(event.asked - event.memory_hits - event.shared_hits)

    def _batch(self, event: BatchDone) -> None:
        self._queue.labels(event.model).observe(event.oldest_wait_s)
        self._inference.labels(event.model).observe(event.inference_s)
        self._items.labels(event.model).observe(event.items)
        self._tokens.labels(event.model).observe(event.padded_tokens)
        self._written.labels(event.model).inc(event.output_tokens)


class _Models(Collector):
    """What is true at the moment of the scrape: each model, its readiness and its queue."""

    def __init__(self, models: Callable[[], Sequence[ServedModel]]) -> None:
        self._models = models

    def collect(self) -> Iterable[GaugeMetricFamily]:
        """The gauges of all models."""
        info = GaugeMetricFamily(
            "depesche_model_info", "A served model.", labels=["model", "revision", "engine", "quality"]
        )
        ready = GaugeMetricFamily("depesche_model_ready", "1 when the model takes work.", labels=["model"])
        depth = GaugeMetricFamily("depesche_queue_sentences", "Sentences that wait.", labels=["model"])
        tokens = GaugeMetricFamily("depesche_queue_source_tokens", "Source tokens that wait.", labels=["model"])
        for model in self._models():
            manifest, batcher = model.manifest, model.batcher
            info.add_metric([model.name, manifest.revision, model.engine, manifest.quality], 1)
            ready.add_metric([model.name], float(batcher.state.ready))
            depth.add_metric([model.name], len(batcher.queue))
            tokens.add_metric([model.name], batcher.queue.tokens)
        return (info, ready, depth, tokens)
