"""How many payloads of each kind are mapped in a second of processor time."""

import contextlib
import dataclasses
import time

from mappers.contract import Inbound, SourceKind
from tests.bench.bench import Bench
from tests.bench.figures import Figure
from tests.mappers.test_contract import CASES, KINDS, request_of

LARGEST = 8192


def measure(_: Bench) -> list[Figure]:
    """Over all fixtures of at most 8 KB, each read anew every time."""
    return [Figure(f"mapping {kind.kind}", _per_second(kind), "/s") for kind in KINDS.values()]


def _per_second(kind: SourceKind) -> float:
    found = [request_of(path) for path in CASES if path.parent.name == kind.kind]
    requests = [one for one in found if len(one.body) <= LARGEST]
    done, began = 0, time.process_time()
    while (spent := time.process_time() - began) < 1.0:
        for request in requests:
            _map(kind, dataclasses.replace(request))  # an Inbound remembers what it parsed
        done += len(requests)
    return done / spent


def _map(kind: SourceKind, inbound: Inbound) -> None:
    with contextlib.suppress(Exception):
        kind.map(inbound)
