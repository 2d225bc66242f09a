"""What workers fetched enters by the journal, like everything else."""

import hashlib
from datetime import datetime

from gateway.storage import arrivals
from gateway.storage.arrivals import Arrival, Receipt
from gateway.storage.database import Database
from mappers.contract.inbound import FETCHED


async def enter(
    database: Database, *, source_id: int, path: str, query: str, request_key: str, content_type: str, body: bytes, now: datetime
) -> Receipt:
    """Stores what was fetched as an event of its source; the same once more is a duplicate. Raises `StorageUnavailable`."""
    arrival = Arrival(
        source_id=source_id,
        request_key=request_key,
        body_digest=hashlib.sha256(body).digest(),
        method=FETCHED,
        path=path,
        query=query,
        headers=[["Content-Type", content_type]],
        body=body,
        received_at=now,
    )
    (receipt,) = await database.append(arrivals.append, [arrival])
    return receipt
