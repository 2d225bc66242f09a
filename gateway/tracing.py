"""Traces of a webhook's way from the door to the mail, where the environment asks for them by OpenTelemetry's own variables.

Nothing is imported, stored or measured unless it does. https://opentelemetry.io/docs/specs/otel/configuration/sdk-environment-variables/
"""

import os
import threading
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any, Final

from gateway.config.environment import EnvironmentFault
from gateway.logs import about

if TYPE_CHECKING:
    from opentelemetry.context import Context
    from opentelemetry.sdk.trace import SpanProcessor, TracerProvider
    from opentelemetry.trace import Link, Span

HEADER: Final = "traceparent"
"""https://www.w3.org/TR/trace-context/#traceparent-header"""
FLUSH_WITHIN: Final = 2.0
"""Seconds that the last spans get when a process stops; a collector that does not answer holds up nobody."""
_ENDPOINTS: Final = ("OTEL_EXPORTER_OTLP_TRACES_ENDPOINT", "OTEL_EXPORTER_OTLP_ENDPOINT")


class _Now:
    """The provider of this process, None while there are no traces."""

    provider: "TracerProvider | None" = None


def is_wanted(environ: Mapping[str, str]) -> bool:
    """Whether these variables ask for traces. Raises `EnvironmentFault` for what cannot be done."""
    exporter = environ.get("OTEL_TRACES_EXPORTER", "").strip().lower()
    if environ.get("OTEL_SDK_DISABLED", "").strip().lower() == "true" or exporter == "none":
        return False
    if exporter not in ("", "otlp", "console"):
        raise EnvironmentFault(f"OTEL_TRACES_EXPORTER: {exporter!r} is not known here; otlp, console or none")
    if not exporter and not any(environ.get(name) for name in _ENDPOINTS):
        return False
    protocol = environ.get("OTEL_EXPORTER_OTLP_TRACES_PROTOCOL") or environ.get("OTEL_EXPORTER_OTLP_PROTOCOL") or "http/protobuf"
    if protocol != "http/protobuf":
        raise EnvironmentFault(f"OTEL_EXPORTER_OTLP_PROTOCOL: {protocol!r} is not spoken here; use http/protobuf")
    return True


def check(environ: Mapping[str, str] = os.environ) -> None:
    """Raises `EnvironmentFault` where traces are wanted and cannot be had."""
    if is_wanted(environ):
        try:
            import opentelemetry.exporter.otlp.proto.http.trace_exporter
            import opentelemetry.sdk.trace  # noqa: F401
        except ImportError:
            raise EnvironmentFault("OTEL_… asks for traces: install them with pip install 'tocsin[otel]', or unset it") from None


def start(version: str, role: str, processor: "SpanProcessor | None" = None) -> None:
    """Begins to trace in this process, where the environment asks for it (or tests give a `processor`). Not before a fork."""
    if processor is None and not is_wanted(os.environ):
        return
    from opentelemetry.sdk.resources import Resource
    from opentelemetry.sdk.trace import TracerProvider

    own = {"service.version": version, "service.instance.id": f"{os.uname().nodename}/{os.getpid()}", "tocsin.role": role}
    named = os.environ.get("OTEL_SERVICE_NAME") or "service.name=" in os.environ.get("OTEL_RESOURCE_ATTRIBUTES", "")
    _Now.provider = TracerProvider(resource=Resource.create(own if named else {"service.name": "tocsin", **own}), shutdown_on_exit=False)
    _Now.provider.add_span_processor(processor or _exporting())


def stop() -> None:
    """Hands over what is left, within two seconds."""
    provider, _Now.provider = _Now.provider, None
    if provider is not None:
        flushing = threading.Thread(target=provider.force_flush, args=(int(FLUSH_WITHIN * 1000),), daemon=True)
        flushing.start()
        flushing.join(FLUSH_WITHIN)


def is_on() -> bool:
    """Whether this process traces."""
    return _Now.provider is not None


@contextmanager
def span(
    name: str, *, kind: str = "internal", parents: Sequence[str] = (), since: int | None = None, **attributes: Any
) -> Iterator["Span | None"]:
    """A step of the way. The first of `parents` (`traceparent`s; strangers' too) is continued, the others are linked.

    `since`: when it began, in nanoseconds since 1970. None where this process does not trace.
    """
    if _Now.provider is None:
        yield None
        return
    from opentelemetry.trace import SpanKind, use_span

    context, links = _related(parents)
    tracer = _Now.provider.get_tracer("tocsin")
    made = tracer.start_span(name, context, SpanKind[kind.upper()], _named(attributes), links, since)
    with use_span(made, end_on_exit=True), about(trace_id=f"{made.get_span_context().trace_id:032x}"):
        yield made


def note(name: str, *, parents: Sequence[str], since: int, until: int, **attributes: Any) -> None:
    """A step that is over, from `since` to `until` in nanoseconds since 1970."""
    if _Now.provider is not None:
        context, links = _related(parents)
        made = _Now.provider.get_tracer("tocsin").start_span(name, context, attributes=_named(attributes), links=links, start_time=since)
        made.end(until)


def say(made: "Span | None", **attributes: Any) -> None:
    """What became known of a step meanwhile."""
    if made is not None:
        made.set_attributes(_named(attributes))


def carried() -> str | None:
    """The `traceparent` by which others continue the step under way."""
    from opentelemetry.trace.propagation.tracecontext import TraceContextTextMapPropagator

    carrier: dict[str, str] = {}
    TraceContextTextMapPropagator().inject(carrier)
    return carrier.get(HEADER)


def of_headers(headers: Sequence[Sequence[str]]) -> tuple[str, ...]:
    """The `traceparent` among stored headers, as a parent."""
    return tuple(value for name, value in headers if name.lower() == HEADER)[:1]


def _related(parents: Sequence[str]) -> "tuple[Context, list[Link]]":
    from opentelemetry.context import Context
    from opentelemetry.trace import Link, get_current_span
    from opentelemetry.trace.propagation.tracecontext import TraceContextTextMapPropagator

    contexts = [TraceContextTextMapPropagator().extract({HEADER: one}, Context()) for one in dict.fromkeys(parents)]
    spans = [get_current_span(one).get_span_context() for one in contexts]
    return (contexts[0] if contexts else Context()), [Link(one) for one in spans[1:] if one.is_valid]


def _named(attributes: Mapping[str, Any]) -> dict[str, Any]:
    return {f"tocsin.{name}": value for name, value in attributes.items() if value is not None}


def _exporting() -> "SpanProcessor":
    from opentelemetry.sdk.trace.export import BatchSpanProcessor, ConsoleSpanExporter

    if os.environ.get("OTEL_TRACES_EXPORTER", "").strip().lower() == "console":
        return BatchSpanProcessor(ConsoleSpanExporter())
    from opentelemetry.exporter.otlp.proto.http.trace_exporter import OTLPSpanExporter

    return BatchSpanProcessor(OTLPSpanExporter())
