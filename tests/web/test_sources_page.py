"""Sources on the page: added, tried, rotated, changed and ended, without a script; a credential is seen once and in no address."""

import html
import re
from datetime import timedelta
from typing import Any

import pytest
from aiohttp.test_utils import TestClient

from gateway.intake import doorbook
from gateway.storage import sources, tables
from gateway.web import settings_text
from tests.web.house import OURS, House, text, words

Client = TestClient[Any, Any]
NEW = {"kind": "generic", "slug": "backup", "environment": "prod", "scheme": "bearer", "settings": 'hold = "60s"'}


@pytest.fixture(autouse=True)
def forgetful(monkeypatch: pytest.MonkeyPatch) -> None:
    """A door that remembers nothing: what was changed counts at once and no test waits."""
    monkeypatch.setattr(doorbook, "FRESH_FOR", 0)
    monkeypatch.setattr(doorbook, "REMEMBERED_FOR", 0)


async def added(ana: Client, **more: str) -> tuple[str, str, str]:
    """(the page that shows it once, the source's path, its credential)."""
    answer = await ana.post("/sources/new", data={**NEW, **more}, headers=OURS, allow_redirects=False)
    assert answer.headers["Cache-Control"] == "no-store"
    page = await text(answer)
    path = re.search(r'href="(/sources/\d+)">I have copied it', page)
    credential = re.search(r'label="the credential"><code class="address">([^<]+)<', page)
    assert path
    return page, path[1], credential[1] if credential else ""


@pytest.mark.req("R21", "R68", "R98")
async def test_a_source_is_added_and_its_credential_shown_this_once(house: House, ana: Client) -> None:
    assert "Continue" in await text(await ana.get("/sources/new"))
    form = await text(await ana.get("/sources/new?kind=generic"))
    assert 'value="generic"' in form
    page, path, credential = await added(ana)
    assert "Shown this once" in page
    assert f"Authorization: Bearer {credential}" in html.unescape(page)
    assert "Tocsin-Test: 1" in page
    for where in (path, "/sources", "/audit", "/events"):
        assert credential not in await text(await ana.get(where))
    sender = house.visitor()
    answer = await sender.post(
        "/webhooks/acme/backup", json={"name": "x", "status": "failed"}, headers={"Authorization": f"Bearer {credential}"}
    )
    assert answer.status == 202
    await sender.session.close()
    again = await text(await ana.post("/sources/new", data=NEW, headers=OURS), 409)
    assert "has a source &#39;backup&#39; already" in again
    assert 'value="backup"' in again, "what was written is not lost"
    await text(await ana.post("/sources/new", data={**NEW, "slug": "elsewhere"}, headers={"Sec-Fetch-Site": "cross-site"}), 403)


async def test_what_cannot_be_used_is_said_beside_what_was_written(house: House, ana: Client) -> None:
    page = await text(await ana.post("/sources/new", data={**NEW, "settings": "hold = soon"}, headers=OURS), 422)
    assert "write settings as in tocsin.toml" in page
    assert "hold = soon" in page
    page = await text(await ana.post("/sources/new", data={**NEW, "settings": 'hold = "x"\ncolour = "red"'}, headers=OURS), 422)
    assert "settings.colour" in page
    assert len(house_rows(house)) == 1


def house_rows(house: House) -> list[Any]:
    with house.database.reading() as transaction:
        return list(transaction.execute(tables.sources.select().order_by(tables.sources.c.id)))


@pytest.mark.req("R17", "R68")
async def test_a_test_shows_what_it_would_become_and_tells_nobody(house: House, ana: Client) -> None:
    _, path, _ = await added(ana)
    answer = await ana.post(f"{path}/test", headers=OURS, allow_redirects=False)
    where = answer.headers["Location"]
    page = await text(await ana.get(where))
    assert "Nobody is told" in page
    assert "opens a thread, or keeps it open" in page
    await house.maps()
    page = await text(await ana.get(where))
    assert "a test, told to nobody. It would be firing" in page
    assert "All clear" in await text(await ana.get("/"))
    assert "Last test" in await text(await ana.get(path))
    assert "Nothing has arrived yet" in await text(await ana.get(path)), "a test is no news of the sender"


@pytest.mark.req("R21")
async def test_a_secret_is_rotated_and_a_form_sent_twice_makes_one(house: House, ana: Client) -> None:
    _, path, first = await added(ana)
    page = await text(await ana.get(path))
    newest = re.search(r'name="newest" value="(\d+)"', page)
    assert newest
    form = {"newest": newest[1], "others": "1d"}
    answer = await ana.post(f"{path}/secrets", data=form, headers=OURS, allow_redirects=False)
    shown = await text(answer)
    assert answer.status == 200, "no address ever leads to it"
    assert first not in shown
    assert "end 3 Mar, 09:00" in words(shown)
    assert "since you looked" in await text(await ana.post(f"{path}/secrets", data=form, headers=OURS), 409)
    page = await text(await ana.get(path))
    assert page.count("Yes, end it") == 2
    end = re.search(r'action="(/sources/\d+/secrets/\d+/end)"', page)
    assert end
    answer = await ana.post(end[1], headers=OURS, allow_redirects=False)
    assert answer.headers["Location"] == path
    assert "not accepted any more" in await text(await ana.get(path))


async def test_settings_are_changed_as_they_are_written_and_secret_ones_stay_unseen(house: House, ana: Client) -> None:
    upstream = 'api_url = "http://prefect.test/api"\napi_key = "the-key-of-prefect"'
    form = {"kind": "prefect", "slug": "prefect-dev", "scheme": "bearer", "settings": upstream}
    answer = await ana.post("/sources/new", headers=OURS, data=form)
    path = re.search(r'href="(/sources/\d+)">I have', await text(answer))
    assert path
    page = await text(await ana.get(path[1]))
    assert "the-key-of-prefect" not in page
    assert "Set, and never shown: api_key" in page
    changed = {"environment": "dev", "settings": 'late_hold = "10m"\nowners = ["@ana", "data"]'}
    await ana.post(path[1], data=changed, headers=OURS)
    row = house_rows(house)[-1]
    assert row.environment == "dev"
    assert set(row.settings) == {"late_hold", "owners", "api_key"}
    assert html.escape('owners = ["@ana", "data"]').replace("&quot;", "&#34;") in await text(await ana.get(path[1]))
    await ana.post(path[1], data={"environment": "dev", "settings": 'api_key = ""'}, headers=OURS)
    assert house_rows(house)[-1].settings == {}
    refused = await text(await ana.post(path[1], data={"environment": "dev", "settings": "rate = 0"}, headers=OURS), 422)
    assert "Nothing was changed" in refused
    assert "rate = 0" in refused


async def test_a_source_is_disabled_and_enabled(house: House, ana: Client) -> None:
    _, path, _ = await added(ana)
    await ana.post(f"{path}/disable", headers=OURS)
    page = await text(await ana.get(path))
    assert "It takes nothing" in page
    assert "Send a test" not in page
    assert "Disabled" in await text(await ana.get("/sources"))
    await ana.post(f"{path}/enable", headers=OURS)
    assert "Send a test" in await text(await ana.get(path))


async def test_a_disabled_source_is_deleted_after_saying_what_goes(house: House, ana: Client, ben: Client) -> None:
    _, path, _ = await added(ana)
    assert "Yes, delete it" not in await text(await ana.get(path))
    assert "disable it first" in await text(await ana.post(f"{path}/delete", headers=OURS), 409)
    await ana.post(f"{path}/disable", headers=OURS)
    page = await text(await ana.get(path))
    assert "At once go its secrets and its monitors" in page
    await text(await ben.post(f"{path}/delete", headers=OURS), 403)
    page = await text(await ana.post(f"{path}/delete", headers=OURS))
    assert "Deleted: its name is free" in page
    assert f'href="{path}"' not in page
    await text(await ana.get(path), 404)
    await added(ana)


async def test_what_tocsin_toml_owns_is_read_only_and_says_so(house: House, ana: Client) -> None:
    await house.database.write(sources.change, house.source_id, managed=True)
    page = await text(await ana.get("/sources/1"))
    assert "tocsin.toml owns this source" in page
    assert "Send a test" in page
    for control in ("New secret", "Disable", "Save", "End now"):
        assert control not in page
    assert "of tocsin.toml" in await text(await ana.get("/sources"))
    await text(await ana.post("/sources/1/disable", headers=OURS), 409)


async def test_a_sender_that_shows_its_secret_is_added_without_one(house: House, ana: Client) -> None:
    page, path, credential = await added(ana, kind="dbt_cloud", slug="dbt", scheme="dbt", settings="")
    assert credential == ""
    assert "It refuses everything yet" in page
    page = await text(await ana.get(path))
    assert "No valid secret" in page
    await ana.post(f"{path}/secrets", data={"newest": "", "secret": "what-dbt-showed"}, headers=OURS)
    assert "No valid secret" not in await text(await ana.get(path))


async def test_a_source_that_fell_silent_says_so(house: House, ana: Client) -> None:
    _, path, credential = await added(ana)
    sender = house.visitor()
    for number in range(11):
        body = {"name": "x", "status": "failed", "run": str(number)}
        await sender.post("/webhooks/acme/backup", json=body, headers={"Authorization": f"Bearer {credential}"})
        house.clock.advance(minutes=5)
    await sender.session.close()
    assert "All is well" in await text(await ana.get(path))
    house.clock.now += timedelta(hours=3)
    assert "Silent for 3 h" in await text(await ana.get("/sources"))


def test_settings_are_written_so_that_they_are_read_the_same() -> None:
    settings = {"a": "x\"'\n\\é", "b": 1, "c": True, "d": ["x", "y"], "e": {"f": {"g": 0.5}}, "h-i": ""}
    assert settings_text.read(settings_text.written(settings)) == settings
    assert settings_text.change({"a": 1, "b": 2}, {"b": 2, "c": "", "d": 4}) == {"a": None, "c": None, "d": 4}


async def test_what_tocsin_notices_itself_is_shown_without_anything_to_set_up(house: House, ana: Client) -> None:
    own = await house.database.write(sources.own, team_id=house.teams["acme"], now=house.clock())
    page = await text(await ana.get(f"/sources/{own}"))
    assert "This is Tocsin itself" in page
    for control in ("New secret", "Disable", "Save", "Send a test", "At the sender"):
        assert control not in page
    assert 'value="tocsin"' not in await text(await ana.get("/sources/new"))
