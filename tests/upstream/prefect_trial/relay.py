"""Stands between Prefect and the gateway: passes each request on as it is, and keeps it, also where nobody takes it."""

import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

from tests.acceptance.conftest import Answer, call


@dataclass(frozen=True)
class Kept:
    """A request of Prefect, and what it was answered; 0 where the gateway was gone."""

    path: str
    headers: dict[str, str]
    body: bytes
    status: int


@dataclass
class Relay:
    """What went through."""

    target: str
    url: str = ""
    kept: list[Kept] = field(default_factory=list)

    def of(self, state: str, run: str) -> list[Kept]:
        """What told of this state of a run."""
        return [one for one in self.kept if f'"prefect.flow-run.{state}"'.encode() in one.body and run.encode() in one.body]

    def again(self, one: Kept) -> Answer:
        """The same request once more."""
        return call(f"{self.target}{one.path}", method="POST", body=one.body, headers=one.headers)

    def take(self, path: str, headers: dict[str, str], body: bytes) -> tuple[int, bytes]:
        try:
            answer = call(f"{self.target}{path}", method="POST", body=body, headers=headers)
        except OSError:
            self.kept.append(Kept(path, headers, body, 0))
            return 502, b""
        self.kept.append(Kept(path, headers, body, answer.status))
        return answer.status, str(answer.body).encode()


@contextmanager
def relaying(target: str) -> Iterator[Relay]:
    """A relay on a free port, as long as the block."""
    relay = Relay(target)

    class Handler(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            body = self.rfile.read(int(self.headers["Content-Length"]))
            carried = {name: value for name, value in self.headers.items() if name.lower() not in ("host", "content-length", "connection")}
            status, said = relay.take(self.path, carried, body)
            self.send_response(status)
            self.send_header("Content-Length", str(len(said)))
            self.end_headers()
            self.wfile.write(said)

        def log_message(self, *_: object) -> None:
            """Nothing: what matters is kept."""

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    relay.url = f"http://127.0.0.1:{server.server_port}"
    thread = threading.Thread(target=server.serve_forever)
    thread.start()
    try:
        yield relay
    finally:
        server.shutdown()
        server.server_close()
        thread.join(10)
