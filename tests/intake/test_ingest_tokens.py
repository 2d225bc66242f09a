"""The door opens to people's own tokens: those that are for it, of members, while they are good."""

import asyncio
from collections.abc import AsyncIterator
from datetime import timedelta
from typing import Any

import pytest
from aiohttp.test_utils import TestClient, TestServer

from gateway import proofs
from gateway.app import Web
from gateway.config.document import Auth
from gateway.config.environment import Environment
from gateway.engine.mapping import kinds
from gateway.intake import doorbook
from gateway.listener import SERVER_OPTIONS
from gateway.storage import credentials, people, sources, tables
from gateway.storage.database import Database
from gateway.vault import Vault
from mappers.contract.signature import digest
from tests.conftest import NOW, Clock

VAULT = Vault("0123456789abcdef0123456789abcdef")
SECRET = "a-hook-secret"
SOURCES = (
    ("acme", "prefect", "prefect", {"bearer": [SECRET]}),
    ("acme", "signed", "dbt_core", {"hmac": {"header": "X-Signature", "secrets": [SECRET]}}),
    ("acme", "tokened", "dbt_core", {"token": [SECRET]}),
    ("acme", "cloud", "dbt_cloud", {"dbt": [SECRET]}),
    ("other", "prefect", "prefect", {"bearer": [SECRET]}),
)
INGEST = frozenset({"ingest"})


class Gate:
    """A gateway with sources in two teams, and people with tokens."""

    def __init__(self, client: TestClient[Any, Any], database: Database, teams: dict[str, int]) -> None:
        self.client, self.database, self.teams = client, database, teams

    def token(
        self, name: str, *, team: str = "acme", role: str = "member", scopes: frozenset[str] = INGEST, hours: float | None = None
    ) -> int:
        """A token `{name}-token` of a person of this name."""
        with self.database.writing() as transaction:
            user_id = people.put_user(transaction, email=f"{name}@acme.test", name=name, now=NOW)
            people.put_membership(transaction, team_id=self.teams[team], user_id=user_id, role=role, permissions=())
            return credentials.put(
                transaction, user_id=user_id, kind="token", digest=digest(f"{name}-token"), name="ci", now=NOW, scopes=scopes,
                expires_at=None if hours is None else NOW + timedelta(hours=hours),
            )  # fmt: skip

    async def send(self, place: str, token: str) -> int:
        """The status of a webhook with this bearer token."""
        answer = await self.client.post(f"/webhooks/{place}", data=b"{}", headers={"Authorization": f"Bearer {token}"})
        return answer.status

    def row(self, credential_id: int) -> Any:
        with self.database.reading() as transaction:
            return transaction.execute(tables.credentials.select().where(tables.credentials.c.id == credential_id)).one()


@pytest.fixture
async def gate(database: Database, clock: Clock, monkeypatch: pytest.MonkeyPatch) -> AsyncIterator[Gate]:
    monkeypatch.setattr(doorbook, "FRESH_FOR", -1.0)
    monkeypatch.setattr(doorbook, "REMEMBERED_FOR", -1.0)
    with database.writing() as transaction:
        teams = {slug: people.put_team(transaction, slug=slug, name=slug, base_url=None, now=NOW) for slug in ("acme", "other")}
        for team, slug, kind, auth in SOURCES:
            kept = proofs.stored(Auth.model_validate(auth), VAULT)
            sources.put(
                transaction, team_id=teams[team], slug=slug, kind=kind, environment="", auth=kept, settings={}, managed=False, now=NOW
            )
    front = Web(Environment(_env_file=None), database, kinds(()), VAULT, clock)  # type: ignore[call-arg]
    server = TestServer(front.app)
    await server.start_server(**SERVER_OPTIONS)
    async with TestClient(server) as client:
        yield Gate(client, database, teams)


@pytest.mark.req("R3", "R36")
async def test_a_members_token_for_ingesting_opens_every_source_of_the_team_whose_kind_takes_bearer(gate: Gate) -> None:
    gate.token("ci")
    for slug in ("prefect", "signed", "tokened"):
        assert await gate.send(f"acme/{slug}", "ci-token") == 202
    assert await gate.send("acme/cloud", "ci-token") == 401, "its kind knows no bearer"
    assert await gate.send("other/prefect", "ci-token") == 401
    assert await gate.send("acme/prefect", SECRET) == 202
    assert await gate.send("acme/prefect", "ci-token2") == 401


@pytest.mark.req("R3")
async def test_only_a_token_that_is_for_ingesting_of_a_member_opens_the_door(gate: Gate) -> None:
    gate.token("reader", scopes=frozenset({"read", "write", "admin"}))
    gate.token("viewer", role="viewer", scopes=frozenset(credentials.SCOPES))
    gate.token("stranger", team="other", role="admin")
    gate.token("admin", role="admin", scopes=frozenset(credentials.SCOPES))
    for name, status in (("reader", 401), ("viewer", 401), ("stranger", 401), ("nobody", 401), ("admin", 202)):
        assert await gate.send("acme/prefect", f"{name}-token") == status, name


async def test_a_session_opens_no_door(gate: Gate) -> None:
    gate.token("ci")
    with gate.database.writing() as transaction:
        credentials.put(
            transaction,
            user_id=1,
            kind="session",
            digest=digest("cookie"),
            name="browser",
            now=NOW,
            expires_at=None,
            scopes=credentials.SCOPES,
        )
    assert await gate.send("acme/prefect", "cookie") == 401


@pytest.mark.req("R21")
async def test_a_token_ends_at_its_time_with_its_membership_and_when_it_is_revoked(gate: Gate, clock: Clock) -> None:
    gate.token("short", hours=1)
    kept = gate.token("ci")
    assert await gate.send("acme/prefect", "short-token") == 202
    clock.advance(hours=1)
    assert await gate.send("acme/prefect", "short-token") == 401
    gate.token("leaver")
    assert await gate.send("acme/prefect", "leaver-token") == 202
    leaver = gate.row(gate.token("leaver")).user_id
    with gate.database.writing() as transaction:
        people.end_membership(transaction, team_id=gate.teams["acme"], user_id=leaver)
    assert await gate.send("acme/prefect", "leaver-token") == 401
    assert await gate.send("acme/prefect", "ci-token") == 202
    with gate.database.writing() as transaction:
        credentials.revoke_token(transaction, user_id=gate.row(kept).user_id, credential_id=kept)
    assert await gate.send("acme/prefect", "ci-token") == 401


async def test_a_revoked_token_is_forgotten_within_a_second(gate: Gate, monkeypatch: pytest.MonkeyPatch) -> None:
    now = [1000.0]
    monkeypatch.undo()
    monkeypatch.setattr(doorbook.time, "monotonic", lambda: now[0])
    kept = gate.token("ci")
    assert await gate.send("acme/signed", "ci-token") == 202
    with gate.database.writing() as transaction:
        credentials.revoke_token(transaction, user_id=gate.row(kept).user_id, credential_id=kept)
    now[0] += 0.4
    assert await gate.send("acme/signed", "ci-token") == 202, "remembered: no question to the database"
    now[0] += 0.6
    assert await gate.send("acme/signed", "ci-token") == 401


async def test_when_it_was_last_used_is_noted_and_no_secret_of_a_source_counts_as_use(gate: Gate, clock: Clock) -> None:
    used, idle = gate.token("ci"), gate.token("idle")
    await gate.send("acme/prefect", SECRET)
    for _ in range(3):
        await gate.send("acme/prefect", "ci-token")
    for _ in range(100):
        if gate.row(used).last_used_at:
            break
        await asyncio.sleep(0.02)
    assert gate.row(used).last_used_at == clock.now
    assert gate.row(idle).last_used_at is None


@pytest.mark.req("R98")
async def test_the_token_is_not_kept_with_what_it_brought(gate: Gate) -> None:
    gate.token("ci")
    assert await gate.send("acme/signed", "ci-token") == 202
    with gate.database.reading() as transaction:
        (event,) = transaction.execute(tables.events.select()).all()
    assert "ci-token" not in str(event.headers)
