"""Mails as people look at them: what was sent to whom, each attempt, the mail itself."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Final

from sqlalchemy import Connection, literal, select

from gateway.storage.tables import conversations, deliveries, delivery_attempts, teams, users


@dataclass(frozen=True, slots=True)
class Filter:
    """Which mails. What is None is not asked for."""

    status: str | None = None
    kind: str | None = None
    email: str | None = None
    """Of whom it goes to, exactly."""


EVERYTHING: Final = Filter()


def page(
    connection: Connection, *, user_id: int, team_ids: Sequence[int] | None, before: int | None, limit: int, wanted: Filter = EVERYTHING
) -> list[dict[str, Any]]:
    """Deliveries, newest first: the user's own, or with `team_ids` all of those teams. Without the mails themselves."""
    query = (
        select(
            deliveries.c.id, deliveries.c.channel, deliveries.c.kind, deliveries.c.status, deliveries.c.attempts, deliveries.c.due_at,
            deliveries.c.created_at, deliveries.c.finished_at, deliveries.c.last_answer, deliveries.c.message_id, deliveries.c.urgent,
            deliveries.c.folded, users.c.email, teams.c.slug.label("team"), conversations.c.subject,
        )
        .join(users, users.c.id == deliveries.c.user_id)
        .join(teams, teams.c.id == deliveries.c.team_id)
        .join(conversations, conversations.c.id == deliveries.c.conversation_id)
        .where(deliveries.c.user_id == user_id if team_ids is None else deliveries.c.team_id.in_(team_ids))
        .order_by(deliveries.c.id.desc())
        .limit(limit)
    )  # fmt: skip
    if before is not None:
        query = query.where(deliveries.c.id < before)
    if wanted.status is not None:  # written out, for a partial index is found by its own words alone
        query = query.where(deliveries.c.status == literal(wanted.status, literal_execute=True))
    if wanted.kind is not None:
        query = query.where(deliveries.c.kind == wanted.kind)
    if wanted.email is not None:
        query = query.where(users.c.email == wanted.email)
    return [dict(row._mapping) for row in connection.execute(query)]


def attempts(connection: Connection, delivery_id: int) -> list[dict[str, Any]]:
    """Each attempt with its time and what the server said, the last one first."""
    rows = connection.execute(
        select(delivery_attempts.c.number, delivery_attempts.c.at, delivery_attempts.c.outcome, delivery_attempts.c.answer)
        .where(delivery_attempts.c.delivery_id == delivery_id)
        .order_by(delivery_attempts.c.number.desc())
    )
    return [dict(row._mapping) for row in rows]


def mail(connection: Connection, *, delivery_id: int, user_id: int, team_ids: Sequence[int]) -> bytes | None:
    """The frozen bytes of a mail, for its recipient or an admin of its team."""
    row = connection.execute(
        select(deliveries.c.mail).where(
            deliveries.c.id == delivery_id, (deliveries.c.user_id == user_id) | deliveries.c.team_id.in_(team_ids)
        )
    ).one_or_none()
    return bytes(row.mail) if row and row.mail is not None else None
