"""What every part is given: where to write, which engines, whose requests."""

import json
import subprocess
import sys
from contextlib import AbstractContextManager
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

from tests.bench import configuration
from tests.bench.deck import Dealer, Deck
from tests.bench.engines import Engine
from tests.bench.knobs import Knobs
from tests.bench.server import Installation, Server, installation

ENDS_WITHIN: Final = 75
"""Seconds that the constant load may take beyond its schedule."""


@dataclass(frozen=True, slots=True)
class Bench:
    """One run."""

    directory: Path
    engines: list[Engine]
    scheme: str
    knobs: Knobs
    dealer: Dealer
    profile: bool = False

    def installed(self, engine: Engine) -> AbstractContextManager[Installation]:
        """A new, empty installation on this engine."""
        return installation(self.directory, engine, self.scheme, mail=self.knobs.mail)

    def constant_load(self, server: Server, deck: Deck, *, solo_every: int = 0) -> dict[str, Any]:
        """What a constant load met with, measured by a process of its own. Every request must have been answered 202."""
        arguments = [str(server.port), str(deck.path), str(deck.size), str(self.knobs.rate)]
        if solo_every:
            arguments += [configuration.token(0), str(solo_every)]
        before = server.cpu()
        client = subprocess.run(
            [sys.executable, "-m", "tests.bench.open_loop", *arguments],
            cwd=configuration.ROOT, stdout=subprocess.PIPE, text=True, check=True, timeout=deck.count / self.knobs.rate + ENDS_WITHIN,
        )  # fmt: skip
        after, seconds = server.cpu(), deck.count / self.knobs.rate
        found: dict[str, Any] = json.loads(client.stdout)
        found["server_cpu"], found["database_cpu"] = (round((late - early) / seconds, 3) for late, early in zip(after, before, strict=True))
        found["not_202"] = deck.count - found["statuses"].get("202", 0)
        if found["not_202"]:
            sys.stderr.write(f"{found['not_202']} of {deck.count} requests were not answered 202: {found['statuses']}\n")
        return found
