"""Answers given before, so that a request that is sent again has its answer and no second effect."""

from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlalchemy import Connection, select, update

from gateway.storage.database import insert_for
from gateway.storage.tables import idempotency_keys


@dataclass(frozen=True, slots=True)
class Answered:
    """What a request under a key was answered."""

    digest: bytes
    status: int
    answer: dict[str, Any]


def begin(connection: Connection, *, user_id: int, key: str, digest: bytes, now: datetime) -> Answered | None:
    """What was answered under this key before; None where this is the first request, and others under it now wait for its end."""
    statement = insert_for(connection)(idempotency_keys).values(
        user_id=user_id, key=key, digest=digest, status=0, answer={}, created_at=now
    )
    if connection.execute(statement.on_conflict_do_nothing(), execution_options={"preserve_rowcount": True}).rowcount:
        return None
    mine = (idempotency_keys.c.user_id == user_id, idempotency_keys.c.key == key)
    row = connection.execute(select(idempotency_keys).where(*mine)).one()
    return Answered(bytes(row.digest), row.status, row.answer)


def finish(connection: Connection, *, user_id: int, key: str, status: int, answer: dict[str, Any]) -> None:
    """Remembers the answer."""
    mine = (idempotency_keys.c.user_id == user_id, idempotency_keys.c.key == key)
    connection.execute(update(idempotency_keys).where(*mine).values(status=status, answer=answer))
