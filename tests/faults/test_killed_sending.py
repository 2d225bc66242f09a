"""Killed again and again while one failure is mailed to three hundred people: each gets it, and what comes twice comes as itself."""

import http.client
from collections import Counter

import pytest

from tests.acceptance.conftest import Mailbox, eventually
from tests.faults.conftest import CONFIGURATION
from tests.faults.record import settle
from tests.faults.running import Gateway
from tests.faults.senders import attempt, failed_run

pytestmark = pytest.mark.faults
PEOPLE = 300


@pytest.mark.req("R80", "R81", "R83")
def test_killed_while_it_sends_nobody_is_left_out_and_a_repeat_is_recognisable(gateway: Gateway, mails: Mailbox) -> None:
    people = "".join(f'[[user]]\nemail = "p{number}@acme.test"\nteams = {{ acme = {{ role = "member" }} }}\n\n' for number in range(PEOPLE))
    (gateway.directory / "tocsin.toml").write_text(CONFIGURATION + people, encoding="utf-8")
    gateway.wrapper, gateway.environment = "short_lease.py", {**gateway.environment, "FAULT_LEASE": "3"}
    gateway.start()
    connection = http.client.HTTPConnection("127.0.0.1", gateway.port, timeout=10)
    assert attempt(connection, 1, failed_run(1)).status == 202
    connection.close()
    kills = (20, 90, 180)
    for enough in kills:
        eventually(lambda enough=enough: len(mails.all()) >= enough, 20)
        gateway.kill_all()
        gateway.start()
    eventually(lambda: len({str(mail["To"]) for mail in mails.all()}) == PEOPLE + 1, 40)
    settle(gateway.database_url)
    left = Counter((str(mail["Message-ID"]), str(mail["To"])) for mail in mails.all())
    assert len(left) == PEOPLE + 1, "a mail that comes again comes under its own name"
    assert max(left.values()) <= 1 + len(kills), "each death between sending and recording repeats a mail once at most"
    assert gateway.stop() == 0
