"""Killed as soon as it said that a link is on its way: the link comes all the same, once begun again, and signs in."""

import http.client
import re
from urllib.parse import urlencode, urlsplit

import pytest

from tests.acceptance.conftest import Mailbox, eventually, text_of
from tests.faults.running import Gateway

pytestmark = pytest.mark.faults
OURS = {"Sec-Fetch-Site": "same-origin", "Content-Type": "application/x-www-form-urlencoded"}


def asked(gateway: Gateway, method: str, path: str, body: str = "", **headers: str) -> http.client.HTTPResponse:
    connection = http.client.HTTPConnection("127.0.0.1", gateway.port, timeout=10)
    connection.request(method, path, body or None, OURS | headers)
    return connection.getresponse()


def test_a_link_that_was_promised_comes_whatever_dies(gateway: Gateway, mails: Mailbox) -> None:
    gateway.wrapper = "short_lease.py"
    gateway.environment = {**gateway.environment, "FAULT_LEASE": "3", "TOCSIN_SMTP_URL": "smtp://127.0.0.1:9"}  # nothing listens there
    gateway.start()
    answer = asked(gateway, "POST", "/sign-in", urlencode({"email": "ana@acme.test", "next": "/sessions"}))
    assert answer.status == 200
    assert b"a link is on its way" in answer.read()
    gateway.kill_all()
    gateway.environment = {**gateway.environment, "TOCSIN_SMTP_URL": f"smtp://127.0.0.1:{gateway.smtp_port}"}
    gateway.start()
    (mail,) = eventually(lambda: mails.all("ana@acme.test"), 75)  # after a lease of the dead, on PostgreSQL
    link = re.search(r"http://\S+/sign-in/\S+", text_of(mail))
    assert link
    path = urlsplit(link[0])
    entered = asked(gateway, "POST", f"{path.path}?{path.query}", **{"Content-Length": "0"})
    assert (entered.status, entered.headers["Location"]) == (303, "/sessions")
    session = entered.headers["Set-Cookie"].partition(";")[0]
    page = asked(gateway, "GET", "/sessions", Cookie=session)
    assert page.status == 200
    assert b"ana@acme.test" in page.read()
    assert asked(gateway, "POST", f"{path.path}?{path.query}", **{"Content-Length": "0"}).status == 410
    assert asked(gateway, "POST", "/sign-out-everywhere", Cookie=session, **{"Content-Length": "0"}).status == 303
    assert asked(gateway, "GET", "/sessions", Cookie=session).status == 401
    assert gateway.stop() == 0
