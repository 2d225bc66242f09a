"""Sources made, changed, tried and ended by admins; what tocsin.toml owns stays its own."""

import asyncio
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from aiohttp.test_utils import TestClient

from gateway.app import Web
from gateway.config.environment import Environment
from gateway.domain import limits
from gateway.domain.limits import Limit
from gateway.engine.mapping import kinds
from gateway.intake import doorbook
from gateway.storage import audit, rejections, sources, tables
from gateway.vault import Vault
from tests.builders import KINDS, House, failure
from tests.conftest import Clock

Client = TestClient[Any, Any]
NEW = {"slug": "etl-prod", "kind": "speaker", "environment": "prod"}


@pytest.fixture(autouse=True)
def forgetful(monkeypatch: pytest.MonkeyPatch) -> None:
    """A door that remembers nothing: what was changed counts at once and no test waits."""
    monkeypatch.setattr(doorbook, "FRESH_FOR", 0)
    monkeypatch.setattr(doorbook, "REMEMBERED_FOR", 0)


@pytest.fixture
def signed(monkeypatch: pytest.MonkeyPatch, house: House) -> None:
    """The senders of the house, beside the one that says what a test wants."""
    for name in ("uptime_kuma", "dbt_cloud", "grafana", "aws_sns", "prefect"):
        monkeypatch.setitem(KINDS, name, kinds(())[name])


async def knock(client: Client, address: str, credential: str | None = None, body: Any = None, **headers: str) -> int:
    """What the door answers."""
    proof = {"Authorization": f"Bearer {credential}"} if credential else {}
    path = address.removeprefix("https://tocsin.example")
    answer = await client.post(path, json=body if body is not None else {"drafts": [failure(run="r")]}, headers=proof | headers)
    return answer.status


async def test_a_disabled_source_is_deleted_and_its_name_is_free(
    house: House, boss: Any, ana: Any, client: Client, monkeypatch: pytest.MonkeyPatch
) -> None:
    made = await boss.post("/api/sources", NEW, status=201)
    one = f"/api/sources/{made['id']}"
    house.say(failure(run="r"), source_id=made["id"])
    await boss.delete(f"{one}?permanently=true", status=409)
    assert await knock(client, made["address"], made["credential"]) == 202
    await boss.delete(one)
    monkeypatch.setattr(limits, "SOURCES", Limit("sources", 1, "a team", "Delete one."))
    await boss.post("/api/sources", {**NEW, "slug": "another"}, status=409)
    await ana.delete(f"{one}?permanently=true", status=403)
    await boss.delete(f"{one}?permanently=true")
    for method, path in (("GET", one), ("PATCH", one), ("DELETE", one), ("POST", f"{one}/secrets"), ("POST", f"{one}/test")):
        await boss.ask(method, path, status=404, **({"json": {}} if method == "PATCH" or path.endswith("secrets") else {}))
    assert await knock(client, made["address"], made["credential"]) == 404
    (row,) = house.rows(tables.sources, tables.sources.c.id == made["id"])
    assert (row["slug"], row["auth"], row["managed"]) == (f"etl-prod (deleted {made['id']})", [], False)
    assert "etl-prod" not in [one["slug"] for one in (await boss.get("/api/sources"))["items"]]
    again = await boss.post("/api/sources", NEW, status=201)
    assert again["id"] != made["id"]
    assert await knock(client, again["address"], made["credential"]) == 401
    assert [one["source"] for one in (await ana.get("/api/notifications/v1"))["items"]] == [row["slug"]]
    assert [one["source"] for one in (await boss.get("/api/events"))["items"]] == [row["slug"]] * 2
    assert (await boss.get("/api/audit"))["items"][1]["action"] == "source.deleted"


async def test_what_is_deleted_keeps_no_secret_and_no_monitor(house: House, signed: None, boss: Any) -> None:
    settings = {"api_url": "http://prefect:4200/api", "api_key": "a-key-of-prefect", "late_hold": "9m"}
    made = await boss.post("/api/sources", {"slug": "flows", "kind": "prefect", "settings": settings}, status=201)
    await boss.post("/api/monitors", {"source": "flows", "pipeline": "nightly", "cron": "0 2 * * *"}, status=201)
    await boss.delete(f"/api/sources/{made['id']}")
    await boss.delete(f"/api/sources/{made['id']}?permanently=true")
    (row,) = house.rows(tables.sources, tables.sources.c.id == made["id"])
    assert row["settings"] == {"api_url": "http://prefect:4200/api", "late_hold": "9m"}
    assert (await boss.get("/api/monitors"))["items"] == []


PRIVATE = [
    "http://10.20.0.5:4200/api",
    "http://localhost:4200/api",
    "http://prefect.localhost/api",
    "http://0x7f.1/api",
    "http://[fd00::1]/api",
]


@pytest.mark.req("R100")
@pytest.mark.parametrize("address", PRIVATE)
async def test_a_private_address_is_refused_when_it_is_saved(address: str, signed: None, boss: Any) -> None:
    new = {"slug": "flows", "kind": "prefect"}
    answer = await boss.post("/api/sources", {**new, "settings": {"api_url": address}}, status=422)
    (error,) = answer["errors"]
    assert error["place"] == "body.settings.api_url"
    assert "TOCSIN_ALLOWED_NETWORKS" in error["message"]
    made = await boss.post("/api/sources", {**new, "settings": {"api_url": "http://prefect:4200/api"}}, status=201)
    answer = await boss.ask("PATCH", f"/api/sources/{made['id']}", json={"settings": {"api_url": address}}, status=422)
    assert [one["place"] for one in answer["errors"]] == ["body.settings.api_url"]
    (row,) = [one for one in (await boss.get("/api/sources"))["items"] if one["slug"] == "flows"]
    assert (await boss.get(f"/api/sources/{row['id']}"))["settings"] == {"api_url": "http://prefect:4200/api"}


async def test_what_names_no_api_is_refused_and_a_name_is_left_until_it_is_asked(signed: None, boss: Any) -> None:
    for settings, place in (
        ({"api_url": "prefect:4200/api"}, "body.settings.api_url"),
        ({"api_url": "http://169.254.169.254/api"}, "body.settings.api_url"),
    ):
        answer = await boss.post("/api/sources", {"slug": "flows", "kind": "prefect", "settings": settings}, status=422)
        assert [one["place"] for one in answer["errors"]] == [place]
    answer = await boss.post("/api/sources", {"slug": "dbt", "kind": "dbt_cloud", "settings": {"host": "192.168.1.7"}}, status=422)
    assert [one["place"] for one in answer["errors"]] == ["body.settings.host"]
    await boss.post("/api/sources", {"slug": "dbt", "kind": "dbt_cloud", "settings": {"host": "ab123.us1.dbt.test"}}, status=201)


async def test_another_setting_can_be_changed_beside_an_address_that_is_none_any_more(house: House, signed: None, boss: Any) -> None:
    made = await boss.post("/api/sources", {"slug": "flows", "kind": "prefect"}, status=201)
    with house.database.writing() as transaction:
        sources.change(transaction, made["id"], settings={"api_url": "http://10.20.0.5/api"})
    await boss.ask("PATCH", f"/api/sources/{made['id']}", json={"settings": {"late_hold": "9m", "api_url": "http://10.20.0.5/api"}})


@pytest.mark.req("R21", "R98")
async def test_a_source_made_by_an_admin_takes_what_its_sender_sends(house: House, boss: Any, client: Client) -> None:
    made = await boss.post("/api/sources", NEW)
    assert (made["team"], made["slug"], made["scheme"]) == ("acme", "etl-prod", "bearer")
    assert made["address"] == "https://tocsin.example/webhooks/acme/etl-prod"
    assert made["proof"] == f"header Authorization: Bearer {made['credential']}"
    assert len(made["credential"]) >= 32
    assert made["trial"].startswith("curl ")
    assert await knock(client, made["address"], made["credential"]) == 202
    assert await knock(client, made["address"], "another") == 401
    (row,) = house.rows(tables.sources, tables.sources.c.slug == "etl-prod")
    assert made["credential"] not in str(row)
    told = str([await boss.get(path) for path in ("/api/sources", f"/api/sources/{made['id']}", "/api/audit")])
    assert made["credential"] not in told
    assert (await boss.get("/api/audit"))["items"][0]["action"] == "source.created"


@pytest.mark.usefixtures("signed")
async def test_the_steps_are_those_that_connect_prints(house: House, boss: Any) -> None:
    made = await boss.post("/api/sources", {"slug": "kuma", "kind": "uptime_kuma", "scheme": "token"})
    assert made["scheme"] == "token"
    assert made["address"].endswith(f"/webhooks/acme/kuma/{made['credential']}")
    assert any(made["address"] in step for step in made["steps"])
    assert not any("{url}" in step or "{token}" in step for step in made["steps"])
    again = await boss.get(f"/api/sources/{made['id']}")
    assert made["credential"] not in str(again)
    assert any("<the credential>" in step for step in again["steps"])


@pytest.mark.usefixtures("signed")
@pytest.mark.req("R9", "R21")
async def test_a_secret_that_the_sender_makes_comes_later_and_until_then_all_is_refused(house: House, boss: Any, client: Client) -> None:
    made = await boss.post("/api/sources", {"slug": "dbt", "kind": "dbt_cloud"})
    assert made["credential"] is None
    assert made["trial"] is None
    assert await knock(client, made["address"]) == 401
    reasons = [one["reason"] for one in (await boss.get(f"/api/sources/{made['id']}"))["health"]["findings"]]
    assert reasons[0] == "no-secret"
    missing = await boss.post(f"/api/sources/{made['id']}/secrets", {}, status=422)
    assert "shows it" in missing["errors"][0]["message"]
    await boss.post(f"/api/sources/{made['id']}/secrets", {"secret": "what-dbt-showed"})
    one = await boss.get(f"/api/sources/{made['id']}")
    assert [secret["scheme"] for secret in one["secrets"]] == ["dbt"]
    assert "what-dbt-showed" not in str(house.rows(tables.sources))


@pytest.mark.req("R21")
async def test_a_rotation_leaves_the_old_secret_valid_for_a_while(house: House, clock: Clock, boss: Any, client: Client) -> None:
    made = await boss.post("/api/sources", NEW)
    path = f"/api/sources/{made['id']}"
    new = await boss.post(f"{path}/secrets", {})
    assert new["credential"] != made["credential"]
    assert new["others_until"] == "2026-03-09T09:00:00Z"
    for credential in (made["credential"], new["credential"]):
        assert await knock(client, made["address"], credential) == 202
    clock.advance(days=7)
    assert await knock(client, made["address"], made["credential"]) == 401
    assert await knock(client, made["address"], new["credential"]) == 202
    third = await boss.post(f"{path}/secrets", {"others_until": clock.now.isoformat()})
    assert await knock(client, made["address"], new["credential"]) == 401
    secrets = (await boss.get(path))["secrets"]
    assert [one["valid"] for one in secrets] == [False, True], "what had expired before was tidied away"
    await boss.delete(f"{path}/secrets/{secrets[-1]['id']}")
    assert await knock(client, made["address"], third["credential"]) == 401
    await boss.delete(f"{path}/secrets/{secrets[-1]['id']}", status=404)
    (last,) = house.rows(tables.rejections, tables.rejections.c.reason == "no-secret") or [None]
    assert last is None or last["reason"] == "no-secret"
    actions = [one["action"] for one in (await boss.get("/api/audit"))["items"]]
    assert actions == ["source.secret-ended", "source.secret-added", "source.secret-added", "source.created"]


async def test_a_secret_that_ends_sooner_is_not_given_longer(house: House, clock: Clock, boss: Any) -> None:
    made = await boss.post("/api/sources", NEW)
    soon = clock.now + timedelta(hours=1)
    await boss.post(f"/api/sources/{made['id']}/secrets", {"others_until": soon.isoformat()})
    await boss.post(f"/api/sources/{made['id']}/secrets", {})
    ends = [one["expires_at"] for one in (await boss.get(f"/api/sources/{made['id']}"))["secrets"]]
    assert ends == ["2026-03-02T10:00:00Z", "2026-03-09T09:00:00Z", None]


async def test_a_disabled_source_takes_nothing_and_can_be_enabled(house: House, boss: Any, client: Client) -> None:
    made = await boss.post("/api/sources", NEW)
    path = f"/api/sources/{made['id']}"
    await boss.delete(path)
    assert await knock(client, made["address"], made["credential"]) == 404
    row = await boss.get(path)
    assert row["disabled_at"] is not None
    assert row["health"]["findings"] == []
    await boss.post(f"{path}/test", status=409)
    await boss.ask("PATCH", path, json={"enabled": True})
    assert await knock(client, made["address"], made["credential"]) == 202
    await boss.post("/api/sources", NEW, status=409)


@pytest.mark.req("R98")
async def test_settings_are_changed_one_by_one_and_secret_ones_never_told(house: House, boss: Any) -> None:
    made = await boss.post("/api/sources", {**NEW, "settings": {"hold": "60s", "api_key": "an-upstream-key"}})
    path = f"/api/sources/{made['id']}"
    await boss.ask("PATCH", path, json={"settings": {"hold": None, "rate": 5}, "environment": "dev"})
    one = await boss.get(path)
    assert (one["settings"], one["secret_settings"], one["environment"]) == ({"rate": 5}, ["api_key"], "dev")
    (row,) = house.rows(tables.sources, tables.sources.c.slug == "etl-prod")
    assert "an-upstream-key" not in str(row)
    assert Vault("k" * 32).open(row["settings"]["api_key"]) == b"an-upstream-key"
    refused = await boss.ask("PATCH", path, json={"settings": {"rate": 0, "nonsense": 1}}, status=422)
    assert [error["place"] for error in refused["errors"]] == ["body.settings.rate", "body.settings.nonsense"]
    await boss.ask("PATCH", path, json={"settings": {"api_key": None}})
    assert (await boss.get(path))["secret_settings"] == []


@pytest.mark.usefixtures("signed")
async def test_what_cannot_be_used_is_named(house: House, boss: Any) -> None:
    for body, place in (
        ({**NEW, "kind": "nonsense"}, "body.kind"),
        ({**NEW, "scheme": "dbt"}, "body.scheme"),
        ({**NEW, "slug": "Not A Slug"}, "body.slug"),
        ({**NEW, "secret": "short"}, "body.secret"),
        ({**NEW, "settings": {"hold": "soon"}}, "body.settings.hold"),
        ({"slug": "sns", "kind": "aws_sns"}, "body.secret"),
        ({"slug": "sns", "kind": "aws_sns", "secret": "not-an-arn"}, "body.secret"),
        ({"slug": "grafana", "kind": "grafana", "scheme": "grafana", "options": {"header": "no good"}}, "body.options.header"),
        ({"slug": "grafana", "kind": "grafana", "scheme": "grafana", "options": {"colour": "red"}}, "body.options.colour"),
    ):
        assert [error["place"] for error in (await boss.post("/api/sources", body, status=422))["errors"]] == [place], body
    assert len(house.rows(tables.sources)) == 1


@pytest.mark.req("R36")
async def test_sources_are_for_admins_of_their_team(house: House, ana: Any, zoe: Any, boss: Any) -> None:
    made = await boss.post("/api/sources", NEW)
    path = f"/api/sources/{made['id']}"
    secret = (await boss.get(path))["secrets"][0]["id"]
    calls = [
        ("GET", path, {}), ("PATCH", path, {"json": {"enabled": False}}), ("DELETE", path, {}), ("POST", f"{path}/test", {}),
        ("POST", f"{path}/secrets", {"json": {}}), ("DELETE", f"{path}/secrets/{secret}", {}),
    ]  # fmt: skip
    for method, where, given in calls:
        await ana.ask(method, where, status=403, **given)
        await zoe.ask(method, where, status=404, **given)
    await ana.post("/api/sources", NEW, status=403)
    await zoe.post("/api/sources", {**NEW, "team": "acme"}, status=404)
    assert (await zoe.post("/api/sources", NEW))["team"] == "other"


async def test_what_tocsin_toml_owns_is_changed_there_until_it_lets_go(house: House, boss: Any) -> None:
    with house.database.writing() as transaction:
        sources.change(transaction, house.source_id, managed=True)
    path = f"/api/sources/{house.source_id}"
    assert (await boss.get(path))["managed"] is True
    for method, where, given in (
        ("PATCH", path, {"json": {"environment": "x"}}), ("DELETE", path, {}), ("POST", f"{path}/secrets", {"json": {}}),
    ):  # fmt: skip
        assert "tocsin.toml owns" in (await boss.ask(method, where, status=409, **given))["detail"]
    with house.database.writing() as transaction:
        sources.disable_unlisted(transaction, listed=[], now=house.clock())
    await boss.ask("PATCH", path, json={"enabled": True})
    one = await boss.get(path)
    assert (one["managed"], one["disabled_at"]) == (False, None)


@pytest.mark.req("R17", "R68")
async def test_a_test_is_mapped_and_told_to_nobody(house: House, boss: Any, ana: Any, client: Client, clock: Clock) -> None:
    made = await boss.post("/api/sources", NEW)
    body = {"drafts": [failure(run="r")]}
    assert await knock(client, made["address"], made["credential"], body, **{"Tocsin-Test": "1"}) == 202
    assert await knock(client, made["address"], made["credential"], body, **{"Tocsin-Test": "1"}) == 202, "a test may be sent again"
    house.process()
    (first, second) = house.rows(tables.processing)
    assert first["status"] == second["status"] == "ignored"
    assert first["reason"] == "a test, told to nobody. It would be firing job_failure error: nightly failed"
    assert (await ana.get("/api/notifications/v1"))["items"] == []
    for table in (tables.notifications, tables.runs, tables.deliveries, tables.documents, tables.follow_ups):
        assert house.rows(table) == []
    one = await boss.get(f"/api/events/{first['event_id']}")
    assert [draft["title"] for draft in one["test"]["drafts"]] == ["nightly failed"]
    health = (await boss.get(f"/api/sources/{made['id']}"))["health"]
    assert (health["last_event_at"], health["last_test_at"], health["today"]) == (None, "2026-03-02T09:00:00Z", 0)
    assert await knock(client, made["address"], "wrong", body, **{"Tocsin-Test": "1"}) == 401, "a test has to prove itself too"
    await boss.post(f"/api/events/{first['event_id']}/replay")
    house.process()
    assert house.rows(tables.notifications) == [], "nor when it is mapped again"


@pytest.mark.usefixtures("signed")
async def test_a_test_from_the_page_sends_the_example_of_its_kind(house: House, boss: Any, ana: Any) -> None:
    made = await boss.post("/api/sources", {"slug": "prefect", "kind": "prefect"})
    sent = await boss.post(f"/api/sources/{made['id']}/test")
    assert sent["warning"] is None
    again = await boss.post(f"/api/sources/{made['id']}/test")
    assert again["event_id"] != sent["event_id"]
    one = await boss.get(f"/api/events/{sent['event_id']}")
    assert ["Tocsin-Test", "sent from the page"] in one["headers"]
    assert one["test"]["drafts"][0]["category"] == "job_failure"
    assert (await boss.get("/api/audit"))["items"][0]["action"] == "source.tested"
    silent = await boss.post("/api/sources", {"slug": "dbt", "kind": "dbt_cloud"})
    assert "no valid secret" in (await boss.post(f"/api/sources/{silent['id']}/test"))["warning"]


async def test_a_source_says_what_to_look_at(house: House, boss: Any, clock: Clock) -> None:
    for number in range(12):
        house.say(failure(run=str(number)))
        clock.advance(minutes=10)
    house.say(unmapped="what is this")
    health = (await boss.get("/api/sources"))["items"][0]["health"]
    assert (health["today"], health["unmapped_today"], health["usual_pause"]) == (13, 1, 600)
    reasons = {look["reason"] for look in health["findings"]}
    assert "unmapped" in reasons
    assert "silent" not in reasons
    clock.advance(hours=2)
    with house.database.appending() as transaction:
        rejections.note(
            transaction, source_id=house.source_id, reason="credential-wrong", remote="10.0.0.1", headers=[], body_size=None,
            now=clock.now, keep=100,
        )  # fmt: skip
    findings = {look["reason"]: look for look in (await boss.get(f"/api/sources/{house.source_id}"))["health"]["findings"]}
    assert findings["silent"]["title"] == "Silent for 2 h"
    assert findings["refused"]["title"] == "Its latest requests were refused: wrong credential"
    assert "compare the secret" in findings["refused"]["advice"]


async def test_the_kinds_say_how_they_prove_themselves(boss: Any, ana: Any) -> None:
    (speaker,) = (await boss.get("/api/sources/kinds"))["items"]
    assert (speaker["kind"], speaker["title"], speaker["schemes"]) == ("speaker", "Speaker", ["bearer"])
    assert "api_key" in speaker["settings"]
    await ana.get("/api/sources/kinds", status=403)


async def test_limits_are_named_where_they_are_met(house: House, boss: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    def least(name: str, most: int) -> str:
        known: Limit = getattr(limits, name)
        monkeypatch.setattr(limits, name, Limit(known.what, most, known.of, known.advice))
        return f"{known.of.capitalize()} can have {most} {known.what}"

    said = least("SOURCES", 1)
    made = await boss.post("/api/sources", NEW)
    assert (await boss.post("/api/sources", {**NEW, "slug": "one-more"}, status=409))["detail"].startswith(said)
    said = least("SECRETS", 2)
    await boss.post(f"/api/sources/{made['id']}/secrets", {})
    assert (await boss.post(f"/api/sources/{made['id']}/secrets", {}, status=409))["detail"].startswith(said)
    said = least("TOKENS", 1)
    await boss.post("/api/tokens", {"name": "one more than from the house"}, status=409)
    said = least("SCHEDULED", 1)
    later = {"title": "later", "scheduled_time": "2026-03-03T09:00:00Z"}
    await boss.post("/api/notifications/", later)
    assert (await boss.post("/api/notifications/", later, status=409))["detail"].startswith(said)
    said = least("MUTED", 1)
    ids = [house.say(failure(run=name, event_data={"job": name})) for name in "ab"]
    assert ids
    first, second = [item["id"] for item in (await boss.get("/api/notifications/v1"))["items"]]
    await boss.post(f"/api/notifications/{first}/mute", {"for": "forever"})
    await boss.post(f"/api/notifications/{first}/mute", {"for": "8h"})
    assert (await boss.post(f"/api/notifications/{second}/mute", {"for": "forever"}, status=409))["detail"].startswith(said)


async def test_two_who_make_the_same_source_at_once_make_one(house: House, boss: Any) -> None:
    answers = await asyncio.gather(*(boss.client.post("/api/sources", json=NEW, headers=boss.headers) for _ in range(4)))
    assert sorted(answer.status for answer in answers) == [201, 409, 409, 409]
    with house.database.reading() as transaction:
        changes = audit.page(transaction, team_ids=[house.team_id], before=None, limit=10)
    assert [one["action"] for one in changes] == ["source.created"]


@pytest.mark.usefixtures("signed")
@pytest.mark.req("R21")
async def test_a_sender_can_be_moved_to_another_way_of_proving_itself(house: House, boss: Any, client: Client) -> None:
    made = await boss.post("/api/sources", {"slug": "kuma", "kind": "uptime_kuma", "scheme": "token"})
    moved = await boss.post(f"/api/sources/{made['id']}/secrets", {"scheme": "bearer"})
    assert await knock(client, made["address"]) == 202, "the old way still works"
    assert await knock(client, "/webhooks/acme/kuma", moved["credential"]) == 202
    secrets = (await boss.get(f"/api/sources/{made['id']}"))["secrets"]
    assert [(one["scheme"], one["expires_at"]) for one in secrets] == [("token", None), ("bearer", None)]
    refused = await boss.post(f"/api/sources/{made['id']}/secrets", {"scheme": "dbt", "secret": "long enough"}, status=422)
    assert refused["errors"][0]["place"] == "body.scheme"


@pytest.mark.req("R21")
async def test_every_process_knows_a_source_without_a_restart(
    house: House, boss: Any, client: Client, clock: Clock, tmp_path: Path, aiohttp_client: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.undo()  # each remembers as it does for real
    environment = Environment(public_url="https://tocsin.example", config=tmp_path / "none.toml")
    another: Client = await aiohttp_client(Web(environment, house.database, KINDS, Vault("k" * 32), clock).app)
    both = (client, another)
    path = "/webhooks/acme/etl-prod"
    assert [await knock(one, path, "x") for one in both] == [404, 404]
    made = await boss.post("/api/sources", NEW)

    async def until(one: Client, status: int) -> None:
        answered = []
        while status not in answered and len(answered) < 100:
            answered.append(await knock(one, path, made["credential"]))
            await asyncio.sleep(0.1)
        assert status in answered, answered

    for one in both:
        await until(one, 202)
    (secret,) = (await boss.get(f"/api/sources/{made['id']}"))["secrets"]
    await boss.delete(f"/api/sources/{made['id']}/secrets/{secret['id']}")
    for one in both:
        await until(one, 401)


async def test_what_tocsin_notices_itself_is_seen_and_has_nothing_to_set_up(house: House, boss: Any, clock: Clock) -> None:
    with house.database.writing() as transaction:
        own = sources.own(transaction, team_id=house.team_id, now=clock.now)
    one = await boss.get(f"/api/sources/{own}")
    assert (one["kind"], one["health"]["findings"], one["steps"], one["secrets"]) == ("tocsin", [], [], [])
    for method, path, given in (
        ("PATCH", "", {"json": {"enabled": False}}), ("DELETE", "", {}), ("POST", "/secrets", {"json": {}}), ("POST", "/test", {}),
    ):  # fmt: skip
        await boss.ask(method, f"/api/sources/{own}{path}", status=409, **given)
    refused = await boss.post("/api/sources", {"slug": "mine", "kind": "tocsin"}, status=422)
    assert refused["errors"][0]["place"] == "body.kind"
