"""OpenTelemetry traces: a span for each request with child spans for its stages, and a span for each engine call.

An engine call serves many requests, so spans of these requests link to the span of the call. Tracing needs the extra
``depesche[otel]``. It is off unless OpenTelemetry's environment variables name a collector. These variables also set
the sampling and the service name. Spans contain no caller input except ids (docs/adr/0022-libraries-at-the-edge.md).
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
# Requests in progress can link to far fewer batches than this.
MAX_BATCHES = 4_096
MIN_ERROR_STATUS = 500
NS = 1_000_000_000


class TracingUnavailable(DepescheError):
    """The environment requests tracing, but tracing cannot start."""

    code = "tracing_unavailable"


class Tracing:
    """A tracer that creates the spans of requests and, as an event listener, the spans of engine calls."""

    def __init__(self, provider: "TracerProvider") -> None:
        self._provider = provider
        self._tracer = provider.get_tracer("depesche", __version__)
        self._batches: OrderedDict[Batch, SpanContext] = OrderedDict()

    def begin(self, traceparent: str | None) -> "RequestSpan":
        """Start the span of a request.

        ``traceparent`` is the request header that identifies the parent span in the caller's trace. If the header is
        None, the span starts a new trace.
        """
        from opentelemetry.trace import SpanKind  # noqa: PLC0415 - an extra
        from opentelemetry.trace.propagation.tracecontext import TraceContextTextMapPropagator  # noqa: PLC0415

        # The header tracestate is ignored, because callers can put any text into it.
        carrier = {} if traceparent is None else {"traceparent": traceparent}
        context = TraceContextTextMapPropagator().extract(carrier)
        return RequestSpan(self, self._tracer.start_span("HTTP", context, SpanKind.SERVER))

    def listen(self, event: Event) -> None:
        """Create the span of an engine call if ``event`` reports that the call has returned. Ignore other events."""
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
        if len(self._batches) > MAX_BATCHES:
            self._batches.popitem(last=False)

    def stages(self, parent: "OtelSpan", intervals: Sequence[Interval]) -> None:
        """Create a child span of ``parent`` for each interval of a stage.

        If engine calls ran in the interval, the child span links to the spans of these calls.
        """
        from opentelemetry.trace import Link, set_span_in_context  # noqa: PLC0415 - an extra

        # Intervals use the performance counter, but spans use the system clock.
        offset_ns = time.time_ns() - time.perf_counter_ns()
        for one in intervals:
            links = [Link(self._batches[batch]) for batch in one.batches if batch in self._batches]
            begun_ns = offset_ns + int(one.started_s * NS)
            span = self._tracer.start_span(one.stage, set_span_in_context(parent), links=links, start_time=begun_ns)
            span.end(begun_ns + int(one.seconds * NS))

    def close(self) -> None:
        """Send the remaining spans to the collector and shut tracing down."""
        self._provider.shutdown()


class RequestSpan:
    """The span of one request."""

    def __init__(self, tracing: Tracing, span: "OtelSpan") -> None:
        self._tracing = tracing
        self._span = span
        self._context = span.get_span_context()

    @property
    def trace_id(self) -> str:
        """The trace id as 32 hexadecimal digits."""
        return f"{self._context.trace_id:032x}"

    @property
    def response(self) -> bytes:
        """The value of the response header ``traceresponse`` (W3C Trace Context, level 2)."""
        flags = int(self._context.trace_flags)
        return f"00-{self.trace_id}-{self._context.span_id:016x}-{flags:02x}".encode()

    def end(self, done: RequestDone, stages: Sequence[Interval]) -> None:
        """End the span of the request ``done``, and create a child span for each processing stage in ``stages``.

        The attributes without the prefix ``depesche.`` follow OpenTelemetry's HTTP conventions. A span that is not
        recorded gets neither attributes nor child spans.
        """
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
            if done.status >= MIN_ERROR_STATUS:
                span.set_status(StatusCode.ERROR)
            self._tracing.stages(span, stages)
        span.end()


def from_environment(environment: Mapping[str, str]) -> Tracing | None:
    """Set up tracing as the OpenTelemetry variables in ``environment`` specify.

    Return None if these variables name no collector or disable tracing.

    Raises:
        TracingUnavailable: the extra is not installed, or the protocol is not OTLP over HTTP with protobuf.
    """
    if not any(environment.get(name) for name in ENDPOINTS) or environment.get("OTEL_SDK_DISABLED") == "true":
        return None
    variable = next((name for name in PROTOCOLS if environment.get(name)), None)
    if variable is not None and environment[variable] != PROTOCOL:
        raise TracingUnavailable(f"{variable} must be {PROTOCOL}, the only protocol that the service supports")
    try:
        from opentelemetry.exporter.otlp.proto.http.trace_exporter import OTLPSpanExporter  # noqa: PLC0415
        from opentelemetry.sdk.resources import Resource  # noqa: PLC0415
        from opentelemetry.sdk.trace import TracerProvider  # noqa: PLC0415
        from opentelemetry.sdk.trace.export import BatchSpanProcessor  # noqa: PLC0415
    except ImportError as error:
        raise TracingUnavailable(
            "tracing requires the extra depesche[otel]; install it, or unset the OTEL_EXPORTER_OTLP variables"
        ) from error
    name = environment.get("OTEL_SERVICE_NAME") or "depesche"
    provider = TracerProvider(resource=Resource.create({"service.name": name, "service.version": __version__}))
    provider.add_span_processor(BatchSpanProcessor(OTLPSpanExporter()))
    return Tracing(provider)
