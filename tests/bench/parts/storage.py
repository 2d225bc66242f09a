"""How much room events take, and whether retention keeps up with them and is noticed at the door."""

import threading
import time
from datetime import UTC, datetime, timedelta
from typing import Final

from sqlalchemy import text

from gateway.storage.database import Database
from gateway.storage.retention import Sweep
from gateway.workers.upkeep import PAUSE
from tests.bench.bench import Bench
from tests.bench.counters import counters
from tests.bench.engines import Engine
from tests.bench.figures import Figure, percentiles
from tests.bench.knobs import FILL_WITHIN
from tests.bench.processes import until
from tests.bench.server import Server
from tests.bench.wrk import load

DONE_WITHIN: Final = 180
BESIDE_FOR: Final = 6
OLD: Final = timedelta(days=200)
_SQLITE: Final = text(
    "SELECT tbl_name, sum(pgsize) FROM (SELECT name, pgsize FROM dbstat UNION ALL SELECT name, pgsize FROM dbstat('journal'))"
    " JOIN (SELECT name, tbl_name FROM main.sqlite_master UNION SELECT name, tbl_name FROM journal.sqlite_master) USING (name) GROUP BY 1"
)
_POSTGRESQL: Final = text(
    "SELECT relname, pg_total_relation_size(oid) FROM pg_class WHERE relkind = 'r' AND relnamespace = 'public'::regnamespace"
)
JOURNAL: Final = ("events", "request_keys")


def measure(bench: Bench) -> list[Figure]:
    """For each engine: so many events, all told; what they take; then all of them but the newest removed, beside a constant load."""
    return [figure for engine in bench.engines for figure in _measure(bench, engine)]


def _measure(bench: Bench, engine: Engine) -> list[Figure]:
    name, wanted = f"storage {engine.name}", bench.knobs.events
    with bench.installed(engine) as installation, installation.serving() as server:
        deck = bench.dealer.deal(wanted * 3)
        load(server, deck, FILL_WITHIN, enough=lambda: counters(server).accepted >= wanted)
        deck.path.unlink()
        until(lambda: counters(server).waiting == 0, DONE_WITHIN, "the working off of the events")
        time.sleep(2)
        database = Database(installation.database_url)
        try:
            stored, sizes = int(counters(server).accepted), _sizes(database)
            without = bench.constant_load(server, bench.dealer.deal(bench.knobs.rate * BESIDE_FOR))["ack_ms"]
            beside, removed, steps = _removed_beside(bench, server, database)
            after = _sizes(database)
        finally:
            database.close()
    million = {table: size * 1_000_000 / stored / 1e9 for table, size in sizes.items()}
    largest = {table: round(size, 3) for table, size in sorted(million.items(), key=lambda one: -one[1])[:12]}
    again = {table: after[table] / sizes[table] for table in JOURNAL}
    busy = sum(steps)
    return [
        Figure(f"{name}: for a million events", sum(million.values()), "GB", detail={"tables": largest, "of": stored}),
        Figure(f"{name}: of which the requests and their keys", sum(million[table] for table in JOURNAL), "GB"),
        Figure(f"{name}: removed in a second of its own work", removed / busy, "/s", detail={"steps": percentiles(steps), "sizes": again}),
        Figure(f"{name}: removed in a second, with its pauses", removed / (busy + PAUSE * len(steps)), "/s"),
        Figure(f"{name}: ack p99 without it", without["p99"], "ms"),
        Figure(f"{name}: ack p99 beside it", beside["p99"], "ms"),
        Figure(f"{name}: its longest transaction", max(steps) * 1000, "ms"),
    ]


def _removed_beside(bench: Bench, server: Server, database: Database) -> tuple[dict[str, float], int, list[float]]:
    """(the load's waiting times in ms, how many events went, seconds of each transaction that removed), all in the same seconds."""
    found: dict[str, dict[str, float]] = {}
    deck = bench.dealer.deal(bench.knobs.rate * BESIDE_FOR)
    thread = threading.Thread(target=lambda: found.update(bench.constant_load(server, deck)))
    thread.start()
    sweep, removed, steps = Sweep(now=datetime.now(UTC) + OLD), 0, list[float]()
    while True:
        with database.reading() as transaction:
            picked = sweep.pick(transaction)
        if picked is None:
            break
        if picked.room not in ("ended", *JOURNAL) or not picked.keys:
            continue
        began = time.monotonic()
        with database.appending() if picked.is_in_journal else database.writing() as transaction:
            number = sweep.remove(transaction, picked)
        steps.append(time.monotonic() - began)
        removed += number if picked.room == "events" else 0
        time.sleep(PAUSE)
    thread.join()
    return found["ack_ms"], removed, steps


def _sizes(database: Database) -> dict[str, int]:
    """Bytes of each table with its indexes."""
    with database.reading() as transaction:
        return {name: int(size) for name, size in transaction.execute(_SQLITE if database.is_sqlite else _POSTGRESQL)}
