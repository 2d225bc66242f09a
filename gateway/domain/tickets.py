"""Tickets for the live stream: a browser cannot send a token with it, and an address is no place for one.

A ticket opens the stream and nothing else, is made for somebody who has just shown a credential, and is good for a moment.
https://html.spec.whatwg.org/multipage/server-sent-events.html#the-eventsource-interface
"""

from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Final

from gateway.domain.signed import Signed

VALID_FOR: Final = timedelta(seconds=60)


@dataclass(frozen=True, slots=True)
class Ticket:
    """Whose stream it opens."""

    user_id: int
    credential_id: int
    """What it was made for; 0: a JWT, which is not kept."""
    until: datetime | None
    """When that credential ends."""


class Tickets:
    """Makes and reads them, with a key of the installation's for this purpose alone."""

    def __init__(self, key: bytes) -> None:
        self._signed = Signed(key)

    def issue(self, ticket: Ticket, now: datetime) -> tuple[str, datetime]:
        """The ticket as text, and until when it is good."""
        expires = now + VALID_FOR if ticket.until is None else min(now + VALID_FOR, ticket.until)
        until = int(ticket.until.timestamp()) if ticket.until else 0
        return self._signed.token(f"{ticket.user_id}.{ticket.credential_id}.{until}.{int(expires.timestamp())}"), expires

    def read(self, text: str, now: datetime) -> Ticket | None:
        """What the ticket says; None where it was not made here, or is good no more."""
        said = self._signed.read(text)
        if said is None:
            return None
        user_id, credential_id, until, expires = map(int, said.split("."))
        if expires < now.timestamp():
            return None
        return Ticket(user_id, credential_id, datetime.fromtimestamp(until, UTC) if until else None)
