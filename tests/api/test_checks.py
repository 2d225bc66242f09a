"""What is looked at, as admins see it, and looking at it now."""

from datetime import timedelta
from typing import Any

import pytest

from gateway.domain.standing import Standing
from gateway.storage import checks, self_watch, tables
from tests.builders import LEASE, House
from tests.conftest import Clock
from tests.watchers.looking import watch

SHOP = {"slug": "shop", "url": "https://shop.acme.test/health?key=hidden", "headers": {"X-Key": "hidden"}, "environment": "prod"}
WAREHOUSE = {
    "slug": "warehouse",
    "url": "postgresql://reader:hidden@warehouse.acme.test/dwh",
    "cron": "0 6 * * *",
    "timezone": "Europe/Berlin",
}


@pytest.fixture
def watched(house: House) -> House:
    watch(house, probe=[SHOP], database=[WAREHOUSE])
    return house


def looked(house: House, kind: str, standing: Standing, trouble: str | None = None, **seen: Any) -> None:
    """A look at the only one of this kind."""
    house.clock.now += timedelta(minutes=2)  # type: ignore[attr-defined]
    with house.database.writing() as transaction:
        (one,) = checks.claim(transaction, kind, now=house.clock(), lease="x", lease_for=LEASE, limit=1)
        checks.finish(
            transaction, one.id, lease="x", standing=standing, trouble=trouble, seen=seen, checked_at=house.clock(), due_at=house.clock()
        )  # fmt: skip


async def test_they_are_shown_with_how_they_stand_and_nothing_secret(watched: House, boss: Any) -> None:
    looked(watched, "probe", Standing(True, 4, watched.clock()), "answered 503", status=503, milliseconds=12)
    looked(watched, "database", Standing(False), tables=3, columns=40)
    answer = await boss.get("/api/checks")
    shop, warehouse = answer["items"]
    assert (shop["slug"], shop["state"], shop["trouble"], shop["status"], shop["milliseconds"]) == ("shop", "down", "answered 503", 503, 12)
    assert (shop["address"], shop["schedule"], shop["tries"]) == ("https://shop.acme.test/health", "every 1 min", 3)
    assert (warehouse["state"], warehouse["tables"], warehouse["columns"]) == ("well", 3, 40)
    assert (warehouse["schedule"], warehouse["timezone"]) == ("0 6 * * *", "Europe/Berlin")
    assert warehouse["address"] == "postgresql://reader@warehouse.acme.test/dwh"
    assert "hidden" not in str(answer)


async def test_a_failure_that_is_no_outage_yet_is_called_failing_and_what_nobody_looked_at_unknown(watched: House, boss: Any) -> None:
    looked(watched, "probe", Standing(False, 1, watched.clock()), "answered 503")
    assert {one["slug"]: one["state"] for one in (await boss.get("/api/checks"))["items"]} == {"shop": "failing", "warehouse": "unknown"}


async def test_an_admin_has_one_looked_at_now_which_is_written_down(watched: House, clock: Clock, boss: Any, ana: Any, zoe: Any) -> None:
    number = next(row["id"] for row in watched.rows(tables.checks) if row["slug"] == "warehouse")
    looked(watched, "database", Standing(False))
    with watched.database.writing() as transaction:
        transaction.execute(tables.checks.update().values(due_at=clock.now.replace(year=2027)))
    answer = await boss.ask("POST", f"/api/checks/{number}/check-now")
    assert answer["next_at"].startswith(clock().isoformat()[:19])
    assert [row["action"] for row in watched.rows(tables.audit)][-1] == "database.checked"
    await ana.ask("POST", f"/api/checks/{number}/check-now", status=403)
    await zoe.ask("POST", f"/api/checks/{number}/check-now", status=404)
    await boss.ask("POST", "/api/checks/999999/check-now", status=404)


async def test_what_is_no_longer_named_is_no_longer_shown(watched: House, boss: Any) -> None:
    watch(watched, probe=[SHOP])
    assert [one["slug"] for one in (await boss.get("/api/checks"))["items"]] == ["shop"]


async def test_the_gateways_own_troubles_are_listed_with_what_to_do(house: House, boss: Any) -> None:
    with house.database.writing() as transaction:
        details = {"title": "Mail does not leave", "message": "3 mails wait.", "mend": "See `tocsin doctor`."}
        self_watch.open_trouble(transaction, team_id=house.team_id, name="mail", level="warning", details=details, now=house.clock())
    (one,) = (await boss.get("/api/troubles"))["items"]
    assert one == {"team": "acme", "name": "mail", "level": "warning", **details, "since": "2026-03-02T09:00:00Z"}
