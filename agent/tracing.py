"""Traces of the service itself: off unless asked for, and then of no cost. The only file that talks to OpenTelemetry.

What players type is in no span, nor are ids of sessions and tokens; a route is named by its pattern.
"""

from __future__ import annotations

import os
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from typing import Any

_tracer: Any = None


class TracingError(RuntimeError):
    """Traces were asked for and cannot be sent; one line for the operator."""


class Span:
    """A span that may take attributes while it lasts; without tracing it takes them and forgets."""

    def __init__(self, inner: Any = None) -> None:
        self._inner = inner

    def set(self, **attributes: str | int | float | bool) -> None:
        if self._inner is not None:
            for name, value in attributes.items():
                self._inner.set_attribute(name.replace("__", "."), value)

    def rename(self, name: str) -> None:
        if self._inner is not None:
            self._inner.update_name(name)

    def fail(self, why: str) -> None:
        if self._inner is not None:
            from opentelemetry.trace import Status, StatusCode

            self._inner.set_status(Status(StatusCode.ERROR, why))


NOTHING = Span()


def wanted(environment: Mapping[str, str] = os.environ) -> bool:
    """Whether OpenTelemetry's own variables name a receiver."""
    off = environment.get("OTEL_SDK_DISABLED", "").lower() == "true"
    named = any(environment.get(f"OTEL_EXPORTER_OTLP_{x}ENDPOINT", "").strip() for x in ("", "TRACES_"))
    return named and not off and environment.get("OTEL_TRACES_EXPORTER", "otlp") == "otlp"


def turn_on(version: str, exporter: Any = None) -> Any:
    """Send spans to `exporter`, or to where OpenTelemetry's variables say. Raises TracingError.

    Returns the provider: whoever turned it on flushes and shuts it down.
    """
    global _tracer  # noqa: PLW0603 (there is one tracer in a process, as there is one log)
    try:
        from opentelemetry.sdk.resources import Resource
        from opentelemetry.sdk.trace import TracerProvider
        from opentelemetry.sdk.trace.export import BatchSpanProcessor, SimpleSpanProcessor
    except ImportError:
        raise TracingError("traces need OpenTelemetry: pip install 'dropprod[otel]'") from None
    named = {"service.version": version}
    if not os.environ.get("OTEL_SERVICE_NAME"):
        named["service.name"] = "dropprod"
    provider = TracerProvider(resource=Resource.create(named))
    processor = BatchSpanProcessor(_otlp()) if exporter is None else SimpleSpanProcessor(exporter)
    provider.add_span_processor(processor)
    _tracer = provider.get_tracer("dropprod", version)
    return provider


def turn_off() -> None:
    """For tests: what was turned on before is forgotten."""
    global _tracer  # noqa: PLW0603 (as above)
    _tracer = None


def _otlp() -> Any:
    protocol = os.environ.get("OTEL_EXPORTER_OTLP_TRACES_PROTOCOL") or os.environ.get(
        "OTEL_EXPORTER_OTLP_PROTOCOL", "http/protobuf"
    )
    try:
        if protocol == "grpc":
            from opentelemetry.exporter.otlp.proto.grpc.trace_exporter import OTLPSpanExporter as Grpc

            return Grpc()
        from opentelemetry.exporter.otlp.proto.http.trace_exporter import OTLPSpanExporter as Http

        return Http()
    except ImportError:
        raise TracingError(f"no exporter for OTLP over {protocol}: pip install 'dropprod[otel]'") from None


@contextmanager
def span(name: str, carrier: Mapping[str, str] | None = None, **attributes: Any) -> Iterator[Span]:
    """What is done inside is timed, under whatever span this thread or task is in; `a__b` is the attribute a.b.

    `carrier`: headers of a caller whose trace goes on here.
    """
    if _tracer is None:
        yield NOTHING
        return
    from opentelemetry import propagate
    from opentelemetry.trace import SpanKind

    above = propagate.extract(carrier) if carrier is not None else None
    kind = SpanKind.INTERNAL if carrier is None else SpanKind.SERVER
    with _tracer.start_as_current_span(name, context=above, kind=kind) as inner:
        found = Span(inner)
        found.set(**attributes)
        yield found
