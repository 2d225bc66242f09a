"""How the installation is doing, in numbers."""

import contextlib
import sqlite3
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any
from urllib.parse import quote

from sqlalchemy import Connection, func, select, text

from gateway.domain.examination import Counted
from gateway.storage.clock import database_time
from gateway.storage.tables import deliveries, events, processing, reconciliations, sources, teams, users


def counted(connection: Connection, now: datetime) -> Counted:
    """What waits and what is not as it should be."""
    waiting = (processing.c.status == "waiting", processing.c.due_at <= now)
    events_waiting, since = _first(connection, select(func.count(), func.min(processing.c.due_at)).where(*waiting))
    newest = select(func.coalesce(func.max(processing.c.event_id), 0)).scalar_subquery()
    queued, arrived = _first(connection, select(func.count(), func.min(events.c.received_at)).where(events.c.id > newest))
    due = (deliveries.c.status == "waiting", deliveries.c.due_at <= now)
    mails_waiting, mail_since = _first(connection, select(func.count(), func.min(deliveries.c.due_at)).where(*due))
    put_off = (deliveries.c.status == "waiting", deliveries.c.last_answer.is_not(None))
    said = connection.scalar(select(deliveries.c.last_answer).where(*put_off).order_by(deliveries.c.created_at).limit(1))
    oldest = min((moment for moment in (since, arrived) if moment is not None), default=None)
    put_aside = select(processing.c.status, func.count()).where(processing.c.status.in_(["unmapped", "quarantined"]))
    ended: dict[str, int] = {status: count for status, count in connection.execute(put_aside.group_by(processing.c.status))}
    troubles = connection.execute(
        select(teams.c.slug, sources.c.slug, reconciliations.c.trouble)
        .join(sources, sources.c.id == reconciliations.c.source_id)
        .join(teams, teams.c.id == sources.c.team_id)
        .where(reconciliations.c.trouble.is_not(None), sources.c.disabled_at.is_(None))
        .order_by(teams.c.slug, sources.c.slug)
    )
    return Counted(
        events_waiting=events_waiting + queued,
        event_since=now - oldest if oldest else None,
        mails_waiting=mails_waiting,
        mail_since=now - mail_since if mail_since else None,
        mails_put_off=connection.scalar(select(func.count()).where(*put_off)) or 0,
        put_off_because=said or "",
        quarantined=ended.get("quarantined", 0),
        unmapped=ended.get("unmapped", 0),
        refused_addresses=connection.scalar(select(func.count()).where(users.c.refused_at.is_not(None))) or 0,
        sources_in_trouble=tuple(f"{team}/{slug}: {trouble}" for team, slug, trouble in troubles),
        sources=connection.scalar(select(func.count()).where(sources.c.disabled_at.is_(None))) or 0,
    )


def clock_difference(connection: Connection, now: datetime) -> timedelta:
    """How far the database's clock is ahead of `now`."""
    return database_time(connection) - now


def server(connection: Connection) -> dict[str, Any]:
    """What a PostgreSQL server says of itself, as `examination.of_server` asks for it, without `processes`."""
    settings = {name: connection.scalar(text(f"SHOW {name}")) for name in ("max_connections", "fsync", "synchronous_commit")}
    used = connection.scalar(text("SELECT count(*) FROM pg_stat_activity WHERE backend_type = 'client backend'"))
    encoding = connection.scalar(text("SELECT pg_encoding_to_char(encoding) FROM pg_database WHERE datname = current_database()"))
    unsafe = [name for name in ("fsync", "synchronous_commit") if settings[name] == "off"]
    return {"used": used or 0, "most": int(settings["max_connections"] or 0), "unsafe": unsafe, "encoding": str(encoding)}


def journal_ends(main: Path, journal: Path) -> tuple[int, int]:
    """(the last event the journal gave out, the last one that is known to the rest) of two SQLite files, which are only read."""
    with contextlib.closing(sqlite3.connect(f"file:{quote(str(main))}?mode=ro", uri=True)) as both:
        both.execute("ATTACH DATABASE ? AS journal", (f"file:{quote(str(journal))}?mode=ro",))
        (reached,) = both.execute("SELECT coalesce(max(seq), 0) FROM journal.sqlite_sequence WHERE name = 'events'").fetchone()
        (given_out,) = both.execute("SELECT coalesce(max(event_id), 0) FROM processing").fetchone()
    return int(reached), int(given_out)


def _first(connection: Connection, statement: object) -> tuple[int, datetime | None]:
    count, moment = connection.execute(statement).one()  # type: ignore[call-overload]
    return count, moment
