"""Senders that send at the same time and write down every answer: real captured requests, each about another run."""

import hmac
import http.client
import itertools
import json
import threading
import time
import uuid
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime

from tests.acceptance.conftest import FIXTURES, TOKENS

RUNS_OF_A_FLOW = 3
_CAPTURED = json.loads((FIXTURES / "prefect" / "webhook-event-tojson-failed.request.json").read_text(encoding="utf-8"))["body"]
HEADERS = {"Authorization": f"Bearer {TOKENS['HOOK']}", "Content-Type": "application/json", "User-Agent": "python-httpx/0.28.1"}
PATH = "/webhooks/acme/prefect"


def event_id(number: int) -> str:
    return str(uuid.UUID(int=0x01A2008C << 96 | number))


def flow(number: int) -> str:
    return f"flow-{number // RUNS_OF_A_FLOW:06}"


def failed_run(number: int) -> bytes:
    """What Prefect sends of the failed run of this number, just now."""
    body: str = _CAPTURED
    for captured, given in (
        ("01a2008c-28a0-75ef-a177-3f6b8885ba28", event_id(number)),
        ("c44ce9ad-d076-400a-830c-48f8a3306f67", str(uuid.UUID(int=0xC44CE9AD << 96 | number))),
        ("89f8190d-2aa3-44a2-b008-34607942483c", str(uuid.UUID(int=0x89F8190D << 96 | number // RUNS_OF_A_FLOW))),
        ("orders-etl", flow(number)),
        ("2026-11-21T23:58:35.168520", datetime.now(UTC).strftime("%Y-%m-%dT%H:%M:%S.%f")),
    ):
        assert captured in body
        body = body.replace(captured, given)
    return body.encode()


@dataclass(frozen=True)
class Noted:
    """One attempt. `status` is 0 where there was no answer."""

    number: int
    status: int
    seconds: float
    began: float
    retry_after: str | None = None
    event_id: int | None = None


@dataclass
class Load:
    """Eight senders. With `insists` each sends a request again until it is answered 2xx."""

    ports: tuple[int, ...]
    insists: bool = True
    pause: float = 0.01
    senders: int = 8
    copies: int = 1
    """How many send the same request at the same time."""
    signs: bool = False
    """Proves itself by a signature over the body in `X-Signature`, else by its bearer token."""
    addresses: tuple[str, ...] = ("127.0.0.1",)
    """Where the ports are, each in turn."""
    most: int | None = None
    noted: list[Noted] = field(default_factory=list)
    _copied: dict[int, bytes] = field(default_factory=dict)
    _drawn: int = 0
    _drawing: threading.Lock = field(default_factory=threading.Lock)
    _stopping: threading.Event = field(default_factory=threading.Event)

    @property
    def accepted(self) -> dict[int, int]:
        """number → event id, of all that were answered 2xx."""
        return {one.number: one.event_id for one in self.noted if one.status in (200, 202) and one.event_id is not None}

    @contextmanager
    def sending(self) -> Iterator[None]:
        """While the block runs; with `most`, until so many were sent."""
        self._stopping.clear()
        together = threading.Barrier(self.copies)
        threads = [threading.Thread(target=self._send, args=(place, together), daemon=True) for place in range(self.senders)]
        for thread in threads:
            thread.start()
        try:
            yield
        finally:
            if self.most is None:
                self._stopping.set()
            for thread in threads:
                thread.join(60)
            assert not any(thread.is_alive() for thread in threads), "a sender was never answered 2xx"

    def _next(self) -> int:
        """The next number; past `most` none is used up."""
        with self._drawing:
            number = self._drawn
            if self.most is None or number < self.most:
                self._drawn += 1
            return number

    def _send(self, place: int, together: threading.Barrier) -> None:
        address, port = self.addresses[place % len(self.addresses)], self.ports[place % len(self.ports)]
        connection = http.client.HTTPConnection(address, port, timeout=10)
        own = itertools.count()
        while not self._stopping.is_set():
            number = self._next() if self.copies == 1 else next(own)
            if self.most is not None and number >= self.most:
                break
            body = failed_run(number)
            if self.copies > 1:
                body = self._copied.setdefault(number, body)
                together.wait(30)
            for _ in range(400):
                one = attempt(connection, number, body, signs=self.signs)
                self.noted.append(one)
                if one.status in (200, 202) or not self.insists:
                    break
                time.sleep(0.1)
            time.sleep(self.pause)
        connection.close()


def attempt(connection: http.client.HTTPConnection, number: int, body: bytes, *, signs: bool = False) -> Noted:
    """Sends it once."""
    signature = {"X-Signature": hmac.digest(TOKENS["HOOK"].encode(), body, "sha256").hex(), "Authorization": ""}
    began = time.monotonic()
    try:
        connection.request("POST", PATH, body=body, headers=HEADERS | signature if signs else HEADERS)
        response = connection.getresponse()
        raw = response.read()
    except (OSError, http.client.HTTPException):
        connection.close()
        return Noted(number, 0, time.monotonic() - began, began)
    found = json.loads(raw).get("id") if response.status in (200, 202) else None
    return Noted(number, response.status, time.monotonic() - began, began, response.headers.get("Retry-After"), found)
