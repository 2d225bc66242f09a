"""The requests, made beforehand: signed, distinct, all of one length, so that a client only steps through a file.

Each is a real Prefect event with an id, a run and a time of its own, of one of fifty flows; its body has exactly 1024 bytes.
"""

import hmac
import json
import secrets
from dataclasses import dataclass
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any, Final

from tests.bench.configuration import PATH, ROOT, SECRET
from tests.bench.knobs import FLOWS

BODY: Final = 1024
STEP: Final = timedelta(milliseconds=5)
BEFORE: Final = timedelta(hours=6)
"""Events begin this long before now, so that none of them is later than its arrival."""
_FIXTURE: Final = ROOT / "tests" / "fixtures" / "prefect" / "webhook-event-tojson-failed.request.json"
_EVENT, _RUN, _FLOW, _MOMENT = "E" * 36, "R" * 36, "F" * 10, "M" * 26
_SEED: Final = secrets.token_hex(6)
_STATES: Final = {
    "episodes": (("Failed", "Flow run encountered an exception: ValueError: no rows"), ("Completed", "All states completed.")),
    "repeats": (("Failed", "Flow run encountered an exception: ValueError: no rows"),),
}


@dataclass(frozen=True, slots=True)
class Deck:
    """A file of `count` requests of `size` bytes each."""

    path: Path
    size: int
    count: int

    def requests(self) -> list[bytes]:
        """All of them."""
        raw = self.path.read_bytes()
        return [raw[start : start + self.size] for start in range(0, len(raw), self.size)]


class Dealer:
    """Makes decks that never share a request."""

    def __init__(self, directory: Path, scheme: str, story: str, now: datetime) -> None:
        self._directory, self._now, self._dealt = directory, now, 0
        credential = f"Authorization: Bearer {SECRET}" if scheme == "bearer" else "X-Signature: %s"
        self._head = _head(credential)
        self._signed = scheme == "hmac"
        self._bodies = [_template(state, text) for state, text in _STATES[story]]

    def deal(self, count: int, *, solo_every: int = 0) -> Deck:
        """A new deck. With `solo_every` each so many requests one is of a flow of its own (`solo_flow`)."""
        path = self._directory / f"deck-{self._dealt}"
        size = 0
        with path.open("wb") as file:
            for number in range(count):
                alone = solo_every > 0 and number % solo_every == 0
                flow = solo_flow(number) if alone else f"flow-{number % FLOWS:05}"
                request = self._request(self._dealt + number, flow, alone=alone)
                size = len(request)
                file.write(request)
        self._dealt += count
        return Deck(path, size, count)

    def _request(self, serial: int, flow: str, *, alone: bool) -> bytes:
        moment = (self._now - BEFORE + serial * STEP).isoformat(timespec="microseconds")[:26]
        template = self._bodies[0 if alone else serial // FLOWS % len(self._bodies)]
        body = template % {
            "event": f"{serial:08x}-0000-7000-8000-{_SEED}", "run": f"{serial:08x}-0000-4000-8000-{_SEED}", "flow": flow, "moment": moment,
        }  # fmt: skip
        raw = body.encode()
        head = self._head % hmac.digest(SECRET.encode(), raw, "sha256").hex() if self._signed else self._head
        return head.encode() + raw


def solo_flow(number: int) -> str:
    """The flow that only this request is of."""
    return f"solo-{number:05}"


def _head(credential: str) -> str:
    lines = (
        f"POST {PATH} HTTP/1.1", "Host: tocsin.test", "User-Agent: python-httpx/0.28.1", "Accept: */*", "Content-Type: application/json",
        f"Content-Length: {BODY}", credential,
    )  # fmt: skip
    return "\r\n".join(lines) + "\r\n\r\n"


def _template(state: str, text: str) -> str:
    """The body of an event that enters `state`, to be filled with event, run, flow and moment."""
    missing = BODY - len(_body(state, text, "prompt-frogmouth"))
    half, odd = divmod(missing, 2)  # the text stands in it twice
    body = _body(state, text + "." * half, "prompt-frogmouth" + "s" * odd)
    for name, place in (("event", _EVENT), ("run", _RUN), ("flow", _FLOW), ("moment", _MOMENT)):
        body = body.replace(place, f"%({name})s")
    return body


def _body(state: str, text: str, run_name: str) -> str:
    event: dict[str, Any] = json.loads(json.loads(_FIXTURE.read_text(encoding="utf-8"))["body"])
    event |= {"id": _EVENT, "event": f"prefect.flow-run.{state}", "occurred": f"{_MOMENT}Z", "received": f"{_MOMENT}Z"}
    event["payload"]["intended"]["to"] = state.upper()
    event["payload"]["validated_state"] = {"message": text, "name": state, "type": state.upper()}
    event["related"][0]["prefect.resource.name"] = _FLOW
    event["resource"] |= {
        "prefect.resource.id": f"prefect.flow-run.{_RUN}", "prefect.resource.name": run_name, "prefect.state-message": text,
        "prefect.state-name": state, "prefect.state-timestamp": f"{_MOMENT}+00:00", "prefect.state-type": state.upper(),
    }  # fmt: skip
    return json.dumps(event)
