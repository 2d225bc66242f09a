"""A reader of the live stream that is no browser: events as they come, in a thread of its own."""

import json
import threading
import time
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from tests.acceptance.conftest import TOKENS, Tocsin, eventually


class Heard:
    """What came, each with when."""

    def __init__(self) -> None:
        self.events: list[tuple[float, str, dict[str, Any]]] = []
        self.ended = False

    def since(self, moment: float, kind: str) -> list[dict[str, Any]]:
        return [data for at, event, data in self.events if at >= moment and event == kind]

    def next(self, moment: float, kind: str, within: float = 15) -> dict[str, Any]:
        """The first of this kind since then."""
        return eventually(lambda: self.since(moment, kind), within)[0]


@contextmanager
def streaming(tocsin: Tocsin, who: str = "ANA_TOKEN") -> Iterator[Heard]:
    """Watches until the end of the block, and begins only once the stream does."""
    heard = Heard()
    request = urllib.request.Request(f"{tocsin.url}/api/stream", headers={"Authorization": f"Bearer {TOKENS[who]}"})
    answer = urllib.request.urlopen(request, timeout=60)

    def read() -> None:
        event = ""
        try:
            for line in answer:
                name, _, value = line.decode().rstrip("\n").partition(": ")
                if name == "event":
                    event = value
                elif name == "data":
                    heard.events.append((time.monotonic(), event, json.loads(value)))
        except (OSError, ValueError, AttributeError):  # the last: it was closed while it read
            pass
        heard.ended = True

    thread = threading.Thread(target=read, daemon=True)
    thread.start()
    heard.next(0, "resync")
    try:
        yield heard
    finally:
        answer.close()
        thread.join(5)
