"""`tocsin demo`: real, captured requests through the door of a running gateway, told as a story."""

import asyncio
import hmac
import json
import re
import uuid
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

import click

from gateway.cli.common import configuration_of, kinds_of, opened, page_address, plain_errors, served_at, utc_now, vault_for

if TYPE_CHECKING:
    from gateway.provision.first_start import Credentials
    from gateway.storage.database import Transaction

TEAM: Final = "demo"
STORY: Final = Path(__file__).with_name("story.json")
_TIME: Final = re.compile(r"20\d\d-\d\d-\d\d[T ]\d\d:\d\d:\d\d")
_UUID: Final = re.compile(r"\b[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}\b")


@dataclass(frozen=True, slots=True)
class Retelling:
    """Makes a captured body happen now: times are moved to the present, ids are fresh in each telling."""

    now: datetime
    telling: uuid.UUID
    latest: datetime
    """The latest time of the whole story, which becomes about now."""

    def __call__(self, body: str) -> str:
        """The body, moved."""
        return _UUID.sub(lambda found: str(uuid.uuid5(self.telling, found[0])), _TIME.sub(self._moved, body))

    def _moved(self, found: "re.Match[str]") -> str:
        told = datetime.fromisoformat(found[0]).replace(tzinfo=self.now.tzinfo)
        behind = min(self.latest - told, timedelta(hours=2)) if told <= self.latest else timedelta()
        return (self.now - behind).strftime(f"%Y-%m-%d{found[0][10]}%H:%M:%S")


@click.command()
@click.option("--fast", is_flag=True, help="Without the pauses that let mails leave between the steps.")
@plain_errors
def demo(fast: bool) -> None:
    """Play captured requests of every kind through the door of a running gateway, in a team of their own."""
    with opened(create=False) as (environment, database):
        kinds = kinds_of(configuration_of(environment))
        vault = vault_for(environment, database)

        def prepare(transaction: "Transaction") -> "Mapping[str, Credentials]":
            from gateway.provision.first_start import create_source
            from gateway.storage import people

            now = utc_now()
            team_id = people.put_team(transaction, slug=TEAM, name="Demo", base_url=None, now=now)
            admins = people.admins(transaction)
            if not admins:
                raise click.ClickException("there is no admin yet: start `tocsin serve` once, then play the demo from another terminal")
            for user_id in admins:
                people.put_membership(transaction, team_id=team_id, user_id=user_id, role="admin", permissions=())
            told = {step["kind"] for step in json.loads(STORY.read_text(encoding="utf-8"))}
            return {
                kind: create_source(transaction, kinds[kind], TEAM, team_id, kind.replace("_", "-"), "prod", vault, now)
                for kind in sorted(told)
            }

        with database.writing() as transaction:
            sources = prepare(transaction)
        page = page_address(environment, database)
        asyncio.run(_play(sources, served_at(database) or f"http://{environment.listen}", fast=fast))
        click.echo(f"\nLook at {page}/ (the bar and the inbox) and {page}/mail. To sign in: tocsin sign-in-link")


async def _play(sources: "Mapping[str, Credentials]", base: str, *, fast: bool) -> None:
    import aiohttp
    from rich.console import Console

    console = Console(highlight=False)
    steps = json.loads(STORY.read_text(encoding="utf-8"))
    latest = max(datetime.fromisoformat(found).replace(tzinfo=utc_now().tzinfo) for step in steps for found in _TIME.findall(step["body"]))
    retell = Retelling(utc_now(), uuid.uuid4(), latest)
    async with aiohttp.ClientSession(timeout=aiohttp.ClientTimeout(total=15)) as session:
        await asyncio.sleep(1.2)  # the door looks for new sources once a second
        for number, step in enumerate(steps, 1):
            source = sources[step["kind"]]
            console.print(f"[dim]{number:>2}[/dim] [bold]{source.title}[/bold]  {step['say']}", soft_wrap=True)
            try:
                status, answer = await _send(session, source, step, retell(step["body"]), base)
            except aiohttp.ClientConnectionError:
                raise click.ClickException(
                    f"nothing answers at {base}: start `tocsin serve` (or make run) first, or set TOCSIN_LISTEN to where it listens"
                ) from None
            console.print(f"   [dim]{status} {answer}[/dim]", soft_wrap=True)
            if status >= 400:
                raise click.ClickException("the door refused it; is the gateway at this address using the same database?")
            if not fast:
                await asyncio.sleep(step["pause"])


async def _send(session: Any, source: "Credentials", step: Mapping[str, Any], body: str, base: str) -> tuple[int, str]:
    from mappers.contract.signature import Scheme

    headers = {name: value for name, value in step["headers"]}
    raw = body.encode()
    if source.scheme is Scheme.DBT:
        headers["Authorization"] = hmac.digest(source.secret.encode(), raw, "sha256").hex()
    elif source.scheme is Scheme.BEARER:
        headers["Authorization"] = f"Bearer {source.secret}"
    async with session.post(source.url(base), data=raw, headers=headers) as response:
        return response.status, (await response.text()).strip()
