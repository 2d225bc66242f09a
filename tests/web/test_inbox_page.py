"""The inbox: what is listed, filtered, counted and done."""

import html
import re
from datetime import UTC, datetime
from typing import Any
from urllib.parse import parse_qs, urlsplit

import pytest
from aiohttp.test_utils import TestClient

from mappers.contract import Category, Level, State
from tests.web.house import OURS, House, draft, over, text, words

Client = TestClient[Any, Any]


def titles(page: str) -> list[str]:
    return [words(found) for found in re.findall(r'<a class="item-title".*?<bdi>(.*?)</bdi>', page, flags=re.DOTALL)]


def ids(page: str) -> list[str]:
    return re.findall(r'<a class="item-title" href="/notifications/(\d+)">', page)


async def act(client: Client, deed: str, *numbers: str, referer: str = "/") -> Any:
    data = [("do", deed), *(("id", number) for number in numbers)]
    return await client.post("/notifications", data=data, headers={**OURS, "Referer": f"http://127.0.0.1{referer}"}, allow_redirects=False)


async def test_an_empty_inbox_says_what_to_do(ana: Client, ben: Client) -> None:
    page = await text(await ana.get("/"))
    assert "tocsin demo" in page
    assert "/webhooks/team/source" in page
    assert "All clear." in page
    assert "preferences" in await text(await ben.get("/"))
    for tab, words_of_it in (("unread", "You have read everything"), ("urgent", "Nothing urgent"), ("archived", "Nothing archived")):
        assert words_of_it in await text(await ana.get(f"/?tab={tab}"))
    assert "Nothing matches" in await text(await ana.get("/?q=x"))


@pytest.mark.req("R60")
async def test_pages_neither_skip_nor_repeat_while_new_ones_arrive(house: House, ana: Client) -> None:
    for number in range(120):
        house.clock.advance(seconds=1)
        await house.happens(draft(f"job-{number}"))
    seen: list[str] = []
    address: str | None = "/"
    while address:
        page = await text(await ana.get(address))
        seen += titles(page)
        house.clock.advance(seconds=1)
        await house.happens(draft(f"late-{len(seen)}"))
        found = re.search(r'<a class="button" href="([^"]*)">Older</a>', page)
        address = html.unescape(found[1]) if found else None
    assert [title for title in seen if title.startswith("job-")] == [f"job-{number} failed" for number in reversed(range(120))]


@pytest.mark.req("R61")
async def test_filters_live_in_the_address(house: House, ana: Client) -> None:
    await house.happens(draft("orders"))
    await house.happens(draft("customers", category=Category.LATE_RUN, level=Level.WARNING, links={}))
    await house.happens(draft("100%_sure", category=Category.INCIDENT))
    await house.happens(over("orders"))
    for query, expected in {
        "category=late_run": {"customers failed"},
        "category=late_run&category=incident": {"customers failed", "100%_sure failed"},
        "level=warning": {"customers failed"},
        "status=open": {"customers failed", "100%_sure failed"},
        "status=resolved": {"orders failed"},
        "q=%25_": {"100%_sure failed"},
        "pipeline=orders": {"orders failed"},
        "source=prefect-prod": {"orders failed", "customers failed", "100%_sure failed"},
        "source=api": set(),
        "tab=urgent&q=&source=&utm_source=mail": {"100%_sure failed"},
        "tab=urgent&status=resolved": {"orders failed"},
        "team=acme": {"orders failed", "customers failed", "100%_sure failed"},
    }.items():
        page = await text(await ana.get(f"/?{query}"))
        assert set(titles(page)) == expected, query
        for address in re.findall(r'<a class="chip" href="([^"]*)"', page):
            parse_qs(urlsplit(html.unescape(address)).query, strict_parsing="?" in address)


async def test_a_filter_that_cannot_be_is_a_page_that_says_so(ana: Client) -> None:
    assert "level.0" in await text(await ana.get("/?level=terrible"), 422)
    assert "cursor" in await text(await ana.get("/?cursor=AAAA"), 422)
    await text(await ana.get("/?team=other"), 404)


@pytest.mark.req("R65")
async def test_the_badge_counts_what_the_list_shows(house: House, ana: Client) -> None:
    for name in ("a", "b", "c"):
        house.clock.advance(seconds=1)
        await house.happens(draft(name))

    async def check(expected: int) -> str:
        page = await text(await ana.get("/"))
        assert int(re.search(r"data-unread-number>(\d+)<", page)[1]) == expected  # type: ignore[index]
        assert page.count('class="item error unread') == expected
        counts = await (await ana.get("/api/notifications/unread-count")).json()
        assert counts["total"] == expected
        assert len(titles(await text(await ana.get("/?tab=unread")))) == expected
        return page

    first, second, third = ids(await check(3))
    await act(ana, "read", first)
    await check(2)
    await act(ana, "archive", second)
    await check(1)
    await act(ana, "unread", first)
    await check(2)
    assert titles(await text(await ana.get("/?tab=archived"))) == ["b failed"]
    await act(ana, "unarchive", second)
    await check(3)
    await house.happens(over("a"))
    assert third in ids(await check(3))


async def test_what_was_done_is_said_once_and_can_be_undone(house: House, ana: Client) -> None:
    await house.happens(draft("a"), draft("b"))
    numbers = ids(await text(await ana.get("/")))
    answer = await act(ana, "archive", *numbers, referer="/?level=error")
    assert (answer.status, answer.headers["Location"]) == (303, "/?level=error")
    page = await text(await ana.get("/?level=error"))
    assert "Archived: 2." in page
    undo = re.search(r'<div class="said".*?</div>', page, flags=re.DOTALL)[0]  # type: ignore[index]
    assert re.findall(r'name="id" value="(\d+)"', undo) == sorted(numbers)
    assert 'value="unarchive"' in undo
    assert "Archived: 2." not in await text(await ana.get("/?level=error"))


async def test_mark_all_read_is_bound_to_the_filter_and_the_moment(house: House, ana: Client) -> None:
    await house.happens(draft("a"))
    await house.happens(draft("b", category=Category.LATE_RUN))
    page = await text(await ana.get("/?category=job_failure"))
    form = re.search(r'<form method="post" action="/notifications/read-all".*?</form>', page, flags=re.DOTALL)[0]  # type: ignore[index]
    fields = [(name, html.unescape(value)) for name, value in re.findall(r'name="(\w+)" value="([^"]*)"', form)]
    house.clock.advance(minutes=1)
    await house.happens(draft("c"))
    await ana.post("/notifications/read-all", data=fields, headers=OURS)
    assert titles(await text(await ana.get("/?tab=unread"))) == ["c failed", "b failed"]


async def test_nobody_acts_on_what_is_not_theirs(house: House, ana: Client) -> None:
    await house.happens(draft("secret"), team="other")
    await house.happens(draft("mine"))
    olga = await house.signed_in("olga")
    foreign = ids(await text(await olga.get("/")))[0]
    assert titles(await text(await ana.get("/"))) == ["mine failed"]
    await text(await ana.get(f"/notifications/{foreign}"), 404)
    for deed in ("read", "archive", "dismiss", "acknowledge", "unacknowledge"):
        assert (await act(ana, deed, foreign)).status == 404
    assert "acknowledged" not in words(await text(await olga.get("/")))
    await olga.session.close()


async def test_a_form_that_makes_no_sense_changes_nothing(house: House, ana: Client) -> None:
    await house.happens(draft())
    assert (await act(ana, "explode", "1")).status == 422
    assert (await act(ana, "archive", "0", "-1", "x", "9" * 40)).headers["Location"] == "/"
    assert "Nothing was selected" in await text(await ana.get("/"))
    assert (await act(ana, "read", "1", referer="//evil.example/x")).headers["Location"] == "/"
    assert (await act(ana, "read", "1", referer="/notifications/1?a=b")).headers["Location"] == "/notifications/1?a=b"
    assert titles(await text(await ana.get("/"))) == ["orders failed"]


async def test_what_is_new_is_asked_for_within_the_filter(house: House, ana: Client) -> None:
    await house.happens(draft("a"))
    house.clock.advance(seconds=1)
    page = await text(await ana.get("/?category=job_failure"))
    address = html.unescape(re.search(r'data-news-from="([^"]*)"', page)[1])  # type: ignore[index]
    known = html.unescape(re.search(r'data-news-known="([^"]*)"', page)[1]).split()  # type: ignore[index]

    async def news() -> list[str]:
        found = await (await ana.get(address)).json()
        return [one["title"] for one in found["items"] if f"{one['id']}@{one['last_at']}" not in known]

    assert await news() == []
    await house.happens(draft("b"))
    await house.happens(draft("c", category=Category.LATE_RUN))
    assert await news() == ["b failed"]
    assert "data-news-from" not in await text(await ana.get("/?tab=archived"))


async def test_a_note_is_no_failure(house: House, ana: Client) -> None:
    await house.happens(draft("cancelled", state=State.NOTE, level=Level.INFO))
    page = words(await text(await ana.get("/")))
    assert "Info" in page
    assert "Note" in page
    number = ids(await text(await ana.get("/")))[0]
    assert "A note of" in words(await text(await ana.get(f"/notifications/{number}")))


@pytest.mark.req("R65")
async def test_every_tab_counts_what_its_list_shows(house: House, ana: Client) -> None:
    for name in "abcdef":
        house.clock.advance(seconds=1)
        await house.happens(draft(name))
    await house.happens(over("a"), draft("late", category=Category.LATE_RUN, level=Level.WARNING))
    every = ids(await text(await ana.get("/")))
    for deed, number in zip(("archive", "read", "snooze", "mute"), every[2:], strict=False):
        await ana.post("/notifications", data={"do": deed, "id": number, "for": "8h"}, headers=OURS)
    for query in ("", "category=late_run", "q=d", "status=resolved"):
        for tab in ("all", "unread", "urgent", "snoozed", "archived", "muted"):
            page = await text(await ana.get(f"/?tab={tab}&{query}"))
            count = re.search(rf'data-count="{tab}"( hidden)?>(\d+)<', page)
            assert count
            assert int(count[2]) == len(titles(page)), (tab, query)
            assert bool(count[1]) is (count[2] == "0")


@pytest.mark.req("R61")
async def test_days_are_those_of_the_reader(house: House, ana: Client) -> None:
    await ana.put("/api/notifications/preferences", json={"timezone": "Asia/Kolkata"}, headers=OURS)
    house.clock.now = datetime(2026, 3, 2, 18, 29, tzinfo=UTC)
    await house.happens(draft("before midnight"))
    house.clock.advance(minutes=2)
    await house.happens(draft("after midnight"))
    assert titles(await text(await ana.get("/?since=2026-03-03"))) == ["after midnight failed"]
    assert titles(await text(await ana.get("/?until=2026-03-02"))) == ["before midnight failed"]
    assert len(titles(await text(await ana.get("/?since=2026-03-02&until=2026-03-03")))) == 2
    page = await text(await ana.get("/"))
    assert words(page).index("Today") < words(page).index("Yesterday")
    for nonsense in ("yesterday", "2026-02-30", "9999-12-31T", "1"):
        await text(await ana.get(f"/?since={nonsense}"), 422)


@pytest.mark.req("R66")
async def test_marking_all_as_read_is_taken_back_however_much_it_was(house: House, ana: Client) -> None:
    for number in range(120):
        await house.happens(draft(f"job-{number}"))
    page = await text(await ana.get("/"))
    assert "Mark all 120 unread as read" in page
    until = html.unescape(re.search(r'name="shown_until" value="([^"]*)"', page)[1])  # type: ignore[index]
    said = await text(await ana.post("/notifications/read-all", data={"tab": "all", "shown_until": until}, headers=OURS))
    assert "Marked as read: 120." in said
    read_at = html.unescape(re.search(r'name="read_at" value="([^"]*)"', said)[1])  # type: ignore[index]
    said = await text(await ana.post("/notifications/unread-all", data={"read_at": read_at}, headers=OURS))
    assert "Unread again." in said
    assert "Mark all 120 unread as read" in said
    await text(await ana.post("/notifications/unread-all", data={"read_at": "then"}, headers=OURS), 422)


async def test_a_saying_that_nobody_said_is_not_repeated(ana: Client) -> None:
    for cookie in ("read-all.1", "read-all.1.2.3", "read-all.5." + "9" * 18, "explode.1", "read-all"):
        page = await text(await ana.get("/", headers={"Cookie": f"{ana_cookie(ana)}; tocsin_said={cookie}"}))
        assert 'class="said"' not in page, cookie


def ana_cookie(client: Client) -> str:
    return "; ".join(f"{one.key}={one.value}" for one in client.session.cookie_jar)
