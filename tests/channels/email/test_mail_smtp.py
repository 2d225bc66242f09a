"""Sending to real servers: what they accept, refuse, delay and drop."""

import asyncio
import os
import socket
import subprocess
import sys
from collections.abc import AsyncIterator, Callable
from pathlib import Path
from urllib.parse import quote

import pytest
from aiosmtpd.smtp import AuthResult

from gateway.channels.email.compose import compose
from gateway.channels.email.failures import PermanentFailure, TemporaryFailure, UnreachableFailure
from gateway.channels.email.smtp import Smtp
from gateway.channels.email.smtp_url import SmtpUrl
from tests.channels.email.mail_cases import CASES, JOB, MAIL_FROM, message
from tests.channels.email.mail_server import PASSWORD, USER, Handler, authenticate, certificate, free_port, serving

RAW = compose(CASES["job-failed"], MAIL_FROM).raw
TO = "ana@acme.test"
Connect = Callable[..., Smtp]


@pytest.fixture
async def connect() -> AsyncIterator[Connect]:
    opened: list[Smtp] = []

    def make(port: int, scheme: str = "smtp", login: str = "", **settings: object) -> Smtp:
        smtp = Smtp(SmtpUrl.parse(f"{scheme}://{login}127.0.0.1:{port}"), **{"command_seconds": 2.0, **settings})
        opened.append(smtp)
        return smtp

    yield make
    for smtp in opened:
        await smtp.close()


async def test_what_was_composed_is_what_arrives(connect: Connect):
    handler = Handler()
    with serving(handler) as server:
        assert await connect(server.port).send(MAIL_FROM, TO, RAW) == "250 OK, queued as 4711"
    assert handler.accepted == [("alerts@mail.acme.test", TO, RAW)]


@pytest.mark.parametrize("name", CASES)
async def test_every_kind_of_mail_survives_the_wire(connect: Connect, name: str):
    handler = Handler()
    raw = compose(CASES[name], MAIL_FROM).raw
    with serving(handler) as server:
        await connect(server.port).send(MAIL_FROM, TO, raw)
    assert handler.accepted[0][2] == raw


async def test_many_mails_share_a_few_connections(connect: Connect):
    handler = Handler()
    with serving(handler) as server:
        smtp = connect(server.port)
        await asyncio.gather(*(smtp.send(MAIL_FROM, f"reader{number}@acme.test", RAW) for number in range(40)))
        assert handler.connections == 4
        for number in range(10):
            await smtp.send(MAIL_FROM, f"reader{number}@acme.test", RAW)
    assert len(handler.accepted) == 50
    assert handler.connections == 4, "they are kept open"


async def test_one_mail_after_the_other_needs_one_connection(connect: Connect):
    handler = Handler()
    with serving(handler) as server:
        smtp = connect(server.port)
        for number in range(10):
            await smtp.send(MAIL_FROM, f"reader{number}@acme.test", RAW)
    assert handler.connections == 1


@pytest.mark.req("R80")
async def test_a_recipient_that_takes_its_time_holds_up_nobody(connect: Connect):
    with serving(Handler(wait=20.0, slow="slow")) as server:
        smtp = connect(server.port, content_seconds=30.0)
        first = asyncio.create_task(smtp.send(MAIL_FROM, "slow@acme.test", RAW))
        await asyncio.gather(*(smtp.send(MAIL_FROM, f"reader{number}@acme.test", RAW) for number in range(9)))
        assert not first.done()
        first.cancel()


async def test_starttls_with_a_login(connect: Connect, tmp_path: Path):
    handler = Handler()
    ours, theirs = certificate(tmp_path)
    settings = {"tls_context": ours, "require_starttls": True, "auth_required": True, "authenticator": authenticate}
    with serving(handler, **settings) as server:
        smtp = connect(server.port, "smtp+starttls", f"{USER}:{quote(PASSWORD, safe='')}@", tls_context=theirs)
        await smtp.send(MAIL_FROM, TO, RAW)
    assert handler.accepted[0][2] == RAW


async def test_tls_from_the_start(connect: Connect, tmp_path: Path):
    handler = Handler()
    ours, theirs = certificate(tmp_path)
    with serving(handler, ssl_context=ours) as server, socket.create_connection(("127.0.0.1", server.port)):
        await connect(server.port, "smtps", tls_context=theirs).send(MAIL_FROM, TO, RAW)
    assert len(handler.accepted) == 1


@pytest.mark.req("R81")
async def test_an_untrusted_certificate_sends_nothing_and_loses_nothing(connect: Connect, tmp_path: Path):
    handler = Handler()
    ours, _ = certificate(tmp_path)
    with serving(handler, tls_context=ours) as server, pytest.raises(TemporaryFailure, match="CERTIFICATE_VERIFY_FAILED"):
        await connect(server.port, "smtp+starttls").send(MAIL_FROM, TO, RAW)
    assert handler.accepted == []


@pytest.mark.req("R81")
@pytest.mark.parametrize("scheme", ["smtps", "smtp+starttls"])
async def test_a_trusted_certificate_of_another_name_sends_nothing(tmp_path: Path, scheme: str):
    handler = Handler()
    ours, theirs = certificate(tmp_path)
    settings = {"ssl_context": ours} if scheme == "smtps" else {"tls_context": ours}
    with serving(handler, **settings) as server:
        smtp = Smtp(SmtpUrl.parse(f"{scheme}://localhost:{server.port}"), command_seconds=2.0, tls_context=theirs)
        with pytest.raises(UnreachableFailure, match=r"Hostname mismatch|not valid for 'localhost'"):
            await smtp.send(MAIL_FROM, TO, RAW)
        await smtp.close()
    assert handler.accepted == []


@pytest.mark.req("R81")
@pytest.mark.parametrize("password", ["p%40", "a b", "pässwörd-€", "\\'\"`$&;", "x" * 200])
async def test_any_password_arrives_as_it_is(connect: Connect, tmp_path: Path, password: str):
    seen: list[bytes] = []

    def note(server: object, session: object, envelope: object, mechanism: object, data: object) -> AuthResult:
        seen.append(getattr(data, "password", b""))
        return AuthResult(success=True)

    handler = Handler()
    ours, theirs = certificate(tmp_path)
    with serving(handler, tls_context=ours, auth_required=True, authenticator=note) as server:
        await connect(server.port, "smtp+starttls", f"{USER}:{quote(password, safe='')}@", tls_context=theirs).send(MAIL_FROM, TO, RAW)
    assert seen == [password.encode()]


@pytest.mark.req("R81")
async def test_a_server_that_closes_after_each_mail_gets_all_of_them_once(connect: Connect):
    handler = Handler()
    with serving(handler) as server:
        smtp = connect(server.port)
        for number in range(6):
            await smtp.send(MAIL_FROM, f"u{number}@acme.test", RAW)
            server.hang_up_all()
            await asyncio.sleep(0.05)
    assert [to for _, to, _ in handler.accepted] == [f"u{number}@acme.test" for number in range(6)]


@pytest.mark.req("R81")
async def test_starttls_is_never_given_up_for_plain_text(connect: Connect):
    handler = Handler()
    with serving(handler) as server, pytest.raises(TemporaryFailure, match="STARTTLS"):
        await connect(server.port, "smtp+starttls").send(MAIL_FROM, TO, RAW)
    assert handler.accepted == []


@pytest.mark.req("R81")
async def test_a_wrong_password_is_temporary_and_says_so_without_it(connect: Connect, tmp_path: Path):
    ours, theirs = certificate(tmp_path)
    with serving(Handler(), tls_context=ours, auth_required=True, authenticator=authenticate) as server:
        with pytest.raises(TemporaryFailure, match="refused our user or password: 535") as caught:
            await connect(server.port, "smtp+starttls", f"{USER}:s3cret@", tls_context=theirs).send(MAIL_FROM, TO, RAW)
        assert "s3cret" not in caught.value.answer
        with pytest.raises(TemporaryFailure, match="530"):
            await connect(server.port, "smtp+starttls", tls_context=theirs).send(MAIL_FROM, TO, RAW)


@pytest.mark.req("R81")
@pytest.mark.parametrize(
    ("handler", "failure", "answer"),
    [
        (Handler(rcpt="450 4.2.1 mailbox busy"), TemporaryFailure, "450 4.2.1 mailbox busy"),
        (Handler(rcpt="550 5.1.1 no such user"), PermanentFailure, "550 5.1.1 no such user"),
        (Handler(data="451 4.3.0 try later"), TemporaryFailure, "451 4.3.0 try later"),
        (Handler(data="554 5.7.1 rejected as spam"), PermanentFailure, "554 5.7.1 rejected as spam"),
        (Handler(mail="552 5.3.4 too large"), PermanentFailure, "552 5.3.4 too large"),
        (Handler(mail="553 5.7.1 sender not allowed"), TemporaryFailure, "553 5.7.1 sender not allowed"),
        (Handler(mail="421 4.7.0 too many connections"), TemporaryFailure, "421 4.7.0 too many connections"),
    ],
)
async def test_refusals(connect: Connect, handler: Handler, failure: type[Exception], answer: str):
    with serving(handler) as server:
        smtp = connect(server.port)
        with pytest.raises(failure) as caught:
            await smtp.send(MAIL_FROM, "bad@acme.test", RAW)
        assert caught.value.answer == answer
        handler.data = handler.mail = "250 OK"
        await smtp.send(MAIL_FROM, TO, RAW)
    assert [to for _, to, _ in handler.accepted] == [TO]


@pytest.mark.req("R80")
async def test_one_bad_address_holds_up_nobody(connect: Connect):
    handler = Handler(rcpt="550 5.1.1 no such user")
    with serving(handler) as server:
        smtp = connect(server.port)
        people = [f"{'bad' if number % 3 == 0 else 'good'}{number}@acme.test" for number in range(9)]
        results = await asyncio.gather(*(smtp.send(MAIL_FROM, person, RAW) for person in people), return_exceptions=True)
    assert [isinstance(result, PermanentFailure) for result in results] == [person.startswith("bad") for person in people]
    assert len(handler.accepted) == 6
    assert handler.connections <= 4
    assert all(result.no_such_address for result in results if isinstance(result, PermanentFailure))


@pytest.mark.req("R81")
@pytest.mark.parametrize("step", ["MAIL", "RCPT", "DATA"])
async def test_a_server_that_hangs_up_mid_way_is_temporary(connect: Connect, step: str):
    handler = Handler(hang_up=step, hang_up_times=1)
    with serving(handler) as server:
        smtp = connect(server.port)
        with pytest.raises(TemporaryFailure):
            await smtp.send(MAIL_FROM, TO, RAW)
        await smtp.send(MAIL_FROM, TO, RAW)
    assert len(handler.accepted) == 1
    assert handler.connections == 2


@pytest.mark.req("R81")
@pytest.mark.parametrize("step", ["idle", "MAIL", "RCPT"])
async def test_a_kept_connection_that_died_is_made_anew_within_the_attempt(connect: Connect, step: str):
    handler = Handler()
    with serving(handler) as server:
        smtp = connect(server.port)
        await smtp.send(MAIL_FROM, TO, RAW)
        if step == "idle":
            server.hang_up_all()
        handler.hang_up, handler.hang_up_times = step, 1
        await smtp.send(MAIL_FROM, TO, RAW)
    assert len(handler.accepted) == 2
    assert handler.connections == 2


@pytest.mark.req("R81")
async def test_a_kept_connection_is_told_421_and_made_anew(connect: Connect):
    handler = Handler()
    with serving(handler) as server:
        smtp = connect(server.port)
        await smtp.send(MAIL_FROM, TO, RAW)
        handler.mail = "421 4.7.0 too many mails on this connection"
        with pytest.raises(TemporaryFailure, match="421"):
            await smtp.send(MAIL_FROM, TO, RAW)
    assert handler.connections == 2


@pytest.mark.req("R81")
async def test_nothing_is_sent_twice_once_its_content_is_on_its_way(connect: Connect):
    handler = Handler()
    with serving(handler) as server:
        smtp = connect(server.port)
        await smtp.send(MAIL_FROM, TO, RAW)
        handler.hang_up, handler.hang_up_times = "DATA", 1
        with pytest.raises(TemporaryFailure, match="while the mail was handed over"):
            await smtp.send(MAIL_FROM, TO, RAW)
    assert len(handler.accepted) == 1
    assert handler.connections == 1


async def test_an_idle_connection_is_not_trusted(connect: Connect):
    handler = Handler()
    with serving(handler) as server:
        smtp = connect(server.port, idle_seconds=0.0)
        await smtp.send(MAIL_FROM, TO, RAW)
        await smtp.send(MAIL_FROM, TO, RAW)
    assert handler.connections == 2


@pytest.mark.req("R81")
async def test_a_slow_server_is_given_up_in_time_and_tried_again(connect: Connect):
    handler = Handler(wait=1.0)
    with serving(handler) as server:
        with pytest.raises(TemporaryFailure, match=r"[Tt]imed out"):
            await connect(server.port, content_seconds=0.2).send(MAIL_FROM, TO, RAW)
        handler.wait = 0.0
        await connect(server.port).send(MAIL_FROM, TO, RAW)


@pytest.mark.req("R81")
async def test_a_server_that_never_greets_is_temporary(connect: Connect):
    with socket.create_server(("127.0.0.1", 0)) as silent, pytest.raises(TemporaryFailure, match=r"[Tt]imed out"):
        await connect(silent.getsockname()[1], command_seconds=0.2).send(MAIL_FROM, TO, RAW)


@pytest.mark.req("R81")
async def test_a_server_that_talks_nonsense_is_temporary(connect: Connect):
    async def talk(_: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        writer.write(b"HTTP/1.1 400 Bad Request\r\n\r\n")
        await writer.drain()
        writer.close()

    async with await asyncio.start_server(talk, "127.0.0.1", 0) as server:
        with pytest.raises(TemporaryFailure):
            await connect(server.sockets[0].getsockname()[1]).send(MAIL_FROM, TO, RAW)


@pytest.mark.req("R81")
async def test_a_dead_server_is_temporary_and_its_return_is_noticed(connect: Connect):
    handler = Handler()
    dead = connect(free_port())
    with pytest.raises(TemporaryFailure, match=r"smtp://127\.0\.0\.1:\d+: "):
        await dead.send(MAIL_FROM, TO, RAW)
    with serving(handler) as server:
        smtp = connect(server.port)
        await smtp.send(MAIL_FROM, TO, RAW)
    with pytest.raises(TemporaryFailure):
        await smtp.send(MAIL_FROM, TO, RAW)


async def test_a_cancelled_send_leaves_nothing_behind(connect: Connect):
    handler = Handler(wait=5.0)
    with serving(handler) as server:
        smtp = connect(server.port)
        sending = asyncio.create_task(smtp.send(MAIL_FROM, TO, RAW))
        await asyncio.sleep(0.3)
        sending.cancel()
        with pytest.raises(asyncio.CancelledError):
            await sending
        handler.wait = 0.0
        await smtp.send(MAIL_FROM, "bo@acme.test", RAW)
    assert ("alerts@mail.acme.test", "bo@acme.test", RAW) in handler.accepted


async def test_smtputf8_where_the_address_needs_it_and_the_server_has_it(connect: Connect):
    raw = compose(message(JOB, to_address="zoë@acme.test", to_name="Zoë"), MAIL_FROM).raw
    able, unable = Handler(), Handler()
    with serving(able, enable_SMTPUTF8=True) as server:
        await connect(server.port).send(MAIL_FROM, "zoë@acme.test", raw)
    assert able.accepted == [("alerts@mail.acme.test", "zoë@acme.test", raw)]
    with serving(unable, enable_SMTPUTF8=False) as server:
        smtp = connect(server.port)
        with pytest.raises(PermanentFailure, match="SMTPUTF8"):
            await smtp.send(MAIL_FROM, "zoë@acme.test", raw)
        await smtp.send(MAIL_FROM, "ana@bücher.example", RAW)
    assert [to for _, to, _ in unable.accepted] == ["ana@xn--bcher-kva.example"]


@pytest.mark.req("R83")
@pytest.mark.parametrize(
    "recipient", ["", "ana", "ana@", "@acme.test", "a@b@c", "a@acme.test> SIZE=1", "a@acme.test\r\nRCPT TO:<x@y>", "a b@acme.test"]
)
async def test_an_address_that_is_none_never_reaches_the_server(connect: Connect, recipient: str):
    handler = Handler()
    with serving(handler) as server:
        with pytest.raises(PermanentFailure, match="recipient: not a mail address"):
            await connect(server.port).send(MAIL_FROM, recipient, RAW)
        with pytest.raises(TemporaryFailure, match="sender: not a mail address"):
            await connect(server.port).send("Tocsin", TO, RAW)
    assert handler.connections <= 1


def test_importing_the_channel_loads_no_library_it_may_not_need():
    check = (
        "import sys, gateway.channels.email.smtp, gateway.channels.email.compose\n"
        "sys.exit(', '.join({'aiosmtplib', 'jinja2', 'tenacity'} & set(sys.modules)) or 0)"
    )
    done = subprocess.run([sys.executable, "-c", check], capture_output=True, text=True, env={**os.environ}, check=False)
    assert done.returncode == 0, done.stderr
