"""wrk with 64 connections that step through a deck: the same script and file against every server."""

import json
import os
import shutil
import signal
import subprocess
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from tests.bench.deck import Deck
from tests.bench.knobs import CONNECTIONS
from tests.bench.server import Server

SCRIPT: Final = Path(__file__).with_name("load.lua")


class LoadFailed(Exception):
    """The load was not what it should have been, so its numbers mean nothing."""


@dataclass(frozen=True, slots=True)
class Load:
    """What wrk saw. `taken` counts from the deck's first request, whoever took them."""

    per_second: float
    answers: int
    taken: int
    client_cpu: float
    """wrk's share of one core."""
    server_cpu: float
    """The same of all the server's processes together."""
    database_cpu: float


def installed() -> bool:
    """Whether there is a wrk."""
    return shutil.which("wrk") is not None


def load(server: Server, deck: Deck, seconds: int, *, first: int = 0, enough: Callable[[], bool] | None = None) -> Load:
    """Loads the server for so long, or until `enough`, from the deck's request `first` on. Raises `LoadFailed`."""
    command = ["wrk", "-t1", f"-c{CONNECTIONS}", f"-d{seconds}s", "-s", str(SCRIPT), f"http://127.0.0.1:{server.port}"]
    slice_ = [str(deck.path), str(deck.size), str(first), str(deck.count - first)]
    before, started = server.cpu(), time.monotonic()
    wrk = subprocess.Popen([*command, "--", *slice_], stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True)
    assert wrk.stdout
    try:
        while enough is not None and time.monotonic() - started < seconds:
            time.sleep(0.2)
            if enough():
                wrk.send_signal(signal.SIGINT)
                break
        printed = wrk.stdout.read()
        _, wrk.returncode, usage = os.wait4(wrk.pid, 0)
    except BaseException:
        wrk.kill()
        raise
    spent, after = time.monotonic() - started, server.cpu()
    if "RESULT " not in printed:
        raise LoadFailed(printed)
    result = json.loads(printed.split("RESULT ")[1])
    if result["refused"] or result["broken"]:
        raise LoadFailed(f"not every request was taken: {result}")
    if result["spent"]:
        raise LoadFailed(f"all {deck.count - first} requests were used up: raise BENCH_REQUESTS")
    return Load(
        per_second=result["answers"] / result["seconds"],
        answers=result["answers"],
        taken=first + result["taken"],
        client_cpu=(usage.ru_utime + usage.ru_stime) / spent,
        server_cpu=(after[0] - before[0]) / spent,
        database_cpu=(after[1] - before[1]) / spent,
    )
