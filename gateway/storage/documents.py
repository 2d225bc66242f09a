"""Bodies a mapper may want back: a source's latest manifest, its previous catalog."""

from collections.abc import Iterable, Mapping

from sqlalchemy import Connection, select

from gateway.storage.database import insert_for
from gateway.storage.tables import documents, events


def keep(connection: Connection, *, source_id: int, event_id: int, names: Iterable[str]) -> None:
    """Makes this event the latest holder of these documents, unless a later event is already."""
    rows = [{"source_id": source_id, "name": name, "event_id": event_id} for name in names]
    if rows:
        statement = insert_for(connection)(documents)
        connection.execute(
            statement.on_conflict_do_update(
                index_elements=["source_id", "name"],
                set_={"event_id": statement.excluded.event_id},
                where=statement.excluded.event_id > documents.c.event_id,
            ),
            rows,
        )


def wanted(connection: Connection, *, source_id: int, event_id: int, names: Iterable[str]) -> Mapping[str, bytes]:
    """The bodies of the latest holders of these documents, as far as they came before this event."""
    rows = connection.execute(
        select(documents.c.name, events.c.body)
        .join(events, events.c.id == documents.c.event_id)
        .where(documents.c.source_id == source_id, documents.c.name.in_(list(names)), documents.c.event_id < event_id)
    )
    return {name: bytes(body) for name, body in rows}
