"""From what is stored of a source to what is told of it."""

from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any, Final

from gateway.api.refusals import explanation
from gateway.api.source_models import Look, SecretRow, SourceHealth, SourceRow
from gateway.domain.rotation import secrets_of
from gateway.domain.source_health import Finding, Health, Sent, examine
from gateway.storage.sources import OWN
from mappers.contract import SourceKind, duration
from mappers.contract.signature import Scheme


def row(
    stored: Mapping[str, Any], kind: SourceKind | None, lately: Sequence[Sent], *, looked_at: int, now: datetime, base: str
) -> SourceRow:
    """A source in a list."""
    usable = any(one.is_valid(now) for one in secrets_of(stored["auth"]))
    health = examine(lately, looked_at=looked_at, now=now, usable=usable, refused_at=stored["last_rejection_at"], trouble=stored["trouble"])
    told = SourceHealth(
        last_event_at=health.last_at,
        last_test_at=health.last_test_at,
        today=health.today,
        more_today=health.more_today,
        unmapped_today=health.unmapped,
        quarantined_today=health.quarantined,
        usual_pause=health.longest_pause.total_seconds() if health.longest_pause else None,
        findings=[] if stored["disabled_at"] or stored["kind"] == OWN else [_look(one, health, stored, now) for one in health.findings],
    )
    return SourceRow.model_validate(
        {
            **stored,
            "title": kind.title if kind else stored["kind"],
            "managed": stored["managed"] and stored["disabled_at"] is None,
            "address": f"{base}/webhooks/{stored['team']}/{stored['slug']}",
            "health": told,
        }
    )


def secret_rows(auth: Sequence[Mapping[str, Any]], now: datetime) -> list[SecretRow]:
    """The secrets of a source, without the secrets."""
    return [
        SecretRow(id=one.id, scheme=Scheme(one.scheme), added_at=one.added_at, expires_at=one.expires_at, valid=one.is_valid(now))
        for one in secrets_of(auth)
    ]


def _look(finding: Finding, health: Health, stored: Mapping[str, Any], now: datetime) -> Look:
    title, advice = _SAID[finding]
    match finding:
        case Finding.REFUSED:
            refusal = explanation(stored["last_rejection_reason"])
            title, advice = f"Its latest requests were refused: {refusal.title.lower()}", refusal.advice
        case Finding.SILENT if health.last_at and health.longest_pause:
            title = f"Silent for {duration(now - health.last_at)}"
            advice = f"Its longest pause of late was {duration(health.longest_pause)}. {advice}"
        case Finding.UNMAPPED:
            title = title.format(count=health.unmapped)
        case Finding.QUARANTINED:
            title = title.format(count=health.quarantined)
        case Finding.TROUBLE:
            title = f"{title}: {stored['trouble']}"
    return Look(reason=finding, title=title, advice=advice)


_SAID: Final = {
    Finding.NO_SECRET: ("No valid secret", "It refuses everything: give it a secret."),
    Finding.REFUSED: ("Its latest requests were refused", ""),
    Finding.SILENT: ("Silent for longer than usual", "Look whether the sender still runs, and whether it still has this address."),
    Finding.QUARANTINED: ("{count} quarantined today", "They could not be recorded: see their reasons, then replay them."),
    Finding.UNMAPPED: (
        "{count} not understood today",
        "See their reasons: the sender may have another template, or its mapper may have to be mended; then replay them.",
    ),
    Finding.TROUBLE: ("Its API cannot be asked", "Runs whose webhooks got lost are not found: check address and key in its settings."),
    Finding.NEVER: ("Nothing has arrived yet", "Follow the steps at the sender, or send a test."),
}
