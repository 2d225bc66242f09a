"""Traces as a collector gets them from the real processes."""

import threading
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

import pytest
from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import ExportTraceServiceRequest

from tests.acceptance.conftest import Mailbox, Tocsin, call, eventually

pytestmark = [pytest.mark.acceptance, pytest.mark.req("R95")]
TRACE = "4bf92f3577b34da6a3ce929d0e0e4736"
PARENT = f"00-{TRACE}-00f067aa0ba902b7-01"


class Collector:
    """An OTLP receiver on loopback."""

    def __init__(self) -> None:
        taken = self.taken = []

        class Handler(BaseHTTPRequestHandler):
            def do_POST(self) -> None:
                request = ExportTraceServiceRequest()
                raw = self.rfile.read(int(self.headers["Content-Length"]))
                request.ParseFromString(raw)
                taken.append((self.path, request))
                self.send_response(200)
                self.send_header("Content-Type", "application/x-protobuf")
                self.end_headers()

            def log_message(self, *_: object) -> None:
                pass

        self.server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        threading.Thread(target=self.server.serve_forever, daemon=True).start()

    @property
    def spans(self) -> list[tuple[str, object, dict[str, str]]]:
        return [
            (span.name, span, {one.key: one.value.string_value for one in resource.resource.attributes})
            for _, request in list(self.taken)
            for resource in request.resource_spans
            for scope in resource.scope_spans
            for span in scope.spans
        ]


def test_the_real_processes_hand_one_trace_to_a_collector(installation: Tocsin, mailbox: tuple[Mailbox, int], mails: Mailbox) -> None:
    collector = Collector()
    port = collector.server.server_address[1]
    installation.environment = {
        "OTEL_EXPORTER_OTLP_ENDPOINT": f"http://127.0.0.1:{port}", "OTEL_SERVICE_NAME": "alarm", "OTEL_BSP_SCHEDULE_DELAY": "100",
    }  # fmt: skip
    installation.smtp_port = mailbox[1]
    installation.start()
    headers = {"Authorization": "Bearer hook-secret-0123456789", "Traceparent": PARENT}
    body = b"Flow run nightly with id 2c2b27eb-5d5f-49c6-b7cf-58213a000001 entered state Failed"
    accepted = call(f"{installation.url}/webhooks/acme/prefect", method="POST", body=body, headers=headers)
    assert accepted.status == 202
    call(f"{installation.url}/webhooks/acme/prefect", method="POST", body=body, headers={"Traceparent": PARENT})  # a stranger
    eventually(lambda: mails.all("ana@acme.test"), within=25)
    installation.stop()
    collector.server.shutdown()
    assert {path for path, _ in collector.taken} == {"/v1/traces"}
    ours = [(name, span) for name, span, _ in collector.spans if span.trace_id.hex() == TRACE]
    assert {name for name, _ in ours} == {"accept acme/prefect", "map prefect", "record", "deliver mail"}
    (accept,) = (span for name, span in ours if name == "accept acme/prefect")
    assert accept.parent_span_id.hex() == PARENT.split("-")[2]
    assert all(span.parent_span_id == accept.span_id for name, span in ours if name != "accept acme/prefect")
    assert {resource["service.name"] for _, _, resource in collector.spans} == {"alarm"}


def test_a_collector_that_is_not_there_holds_up_nobody(installation: Tocsin) -> None:
    installation.environment = {"OTEL_EXPORTER_OTLP_ENDPOINT": "http://127.0.0.1:9"}
    installation.start()
    assert installation.send("prefect", "prefect/webhook-ui-flowrun-headers-failed").status == 202
    eventually(installation.inbox)
    assert installation.stop() == 0
