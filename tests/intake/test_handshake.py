"""`OPTIONS`: a sender asks whether it may send; nothing is stored, and nobody without the credential is told yes."""

from collections.abc import AsyncIterator
from typing import Any

import pytest
from aiohttp.test_utils import TestClient, TestServer
from sqlalchemy import func, select

from gateway import proofs
from gateway.app import Web
from gateway.config.document import Auth
from gateway.config.environment import Environment
from gateway.engine.mapping import kinds
from gateway.intake.handshake import permission
from gateway.listener import SERVER_OPTIONS
from gateway.storage import people, sources, tables
from gateway.storage.database import Database
from gateway.vault import Vault
from tests.conftest import NOW, Clock

VAULT = Vault("0123456789abcdef0123456789abcdef")
SECRET = "a-secret-for-events"
ORIGIN = {"WebHook-Request-Origin": "eventgrid.azure.example", "WebHook-Request-Rate": "120"}


@pytest.fixture
async def door(database: Database, clock: Clock) -> AsyncIterator[TestClient[Any, Any]]:
    with database.writing() as transaction:
        team = people.put_team(transaction, slug="acme", name="Acme", base_url=None, now=NOW)
        for slug, kind, auth in (
            ("address", "cloudevents", {"token": [SECRET]}),
            ("header", "cloudevents", {"bearer": [SECRET]}),
            ("signed", "cloudevents", {"hmac": {"header": "X-Sig", "secrets": [SECRET]}}),
            ("other", "alertmanager", {"token": [SECRET]}),
        ):
            kept = proofs.stored(Auth.model_validate(auth), VAULT)
            settings = {"rate": 2.5} if slug == "address" else {}
            sources.put(
                transaction, team_id=team, slug=slug, kind=kind, environment="", auth=kept, settings=settings, managed=False, now=NOW
            )
    front = Web(Environment(_env_file=None), database, kinds(()), VAULT, clock)  # type: ignore[call-arg]
    server = TestServer(front.app)
    await server.start_server(**SERVER_OPTIONS)
    async with TestClient(server) as client:
        yield client


async def test_who_knows_the_address_or_the_header_is_allowed_and_nothing_is_stored(door: TestClient[Any, Any], database: Database) -> None:
    answer = await door.options(f"/webhooks/acme/address/{SECRET}?topic=a", headers=ORIGIN)
    assert answer.status == 200
    assert answer.headers["WebHook-Allowed-Origin"] == "eventgrid.azure.example"
    assert answer.headers["WebHook-Allowed-Rate"] == "150", "the source's rate, a minute"
    assert "POST" in answer.headers["Allow"]
    allowed = await door.options("/webhooks/acme/header", headers={**ORIGIN, "Authorization": f"Bearer {SECRET}"})
    assert allowed.headers["WebHook-Allowed-Rate"] == "6000"
    with database.reading() as transaction:
        assert transaction.execute(select(func.count()).select_from(tables.events)).scalar_one() == 0


@pytest.mark.req("R3")
@pytest.mark.parametrize(
    ("path", "status"),
    [
        ("/webhooks/acme/address", 401),
        ("/webhooks/acme/address/wrong", 401),
        ("/webhooks/acme/header", 401),
        ("/webhooks/acme/none", 404),
        (f"/webhooks/acme/other/{SECRET}", 405),
    ],
)
async def test_nobody_else_is_told_yes(door: TestClient[Any, Any], path: str, status: int) -> None:
    answer = await door.options(path, headers=ORIGIN)
    assert answer.status == status
    assert not any(name.lower().startswith("webhook-") for name in answer.headers)


async def test_a_source_that_only_checks_signatures_has_nothing_to_check_yet(door: TestClient[Any, Any]) -> None:
    answer = await door.options("/webhooks/acme/signed", headers=ORIGIN)
    assert answer.headers["WebHook-Allowed-Origin"] == "eventgrid.azure.example"
    assert (await door.post("/webhooks/acme/signed", data=b"{}")).status == 401


def test_who_names_no_origin_did_not_ask() -> None:
    assert not any(name.lower().startswith("webhook-") for name in permission({}, ("POST",), 1).headers)
    assert permission({"WebHook-Request-Origin": "x" * 300}, ("POST",), 0.001).headers["WebHook-Allowed-Origin"] == "*"
    assert permission({"WebHook-Request-Origin": "a"}, ("POST",), 0.001).headers["WebHook-Allowed-Rate"] == "1"


async def test_after_the_handshake_events_are_taken_in_every_mode(door: TestClient[Any, Any]) -> None:
    binary = {"ce-id": "1", "ce-source": "/loads", "ce-type": "com.acme.load.failed", "ce-specversion": "1.0"}
    assert (await door.post(f"/webhooks/acme/address/{SECRET}", data=b"{}", headers={**binary, **ORIGIN})).status == 202
    assert (await door.post(f"/webhooks/acme/address/{SECRET}", data=b"{}", headers={**binary, **ORIGIN})).status == 200, "source and id"
    structured = b'{"specversion":"1.0","id":"2","source":"/loads","type":"com.acme.load.failed"}'
    headers = {"Content-Type": "application/cloudevents+json"}
    assert (await door.put(f"/webhooks/acme/address/{SECRET}", data=structured, headers=headers)).status == 202
