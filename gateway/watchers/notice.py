"""How a watcher says what it noticed: a document, durable with the state it comes of, that enters by the journal once."""

import hashlib
from collections.abc import Callable, Mapping
from datetime import datetime
from typing import Any, Final

from pydantic_core import to_json

from gateway.storage import arrivals, notices
from gateway.storage.arrivals import Arrival
from gateway.storage.database import Database, Transaction
from gateway.storage.notices import Kept
from gateway.workers.loop import Worker
from mappers.contract.inbound import WATCHED

BATCH: Final = 100
_KIND: Final = "tocsin"


def notice(transaction: Transaction, *, source_id: int, watcher: str, key: str, document: Mapping[str, Any], now: datetime) -> None:
    """Says `document`, in the transaction that writes down why: both happen or neither does.

    `source_id`: whom it is about, or the team's own source (`storage.sources.own`). `key`: the same for the same thing noticed,
    however often and by whomever. `document`: JSON as `mappers.tocsin` reads it; `watcher` is added. Then wake `NoticeWorker`.
    """
    body = to_json({"watcher": watcher, **document})
    notices.put(transaction, source_id=source_id, watcher=watcher, key=key, body=body, now=now)


class NoticeWorker(Worker):
    """Enters in the journal what watchers noticed. Killed in between it enters it again, under the same key: a duplicate."""

    name = "notice"

    def __init__(self, database: Database, clock: Callable[[], datetime], on_entered: Callable[[], None]) -> None:
        """`on_entered` is called when there is something to process."""
        super().__init__(clock)
        self._database, self._on_entered = database, on_entered

    async def step(self) -> int:
        """Up to a hundred documents, in the order in which they were noticed."""
        found = await self._database.read(notices.kept, limit=BATCH)
        if found:
            await self._database.append(arrivals.append, [_arrival(one) for one in found])
            await self._database.write(notices.forget, [one.id for one in found])
            self._on_entered()
        return len(found)

    async def next_due(self) -> None:
        """Not before a wake-up: whoever notices something says so."""


def _arrival(one: Kept) -> Arrival:
    return Arrival(
        source_id=one.source_id,
        request_key=one.request_key,
        body_digest=hashlib.sha256(one.body).digest(),
        method=WATCHED,
        path=f"/{_KIND}/{one.watcher}",
        query="",
        headers=[["Content-Type", "application/json"]],
        body=one.body,
        received_at=one.noticed_at,
    )
