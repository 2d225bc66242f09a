"""A gateway with two teams and four people, and the means to make things happen in it."""

import asyncio
import re
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from datetime import timedelta
from pathlib import Path
from typing import Any

from aiohttp import ClientResponse
from aiohttp.test_utils import TestClient, TestServer

from gateway.api.sign_in import SIGN_IN_LINK
from gateway.app import Web, Work
from gateway.config.environment import Environment
from gateway.engine.happening import Origin, happenings
from gateway.engine.record import record
from gateway.live.hub import Hub
from gateway.provision.first_start import sign_in_link
from gateway.storage import people, sources
from gateway.storage.database import Database, Transaction
from gateway.storage.migrate import migrate
from gateway.vault import Vault
from gateway.workers.deliver import DeliverWorker
from mappers.contract import Category, Draft, Level, State
from mappers.contract.registry import load
from tests.conftest import Clock

OURS = {"Sec-Fetch-Site": "same-origin"}
VAULT = Vault("a key for tests, long enough to be taken")
PEOPLE = {"ana": ("acme", "admin"), "ben": ("acme", "member"), "olga": ("other", "admin"), "nobody": ("", "")}


@dataclass
class House:
    """The running parts."""

    work: Work
    database: Database
    clock: Clock
    server: TestServer
    hub: Hub
    environment: Environment
    teams: dict[str, int] = field(default_factory=dict)
    users: dict[str, int] = field(default_factory=dict)
    source_id: int = 0
    count: int = 0

    @property
    def base(self) -> str:
        return str(self.server.make_url("")).rstrip("/")

    def visitor(self) -> TestClient[Any, Any]:
        """A browser that nobody is signed in with."""
        return TestClient(self.server)

    async def serves_again(self, port: int) -> None:
        """As after a restart: on the same address, over the same database."""
        self.server, self.hub = await _serving(self.environment, self.database, self.clock, port)

    async def link(self, who: str) -> str:
        """The path of a fresh sign-in link."""
        link = await self.database.write(sign_in_link, self.users[who], self.base, self.clock())
        return link.removeprefix(self.base)

    async def signed_in(self, who: str) -> TestClient[Any, Any]:
        """A browser that this person is signed in with."""
        client = self.visitor()
        answer = await client.post(await self.link(who), headers=OURS, allow_redirects=False)
        assert answer.status == 303
        return client

    async def happens(self, *drafts: Draft, team: str = "acme") -> None:
        """Records drafts as if a sender had reported them now."""
        self.count += 1
        now = self.clock()
        origin = Origin(
            team_id=self.teams[team],
            source_id=self.source_id if team == "acme" else None,
            environment="prod",
            fallback_key=f"event/{self.count}",
            received_at=now,
            hold=None,
            silence=timedelta(days=7),
            owners=(),
            event_id=None,
        )
        await self.database.write(record, happenings(drafts, origin), now)

    async def processes(self) -> None:
        """Lets what arrived be mapped and recorded."""
        await next(worker for worker in self.work.workers if worker.name == "process").step()

    async def sends(self) -> None:
        """Lets the mail that is due be written."""
        deliver = next(worker for worker in self.work.workers if worker.name == "deliver")
        assert isinstance(deliver, DeliverWorker)
        read = next(worker for worker in self.work.workers if worker.name == "summarize")
        while await read.step():
            pass
        while await deliver.step():
            await deliver.idle()


def draft(name: str = "orders", **values: Any) -> Draft:
    """A failing job, unless said otherwise."""
    shape: dict[str, Any] = {
        "slug": "test-failed",
        "event_data": {"name": name},
        "category": Category.JOB_FAILURE,
        "level": Level.ERROR,
        "title": f"{name} failed",
        "pipeline": name,
        "message": f"{name} stopped: the table is gone",
        "links": {"Open run": f"https://runs.acme.test/{name}"},
    }
    return Draft.model_validate(shape | values)


def over(name: str = "orders", **values: Any) -> Draft:
    """The recovery of `draft`."""
    return draft(name, **{"state": State.RESOLVED, "level": Level.SUCCESS, **values})


@asynccontextmanager
async def opened(
    directory: Path, clock: Clock | None = None, public_url: str = "", port: int | None = None, **environment: Any
) -> AsyncIterator[House]:
    """A house on a fresh SQLite database."""
    clock = clock or Clock()
    database = Database(f"sqlite:///{directory / 'tocsin.db'}")
    migrate(database)
    set_up = Environment(database_url=str(database.url), public_url=public_url or "http://127.0.0.1:8080", **environment)
    work = Work(set_up, database, load(), VAULT, clock)
    server, hub = await _serving(set_up, database, clock, port)
    house = House(work, database, clock, server, hub, set_up)
    await database.write(_people, house)
    try:
        yield house
    finally:
        await house.server.close()
        database.close()


async def _serving(environment: Environment, database: Database, clock: Clock, port: int | None = None) -> tuple[TestServer, Hub]:
    front, loop = Web(environment, database, load(), VAULT, clock), asyncio.get_running_loop()
    database.on_change = lambda changes: loop.call_soon_threadsafe(front.hub.changed, changes) and None  # in one process
    server = TestServer(front.app, port=port)
    await server.start_server()
    return server, front.hub


def _people(transaction: Transaction, house: House) -> None:
    now = house.clock()
    for slug in ("acme", "other"):
        house.teams[slug] = people.put_team(transaction, slug=slug, name=slug.title(), base_url=None, now=now)
    for name, (team, role) in PEOPLE.items():
        house.users[name] = people.put_user(transaction, email=f"{name}@{team or 'no'}.test", name=name.title(), now=now)
        if team:
            people.put_membership(transaction, team_id=house.teams[team], user_id=house.users[name], role=role, permissions=())
    house.source_id = sources.put(
        transaction,
        team_id=house.teams["acme"],
        slug="prefect-prod",
        kind="prefect",
        environment="prod",
        auth=[],
        settings={},
        managed=False,
        now=now,
    )


async def text(answer: ClientResponse, status: int = 200) -> str:
    """The page, once its status is what it should be."""
    body = await answer.text()
    assert answer.status == status, body
    return body


def words(page: str) -> str:
    """What a page says, without its markup."""
    return " ".join(re.sub(r"<[^>]+>", " ", re.sub(r"<(script|style|title).*?</\1>", "", page, flags=re.DOTALL)).split())


__all__ = ["OURS", "SIGN_IN_LINK", "House", "draft", "opened", "over", "text", "words"]
