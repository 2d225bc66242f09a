"""What strangers do to the door does not keep honest senders out."""

import contextlib
import gzip
import zlib
from pathlib import Path

import pytest
from sqlalchemy import select

from gateway.storage.tables import processing
from tests.acceptance.conftest import Mailbox, eventually
from tests.faults.hostile import HEAD, answer, connections, dripping, pinging
from tests.faults.record import check, rows, settle
from tests.faults.running import Gateway
from tests.faults.senders import Load

pytestmark = pytest.mark.faults
MIB = 1024 * 1024
LONGEST_PAUSE = 0.5
"""Seconds that the door may be deaf, whatever it is given to read."""


def honest(gateway: Gateway) -> Load:
    return Load((gateway.port,), insists=False, senders=4, most=200)


def assert_all_taken(load: Load) -> None:
    assert {one.status for one in load.noted} == {202}
    assert max(one.seconds for one in load.noted) < 2


@pytest.mark.req("R19")
@pytest.mark.parametrize("addresses", [1, 4], ids=["of-one-address", "of-many-addresses"])
def test_slow_and_idle_connections_keep_no_honest_sender_out(gateway: Gateway, mails: Mailbox, addresses: int) -> None:
    gateway.start()
    load = honest(gateway)
    slow_body = f"{HEAD}Content-Length: 1000\r\n\r\n{{".encode()
    with contextlib.ExitStack() as stack:
        heads = stack.enter_context(connections(gateway.port, 200, HEAD.encode()))
        bodies = stack.enter_context(connections(gateway.port, 50, slow_body, address="127.0.0.3"))
        for place in range(addresses):
            stack.enter_context(connections(gateway.port, 1100 // addresses, b"", address=f"127.0.1.{place + 1}"))
        stack.enter_context(dripping(heads, b"X-A: b\r\n"))
        stack.enter_context(dripping(bodies, b" "))
        with load.sending():
            pass
    assert_all_taken(load)
    settle(gateway.database_url)
    check(gateway.database_url, load, mails)


def _bodies() -> dict[str, tuple[str, bytes]]:
    zeros = bytes(10 * MIB)
    return {
        "gzip": ("Content-Encoding: gzip", gzip.compress(zeros)),
        "gzip-of-many-members": ("Content-Encoding: gzip", gzip.compress(bytes(MIB // 2)) * 200),
        "deflate": ("Content-Encoding: deflate", zlib.compress(zeros)),
        "deflate-without-a-header": ("Content-Encoding: deflate", zlib.compress(zeros, wbits=-15)),
    }


def _memory(pid: int) -> int:
    """The most bytes this process ever held."""
    line = next(line for line in Path(f"/proc/{pid}/status").read_text(encoding="utf-8").splitlines() if line.startswith("VmHWM"))
    return int(line.split()[1]) * 1024


@pytest.mark.req("R19")
@pytest.mark.parametrize("bomb", list(_bodies()))
def test_a_bomb_is_refused_before_it_grows(on_sqlite: Gateway, bomb: str) -> None:
    on_sqlite.start()
    (web,) = on_sqlite.children("web")
    header, body = _bodies()[bomb]
    request = f"{HEAD}{header}\r\nContent-Length: {len(body)}\r\n\r\n".encode() + body
    before = _memory(web)
    for _ in range(20):
        assert answer(on_sqlite.port, request).startswith(b"HTTP/1.1 413")
    assert _memory(web) - before < 100 * MIB
    assert rows(on_sqlite.database_url, select(processing)) == []


@pytest.mark.req("R19")
def test_a_body_that_is_said_to_be_too_large_is_refused_unread(on_sqlite: Gateway) -> None:
    on_sqlite.start()
    head = f"{HEAD}Content-Length: {60 * MIB}\r\n\r\n".encode()
    assert answer(on_sqlite.port, head).startswith(b"HTTP/1.1 413"), "not a byte of it was sent"
    assert answer(on_sqlite.port, f"{HEAD}Transfer-Encoding: chunked\r\n\r\n200000\r\n".encode() + bytes(2 * MIB)).startswith(
        b"HTTP/1.1 413"
    )


DEEP = {
    "nested-lists": b"[" * 400_000 + b"]" * 400_000,
    "nested-objects": b'{"a":' * 150_000 + b"1" + b"}" * 150_000,
    "never-closed": b"[" * 1_000_000,
    "one-long-number": b"1" * 1_000_000,
    "one-long-number-of-an-event": b'{"event": "prefect.flow-run.Failed", "n": ' + b"9" * 1_000_000 + b"}",
    "one-long-text": b'{"body": "' + b"Flow run " * 110_000 + b'"}',
    "quotes": b'{"body": "' + b'\\"' * 500_000 + b'"}',
    "blanks": b"{" + b" " * 1_000_000 + b"}",
}


@pytest.mark.req("R17", "R19")
def test_bodies_made_to_hurt_parsers_are_taken_and_never_stop_the_door(gateway: Gateway) -> None:
    gateway.start()
    with pinging(gateway.url) as took:
        for name, body in DEEP.items():
            status = answer(gateway.port, f"{HEAD}Content-Length: {len(body)}\r\n\r\n".encode() + body)
            assert status.startswith(b"HTTP/1.1 202"), (name, status)
        settle(gateway.database_url, 30)
        eventually(lambda: len(took) > 10)
    assert max(took) < LONGEST_PAUSE
    assert {row.status for row in rows(gateway.database_url, select(processing))} <= {"unmapped", "ignored", "mapped"}
    assert "Traceback" not in gateway.log
