"""One trace from a sender's own through the door, the journal and the mappers to the mail; and nothing at all where nobody asks."""

import subprocess
import sys
from collections.abc import Iterator

import pytest
from opentelemetry.sdk.trace.export import SimpleSpanProcessor
from opentelemetry.sdk.trace.export.in_memory_span_exporter import InMemorySpanExporter

from gateway import tracing
from gateway.config.environment import EnvironmentFault
from gateway.storage import tables, traces
from gateway.storage.database import Database
from tests.builders import House, failure
from tests.conftest import Clock

pytestmark = pytest.mark.req("R95")
TRACE = "4bf92f3577b34da6a3ce929d0e0e4736"
PARENT = f"00-{TRACE}-00f067aa0ba902b7-01"


@pytest.fixture
def spans() -> Iterator[InMemorySpanExporter]:
    kept = InMemorySpanExporter()
    tracing.start("1", "test", SimpleSpanProcessor(kept))
    yield kept
    tracing.stop()


def test_where_nobody_asks_nothing_is_imported() -> None:
    script = (
        "import os, sys; [os.environ.pop(n) for n in list(os.environ) if n.startswith('OTEL_')];"
        "import gateway.app, gateway.processes; from gateway import tracing; tracing.check(); tracing.start('1', 'work');"
        "assert not tracing.is_on();"
        "exec('with tracing.span(\\'x\\') as made: assert made is None');"
        "assert not [name for name in sys.modules if name.startswith('opentelemetry')]"
    )
    subprocess.run([sys.executable, "-c", script], check=True)


@pytest.mark.parametrize(
    ("environ", "wanted"),
    [
        ({}, False),
        ({"OTEL_EXPORTER_OTLP_ENDPOINT": "http://collector.test:4318"}, True),
        ({"OTEL_EXPORTER_OTLP_TRACES_ENDPOINT": "http://collector.test:4318/v1/traces"}, True),
        ({"OTEL_TRACES_EXPORTER": "console"}, True),
        ({"OTEL_EXPORTER_OTLP_ENDPOINT": "http://collector.test:4318", "OTEL_TRACES_EXPORTER": "none"}, False),
        ({"OTEL_EXPORTER_OTLP_ENDPOINT": "http://collector.test:4318", "OTEL_SDK_DISABLED": "true"}, False),
    ],
)
def test_the_standard_variables_say_whether(environ: dict[str, str], wanted: bool) -> None:
    assert tracing.is_wanted(environ) is wanted


@pytest.mark.parametrize(
    "environ", [{"OTEL_TRACES_EXPORTER": "jaeger"}, {"OTEL_TRACES_EXPORTER": "otlp", "OTEL_EXPORTER_OTLP_PROTOCOL": "grpc"}]
)
def test_what_cannot_be_done_is_said_at_the_start(environ: dict[str, str]) -> None:
    with pytest.raises(EnvironmentFault, match="OTEL_"):
        tracing.is_wanted(environ)


@pytest.mark.parametrize("stranger", ["", "x", "00-00-00-00", "00-" + "z" * 32 + "-" + "0" * 16 + "-01", PARENT * 99, "\x00"])
def test_what_a_stranger_calls_a_trace_is_no_trouble(spans: InMemorySpanExporter, stranger: str) -> None:
    with tracing.span("accept", parents=[stranger]):
        assert tracing.carried()
    (made,) = spans.get_finished_spans()
    assert made.context.trace_id != int(TRACE, 16)


def test_the_way_from_an_event_to_its_mails_is_found(database: Database, clock: Clock, spans: InMemorySpanExporter) -> None:
    house = House(database, clock)
    house.user("ana")
    event_id = house.send(failure())
    with database.appending() as transaction:
        headers = [["Content-Type", "application/json"], ["Traceparent", PARENT]]
        transaction.execute(tables.events.update().where(tables.events.c.id == event_id).values(headers=headers))
    house.process()
    (mail,) = house.rows(tables.deliveries)
    with database.reading() as transaction:
        found = traces.of_deliveries(transaction, [mail["id"]])
        assert traces.of_deliveries(transaction, [10**9]) == {}
    assert [tracing.of_headers(headers) for headers in found[mail["id"]]] == [(PARENT,)]
    (mapped,) = (one for one in spans.get_finished_spans() if one.name == "map speaker")
    assert mapped.context.trace_id == int(TRACE, 16)
    assert mapped.attributes is not None
    assert mapped.attributes["tocsin.event_id"] == event_id
