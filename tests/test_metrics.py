"""Metrics: every event counts where it should, and every metric is documented with its type and labels."""

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
def counted() -> Metrics:
    """The metrics of a service that has not begun."""
    return Metrics(Newsroom(plan_of(Settings()), events.ignore, lambda: None))


def changed(counted: Metrics, event: events.Event) -> dict[str, float]:
    """The samples that an event changes, buckets left out, and by how much."""
    before = samples(counted)
    counted.listen(event)
    return {key: value - before.get(key, 0) for key, value in samples(counted).items() if value != before.get(key, 0)}


def samples(counted: Metrics) -> dict[str, float]:
    """All of ours, written like ``name a b`` with the values of the labels, in the order of their names."""
    found = (s for family in counted.registry.collect() if family.name.startswith("depesche") for s in family.samples)
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
def test_an_event_changes_its_samples_and_no_others(
    counted: Metrics, event: events.Event, changes: dict[str, float]
) -> None:
    assert changed(counted, event) == changes


def test_the_metrics_of_a_model_are_there_before_its_first_batch(counted: Metrics) -> None:
    counted.listen(events.EngineReady("m", "fake", 2.5))
    before = set(samples(counted))
    counted.listen(BATCH)
    counted.listen(events.EngineFailed("m", "raised", "ValueError"))
    assert set(samples(counted)) == before


def codes_of(tree: ast.Module) -> Iterator[str]:
    """The codes that a module gives to notices, also through its own functions that take a ``code`` first."""
    functions = [node for node in ast.walk(tree) if isinstance(node, ast.FunctionDef)]
    makers = {"Notice", *(f.name for f in functions if f.args.args and f.args.args[0].arg == "code")}
    for node in ast.walk(tree):
        if isinstance(node, ast.Call) and isinstance(node.func, ast.Name) and node.func.id in makers:
            given = [*node.args[:1], *(word.value for word in node.keywords if word.arg == "code")]
            yield from (one.value for one in given if isinstance(one, ast.Constant) and isinstance(one.value, str))


def test_every_warning_of_the_service_has_a_label_of_its_own() -> None:
    modules = (ast.parse(path.read_text("utf-8")) for path in (ROOT / "service").rglob("*.py"))
    said = {code for module in modules for code in codes_of(module)} | {code.value for code in Code}
    assert said | {foreign_code(DE), metrics.OTHER} == metrics.WARNINGS


def families(counted: Metrics) -> list[Metric]:
    counted.listen(events.EngineReady("m", "fake", 2.5))
    counted.listen(events.RequestDone("GET", "/livez", 200, 0.1, "id"))
    return list(counted.registry.collect())


def documented() -> dict[str, tuple[str, set[str]]]:
    """Type and labels of each metric, as the tables of the document say."""
    rows = [line.split("|")[1:4] for line in DOCUMENT.splitlines() if line.startswith(("| `depesche_", "| `process_"))]
    return {name.strip(" `"): (kind.strip(), set(labels.split("`")[1::2])) for name, kind, labels in rows}


def test_the_document_has_exactly_the_metrics_that_there_are_with_their_types(counted: Metrics) -> None:
    there = {f.name + "_total" * (f.type == "counter"): f.type for f in families(counted)}
    of_process = {name for name in documented() if name.startswith("process_")}  # which only Linux has
    assert {name: kind for name, (kind, _) in documented().items() if name in there or name not in of_process} == there


def test_the_document_has_the_labels_of_every_metric(counted: Metrics) -> None:
    for family in families(counted):
        labels = {name for sample in family.samples for name in sample.labels} - {"le"}
        name = family.name + "_total" * (family.type == "counter")
        # Those of models are only there with a model; the test over HTTP has some.
        assert labels == documented()[name][1] or not family.samples, name


def test_the_document_names_every_reason(counted: Metrics) -> None:
    for family in families(counted):
        for sample in family.samples:
            for name in {"reason", "during", "output", "tier", "priority"} & set(sample.labels):
                assert f"`{sample.labels[name]}`" in DOCUMENT


async def hangs(scope: Scope, _: Receive, send: Send) -> None:
    """An application that begins its answer when it is asked to stream, and never ends."""
    if scope["path"] == "/stream":
        await send({"type": "http.response.start", "status": 200, "headers": []})
    await asyncio.Event().wait()


def leaving(*before: Message) -> Receive:
    """A caller that sends ``before`` and is gone a moment later."""
    messages = list(before)

    async def receive() -> Message:
        if messages:
            return messages.pop(0)
        await asyncio.sleep(0.01)
        return {"type": "http.disconnect"}

    return receive


async def unsent(_: Message) -> None:
    """Where nobody listens."""


BODY: Message = {"type": "http.request", "body": b"{}", "more_body": False}


@pytest.mark.parametrize(("path", "during"), [("/", "work"), ("/stream", "answer")])
async def test_a_caller_that_leaves_is_told_of_by_how_far_its_answer_came(path: str, during: events.Stage) -> None:
    told: list[events.Event] = []
    await CancelOnDisconnectMiddleware(hangs, told.append)(
        {"type": "http", "method": "POST", "path": path}, leaving(BODY), unsent
    )
    assert told == [events.ClientLeft(during)]


async def test_a_caller_that_is_gone_after_its_answer_has_not_left() -> None:
    async def answers_and_lingers(_: Scope, __: Receive, send: Send) -> None:
        await send({"type": "http.response.start", "status": 200, "headers": []})
        await send({"type": "http.response.body", "body": b"{}"})
        await asyncio.sleep(0.1)

    told: list[events.Event] = []
    scope: dict[str, Any] = {"type": "http", "method": "POST", "path": "/"}
    await CancelOnDisconnectMiddleware(answers_and_lingers, told.append)(scope, leaving(BODY), unsent)
    assert told == []


async def test_a_caller_that_leaves_before_its_body_was_read_is_told_of() -> None:
    told: list[events.Event] = []
    part: Message = {"type": "http.request", "body": b"{", "more_body": True}
    app = BodyLimitsMiddleware(hangs, Bounds(100, 60.0, 64), lambda *_: unsent({}), told.append)
    with pytest.raises(ClientGone):
        await app({"type": "http", "headers": []}, leaving(part), unsent)
    assert told == [events.ClientLeft("body")]
