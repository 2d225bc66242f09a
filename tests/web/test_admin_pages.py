"""Mail, sources, events: what was sent, what arrived, what was refused."""

import re
from typing import Any

import pytest
from aiohttp.test_utils import TestClient

from gateway.config.document import Auth
from gateway.proofs import stored
from gateway.storage import sources
from gateway.vault import Vault
from tests.web.house import OURS, House, draft, text, words

Client = TestClient[Any, Any]


async def arrives(house: House, body: bytes, token: str = "right-secret") -> int:
    """A request at the door; gives its status."""
    proofs = stored(Auth.model_validate({"token": ["right-secret"]}), Vault("a key for tests, long enough to be taken"))
    await house.database.write(
        sources.put,
        team_id=house.teams["acme"],
        slug="prefect-prod",
        kind="prefect",
        environment="prod",
        auth=proofs,
        settings={},
        managed=False,
        now=house.clock(),
    )
    visitor = house.visitor()
    answer = await visitor.post(f"/webhooks/acme/prefect-prod/{token}", data=body)
    await visitor.session.close()
    await house.gateway.workers[0].step()
    return answer.status


@pytest.mark.req("R17")
async def test_what_arrived_and_what_became_of_it(house: House, ana: Client) -> None:
    assert await arrives(house, b'{"odd": "<script>alert(1)</script>"}') == 202
    assert await arrives(house, b"\xff\xfe\x00") == 202
    page = await text(await ana.get("/events"))
    assert "prefect-prod" in page
    assert len(re.findall(r'href="/events/\d+"', page)) == 2
    one = await text(await ana.get("/events/1"))
    assert "&lt;script&gt;alert(1)" in one
    assert "<script>alert" not in one
    assert "Map it again" in one
    assert "in base64" in await text(await ana.get("/events/2"))
    answer = await ana.post("/events/1/replay", headers=OURS, allow_redirects=False)
    assert answer.headers["Location"] == "/events/1"
    page = await text(await ana.get("/events/1"))
    assert "Queued to be mapped again" in page
    assert "Waiting to be mapped" in page
    assert "There is no such event here" in await text(await ana.get("/events?status=quarantined"))
    await text(await ana.get("/events?status=lost"), 422)
    await text(await ana.get("/events?cursor=x"), 422)


async def test_sources_show_addresses_and_refusals_without_credentials(house: House, ana: Client) -> None:
    assert await arrives(house, b"{}", token="wrong-secret") == 401
    page = await text(await ana.get("/sources"))
    assert "http://127.0.0.1:8080/webhooks/acme/prefect-prod</code>" in page
    assert "Wrong credential" in page
    assert "compare the secret" in page
    assert "wrong-secret" not in page
    assert "right-secret" not in page


async def test_the_pages_of_admins_are_theirs_alone(house: House, ben: Client) -> None:
    await arrives(house, b"{}")
    for path in ("/sources", "/events", "/events/1"):
        assert "for admins" in await text(await ben.get(path), 403)
    assert (await ben.post("/events/1/replay", headers=OURS)).status == 403
    assert "Sources" not in words(await text(await ben.get("/")))
    olga = await house.signed_in("olga")
    await text(await olga.get("/events/1"), 404)
    assert "prefect-prod" not in await text(await olga.get("/sources"))
    await olga.session.close()


async def test_mail_is_readable_by_its_reader_and_their_admins(house: House, ana: Client, ben: Client) -> None:
    await house.happens(draft(title="orders <b>failed</b>"))
    await house.sends()
    everyone, mine = await text(await ana.get("/mail")), await text(await ana.get("/mail?of=me"))
    assert everyone.count("ben@acme.test") == 1
    assert "ben@acme.test" not in mine
    of_ben = next(row for row in re.findall(r"<tr>.*?</tr>", everyone, flags=re.DOTALL) if "ben@acme.test" in row)
    number = re.search(r'href="/mail/(\d+)"', of_ben)[1]  # type: ignore[index]
    of_ana = next(one for one in re.findall(r'href="/mail/(\d+)"', everyone) if one != number)
    assert f"/mail/{number}" in await text(await ben.get("/mail"))
    assert f'href="/mail/{of_ana}"' not in await text(await ben.get("/mail"))
    for client in (ana, ben):
        page = await text(await client.get(f"/mail/{number}"))
        assert "FAILED" in page
        assert f'<iframe class="mail-frame" sandbox src="/mail/{number}/html"' in page
    for path in (f"/mail/{of_ana}", f"/mail/{of_ana}/html"):
        await text(await ben.get(path), 404)
    olga = await house.signed_in("olga")
    await text(await olga.get(f"/mail/{number}"), 404)
    await olga.session.close()
    answer = await ben.get(f"/mail/{number}/html")
    policy = answer.headers["Content-Security-Policy"]
    assert policy.startswith("sandbox; default-src 'none'; style-src 'unsafe-inline'")
    assert "&lt;b&gt;failed&lt;/b&gt;" in await text(answer)


async def test_a_mail_not_written_yet_says_so(house: House, ana: Client) -> None:
    await house.happens(draft())
    page = await text(await ana.get("/mail"))
    number = re.search(r'href="/mail/(\d+)"', page)[1]  # type: ignore[index]
    assert "Not written yet" in await text(await ana.get(f"/mail/{number}"))
    await text(await ana.get(f"/mail/{number}/html"), 404)
    await text(await ana.get("/mail?cursor=x"), 422)
    await text(await ana.get("/mail?of=me&cursor=x"), 422)
