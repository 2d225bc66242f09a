"""What sources sent lately."""

from collections.abc import Sequence
from typing import Any, Final

from sqlalchemy import Connection, Select, func, literal, select, union_all

from gateway.domain.connecting import TEST_SAID
from gateway.domain.source_health import Sent
from gateway.storage.tables import events, processing
from mappers.contract.inbound import FETCHED

_AT_ONCE: Final = 100
"""SQLite takes 500 parts in one query. https://sqlite.org/limits.html"""


def sent(connection: Connection, *, source_ids: Sequence[int], limit: int) -> dict[int, list[Sent]]:
    """source id → its newest requests, at most `limit`, newest first; what the gateway fetched by itself is none of them."""
    found: dict[int, list[Sent]] = {source_id: [] for source_id in source_ids}
    for start in range(0, len(source_ids), _AT_ONCE):
        parts = [select(_newest(source_id, limit).subquery()) for source_id in source_ids[start : start + _AT_ONCE]]
        for source_id, _, at, status, is_test in sorted(connection.execute(union_all(*parts)), key=lambda row: -row.id):
            found[source_id].append(Sent(at, status, bool(is_test)))
    return found


def _newest(source_id: int, limit: int) -> Select[Any]:
    return (
        select(
            events.c.source_id, events.c.id, events.c.received_at, func.coalesce(processing.c.status, "waiting").label("status"),
            func.coalesce(processing.c.reason.startswith(TEST_SAID), literal(False)).label("is_test"),
        )
        .select_from(events.outerjoin(processing, processing.c.event_id == events.c.id))
        .where(events.c.source_id == source_id, events.c.method != FETCHED)
        .order_by(events.c.id.desc())
        .limit(limit)
    )  # fmt: skip
