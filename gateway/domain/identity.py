"""What makes two things the same one: threads, conversations and occurrences."""

import hashlib
import json
from collections.abc import Mapping
from typing import Any, Final

VERSION: Final = 1
"""Part of every identity, so that a better rule can live beside threads made under the old one."""


def canonical(value: Any) -> str:
    """JSON in one spelling: keys sorted, no spaces, UTF-8 as it is."""
    return json.dumps(value, sort_keys=True, separators=(",", ":"), ensure_ascii=False)


def fingerprint(*parts: Any) -> str:
    """SHA-256 (hex) over the canonical JSON of `parts` and the identity version."""
    return hashlib.sha256(canonical([VERSION, *parts]).encode("utf-8", "surrogatepass")).hexdigest()


def thread_identity(team_id: int, source_id: int | None, environment: str, slug: str, event_data: Mapping[str, Any]) -> str:
    """The identity of a notification (thread). `source_id` None stands for the source `api`."""
    return fingerprint("thread", team_id, source_id, environment, slug, event_data)


def conversation_identity(team_id: int, source_id: int | None, environment: str, pipeline: str | None, thread: str) -> str:
    """The identity of a conversation: all threads of one pipeline; a thread without a pipeline is its own."""
    return fingerprint("conversation", team_id, source_id, environment, pipeline if pipeline is not None else ["thread", thread])


def digest_identity(team_id: int) -> str:
    """The identity of the conversation that a team's digests are part of; it never ends."""
    return fingerprint("digest", team_id)


def occurrence_key(run: str | None, attempt: int | None, occurrence: str | None, state: str, fallback: str) -> str:
    """The key of one happening on a thread: what the sender names it, else run + attempt, else `fallback`; and the state."""
    named = occurrence if occurrence is not None else (f"{run}#{attempt or 0}" if run is not None else fallback)
    return f"{named}/{state}"
