"""What operations have beside the database: the senders that are known, the vault, and a way to try a source."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass

from gateway.domain.outgoing import Reach
from gateway.intake.rehearsal import Rehearsals
from gateway.vault import Vault
from mappers.contract import SourceKind


@dataclass(frozen=True, slots=True)
class Means:
    """Of one process that answers."""

    kinds: Mapping[str, SourceKind]
    vault: Vault
    rehearsals: Rehearsals
    mails: bool
    """Whether a mail server is configured."""
    ring: Callable[[], None]
    """Tells the workers that there is something to do."""
    reach: Reach
    """How far the gateway reaches where an admin of a team says whom it asks."""
    redact: Callable[[str], str]
    """Takes out of a text what looks like a secret."""
