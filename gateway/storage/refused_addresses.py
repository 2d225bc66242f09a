"""Addresses that take no mail, as a mail server said: nothing more is sent there until an admin clears it."""

from datetime import datetime

from sqlalchemy import Connection, update

from gateway.storage.tables import users


def refuse(connection: Connection, *, user_id: int, why: str, now: datetime) -> None:
    """Remembers that the person's address takes no mail."""
    connection.execute(update(users).where(users.c.id == user_id, users.c.refused_at.is_(None)).values(refused_at=now, refused_why=why))


def clear(connection: Connection, *, user_id: int) -> bool:
    """Mail goes there again. False where nothing was in its way."""
    mended = update(users).where(users.c.id == user_id, users.c.refused_at.is_not(None)).values(refused_at=None, refused_why=None)
    return connection.execute(mended).rowcount > 0
