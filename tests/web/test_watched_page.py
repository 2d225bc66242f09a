"""What is looked at, on a page, and whether the gateway is well itself."""

import re
from typing import Any

from aiohttp.test_utils import TestClient

from gateway.config.document import Configuration
from gateway.domain.standing import Standing
from gateway.provision.watched import keep_watched
from gateway.storage import checks, self_watch
from gateway.storage.database import Transaction
from tests.builders import LEASE
from tests.watchers.looking import VAULT
from tests.web.house import OURS, House, text, words

Client = TestClient[Any, Any]
NAMED = {
    "team": [{"slug": "acme"}],
    "probe": [{"team": "acme", "slug": "shop", "url": "https://shop.acme.test/health?key=concealed", "environment": "prod"}],
    "database": [{"team": "acme", "slug": "warehouse", "url": "postgresql://reader:concealed@warehouse.acme.test/dwh"}],
}


def put(transaction: Transaction, house: House) -> None:
    keep_watched(transaction, Configuration.model_validate(NAMED), {"acme": house.teams["acme"]}, VAULT, house.clock())


def look(transaction: Transaction, house: House, kind: str, standing: Standing, trouble: str | None, seen: dict[str, Any]) -> None:
    (one,) = checks.claim(transaction, kind, now=house.clock(), lease="x", lease_for=LEASE, limit=1)
    at = house.clock()
    checks.finish(
        transaction, one.id, lease="x", standing=standing, trouble=trouble, seen=seen, checked_at=at, due_at=at.replace(year=2027)
    )  # fmt: skip


async def test_where_nothing_is_watched_the_page_says_how_to_begin(house: House, ana: Client) -> None:
    page = words(await text(await ana.get("/watched")))
    assert "No service is probed" in page
    assert "No database is watched" in page
    assert "Nothing is known to be wrong with Tocsin itself." in page


async def test_services_and_databases_are_shown_with_how_they_stand_and_nothing_secret(house: House, ana: Client) -> None:
    await house.database.write(put, house)
    assert "not known yet" in words(await text(await ana.get("/watched")))
    house.clock.advance(minutes=2)
    down = Standing(True, 3, house.clock())
    await house.database.write(look, house, "probe", down, "answered <b>503</b>", {"status": 503, "milliseconds": 12})
    await house.database.write(look, house, "database", Standing(False, 0), None, {"tables": 3, "columns": 40})
    raw = await text(await ana.get("/watched"))
    page = words(raw)
    assert "concealed" not in raw
    assert "answered &lt;b&gt;503" in raw
    for part in ("Down", "503 in 12 ms", "https://shop.acme.test/health", "Well", "3 with 40 columns", "every 1 min", "every 1 h"):
        assert part in page, part


async def test_a_button_has_one_looked_at_now(house: House, ana: Client, ben: Client) -> None:
    await house.database.write(put, house)
    house.clock.advance(minutes=2)
    await house.database.write(look, house, "probe", Standing(False), None, {})
    address = re.findall(r'action="(/watched/\d+)"', await text(await ana.get("/watched")))[0]
    answer = await ana.post(address, headers=OURS)
    assert "It is looked at now" in await text(answer)
    assert await house.database.read(checks.next_due, "probe") == house.clock()
    assert (await ben.post(address, headers=OURS)).status == 403


async def test_what_is_wrong_with_the_gateway_is_for_admins_of_the_team_it_concerns(house: House, ana: Client, ben: Client) -> None:
    details = {"title": "Mail does not leave", "message": "3 mails wait.", "mend": "Ask the doctor."}
    await house.database.write(
        self_watch.open_trouble, team_id=house.teams["acme"], name="mail", level="error", details=details, now=house.clock()
    )
    page = words(await text(await ana.get("/watched")))
    assert "Mail does not leave" in page
    assert "Ask the doctor." in page
    await text(await ben.get("/watched"), 403)
    olga = await house.signed_in("olga")
    assert "Mail does not leave" not in await text(await olga.get("/watched"))
    await olga.session.close()
