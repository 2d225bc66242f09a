"""A source's own example through the door, as a test: everything but the credential, of which the gateway keeps no copy to show."""

import hashlib
from dataclasses import dataclass
from datetime import datetime

from gateway.domain.connecting import TEST_HEADER
from gateway.intake.doorbook import Doorbook, Entry
from gateway.journal import Arrival, Journal


@dataclass(frozen=True, slots=True)
class Rehearsal:
    """What became of it at the door."""

    event_id: int
    refuses: bool
    """Whether the source has no valid secret, so that its sender's requests are refused all the same."""


class Rehearsals:
    """Sends tests."""

    def __init__(self, doorbook: Doorbook, journal: Journal) -> None:
        self._doorbook, self._journal = doorbook, journal

    async def send(self, team: str, slug: str, now: datetime) -> Rehearsal | None:
        """Stores the example of the source's kind; None where the source takes nothing. Raises as the door and the journal do."""
        entry = await self._doorbook.find_anew(team, slug)
        if entry is None:
            return None
        receipt = await self._journal.append(_example(entry, now))
        return Rehearsal(receipt.event_id, not any(one.is_active(now) for proof in entry.proofs for one in proof.secrets))


def _example(entry: Entry, now: datetime) -> Arrival:
    example = entry.kind.example
    headers = [[name, value] for name, value in example.headers.items() if name.lower() not in entry.strips]
    return Arrival(
        source_id=entry.source.id,
        request_key=None,
        body_digest=hashlib.sha256(example.body).digest(),
        method=example.method,
        path=example.path,
        query=example.query,
        headers=[*headers, [TEST_HEADER, "sent from the page"]],
        body=example.body,
        received_at=now,
    )
