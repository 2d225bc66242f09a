"""From a delivery's rows to the message its reader gets, as things stand at that moment."""

from collections.abc import Mapping
from datetime import datetime
from typing import Any

from gateway.channels.message import Kind, MemberLine, Message, Part
from gateway.domain.identity import fingerprint
from gateway.domain.links import absolute
from gateway.storage import deliveries
from gateway.storage.database import Transaction
from mappers.contract import Category, Level


def letter(transaction: Transaction, delivery_id: int, *, public_url: str, now: datetime) -> Message | None:
    """The message of a delivery; None where there is nobody, or nothing any more, to tell."""
    envelope = deliveries.envelope(transaction, delivery_id)
    rows = deliveries.items(transaction, delivery_id, now=now)
    if envelope is None or not rows:
        return None
    base = envelope["base_url"] or public_url
    return Message(
        delivery_id=delivery_id,
        kind=Kind(envelope["kind"]),
        to_address=envelope["email"],
        to_name=envelope["name"],
        zone=envelope["settings"].get("timezone", "UTC"),
        team=envelope["team"],
        environment=rows[0]["environment"],
        subject=envelope["subject"],
        is_reply=envelope["is_reply"],
        conversation=fingerprint("mail-thread", envelope["conversation_id"], public_url)[:24],
        public_url=public_url,
        parts=tuple(_part(transaction, row, base) for row in rows),
        written_at=now,
    )


def _part(transaction: Transaction, row: Mapping[str, Any], base: str) -> Part:
    failing = deliveries.failing_members(transaction, row["id"]) if row["members_total"] > 1 or row["firing"] > 1 else []
    return Part(
        notification_id=row["id"],
        title=row["title"],
        category=Category(row["category"]),
        level=Level(row["level"]),
        urgent=row["urgent"],
        is_open=row["status"] == "open",
        reason=row["reason"],
        message=row["message"],
        excerpt=row["excerpt"],
        opened_at=row["opened_at"],
        resolved_at=row["resolved_at"],
        occurrences=row["count"],
        firing=row["firing"],
        members_total=max(row["members_total"], row["firing"]),
        members=tuple(
            MemberLine(label=one["label"], level=Level(one["level"]), message=one["details"].get("message", "")) for one in failing
        ),
        links=absolute(row["links"] or {}, base),
        facts=row["facts"] or {},
        owners=tuple(deliveries.owners(transaction, row["id"])),
        impact=tuple(row["impact"] or ()),
    )
