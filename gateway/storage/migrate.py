"""Bringing a database to the newest schema, by one process at a time."""

import logging
from pathlib import Path
from typing import Any, Final

from sqlalchemy import Connection, func, inspect, select, text, update

from gateway.storage.database import Database, StorageUnavailable
from gateway.storage.migrations import HEAD
from gateway.storage.tables import JOURNAL, events, metadata, processing

_SCRIPTS: Final = Path(__file__).parent / "migrations"
_log = logging.getLogger("tocsin.storage")
_LOCK: Final = 7_463_289  # any number; what matters is that every process uses the same


def revision(connection: Connection) -> str | None:
    """The schema revision of a database; None for an empty one."""
    if not inspect(connection).has_table("alembic_version"):
        return None
    return connection.execute(text("SELECT version_num FROM alembic_version")).scalar_one_or_none()


def migrate(database: Database) -> bool:
    """Brings the schema to `HEAD` in one transaction; False where it was there already, or further (the next version's code
    works on it, and ours may go on). Another process' migration is waited for. Makes the directory of a SQLite file.
    """
    if database.file:
        database.file.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
        _make_journal(database)
    with database.reading() as connection:
        if (revision(connection) or "") >= HEAD:
            return False
    with database.migrating() as connection:
        if not database.is_sqlite:
            connection.execute(text("SELECT pg_advisory_xact_lock(:lock)"), {"lock": _LOCK})
        if (revision(connection) or "") >= HEAD:
            return False
        from alembic import command  # slow to import, and rarely needed

        command.upgrade(alembic_config(connection), "head")
    return True


def _make_journal(database: Database) -> None:
    """The file of what the door writes, where there is none yet. An id that was given out never comes again, also where
    the file was lost, or brought back from an older copy than the other one: the worker would take what arrives for known.
    """
    is_new = not (database.file and database.file.exists() and database.file.stat().st_size)
    with database.appending() as connection:
        metadata.create_all(connection, tables=JOURNAL)
        if is_new and connection.scalar(select(events.c.id).limit(1)) is not None:
            raise StorageUnavailable(
                f"{database.journal_file} belongs to a database that is not there: put {database.file} back, or move the journal away"
            )
        reached = connection.scalar(text("SELECT seq FROM sqlite_sequence WHERE name = 'events'")) or 0
    with database.reading() as connection:
        if (revision(connection) or "") < "0002":  # the journal was no file of its own before
            return
        given_out = connection.scalar(select(func.max(processing.c.event_id))) or 0
    if reached >= given_out:
        return
    _log.error(
        "%s was lost, or is an older copy than %s: what arrived after event %s is gone; new events are counted from %s",
        database.journal_file, database.file, reached, given_out + 1,
    )  # fmt: skip
    with database.appending() as connection:
        connection.execute(text("DELETE FROM sqlite_sequence WHERE name = 'events'"))
        connection.execute(text("INSERT INTO sqlite_sequence (name, seq) VALUES ('events', :seq)"), {"seq": given_out})
    with database.writing() as connection:
        gone = processing.c.event_id.not_in(select(events.c.id).scalar_subquery())
        connection.execute(
            update(processing)
            .where(processing.c.status == "waiting", gone)
            .values(status="quarantined", reason="what arrived was lost with the journal", lease=None)
        )


def alembic_config(connection: Connection) -> Any:
    """Alembic's configuration for work on this connection."""
    from alembic.config import Config

    config = Config()
    config.set_main_option("script_location", str(_SCRIPTS))
    config.set_main_option("path_separator", "os")
    config.attributes["connection"] = connection
    return config
