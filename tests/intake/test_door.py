"""The door itself: what it answers, what it keeps, what it never keeps."""

import asyncio
import gzip
import hmac
import json
from collections.abc import AsyncIterator, Sequence
from pathlib import Path
from typing import Any

import pytest
from aiohttp.test_utils import TestClient, TestServer
from sqlalchemy import Row, select, update

from gateway import proofs
from gateway.app import Web
from gateway.config.document import Auth
from gateway.config.environment import Environment
from gateway.engine.mapping import kinds
from gateway.intake.door import REFUSALS_AT_ONCE
from gateway.listener import SERVER_OPTIONS
from gateway.storage import arrivals, people, sources, tables
from gateway.storage.database import Database, StorageUnavailable
from gateway.vault import Vault
from tests.conftest import NOW, Clock

VAULT = Vault("0123456789abcdef0123456789abcdef")
FIXTURES = Path(__file__).parent.parent / "fixtures"
SECRET = "a-hook-secret"
FAILED = json.dumps({"body": "Flow run a with id 7f3f6f1e-6c53-4b0b-9e5e-2f6a8d3f1c11 entered state Failed"}).encode()


@pytest.fixture
async def door(database: Database, clock: Clock) -> AsyncIterator[TestClient[Any, Any]]:
    with database.writing() as transaction:
        team = people.put_team(transaction, slug="acme", name="Acme", base_url=None, now=NOW)
        for slug, kind, auth in (
            ("prefect", "prefect", {"bearer": [SECRET]}),
            ("tokened", "healthchecks_io", {"token": [SECRET]}),
            ("signed", "dbt_cloud", {"dbt": [SECRET]}),
            ("headed", "alertmanager", {"header": {"name": "X-Own-Key", "secrets": [SECRET]}}),
        ):
            kept = proofs.stored(Auth.model_validate(auth), VAULT)
            sources.put(transaction, team_id=team, slug=slug, kind=kind, environment="", auth=kept, settings={}, managed=False, now=NOW)
        sources.put(transaction, team_id=team, slug="bare", kind="prefect", environment="", auth=[], settings={}, managed=False, now=NOW)
    front = Web(Environment(_env_file=None), database, kinds(()), VAULT, clock)  # type: ignore[call-arg]
    server = TestServer(front.app)
    await server.start_server(**SERVER_OPTIONS)
    async with TestClient(server) as client:
        yield client


def stored(database: Database) -> Sequence[Row[Any]]:
    with database.reading() as transaction:
        return transaction.execute(select(tables.events).order_by(tables.events.c.id)).all()


async def refusals(database: Database, count: int) -> Sequence[Row[Any]]:
    """What is remembered of refused requests, once there are so many: nobody waits for it to be written."""
    for _ in range(100):
        with database.reading() as transaction:
            rows = transaction.execute(select(tables.rejections).order_by(tables.rejections.c.id)).all()
        if len(rows) >= count:
            break
        await asyncio.sleep(0.02)
    return rows


BEARER = {"Authorization": f"Bearer {SECRET}"}


@pytest.mark.req("R18", "R98")
async def test_what_is_accepted_is_stored_as_it_came_without_its_credential(door: TestClient[Any, Any], database: Database) -> None:
    answer = await door.post("/webhooks/acme/prefect?a=1", data=b"\xff\x00 raw", headers={**BEARER, "X-Kept": "yes", "Cookie": "c=1"})
    assert answer.status == 202
    (event,) = stored(database)
    assert (await answer.json()) == {"id": event.id, "status": "accepted"}
    assert (event.body, event.query, event.method) == (b"\xff\x00 raw", "a=1", "POST")
    names = {name.lower() for name, _ in event.headers}
    assert "x-kept" in names
    assert not names & {"authorization", "cookie"}
    await door.post("/webhooks/acme/headed", data=b"{}", headers={"X-Own-Key": SECRET})
    assert all(SECRET not in json.dumps(event.headers) for event in stored(database))


async def test_a_path_token_is_no_part_of_the_path_that_is_kept(door: TestClient[Any, Any], database: Database) -> None:
    answer = await door.get(f"/webhooks/acme/tokened/{SECRET}/2c2b27eb/down?name=x")
    assert answer.status == 202
    assert stored(database)[0].path == "/2c2b27eb/down"
    assert (await door.get("/webhooks/acme/tokened/wrong/2c2b27eb/down")).status == 401


@pytest.mark.req("R3")
@pytest.mark.parametrize(
    ("path", "headers"),
    [
        ("prefect", {}),
        ("prefect", {"Authorization": "Bearer wrong"}),
        ("prefect", {"Authorization": "Bearer \u00e9".encode().decode("latin-1")}),
        ("signed", {"Authorization": "zz"}),
        ("signed", {"Authorization": "00"}),
        ("bare", BEARER),
    ],
)
async def test_who_is_not_believed_gets_401_and_leaves_one_redacted_rejection(
    door: TestClient[Any, Any], database: Database, path: str, headers: dict[str, str]
) -> None:
    for _ in range(3):
        answer = await door.post(f"/webhooks/acme/{path}", data=b"{}", headers={**headers, "X-Other": "private-thing"})
        assert answer.status == 401
        assert answer.content_type == "application/problem+json"
    assert stored(database) == []
    (refusal,) = await refusals(database, 1)  # one, for a forger does not fill the disk
    assert "private-thing" not in json.dumps(refusal.headers)


@pytest.mark.req("R3")
async def test_nobody_speaks_for_the_gateway_itself(door: TestClient[Any, Any], database: Database) -> None:
    with database.writing() as transaction:
        team = sources.find(transaction, "acme", "prefect")
        assert team is not None
        sources.own(transaction, team_id=team.team_id, now=NOW)
    for headers in ({}, BEARER, {"Authorization": "Basic dG9jc2luOg=="}):
        for method in ("POST", "WATCH"):
            answer = await door.request(method, "/webhooks/acme/tocsin", data=b"{}", headers=headers)
            assert answer.status == (401 if method == "POST" else 400)  # no HTTP method at all
    assert stored(database) == []


async def test_a_source_that_does_not_exist_is_a_404_and_a_wrong_method_a_405(door: TestClient[Any, Any]) -> None:
    assert (await door.post("/webhooks/acme/nothing", data=b"")).status == 404
    answer = await door.get("/webhooks/acme/prefect", headers=BEARER)
    assert answer.status == 405
    assert answer.headers["Allow"] == "POST"


@pytest.mark.req("R19")
async def test_a_body_that_is_too_large_is_a_413_however_it_says_so(door: TestClient[Any, Any], database: Database) -> None:
    async def chunks() -> AsyncIterator[bytes]:
        for _ in range(40):
            yield b"x" * 65536

    assert (await door.post("/webhooks/acme/prefect", data=b"x" * 1_048_577, headers=BEARER)).status == 413
    assert (await door.post("/webhooks/acme/prefect", data=chunks(), headers=BEARER)).status == 413
    bomb = gzip.compress(b"0" * 20_000_000)
    answer = await door.post("/webhooks/acme/prefect", data=bomb, headers={**BEARER, "Content-Encoding": "gzip"})
    assert answer.status in (400, 413)
    assert stored(database) == []
    assert (await door.post("/webhooks/acme/prefect", data=FAILED, headers=BEARER)).status == 202


@pytest.mark.req("R15")
async def test_the_same_request_is_a_duplicate_also_when_both_arrive_at_once(door: TestClient[Any, Any], database: Database) -> None:
    event = json.loads((FIXTURES / "prefect" / "webhook-event-tojson-failed.request.json").read_text(encoding="utf-8"))["body"].encode()
    answers = await asyncio.gather(*(door.post("/webhooks/acme/prefect", data=event, headers=BEARER) for _ in range(8)))
    assert sorted(answer.status for answer in answers) == [200] * 7 + [202]
    assert len({(await answer.json())["id"] for answer in answers}) == 1
    assert len(stored(database)) == 1
    other = await door.post("/webhooks/acme/prefect", data=event.replace(b"quoted", b"other"), headers=BEARER)
    assert other.status == 202, "the same key with other bytes is a new event"


@pytest.mark.req("R18")
async def test_storage_trouble_is_a_503_and_the_door_recovers_by_itself(
    door: TestClient[Any, Any], database: Database, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def broken(*_: object, **__: object) -> None:
        raise StorageUnavailable("disk full")

    with monkeypatch.context() as patch:
        patch.setattr(database, "append", broken)
        answer = await door.post("/webhooks/acme/prefect", data=FAILED, headers=BEARER)
        assert answer.status == 503
        assert int(answer.headers["Retry-After"]) > 0
    assert (await door.post("/webhooks/acme/prefect", data=FAILED, headers=BEARER)).status == 202
    assert len(stored(database)) == 1


async def test_a_bad_row_does_not_fail_its_neighbours(
    door: TestClient[Any, Any], database: Database, monkeypatch: pytest.MonkeyPatch
) -> None:
    append = arrivals.append

    def poisoned(connection: Any, arrivals: list[Any]) -> Any:
        if any(arrival.body == b"poison" for arrival in arrivals):
            raise ValueError("the database will not take it")
        return append(connection, arrivals)

    monkeypatch.setattr(arrivals, "append", poisoned)
    answers = await asyncio.gather(
        *(door.post("/webhooks/acme/prefect", data=b"poison" if number == 3 else FAILED, headers=BEARER) for number in range(6))
    )
    assert [answer.status for answer in answers] == [202, 202, 202, 503, 202, 202]
    assert len(stored(database)) == 5


async def test_every_byte_in_path_query_and_header_can_be_stored(door: TestClient[Any, Any], database: Database) -> None:
    answer = await door.post("/webhooks/acme/prefect/%00%ff/x?q=%00%ff", data=FAILED, headers={**BEARER, "X-Odd": "caf\xe9"})
    assert answer.status == 202
    assert len(stored(database)) == 1


def remote(peer: str, *forwarded: str) -> str:
    from ipaddress import ip_network

    from gateway.intake.remote import remote_address

    return remote_address(peer, forwarded, [ip_network("10.0.0.0/8"), ip_network("fd00::/8")])


@pytest.mark.req("R99")
@pytest.mark.parametrize(
    ("peer", "forwarded", "expected"),
    [
        ("203.0.113.9", "198.51.100.1", "203.0.113.9"),
        ("10.0.0.1", "198.51.100.1", "198.51.100.1"),
        ("10.0.0.1", "1.2.3.4, 198.51.100.1, 10.0.0.2", "198.51.100.1"),
        ("10.0.0.1", "not an address", "10.0.0.1"),
        ("fd00::1", "2001:db8::7", "2001:db8::7"),
    ],
)
def test_the_forwarded_address_is_believed_from_trusted_proxies_only(peer: str, forwarded: str, expected: str) -> None:
    assert remote(peer, forwarded) == expected


@pytest.mark.req("R99")
def test_without_a_header_it_is_the_proxy_and_of_several_headers_the_last_one_counts() -> None:
    assert remote("10.0.0.1") == "10.0.0.1"
    assert remote("10.0.0.1", "1.2.3.4", "198.51.100.1") == "198.51.100.1"
    assert remote("10.0.0.1", "1.2.3.4", "198.51.100.1, 10.0.0.2", "10.0.0.3") == "198.51.100.1"


@pytest.mark.req("R19")
async def test_a_body_refused_for_its_size_is_seen_by_admins(door: TestClient[Any, Any], database: Database) -> None:
    assert (await door.post("/webhooks/acme/prefect", data=b"x" * 1_048_577, headers=BEARER)).status == 413
    (refusal,) = await refusals(database, 1)
    assert refusal.reason == "body-too-large"


async def test_what_the_router_refuses_is_a_problem_too(door: TestClient[Any, Any]) -> None:
    for answer in (await door.get("/api/nosuch"), await door.delete("/api/notifications/v1")):
        assert answer.status in (404, 405)
        assert answer.content_type == "application/problem+json"


@pytest.mark.req("R20")
async def test_an_address_that_is_refused_too_often_is_slowed_down_but_its_right_credentials_pass(
    door: TestClient[Any, Any], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("gateway.intake.door.REFUSALS_A_SECOND", 0.001)
    statuses = [(await door.post("/webhooks/acme/prefect", data=b"{}")).status for _ in range(REFUSALS_AT_ONCE)]
    assert set(statuses) == {401}
    slowed = await door.post("/webhooks/acme/prefect", data=b"{}")
    assert slowed.status == 429
    assert int(slowed.headers["Retry-After"]) > 0
    assert (await door.post("/webhooks/acme/nothing-known", data=b"{}")).status == 429, "no guess is looked up any more"
    assert (await door.post("/webhooks/acme/prefect", data=FAILED, headers=BEARER)).status == 202


@pytest.mark.req("R20")
async def test_a_source_has_its_own_limit_and_forged_requests_do_not_spend_it(door: TestClient[Any, Any], database: Database) -> None:
    with database.writing() as transaction:
        transaction.execute(
            update(tables.sources).where(tables.sources.c.slug == "prefect").values(settings={"rate": 0.001, "burst": 2})
        )  # fmt: skip
    forged = {"Authorization": "Bearer something-else"}
    assert [(await door.post("/webhooks/acme/prefect", data=b"{}", headers=forged)).status for _ in range(5)] == [401] * 5
    answers = [await door.post("/webhooks/acme/prefect", data=FAILED, headers=BEARER) for _ in range(3)]
    assert [answer.status for answer in answers] == [202, 202, 429]
    assert int(answers[2].headers["Retry-After"]) > 0
    assert (await door.post("/webhooks/acme/headed", data=b"{}", headers={"X-Own-Key": SECRET})).status == 202, "another source is not"
    assert {row.reason for row in await refusals(database, 1)} <= {"credential-wrong", "rate-limited-source"}


@pytest.mark.req("R9", "R19")
async def test_a_signature_is_over_the_bytes_as_they_were_sent_and_the_body_is_kept_as_it_was_written(
    door: TestClient[Any, Any], database: Database
) -> None:
    packed = gzip.compress(b'{"eventId": "e1"}')
    for signed, status in ((packed, 202), (b'{"eventId": "e1"}', 401)):
        headers = {"Authorization": hmac.digest(SECRET.encode(), signed, "sha256").hex(), "Content-Encoding": "gzip"}
        assert (await door.post("/webhooks/acme/signed", data=packed, headers=headers, compress=False)).status == status
    (event,) = stored(database)
    assert event.body == b'{"eventId": "e1"}'
    assert "content-encoding" not in {name.lower() for name, _ in event.headers}
    unknown = await door.post("/webhooks/acme/prefect", data=b"x", headers={**BEARER, "Content-Encoding": "br"}, compress=False)
    assert unknown.status == 415


@pytest.mark.req("R15")
async def test_a_large_body_is_known_by_its_bytes(door: TestClient[Any, Any], database: Database) -> None:
    body = b'{"x": "' + b"a" * 200_000 + b'"}'
    first, again, other = [
        await (await door.post("/webhooks/acme/prefect", data=data, headers=BEARER)).json() for data in (body, body, body + b" ")
    ]
    assert (again["status"], again["id"]) == ("duplicate", first["id"])
    assert other["status"] == "accepted"
    assert len(stored(database)) == 2


@pytest.mark.req("R18")
async def test_storage_that_does_not_answer_is_a_503_within_two_seconds_also_where_the_source_is_looked_for(
    door: TestClient[Any, Any], database: Database, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def hangs(*_: object, **__: object) -> None:
        await asyncio.sleep(60)

    with monkeypatch.context() as patch:
        patch.setattr(database, "look_up", hangs)
        patch.setattr("gateway.intake.doorbook.PATIENCE", 0.05)
        assert (await door.post("/webhooks/acme/prefect", data=FAILED, headers=BEARER)).status == 503
    with monkeypatch.context() as patch:
        patch.setattr("gateway.journal.PATIENCE", 0.05)
        patch.setattr(database, "append", hangs)
        assert (await door.post("/webhooks/acme/headed", data=FAILED, headers={"X-Own-Key": SECRET})).status == 503


@pytest.mark.parametrize(("headers", "told"), [(BEARER, b"HTTP/1.1 100 Continue"), ({}, b"HTTP/1.1 401 Unauthorized")])
async def test_a_sender_that_asks_first_is_told_to_go_on_once_it_is_believed(
    door: TestClient[Any, Any], headers: dict[str, str], told: bytes
) -> None:
    reader, writer = await asyncio.open_connection("127.0.0.1", door.port)
    lines = [f"{name}: {value}" for name, value in {"Host": "a", "Content-Length": "2", "Expect": "100-continue", **headers}.items()]
    writer.write("\r\n".join(["POST /webhooks/acme/prefect HTTP/1.1", *lines, "", ""]).encode())
    assert (await reader.readline()).strip() == told
    if headers:
        writer.write(b"{}")
        await reader.readline()
        assert (await reader.readline()).strip() == b"HTTP/1.1 202 Accepted"
    writer.close()
