"""Tests of traces: request spans, stage spans, links to engine calls, and OTLP export."""

import threading
from collections.abc import AsyncIterator, Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, HTTPServer

import pytest
from httpx import Headers
from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import ExportTraceServiceRequest
from opentelemetry.sdk.trace import ReadableSpan, TracerProvider
from opentelemetry.sdk.trace.export import SimpleSpanProcessor
from opentelemetry.sdk.trace.export.in_memory_span_exporter import InMemorySpanExporter
from opentelemetry.sdk.trace.sampling import ALWAYS_OFF
from opentelemetry.trace import SpanKind, StatusCode

from service.domain import EngineInput
from service.http.middleware import traceparent_in
from service.observability import tracing
from tests.api.both import Both, both
from tests.chaos.server import PATIENCE_S, serving
from tests.fake_engine import raising

MARKER = "Zwetschgenkuchen"
TEXT = f"Der {MARKER} ist vertraulich. Der Zug fährt heute nicht."
TRACE, PARENT = "4bf92f3577b34da6a3ce929d0e0e4736", "00f067aa0ba902b7"
FATAL = "Unfall"
NS = 1_000_000_000
SAMPLED = 1


@pytest.fixture
def exporter(monkeypatch: pytest.MonkeyPatch) -> InMemorySpanExporter:
    """Return an in-memory exporter that receives the spans of the applications that the test creates."""
    found = InMemorySpanExporter()
    provider = TracerProvider()
    provider.add_span_processor(SimpleSpanProcessor(found))
    monkeypatch.setattr(tracing, "from_environment", lambda _: tracing.Tracing(provider))
    return found


@pytest.fixture
async def ports(monkeypatch: pytest.MonkeyPatch, exporter: InMemorySpanExporter) -> AsyncIterator[Both]:
    def fatal(item: EngineInput) -> bool:
        return FATAL in "".join(item.tokens)

    async with both(monkeypatch, raising(RuntimeError(MARKER), when=fatal)) as found:
        exporter.clear()
        yield found


def spans(exporter: InMemorySpanExporter) -> dict[str, list[ReadableSpan]]:
    """Return the finished spans, grouped by name."""
    found: dict[str, list[ReadableSpan]] = {}
    for span in exporter.get_finished_spans():
        found.setdefault(span.name, []).append(span)
    return found


def context_of(span: ReadableSpan) -> tuple[int, int]:
    context = span.get_span_context()
    assert context is not None
    return context.trace_id, context.span_id


async def test_stage_spans_are_within_request_span(ports: Both, exporter: InMemorySpanExporter) -> None:
    answer = await ports.main.post("/v1/articles", json={"body": TEXT, "outputs": ["translation"]})
    assert answer.status_code == 200
    found = spans(exporter)
    (request,) = found["POST /v1/articles"]
    assert request.kind == SpanKind.SERVER
    assert request.attributes == {
        "http.request.method": "POST",
        "http.route": "/v1/articles",
        "http.response.status_code": 200,
        "depesche.request_id": answer.headers["x-request-id"],
    }
    assert {"clean", "segment", "cache", "queue", "inference", "finish"} <= set(found)
    assert request.start_time is not None
    assert request.end_time is not None
    for name in ("clean", "segment", "cache", "queue", "inference", "finish"):
        for span in found[name]:
            assert span.parent is not None
            assert (span.parent.trace_id, span.parent.span_id) == context_of(request)
            assert span.start_time is not None
            assert span.end_time is not None
            # Each request reads two clocks, one after the other.
            assert request.start_time - NS // 100 <= span.start_time <= span.end_time <= request.end_time + NS // 100


async def test_requests_link_to_engine_calls(ports: Both, exporter: InMemorySpanExporter) -> None:
    assert (await ports.translate(TEXT)).status_code == 200
    found = spans(exporter)
    (call,) = found["engine call"]
    (inference,) = found["inference"]
    assert [(link.context.trace_id, link.context.span_id) for link in inference.links] == [context_of(call)]
    assert call.attributes is not None
    assert call.attributes["depesche.sentences"] == 2
    assert call.parent is None


async def test_cache_hit_has_no_engine_call(ports: Both, exporter: InMemorySpanExporter) -> None:
    await ports.translate(TEXT)
    exporter.clear()
    await ports.translate(TEXT)
    assert not {"engine call", "inference", "queue"} & set(spans(exporter))


async def test_streams_and_compatible_paths_are_traced(ports: Both, exporter: InMemorySpanExporter) -> None:
    await ports.translate(TEXT, accept="text/event-stream")
    await ports.main.post("/v2/translate", json={"text": [TEXT + "!"], "target_lang": "EN"})
    found = spans(exporter)
    assert {"POST /v1/translate", "POST /v2/translate"} <= set(found)
    assert len(found["segment"]) == 2


async def test_caller_trace_is_continued(ports: Both, exporter: InMemorySpanExporter) -> None:
    answer = await ports.translate(TEXT, traceparent=f"00-{TRACE}-{PARENT}-01", tracestate="vendor=1")
    (request,) = spans(exporter)["POST /v1/translate"]
    assert request.parent is not None
    assert f"{request.parent.trace_id:032x}-{request.parent.span_id:016x}" == f"{TRACE}-{PARENT}"
    assert "vendor" not in request.to_json()
    assert not request.parent.trace_state
    assert answer.headers["traceresponse"] == f"00-{TRACE}-{context_of(request)[1]:016x}-01"


@pytest.mark.parametrize("given", ["", f"00-{'0' * 32}-{PARENT}-01", f"00-{TRACE}-{'0' * 16}-01", "ü" * 999])
async def test_invalid_traceparent_starts_new_trace(ports: Both, exporter: InMemorySpanExporter, given: str) -> None:
    answer = await ports.main.get("/v1/models", headers=Headers({"traceparent": given}, encoding="latin-1"))
    (request,) = spans(exporter)["GET /v1/models"]
    assert request.parent is None
    assert answer.headers["traceresponse"].startswith("00-")


async def test_failure_span_has_no_message(ports: Both, exporter: InMemorySpanExporter) -> None:
    assert (await ports.translate(f"Der {FATAL} mit {MARKER}.")).status_code == 500
    (request,) = spans(exporter)["POST /v1/translate"]
    assert (request.status.status_code, request.status.description) == (StatusCode.ERROR, None)
    assert not request.events


async def test_spans_never_quote_a_request(ports: Both, exporter: InMemorySpanExporter) -> None:
    await ports.translate(TEXT)
    await ports.translate(f"{FATAL} {MARKER}")
    odd = Headers({"x-request-id": f"ä{MARKER}", "user-agent": MARKER}, encoding="latin-1")
    await ports.main.get(f"/v1/{MARKER}?{MARKER}={MARKER}", headers=odd)
    await ports.main.request(MARKER.upper(), "/v1/translate")
    written = "".join(span.to_json() for span in exporter.get_finished_spans())
    assert "unmatched" in written
    assert MARKER.lower() not in written.lower()


async def test_unsampled_spans_are_not_exported(monkeypatch: pytest.MonkeyPatch) -> None:
    exporter = InMemorySpanExporter()
    provider = TracerProvider(sampler=ALWAYS_OFF)
    provider.add_span_processor(SimpleSpanProcessor(exporter))
    monkeypatch.setattr(tracing, "from_environment", lambda _: tracing.Tracing(provider))
    async with both(monkeypatch) as ports:
        answer = await ports.translate(TEXT)
        assert int(answer.headers["traceresponse"][-2:], 16) & SAMPLED == 0
    assert not exporter.get_finished_spans()


async def test_trace_id_is_logged_without_collector(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    for name in tracing.ENDPOINTS:
        monkeypatch.delenv(name, raising=False)
    async with both(monkeypatch) as ports:
        answer = await ports.translate(TEXT, traceparent=f"00-{TRACE}-{PARENT}-01")
        assert "traceresponse" not in answer.headers
    given = f"00-{TRACE}-{PARENT}-01"
    assert traceparent_in([(b"traceparent", given.encode())]) == given


@pytest.mark.parametrize("given", [b"", b"00-" + b"0" * 32 + b"-00f067aa0ba902b7-01", b"x" * 55, b"00-x\r\n"])
def test_invalid_traceparent_is_not_logged(given: bytes) -> None:
    assert traceparent_in([(b"traceparent", given)]) is None
    assert traceparent_in([]) is None


def test_unsupported_protocol_is_refused() -> None:
    environment = {"OTEL_EXPORTER_OTLP_ENDPOINT": "http://collector:4317", "OTEL_EXPORTER_OTLP_PROTOCOL": "grpc"}
    with pytest.raises(tracing.TracingUnavailable, match="http/protobuf"):
        tracing.from_environment(environment)
    assert tracing.from_environment({**environment, "OTEL_SDK_DISABLED": "true"}) is None
    assert tracing.from_environment({}) is None


@contextmanager
def collector() -> Iterator[tuple[str, list[bytes]]]:
    """Start a trace collector that stores the bodies of requests. Yield its address and the list of bodies."""
    bodies: list[bytes] = []

    class Collector(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            bodies.append(self.rfile.read(int(self.headers["content-length"])))
            self.send_response(200)
            self.end_headers()

        def log_message(self, *_: object) -> None:
            pass

    server = HTTPServer(("127.0.0.1", 0), Collector)
    serving_thread = threading.Thread(target=server.serve_forever)
    serving_thread.start()
    try:
        yield f"http://127.0.0.1:{server.server_port}", bodies
    finally:
        server.shutdown()
        serving_thread.join()
        server.server_close()


@pytest.mark.slow
def test_spans_reach_the_collector(monkeypatch: pytest.MonkeyPatch) -> None:
    with collector() as (endpoint, bodies):
        monkeypatch.setenv("OTEL_EXPORTER_OTLP_ENDPOINT", endpoint)
        with serving() as server:
            assert server.post("/v1/translate", {"text": TEXT}, {"x-request-id": "cms-1"}).status_code == 200
            assert len(server.event("RequestDone", request_id="cms-1")["trace_id"]) == 32
            server.process.terminate()
            assert server.process.wait(PATIENCE_S) == 0
    requests = [ExportTraceServiceRequest.FromString(body) for body in bodies]
    resources = [resource for request in requests for resource in request.resource_spans]
    names = {span.name for resource in resources for scope in resource.scope_spans for span in scope.spans}
    assert {"POST /v1/translate", "segment", "engine call", "inference"} <= names
    (service_name,) = {
        one.value.string_value
        for resource in resources
        for one in resource.resource.attributes
        if one.key == "service.name"
    }
    assert service_name == "depesche"
    assert MARKER.encode() not in b"".join(bodies)


@pytest.mark.slow
def test_lost_collector_costs_no_request(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("OTEL_EXPORTER_OTLP_ENDPOINT", "http://127.0.0.1:9")
    monkeypatch.setenv("OTEL_BSP_SCHEDULE_DELAY", "50")
    with serving() as server:
        for number in range(5):
            assert server.post("/v1/translate", {"text": f"Zug {number} fährt."}).status_code == 200
