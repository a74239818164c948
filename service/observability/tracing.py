"""OpenTelemetry traces: a span for each request, below it one for each stage, and one for each engine call.

An engine call works for many requests, so its span is linked from theirs. Needs the extra ``depesche[otel]``. Off
unless the environment names a collector, by OpenTelemetry's own variables; those also choose sampling and the service's
name. Of what a caller wrote, spans hold the ids of ``traceparent`` alone (docs/adr/0022-libraries-at-the-edge.md).
"""

import time
from collections import OrderedDict
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING

from service import __version__
from service.errors import DepescheError
from service.events import BatchDone, Event, RequestDone
from service.generation.call import Batch, Interval

if TYPE_CHECKING:
    from opentelemetry.sdk.trace import TracerProvider
    from opentelemetry.trace import Span as OtelSpan
    from opentelemetry.trace import SpanContext

ENDPOINTS = ("OTEL_EXPORTER_OTLP_TRACES_ENDPOINT", "OTEL_EXPORTER_OTLP_ENDPOINT")
PROTOCOLS = ("OTEL_EXPORTER_OTLP_TRACES_PROTOCOL", "OTEL_EXPORTER_OTLP_PROTOCOL")
PROTOCOL = "http/protobuf"
# Batches that may still be asked for: those of the requests under way, and many more.
MOST_BATCHES = 4_096
LEAST_FAILURE = 500
NS = 1_000_000_000


class TracingUnavailable(DepescheError):
    """Traces are asked for, and cannot be made."""

    code = "tracing_unavailable"


class Tracing:
    """Makes spans of requests and, as a listener, of engine calls."""

    def __init__(self, provider: "TracerProvider") -> None:
        self._provider = provider
        self._tracer = provider.get_tracer("depesche", __version__)
        self._batches: OrderedDict[Batch, SpanContext] = OrderedDict()

    def begin(self, traceparent: str | None) -> "RequestSpan":
        """The span of a request, below the caller's if the request has a valid ``traceparent``."""
        from opentelemetry.trace import SpanKind  # noqa: PLC0415 - an extra
        from opentelemetry.trace.propagation.tracecontext import TraceContextTextMapPropagator  # noqa: PLC0415

        # Without tracestate, which may hold any words of the caller.
        carrier = {} if traceparent is None else {"traceparent": traceparent}
        context = TraceContextTextMapPropagator().extract(carrier)
        return RequestSpan(self, self._tracer.start_span("HTTP", context, SpanKind.SERVER))

    def listen(self, event: Event) -> None:
        """Make the span of an engine call that returned."""
        if not isinstance(event, BatchDone) or event.number is None:
            return
        now_ns = time.time_ns()
        span = self._tracer.start_span(
            "engine call",
            start_time=now_ns - int(event.inference_s * NS),
            attributes={
                "depesche.model": event.model,
                "depesche.sentences": event.items,
                "depesche.source_tokens": event.source_tokens,
                "depesche.padded_tokens": event.padded_tokens,
                "depesche.output_tokens": event.output_tokens,
            },
        )
        span.end(now_ns)
        self._batches[event.model, event.number] = span.get_span_context()
        if len(self._batches) > MOST_BATCHES:
            self._batches.popitem(last=False)

    def stages(self, parent: "OtelSpan", intervals: Sequence[Interval]) -> None:
        """Make a span below ``parent`` for each stage; those of the engine link to its calls."""
        from opentelemetry.trace import Link, set_span_in_context  # noqa: PLC0415 - an extra

        # The intervals are on another clock than spans are.
        offset_ns = time.time_ns() - time.perf_counter_ns()
        for one in intervals:
            links = [Link(self._batches[batch]) for batch in one.batches if batch in self._batches]
            begun_ns = offset_ns + int(one.started_s * NS)
            span = self._tracer.start_span(one.stage, set_span_in_context(parent), links=links, start_time=begun_ns)
            span.end(begun_ns + int(one.seconds * NS))

    def close(self) -> None:
        """Send the spans that are left; waits for the collector."""
        self._provider.shutdown()


class RequestSpan:
    """One request's span."""

    def __init__(self, tracing: Tracing, span: "OtelSpan") -> None:
        self._tracing = tracing
        self._span = span
        self._context = span.get_span_context()

    @property
    def trace_id(self) -> str:
        """32 hexadecimal digits."""
        return f"{self._context.trace_id:032x}"

    @property
    def response(self) -> bytes:
        """The value of ``traceresponse`` (W3C Trace Context, level 2), which tells the caller."""
        flags = int(self._context.trace_flags)
        return f"00-{self.trace_id}-{self._context.span_id:016x}-{flags:02x}".encode()

    def end(self, done: RequestDone, stages: Sequence[Interval]) -> None:
        """End the span, with the attributes of OpenTelemetry's conventions for HTTP, after its stages."""
        from opentelemetry.trace import StatusCode  # noqa: PLC0415 - an extra

        span = self._span
        if span.is_recording():
            span.update_name(f"{done.method} {done.route}")
            span.set_attribute("http.request.method", done.method)
            span.set_attribute("http.route", done.route)
            span.set_attribute("http.response.status_code", done.status)
            span.set_attribute("depesche.request_id", done.request_id)
            if done.key_id is not None:
                span.set_attribute("depesche.key_id", done.key_id)
            if done.status >= LEAST_FAILURE:
                span.set_status(StatusCode.ERROR)
            self._tracing.stages(span, stages)
        span.end()


def from_environment(environment: Mapping[str, str]) -> Tracing | None:
    """Traces to the collector that the environment names; None where it names none, or turns OpenTelemetry off.

    Raises:
        TracingUnavailable: the extra is not installed, or another protocol than OTLP over HTTP is asked for.
    """
    if not any(environment.get(name) for name in ENDPOINTS) or environment.get("OTEL_SDK_DISABLED") == "true":
        return None
    protocol = next((environment[name] for name in PROTOCOLS if environment.get(name)), PROTOCOL)
    if protocol != PROTOCOL:
        raise TracingUnavailable(f"traces are sent as {PROTOCOL} only, not as OTEL_EXPORTER_OTLP_PROTOCOL says")
    try:
        from opentelemetry.exporter.otlp.proto.http.trace_exporter import OTLPSpanExporter  # noqa: PLC0415
        from opentelemetry.sdk.resources import Resource  # noqa: PLC0415
        from opentelemetry.sdk.trace import TracerProvider  # noqa: PLC0415
        from opentelemetry.sdk.trace.export import BatchSpanProcessor  # noqa: PLC0415
    except ImportError as error:
        raise TracingUnavailable("traces need the extra depesche[otel]") from error
    name = environment.get("OTEL_SERVICE_NAME") or "depesche"
    provider = TracerProvider(resource=Resource.create({"service.name": name, "service.version": __version__}))
    provider.add_span_processor(BatchSpanProcessor(OTLPSpanExporter()))
    return Tracing(provider)
