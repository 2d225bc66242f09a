"""Connections that mean harm, from addresses of their own."""

import contextlib
import itertools
import socket
import threading
import time
from collections.abc import Iterator

from tests.acceptance.conftest import TOKENS, call

SENDER = "127.0.0.1"
HEAD = f"POST /webhooks/acme/prefect HTTP/1.1\r\nHost: acme.test\r\nAuthorization: Bearer {TOKENS['HOOK']}\r\n"


@contextlib.contextmanager
def connections(port: int, count: int, said: bytes, *, address: str = "127.0.0.2") -> Iterator[list[socket.socket]]:
    """So many connections, each of which said this and nothing more."""
    with contextlib.ExitStack() as stack:
        opened = []
        for _ in range(count):
            one = stack.enter_context(socket.create_connection((SENDER, port), timeout=10, source_address=(address, 0)))
            with contextlib.suppress(ConnectionError):  # it may be told that it is one too many
                one.sendall(said)
            opened.append(one)
        yield opened


@contextlib.contextmanager
def dripping(opened: list[socket.socket], drop: bytes) -> Iterator[None]:
    """While the block runs, each connection says another word now and then."""
    done = threading.Event()

    def drip() -> None:
        for one in itertools.cycle(opened):
            if done.wait(0.005):
                return
            with contextlib.suppress(OSError):
                one.sendall(drop)

    thread = threading.Thread(target=drip, daemon=True)
    thread.start()
    try:
        yield
    finally:
        done.set()
        thread.join()


def answer(port: int, request: bytes, *, address: str = "127.0.0.3") -> bytes:
    """The first line of the answer to exactly these bytes."""
    with socket.create_connection((SENDER, port), timeout=10, source_address=(address, 0)) as one:
        one.sendall(request)
        return one.makefile("rb").readline()


@contextlib.contextmanager
def pinging(url: str) -> Iterator[list[float]]:
    """While the block runs the gateway is asked every 50 ms how it is; gives how many seconds each answer took."""
    done, took = threading.Event(), list[float]()

    def ping() -> None:
        while not done.wait(0.05):
            began = time.monotonic()
            assert call(f"{url}/healthz").status == 200
            took.append(time.monotonic() - began)

    thread = threading.Thread(target=ping, daemon=True)
    thread.start()
    try:
        yield took
    finally:
        done.set()
        thread.join()
