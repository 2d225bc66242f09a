"""Whose time it is."""

from datetime import UTC, datetime

from sqlalchemy import Connection, func, select


def shared_time(connection: Connection, now: datetime) -> datetime:
    """The database's own time, where it has a clock that several machines share; else `now`."""
    return database_time(connection) if connection.dialect.name == "postgresql" else now


def database_time(connection: Connection) -> datetime:
    """Now, by the clock of the PostgreSQL server that all machines share."""
    now: datetime = connection.execute(select(func.clock_timestamp())).scalar_one()
    return now.astimezone(UTC)
