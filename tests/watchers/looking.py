"""What tests of watchers need: a check as the configuration would make it, and the path from what is noticed to a notification."""

from datetime import timedelta
from typing import Any

from gateway.config.document import Configuration
from gateway.engine import process
from gateway.engine.mapping import kinds
from gateway.provision.watched import keep_watched
from gateway.storage import processing, tables
from gateway.vault import Vault
from gateway.watchers.notice import NoticeWorker
from tests.builders import House

VAULT = Vault("a key of more than thirty-two characters")


def watch(house: House, **named: list[dict[str, Any]]) -> None:
    """Puts these databases and probes in force, and no others."""
    given = {table: [{"team": "acme", **one} for one in several] for table, several in named.items()}
    configuration = Configuration.model_validate({"team": [{"slug": "acme"}], **given})
    with house.database.writing() as transaction:
        keep_watched(transaction, configuration, {"acme": house.team_id}, VAULT, house.clock())


async def told(house: House) -> list[tuple[str, str, str]]:
    """What was noticed since becomes notifications; gives (title, level, status) of all there are, in order."""
    entering = NoticeWorker(house.database, house.clock, lambda: None)
    while await entering.step():
        pass
    with house.database.writing() as transaction:
        claimed = processing.claim(transaction, now=house.clock(), lease="watching", lease_for=timedelta(minutes=1), limit=100)
    reads = process.map_events(house.database, claimed, kinds())
    with house.database.writing() as transaction:
        process.commit(transaction, reads, lease="watching", now=house.clock())
    return [(row["title"], row["level"], row["status"]) for row in house.rows(tables.notifications)]


def check(house: House) -> dict[str, Any]:
    """The only one there is."""
    (row,) = house.rows(tables.checks)
    return row
