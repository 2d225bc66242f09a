"""Ending mail from a link in it: a GET never does, a POST does, and it can be taken back."""

import re
from datetime import timedelta
from typing import Any

import pytest
from aiohttp.test_utils import TestClient

from gateway.domain.unsubscribing import VALID_FOR, Unsubscribing
from gateway.vault import Vault
from mappers.contract import Category
from tests.web.house import House, draft, text

pytestmark = pytest.mark.req("R59")
Client = TestClient[Any, Any]
OURS = Unsubscribing(Vault("a key for tests, long enough to be taken").derived("unsubscribe"))


def link(house: House, who: str = "ana", category: Category | None = Category.JOB_FAILURE) -> str:
    return OURS.link("", user_id=house.users[who], team_id=house.teams["acme"], category=category, made_at=house.clock())


async def mails_of(house: House, *names: str) -> int:
    """How many mails a new failure makes for each job."""
    before = len(await mails(house))
    await house.happens(*(draft(name) for name in names))
    return len(await mails(house)) - before


async def mails(house: House) -> list[int]:
    from gateway.storage import sent_mail

    found = await house.database.read(sent_mail.page, user_id=house.users["ana"], team_ids=None, before=None, limit=100)
    return [row["id"] for row in found]


async def test_looking_changes_nothing_and_the_button_ends_it(house: House) -> None:
    visitor = house.visitor()
    for method in ("get", "head"):
        answer = await getattr(visitor, method)(link(house))
        assert answer.status == 200
    page = await text(await visitor.get(link(house)))
    assert "No more mail about job failures" in page
    assert "ana@acme.test" in page
    assert await mails_of(house, "first") == 1
    page = await text(await visitor.post(link(house)))
    assert "Unsubscribed" in page
    assert "Take that back" in page
    assert await mails_of(house, "second") == 0
    assert "unsubscribed already" in await text(await visitor.get(link(house)))
    assert "Subscribed again" in await text(await visitor.post(link(house), data={"undo": "job_failure"}))
    assert await mails_of(house, "third") == 1
    await visitor.session.close()


async def test_taking_it_back_brings_back_what_was_ended_and_no_more(house: House, ana: Client) -> None:
    visitor = house.visitor()
    await visitor.post(link(house))
    page = await text(await visitor.post(link(house, category=None)))
    undo = re.search(r'name="undo" value="([^"]*)"', page)[1]  # type: ignore[index]
    assert "job_failure" not in undo
    await visitor.post(link(house, category=None), data={"undo": undo})
    assert await mails_of(house, "first") == 0, "job failures were off before"
    await house.happens(draft("disk", category="incident"))
    assert len(await mails(house)) == 1
    await text(await visitor.post(link(house), data={"undo": "nonsense"}), 422)
    await visitor.session.close()


async def test_one_click_of_the_mail_program_ends_it(house: House) -> None:
    visitor = house.visitor()
    answer = await visitor.post(
        link(house), data={"List-Unsubscribe": "One-Click"}, headers={"Origin": "https://mail.test", "Sec-Fetch-Site": "cross-site"}
    )
    assert (answer.status, answer.content_type) == (200, "text/plain")
    assert await mails_of(house, "first") == 0
    await visitor.session.close()


async def test_the_inbox_and_other_categories_stay(house: House, ana: Client) -> None:
    await ana.post(link(house))
    await house.happens(draft("orders"))
    assert "orders failed" in await text(await ana.get("/"))
    assert await mails(house) == []
    await house.happens(draft("disk", category="incident"))
    assert len(await mails(house)) == 1


async def test_the_link_of_a_digest_ends_all_mail_of_the_team(house: House) -> None:
    visitor = house.visitor()
    page = await text(await visitor.get(link(house, category=None)))
    assert "No more mail" in page
    await visitor.post(link(house, category=None))
    assert await mails_of(house, "first") == 0
    await visitor.session.close()


async def test_links_that_are_old_cut_or_of_somebody_who_left(house: House) -> None:
    visitor = house.visitor()
    old = link(house)
    assert "not whole" in await text(await visitor.get(old[:-4]), 404)
    assert "not whole" in await text(await visitor.post(old[:-4]), 404)
    house.clock.advance(seconds=(VALID_FOR + timedelta(seconds=1)).total_seconds())
    assert "too old" in await text(await visitor.get(old), 410)
    assert "too old" in await text(await visitor.post(old), 410)
    stranger = OURS.link("", user_id=house.users["ana"], team_id=house.teams["other"], category=None, made_at=house.clock())
    assert "do not belong" in await text(await visitor.get(stranger), 404)
    await visitor.session.close()
