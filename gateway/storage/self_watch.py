"""How the gateway is doing, team by team, and which of its troubles were told."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any, Final

from sqlalchemy import Connection, delete, func, select, update

from gateway.domain.pauses import Pauses
from gateway.domain.self_watch import Figures, Sender
from gateway.storage.database import insert_for
from gateway.storage.tables import (
    deliveries,
    delivery_attempts,
    events,
    pauses,
    processing,
    reconciliations,
    sources,
    teams,
    troubles,
)
from mappers.contract.inbound import FETCHED, WATCHED

_OLDEST: Final = 500
"""Of what waits, how much is looked at: the oldest."""
_NEWEST: Final = 50
"""Of a sender's events, how many are looked at."""
_SUSPECTS: Final = 100
"""Of what was put aside, how much is looked at: the newest of each kind."""
_LATELY: Final = timedelta(days=1)
_PUT_ASIDE: Final = ("unmapped", "quarantined")
_OURS: Final = (FETCHED, WATCHED)


@dataclass(frozen=True, slots=True)
class Told:
    """A trouble that admins were told of."""

    team_id: int
    name: str
    level: str
    since: datetime
    clear_since: datetime | None
    details: dict[str, Any]


def figures(connection: Connection, now: datetime) -> dict[int, Figures]:
    """team → its figures, of every team; nothing here grows with what was stored."""
    backlog, due, put_off = _backlog(connection, now), _due(connection, now), _put_off(connection, now)
    senders, sent = _senders(connection, now), _since_last_sent(connection, now)
    return {
        team_id: Figures(
            **backlog.get(team_id, {}), **due.get(team_id, {}), **put_off.get(team_id, {}), since_last_sent=sent,
            senders=tuple(senders.get(team_id, ())),
        )
        for team_id in connection.scalars(select(teams.c.id))
    }  # fmt: skip


def _backlog(connection: Connection, now: datetime) -> dict[int, dict[str, Any]]:
    """Events whose processing waits, and those that nobody took up yet."""
    newest = select(func.coalesce(func.max(processing.c.event_id), 0)).scalar_subquery()
    untouched = select(events.c.source_id, events.c.received_at.label("since")).where(events.c.id > newest).order_by(events.c.id)
    waiting = (
        select(events.c.source_id, processing.c.due_at.label("since"))
        .join(events, events.c.id == processing.c.event_id)
        .where(processing.c.status == "waiting", processing.c.due_at <= now)
        .order_by(processing.c.due_at, processing.c.event_id)
    )
    found: dict[int, dict[str, Any]] = {}
    for part in (waiting.limit(_OLDEST).subquery(), untouched.limit(_OLDEST).subquery()):
        rows = select(sources.c.team_id, func.count(), func.min(part.c.since)).join(sources, sources.c.id == part.c.source_id)
        for team_id, count, since in connection.execute(rows.group_by(sources.c.team_id)):
            known = found.setdefault(team_id, {"events_waiting": 0, "oldest_event": timedelta()})
            known["events_waiting"] += count
            known["oldest_event"] = max(known["oldest_event"], now - since)
    return found


def _due(connection: Connection, now: datetime) -> dict[int, dict[str, Any]]:
    """Mail that is due and that nobody holds."""
    part = (
        select(deliveries.c.team_id, deliveries.c.due_at)
        .where(deliveries.c.status == "waiting", deliveries.c.due_at <= now)
        .order_by(deliveries.c.due_at, deliveries.c.id)
        .limit(_OLDEST)
        .subquery()
    )
    rows = connection.execute(select(part.c.team_id, func.count(), func.min(part.c.due_at)).group_by(part.c.team_id))
    return {team_id: {"mails_waiting": count, "oldest_mail": now - since} for team_id, count, since in rows}


def _put_off(connection: Connection, now: datetime) -> dict[int, dict[str, Any]]:
    """Mail that the server did not take yet."""
    part = (
        select(deliveries.c.team_id, deliveries.c.created_at, deliveries.c.last_answer)
        .where(deliveries.c.status == "waiting", deliveries.c.last_answer.is_not(None))
        .order_by(deliveries.c.due_at, deliveries.c.id)
        .limit(_OLDEST)
        .subquery()
    )
    columns = (part.c.team_id, func.count(), func.min(part.c.created_at), func.max(part.c.last_answer))
    rows = connection.execute(select(*columns).group_by(part.c.team_id))
    return {team_id: {"mails_put_off": count, "put_off_for": now - since, "put_off_because": said} for team_id, count, since, said in rows}


def _since_last_sent(connection: Connection, now: datetime) -> timedelta | None:
    newest = select(delivery_attempts.c.at, delivery_attempts.c.outcome).order_by(delivery_attempts.c.delivery_id.desc()).limit(_OLDEST)
    part = newest.subquery()
    at = connection.scalar(select(func.max(part.c.at)).where(part.c.outcome == "sent"))
    return now - at if at is not None else None


def _senders(connection: Connection, now: datetime) -> dict[int, list[Sender]]:
    """The enabled sources of each team, our own left out."""
    rows = connection.execute(
        select(
            sources.c.id, sources.c.team_id, sources.c.slug, sources.c.settings, pauses.c.pauses, reconciliations.c.failures,
            reconciliations.c.trouble,
        )
        .outerjoin(pauses, pauses.c.source_id == sources.c.id)
        .outerjoin(reconciliations, reconciliations.c.source_id == sources.c.id)
        .where(sources.c.disabled_at.is_(None), sources.c.kind != "tocsin")
        .order_by(sources.c.id)
    ).all()  # fmt: skip
    suspects = _suspects(connection)
    found: dict[int, list[Sender]] = {}
    for row in rows:
        read, put_aside = _newest(connection, row.id, now) if row.id in suspects else (0, 0)
        alert = row.settings.get("silence_alert", True) is not False
        found.setdefault(row.team_id, []).append(
            Sender(
                row.id,
                row.slug,
                read,
                put_aside,
                row.failures or 0,
                row.trouble or "",
                Pauses.of(row.pauses) if row.pauses and alert else None,
            )
        )
    return found


def _suspects(connection: Connection) -> set[int]:
    """Sources of the events that were put aside last: the only ones worth counting."""
    found: set[int] = set()
    for status in _PUT_ASIDE:
        newest = select(processing.c.event_id).where(processing.c.status == status).order_by(processing.c.event_id.desc())
        last = newest.limit(_SUSPECTS).subquery()
        found.update(connection.scalars(select(events.c.source_id).join(last, last.c.event_id == events.c.id).distinct()))
    return found


def _newest(connection: Connection, source_id: int, now: datetime) -> tuple[int, int]:
    """(looked at, put aside) of a source's newest events."""
    part = (
        select(events.c.id, events.c.received_at).where(events.c.source_id == source_id).order_by(events.c.id.desc()).limit(_NEWEST)
    ).subquery()
    rows = connection.execute(
        select(processing.c.status, func.count())
        .join(part, part.c.id == processing.c.event_id)
        .where(part.c.received_at > now - _LATELY, processing.c.status != "waiting")
        .group_by(processing.c.status)
    )
    counts: dict[str, int] = {status: count for status, count in rows}
    return sum(counts.values()), sum(counts.get(status, 0) for status in _PUT_ASIDE)


def listen(connection: Connection, now: datetime) -> None:
    """Learns when each enabled sender was last heard of; what we fetched or noticed ourselves is no word of its own."""
    newest = (
        select(events.c.received_at)
        .where(events.c.source_id == sources.c.id, events.c.method.not_in(_OURS))
        .order_by(events.c.id.desc())
        .limit(1)
        .scalar_subquery()
    )
    rows = connection.execute(
        select(sources.c.id, pauses.c.pauses, newest)
        .outerjoin(pauses, pauses.c.source_id == sources.c.id)
        .where(sources.c.disabled_at.is_(None), sources.c.kind != "tocsin")
    ).all()
    learned = [
        {"source_id": source_id, "pauses": (Pauses.of(known) if known else Pauses.new(now)).heard(last_at, now).document()}
        for source_id, known, last_at in rows
    ]
    if learned:
        statement = insert_for(connection)(pauses)
        connection.execute(
            statement.on_conflict_do_update(index_elements=["source_id"], set_={"pauses": statement.excluded.pauses}), learned
        )


def told(connection: Connection, *, team_ids: Sequence[int] | None = None) -> list[Told]:
    """Troubles that are open, the oldest first."""
    rows = select(*(troubles.c[name] for name in Told.__slots__)).order_by(troubles.c.since, troubles.c.name)
    return [Told(*row) for row in connection.execute(rows if team_ids is None else rows.where(troubles.c.team_id.in_(team_ids)))]


def open_trouble(connection: Connection, *, team_id: int, name: str, level: str, details: Mapping[str, Any], now: datetime) -> bool:
    """Writes down that it is told. False where somebody else did."""
    row = {"team_id": team_id, "name": name, "level": level, "since": now, "details": dict(details)}
    made = insert_for(connection)(troubles).values(**row).on_conflict_do_nothing().returning(troubles.c.team_id)
    return connection.scalar(made) is not None


def change_trouble(connection: Connection, one: Told, *, level: str, details: Mapping[str, Any]) -> bool:
    """It is worse, or not gone after all. False where somebody else changed it."""
    changed = update(troubles).where(*_is(one)).values(level=level, clear_since=None, details=dict(details))
    return connection.execute(changed).rowcount > 0


def seems_over(connection: Connection, one: Told, now: datetime) -> None:
    """It is not there any more, as far as can be seen."""
    connection.execute(update(troubles).where(*_is(one), troubles.c.clear_since.is_(None)).values(clear_since=now))


def close_trouble(connection: Connection, one: Told) -> bool:
    """It is over. False where somebody else said so."""
    return connection.execute(delete(troubles).where(*_is(one))).rowcount > 0


def _is(one: Told) -> tuple[Any, ...]:
    """It as it was read."""
    known = {"team_id": one.team_id, "name": one.name, "since": one.since, "level": one.level}
    return tuple(troubles.c[name] == value for name, value in known.items())
