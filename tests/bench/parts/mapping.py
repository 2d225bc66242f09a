"""How many payloads of each kind are mapped in a second of processor time."""

import contextlib
import dataclasses
import json
import time

from mappers.contract import Inbound, SourceKind
from tests.bench.bench import Bench
from tests.bench.figures import Figure
from tests.mappers.test_contract import CASES, KINDS, request_of

LARGEST = 8192


def measure(_: Bench) -> list[Figure]:
    """Over all fixtures of at most 8 KB, each read anew every time; and one large `run_results.json`."""
    rates = [Figure(f"mapping {kind.kind}", _per_second(kind), "/s") for kind in KINDS.values()]
    return [*rates, Figure("mapping run_results.json of 5 MB", _seconds(_run_results(5_000_000)) * 1000, "ms")]


def _per_second(kind: SourceKind) -> float:
    found = [request_of(path) for path in CASES if path.parent.name == kind.kind]
    requests = [one for one in found if len(one.body) <= LARGEST]
    done, began = 0, time.process_time()
    while (spent := time.process_time() - began) < 1.0:
        for request in requests:
            _map(kind, dataclasses.replace(request))  # an Inbound remembers what it parsed
        done += len(requests)
    return done / spent


def _run_results(size: int) -> bytes:
    """A build of thousands of nodes, every tenth of them failing, as dbt wrote it."""
    body = next(request_of(path).json for path in CASES if path.name == "build-v6.request.json")
    failed = next(row for row in body["results"] if row["status"] == "error")
    built = next(row for row in body["results"] if row["status"] == "success")
    rows, left = [], size
    while left > 0:
        row = {**(built if len(rows) % 10 else failed), "unique_id": f"model.shop.m{len(rows)}"}
        rows.append(row)
        left -= len(json.dumps(row))
    return json.dumps({**body, "results": rows}).encode()


def _seconds(body: bytes) -> float:
    """The best of three."""
    spent = []
    for _ in range(3):
        began = time.process_time()
        KINDS["dbt_core"].map(Inbound(body=body))
        spent.append(time.process_time() - began)
    return min(spent)


def _map(kind: SourceKind, inbound: Inbound) -> None:
    with contextlib.suppress(Exception):
        kind.map(inbound)
