"""Requests on their way in: each stored once, under its request key, and queued for processing.

This is the one place where SQL is written out for each engine: it runs while senders wait, and a batch of it costs what
two rows cost elsewhere.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Final, NamedTuple

from pydantic_core import to_json
from sqlalchemy import Connection
from sqlalchemy.engine.interfaces import DBAPICursor

from gateway.storage.types import microseconds


@dataclass(slots=True)
class Arrival:
    """An accepted request on its way to the journal. Not frozen, for one is made while each sender waits."""

    source_id: int
    request_key: str | None
    body_digest: bytes
    method: str
    path: str
    query: str
    headers: list[list[str]]
    body: bytes
    received_at: datetime


class Receipt(NamedTuple):
    """What became of an arrival: the event's id, and whether it was known already."""

    event_id: int
    duplicate: bool
    conflicting: bool = False
    """Whether its request key was known with other bytes: a new event, flagged."""


Known = dict[tuple[int, str], tuple[bytes, int]]
"""(source id, request key) → (digest of the bytes, event id)."""


def append(connection: Connection, arrivals: Sequence[Arrival]) -> list[Receipt]:
    """Stores what is new and queues it for processing; one receipt per arrival, in order.

    The same request key with the same bytes is a duplicate; with other bytes it is a new event, marked as conflicting.
    """
    if not arrivals:
        return []
    cursor = connection.connection.cursor()
    writer = _Sqlite(cursor) if connection.dialect.name == "sqlite" else _Postgresql(cursor)
    firsts = _first_of_each_key(arrivals)
    ids, known = writer.claim(arrivals, frozenset(firsts.values()))
    holders = known | {key: (arrivals[place].body_digest, ids[place]) for key, place in firsts.items() if key not in known}
    receipts = [_receipt(arrival, own_id, holders) for arrival, own_id in zip(arrivals, ids, strict=True)]
    fresh = [place for place, receipt in enumerate(receipts) if not receipt.duplicate]
    if fresh:
        writer.store([(arrivals[place], receipts[place]) for place in fresh])
    return receipts


def _json(value: object) -> str:
    """As JSON; several times faster than the standard library's."""
    return to_json(value).decode()


def _first_of_each_key(arrivals: Sequence[Arrival]) -> dict[tuple[int, str], int]:
    """(source id, request key) → the place of the first arrival in this batch that bears it."""
    firsts: dict[tuple[int, str], int] = {}
    for place, arrival in enumerate(arrivals):
        if arrival.request_key:
            firsts.setdefault((arrival.source_id, arrival.request_key), place)
    return firsts


def _receipt(arrival: Arrival, own_id: int, holders: Known) -> Receipt:
    if not arrival.request_key:
        return Receipt(own_id, duplicate=False)
    digest, event_id = holders[arrival.source_id, arrival.request_key]
    if event_id == own_id:
        return Receipt(own_id, duplicate=False)
    same = digest == arrival.body_digest
    return Receipt(event_id if same else own_id, duplicate=same, conflicting=not same)


class _Sqlite:
    """The journal file has one writer at a time, so ids are counted on here."""

    def __init__(self, cursor: DBAPICursor) -> None:
        self._cursor = cursor

    def claim(self, arrivals: Sequence[Arrival], firsts: frozenset[int]) -> tuple[list[int], Known]:
        """An id for each arrival, and what is known of their request keys. Keys that are not known become theirs."""
        self._cursor.execute("SELECT seq FROM sqlite_sequence WHERE name = 'events'")
        last = self._cursor.fetchone() or (0,)
        ids = list(range(last[0] + 1, last[0] + 1 + len(arrivals)))
        keyed = [arrivals[place] for place in firsts]
        known = self._known(keyed) if keyed else {}
        claimed = [
            (one, ids[place])
            for place, one in ((place, arrivals[place]) for place in firsts)
            if (one.source_id, one.request_key) not in known
        ]
        if claimed:
            digests = b"".join(one.body_digest for one, _ in claimed)
            rows = [
                (one.source_id, one.request_key, 1 + number * _DIGEST, event_id, microseconds(one.received_at))
                for number, (one, event_id) in enumerate(claimed)
            ]
            self._cursor.execute(_CLAIM_KEYS, (digests, _json(rows)))
        return ids, known

    def _known(self, keyed: Sequence[Arrival]) -> Known:
        self._cursor.execute(_KNOWN_KEYS, (_json([(one.source_id, one.request_key) for one in keyed]),))
        return {(source_id, key): (digest, event_id) for source_id, key, digest, event_id in self._cursor.fetchall()}

    def store(self, fresh: Sequence[tuple[Arrival, Receipt]]) -> None:
        """Writes the events. The worker finds them by their ids: see `processing.claim`."""
        start, rows = 1, []
        for one, receipt in fresh:
            rows.append(
                (
                    receipt.event_id, one.source_id, one.request_key, one.method, one.path, one.query, _json(one.headers),
                    start, len(one.body), microseconds(one.received_at), receipt.conflicting,
                )
            )  # fmt: skip
            start += len(one.body)
        self._cursor.execute(_STORE, (b"".join(one.body for one, _ in fresh), _json(rows)))


# A batch is one statement, whatever its size: sqlite3 lets go of the interpreter's lock at each step of a statement and has to
# win it back from a busy event loop, so a statement for each row costs a wait for each row. Bodies are cut out of one blob.
_DIGEST: Final = 32
_KNOWN_KEYS: Final = """
    SELECT k.source_id, k.request_key, k.body_digest, k.event_id FROM json_each(?) AS given
    CROSS JOIN request_keys AS k ON k.source_id = given.value ->> 0 AND k.request_key = given.value ->> 1
"""
_CLAIM_KEYS: Final = """
    INSERT INTO request_keys (source_id, request_key, body_digest, event_id, received_at)
    SELECT value ->> 0, value ->> 1, substr(?, value ->> 2, 32), value ->> 3, value ->> 4 FROM json_each(?)
"""
_STORE: Final = """
    INSERT INTO events (id, source_id, request_key, method, path, query, headers, body, received_at, conflicting)
    SELECT value ->> 0, value ->> 1, value ->> 2, value ->> 3, value ->> 4, value ->> 5, value ->> 6,
           coalesce(substr(?, value ->> 7, value ->> 8), x''), value ->> 9, value ->> 10
    FROM json_each(?)
"""


class _Postgresql:
    """Any number of processes append at once: who writes a request key first has it."""

    def __init__(self, cursor: DBAPICursor) -> None:
        self._cursor = cursor

    def claim(self, arrivals: Sequence[Arrival], firsts: frozenset[int]) -> tuple[list[int], Known]:
        """An id for each arrival, and what is known of their request keys. Keys that are not known become theirs.

        Keys are written in their order, so that two processes never wait for each other; one that another process is just
        writing is waited for, so nobody is told of a duplicate before the first is durable.
        """
        self._cursor.execute(
            """
            WITH given AS MATERIALIZED (
              SELECT nextval('events_id_seq') AS id, place, source_id, request_key, body_digest, received_at
              FROM unnest(%s::int[], %s::bigint[], %s::text[], %b::bytea[], %s::timestamptz[])
                AS arrival(place, source_id, request_key, body_digest, received_at)
            ), claimed AS (
              INSERT INTO request_keys (source_id, request_key, body_digest, event_id, received_at)
              SELECT source_id, request_key, body_digest, id, received_at FROM given WHERE request_key IS NOT NULL
              ORDER BY source_id, request_key
              ON CONFLICT DO NOTHING RETURNING event_id
            )
            SELECT id, request_key IS NULL OR id IN (SELECT event_id FROM claimed) FROM given ORDER BY place
            """,
            (
                list(range(len(arrivals))),
                [one.source_id for one in arrivals],
                [one.request_key if place in firsts else None for place, one in enumerate(arrivals)],
                [one.body_digest for one in arrivals],
                [one.received_at for one in arrivals],
            ),
        )
        rows = self._cursor.fetchall()
        taken = [arrivals[place] for place, (_, free) in enumerate(rows) if not free]
        return [event_id for event_id, _ in rows], self._known(taken) if taken else {}

    def _known(self, keyed: Sequence[Arrival]) -> Known:
        self._cursor.execute(
            "SELECT source_id, request_key, body_digest, event_id FROM request_keys"
            " JOIN unnest(%s::bigint[], %s::text[]) AS given(source_id, request_key) USING (source_id, request_key)",
            ([one.source_id for one in keyed], [one.request_key for one in keyed]),
        )
        return {(source_id, key): (bytes(digest), event_id) for source_id, key, digest, event_id in self._cursor.fetchall()}

    def store(self, fresh: Sequence[tuple[Arrival, Receipt]]) -> None:
        """Writes the events and queues them."""
        self._cursor.execute(
            """
            WITH stored AS (
              INSERT INTO events (id, source_id, request_key, method, path, query, headers, body, received_at, conflicting)
              SELECT id, source_id, request_key, method, path, query, headers::jsonb, body, received_at, conflicting
              FROM unnest(%s::bigint[], %s::bigint[], %s::text[], %s::text[], %s::text[], %s::text[], %s::text[], %b::bytea[],
                          %s::timestamptz[], %s::bool[])
                AS arrival(id, source_id, request_key, method, path, query, headers, body, received_at, conflicting)
              RETURNING id, received_at
            )
            INSERT INTO processing (event_id, status, due_at) SELECT id, 'waiting', received_at FROM stored
            """,
            (
                [receipt.event_id for _, receipt in fresh],
                [one.source_id for one, _ in fresh],
                [one.request_key for one, _ in fresh],
                [one.method for one, _ in fresh],
                [one.path for one, _ in fresh],
                [one.query for one, _ in fresh],
                [_json(one.headers) for one, _ in fresh],
                [one.body for one, _ in fresh],
                [one.received_at for one, _ in fresh],
                [receipt.conflicting for _, receipt in fresh],
            ),
        )
