"""What our own watchers noticed, on its way to the journal: written with the state it comes of, entered once that is durable."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import Connection, delete, select

from gateway.storage.database import insert_for
from gateway.storage.tables import notices


@dataclass(frozen=True, slots=True)
class Kept:
    """One document that a watcher wrote."""

    id: int
    source_id: int
    request_key: str
    watcher: str
    body: bytes
    noticed_at: datetime


def put(connection: Connection, *, source_id: int, watcher: str, key: str, body: bytes, now: datetime) -> None:
    """Keeps a document until it is in the journal; the same key once more is the same document. `key`: at most 250 characters."""
    statement = insert_for(connection)(notices).on_conflict_do_nothing()
    row = {"source_id": source_id, "request_key": f"{watcher}/{key}", "watcher": watcher, "body": body, "noticed_at": now}
    connection.execute(statement, row)


def kept(connection: Connection, *, limit: int) -> list[Kept]:
    """What is not known to be in the journal yet, in the order in which it was noticed."""
    rows = connection.execute(select(*(notices.c[name] for name in Kept.__slots__)).order_by(notices.c.id).limit(limit))
    return [Kept(*row) for row in rows]


def forget(connection: Connection, ids: Sequence[int]) -> None:
    """These are in the journal."""
    connection.execute(delete(notices).where(notices.c.id.in_(list(ids))))
