"""Tests of metrics: the effect of every event, and the documentation of every metric."""

import ast
import asyncio
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from prometheus_client import Metric
from starlette.types import Message, Receive, Scope, Send

from service import events
from service.app import plan_of
from service.checks.base import Code
from service.errors import ClientGone
from service.http.admission import BodyLimitsMiddleware, Bounds
from service.http.middleware import CancelOnDisconnectMiddleware
from service.newsroom.newsroom import Newsroom
from service.observability import metrics
from service.observability.metrics import Metrics
from service.settings import Settings
from service.text.language_id import foreign_code
from tests.languages import DE

ROOT = Path(__file__).parent.parent
DOCUMENT = (ROOT / "docs" / "metrics.md").read_text("utf-8")


@pytest.fixture
def service_metrics() -> Metrics:
    """Return the metrics of a service that has not been started."""
    return Metrics(Newsroom(plan_of(Settings()), events.ignore, lambda: None))


def changed_samples(service_metrics: Metrics, event: events.Event) -> dict[str, float]:
    """Return the samples that an event changes, each with its difference. Histogram buckets are left out."""
    before = samples(service_metrics)
    service_metrics.listen(event)
    return {
        key: value - before.get(key, 0)
        for key, value in samples(service_metrics).items()
        if value != before.get(key, 0)
    }


def samples(service_metrics: Metrics) -> dict[str, float]:
    """Return the value of each sample of the service's own metrics. Histogram buckets are left out.

    A key is the name of a metric without its prefix, followed by the label values in the order of the label names.
    """
    found = (
        s for family in service_metrics.registry.collect() if family.name.startswith("depesche") for s in family.samples
    )
    return {
        " ".join([s.name.removeprefix("depesche_"), *(s.labels[name] for name in sorted(s.labels))]): s.value
        for s in found
        if "le" not in s.labels
    }


BATCH = events.BatchDone(
    "m", items=2, source_tokens=7, padded_tokens=8, output_tokens=9, oldest_wait_s=0.5, inference_s=0.25
)
CASES: list[tuple[events.Event, dict[str, float]]] = [
    (events.RequestBegun(), {"http_requests_in_progress": 1}),
    (
        events.RequestDone("POST", "/v1/translate", 200, 0.5, "id"),
        {
            "http_requests_in_progress": -1,
            "http_requests_total POST /v1/translate 200": 1,
            "http_request_seconds_count /v1/translate 200": 1,
            "http_request_seconds_sum /v1/translate 200": 0.5,
        },
    ),
    (
        events.ResultGiven("summary", ("method_changed", "truncated"), needs_review=True, truncated=True),
        {
            "results_total summary": 1,
            "results_needing_review_total summary": 1,
            "results_truncated_total summary": 1,
            "warnings_total method_changed": 1,
            "warnings_total truncated": 1,
        },
    ),
    (
        events.ResultGiven("translation", ("never seen", "nor this"), needs_review=False, truncated=False),
        {"results_total translation": 1, "warnings_total other": 1},
    ),
    (events.ProblemGiven("queue_full", 503), {"requests_refused_total queue_full": 1}),
    (events.ProblemGiven("work_too_large", 422), {"requests_refused_total work_too_large": 1}),
    (events.ProblemGiven("rate_exceeded", 429), {"requests_refused_total rate_exceeded": 1}),
    (events.ProblemGiven("quota_exceeded", 456), {"requests_refused_total quota_exceeded": 1}),
    (events.RateStoreFailed("timeout"), {"rate_store_failures_total timeout": 1}),
    (events.EntryUnopened("seal"), {"shared_cache_unopened_total seal": 1}),
    (events.KeysRead(3), {"keys": 3}),
    (events.KeysRefused("line 1", 3), {"keys_refused": 1}),
    (events.ProblemGiven("never seen", 429), {"requests_refused_total other": 1}),
    (events.ProblemGiven("deadline_exceeded", 504), {"requests_failed_total deadline_exceeded": 1}),
    (events.ProblemGiven("never seen", 500), {"requests_failed_total other": 1}),
    (events.ProblemGiven("text_empty", 422), {}),
    (events.ClientLeft("work"), {"client_departures_total work": 1}),
    (
        events.CacheLooked("translation", asked=9, memory_hits=5, shared_hits=3),
        {
            "cache_lookups_total translation memory": 5,
            "cache_lookups_total translation shared": 3,
            "cache_lookups_total translation none": 1,
        },
    ),
    (events.SharedCacheFailed("timeout"), {"shared_cache_failures_total timeout": 1}),
    (
        events.SharedCacheFailed("error", opened=True),
        {"shared_cache_failures_total error": 1, "shared_cache_breaker_openings_total": 1},
    ),
    (
        BATCH,
        {
            "queue_seconds_count m": 1,
            "queue_seconds_sum m": 0.5,
            "inference_seconds_count m": 1,
            "inference_seconds_sum m": 0.25,
            "batch_sentences_count m": 1,
            "batch_sentences_sum m": 2,
            "batch_padded_tokens_count m": 1,
            "batch_padded_tokens_sum m": 8,
            "source_tokens_total m": 7,
            "output_tokens_total m": 9,
        },
    ),
    (events.EngineFailed("m", "hung", "EngineHung"), {"engine_failures_total m hung": 1}),
    (events.EngineReady("m", "fake", 2.5), {"engine_load_seconds m": 2.5}),
    (events.EngineReady("m", "fake", 2.5, rebuilt=True), {"engine_load_seconds m": 2.5, "engine_rebuilds_total m": 1}),
]


@pytest.mark.parametrize(("event", "changes"), CASES, ids=[type(event).__name__ for event, _ in CASES])
def test_event_changes_only_its_samples(
    service_metrics: Metrics, event: events.Event, changes: dict[str, float]
) -> None:
    assert changed_samples(service_metrics, event) == changes


def test_model_metrics_exist_before_first_batch(service_metrics: Metrics) -> None:
    service_metrics.listen(events.EngineReady("m", "fake", 2.5))
    before = set(samples(service_metrics))
    service_metrics.listen(BATCH)
    service_metrics.listen(events.EngineFailed("m", "raised", "ValueError"))
    assert set(samples(service_metrics)) == before


def codes_of(tree: ast.Module) -> Iterator[str]:
    """Yield the notice codes in a module, including those passed to its functions whose first parameter is ``code``."""
    functions = [node for node in ast.walk(tree) if isinstance(node, ast.FunctionDef)]
    makers = {"Notice", *(f.name for f in functions if f.args.args and f.args.args[0].arg == "code")}
    for node in ast.walk(tree):
        if isinstance(node, ast.Call) and isinstance(node.func, ast.Name) and node.func.id in makers:
            given = [*node.args[:1], *(word.value for word in node.keywords if word.arg == "code")]
            yield from (one.value for one in given if isinstance(one, ast.Constant) and isinstance(one.value, str))


def test_every_warning_has_a_label() -> None:
    modules = (ast.parse(path.read_text("utf-8")) for path in (ROOT / "service").rglob("*.py"))
    said = {code for module in modules for code in codes_of(module)} | {code.value for code in Code}
    assert said | {foreign_code(DE), metrics.OTHER} == metrics.WARNINGS


def families(service_metrics: Metrics) -> list[Metric]:
    service_metrics.listen(events.EngineReady("m", "fake", 2.5))
    service_metrics.listen(events.RequestDone("GET", "/livez", 200, 0.1, "id"))
    return list(service_metrics.registry.collect())


def documented_metrics() -> dict[str, tuple[str, set[str]]]:
    """Return the type and the labels of each metric in the documentation."""
    rows = [line.split("|")[1:4] for line in DOCUMENT.splitlines() if line.startswith(("| `depesche_", "| `process_"))]
    return {name.strip(" `"): (kind.strip(), set(labels.split("`")[1::2])) for name, kind, labels in rows}


def test_docs_list_all_metrics_and_types(service_metrics: Metrics) -> None:
    existing = {f.name + "_total" * (f.type == "counter"): f.type for f in families(service_metrics)}
    expected = {name: kind for name, (kind, _) in documented_metrics().items()}
    # Process metrics exist only on Linux.
    missing = {name for name in expected.keys() - existing.keys() if name.startswith("process_")}
    assert existing == {name: kind for name, kind in expected.items() if name not in missing}


def test_docs_list_all_labels(service_metrics: Metrics) -> None:
    for family in families(service_metrics):
        labels = {name for sample in family.samples for name in sample.labels} - {"le"}
        name = family.name + "_total" * (family.type == "counter")
        # Metrics of models need a model; the tests over HTTP cover them.
        assert labels == documented_metrics()[name][1] or not family.samples, name


def test_docs_list_all_reasons(service_metrics: Metrics) -> None:
    for family in families(service_metrics):
        for sample in family.samples:
            for name in {"reason", "during", "output", "tier", "priority"} & set(sample.labels):
                assert f"`{sample.labels[name]}`" in DOCUMENT


async def hangs(scope: Scope, _: Receive, send: Send) -> None:
    """Run an ASGI application that never completes its response.

    The application starts a response only for the path ``/stream``.
    """
    if scope["path"] == "/stream":
        await send({"type": "http.response.start", "status": 200, "headers": []})
    await asyncio.Event().wait()


def disconnecting(*before: Message) -> Receive:
    """Return the ASGI ``receive`` function of a client that sends ``before`` and then disconnects."""
    messages = list(before)

    async def receive() -> Message:
        if messages:
            return messages.pop(0)
        await asyncio.sleep(0.01)
        return {"type": "http.disconnect"}

    return receive


async def discard(_: Message) -> None:
    """Discard a message that the ASGI application sends."""


BODY: Message = {"type": "http.request", "body": b"{}", "more_body": False}


@pytest.mark.parametrize(("path", "during"), [("/", "work"), ("/stream", "answer")])
async def test_disconnect_is_counted_by_stage(path: str, during: events.Stage) -> None:
    received: list[events.Event] = []
    await CancelOnDisconnectMiddleware(hangs, received.append)(
        {"type": "http", "method": "POST", "path": path}, disconnecting(BODY), discard
    )
    assert received == [events.ClientLeft(during)]


async def test_disconnect_after_answer_is_not_counted() -> None:
    async def answers_and_lingers(_: Scope, __: Receive, send: Send) -> None:
        await send({"type": "http.response.start", "status": 200, "headers": []})
        await send({"type": "http.response.body", "body": b"{}"})
        await asyncio.sleep(0.1)

    received: list[events.Event] = []
    scope: dict[str, Any] = {"type": "http", "method": "POST", "path": "/"}
    await CancelOnDisconnectMiddleware(answers_and_lingers, received.append)(scope, disconnecting(BODY), discard)
    assert received == []


async def test_disconnect_in_body_is_counted() -> None:
    received: list[events.Event] = []
    part: Message = {"type": "http.request", "body": b"{", "more_body": True}
    app = BodyLimitsMiddleware(hangs, Bounds(100, 60.0, 64), lambda *_: discard({}), received.append)
    with pytest.raises(ClientGone):
        await app({"type": "http", "headers": []}, disconnecting(part), discard)
    assert received == [events.ClientLeft("body")]
