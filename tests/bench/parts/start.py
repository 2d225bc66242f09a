"""From the start of the process to its first 202, and what it weighs when it has nothing to do."""

import socket
import subprocess
import time
from typing import Final

from tests.bench.bench import Bench
from tests.bench.figures import Figure, median
from tests.bench.processes import pss_mb, rss_mb, tree
from tests.bench.server import NotServed, Server

WITHIN: Final = 30.0
IDLE_AFTER: Final = 2.0


def measure(bench: Bench) -> list[Figure]:
    """Both, on each engine."""
    figures: list[Figure] = []
    for engine in bench.engines:
        seconds, rss, pss, processes = [], [], [], 0
        with bench.installed(engine) as installation:
            for request in bench.dealer.deal(bench.knobs.starts).requests():
                began = time.monotonic()
                with installation.starting() as (server, process):
                    if not _first_202(server, process, request):
                        raise NotServed(installation.log())
                    seconds.append(time.monotonic() - began)
                    time.sleep(IDLE_AFTER)
                    rss.append(rss_mb(server.pid))
                    pss.append(pss_mb(server.pid))
                    processes = len(tree(server.pid))
        figures += [
            median(f"start {engine.name}: to the first 202", seconds, "s"),
            median(f"idle {engine.name}: RSS of the main process", rss, "MB"),
            median(f"idle {engine.name}: PSS of all its processes", pss, "MB", processes=processes),
        ]
    return figures


def _first_202(server: Server, process: subprocess.Popen[bytes], request: bytes) -> bool:
    """Whether the server took the request; tried again and again from its start on."""
    deadline = time.monotonic() + WITHIN
    while time.monotonic() < deadline and process.poll() is None:
        try:
            with socket.create_connection(("127.0.0.1", server.port), timeout=5) as connection:
                connection.sendall(request)
                if connection.recv(65536).startswith(b"HTTP/1.1 202"):
                    return True
        except OSError:
            pass
        time.sleep(0.003)
    return False
