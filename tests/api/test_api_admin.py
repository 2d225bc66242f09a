"""What admins see of their teams."""

import json
import re
from pathlib import Path
from typing import Any

import pytest

from gateway.api.refusals import REFUSALS
from gateway.storage import arrivals, deliveries, rejections, replay, tables
from gateway.storage.deliveries import Result
from mappers.contract.signature import Refusal
from tests.builders import LEASE, House, failure
from tests.conftest import Clock

OF_ADMINS = ["sources", "events", "rejections", "deliveries", "users", "audit", "checks", "troubles"]


@pytest.mark.req("R36")
async def test_what_is_for_admins_is_403_for_members_and_404_for_others(house: House, ana: Any, zoe: Any) -> None:
    event_id = house.say(failure(run="r"))
    for name in OF_ADMINS:
        await ana.get(f"/api/{name}", status=403)
        await zoe.get(f"/api/{name}?team=acme", status=404)
        assert name == "users" or (await zoe.get(f"/api/{name}"))["items"] == []
    for method, path in (("GET", f"/api/events/{event_id}"), ("POST", f"/api/events/{event_id}/replay")):
        await ana.ask(method, path, status=403)
        await zoe.ask(method, path, status=404)


async def test_an_admin_of_one_team_and_member_of_another_sees_the_one(house: House, boss: Any) -> None:
    other = house.team("other")
    house.user("boss", team_id=other)
    theirs = house.source("theirs", team_id=other)
    house.say(failure(run="r"), source_id=theirs)
    assert [row["team"] for row in (await boss.get("/api/sources"))["items"]] == ["acme"]
    assert (await boss.get("/api/events"))["items"] == []
    await boss.get("/api/events?team=other", status=403)


async def test_sources_show_their_last_event_and_no_credentials(house: House, boss: Any) -> None:
    house.say(failure(run="r"))
    (row,) = (await boss.get("/api/sources"))["items"]
    assert (row["slug"], row["kind"], row["last_event_at"], row["last_rejection_at"]) == ("etl", "speaker", "2026-03-02T09:00:00Z", None)
    assert "auth" not in row


@pytest.mark.req("R22")
async def test_events_are_filtered_and_counted_by_the_same_words(house: House, clock: Clock, boss: Any) -> None:
    other = house.source("other")
    early = house.say(unmapped="what is this")
    since = clock.advance(hours=1).isoformat()
    late, theirs = house.say(failure(run="r")), house.say(failure(run="s"), source_id=other, key="k")
    twin = house.send(failure(run="t"), source_id=other, key="k")
    for query, ids in {
        "": [twin, theirs, late, early],
        "?status=unmapped": [early],
        "?status=waiting": [twin],
        "?source=other": [twin, theirs],
        "?source=nothing": [],
        "?team=acme&status=mapped": [theirs, late],
        "?conflicting=true": [twin],
    }.items():
        assert [row["id"] for row in (await boss.get(f"/api/events{query}"))["items"]] == ids, query
        assert (await boss.get(f"/api/events/counts{query}"))["total"] == len(ids), query
    for query, ids in (({"since": since}, [twin, theirs, late]), ({"until": since}, [early]), ({"processed_since": since}, [theirs, late])):
        assert [row["id"] for row in (await boss.get("/api/events", params=query))["items"]] == ids
    assert await boss.get("/api/events/counts?source=other") == {
        "total": 2,
        "by_status": {"waiting": 1, "mapped": 1, "ignored": 0, "unmapped": 0, "quarantined": 0},
        "replaying": 0,
    }
    first = await boss.get("/api/events?limit=3")
    assert [row["id"] for row in (await boss.get(f"/api/events?limit=3&cursor={first['next']}"))["items"]] == [early]


REFUSED_FILTERS = {
    "status=nonsense": "query.status",
    "since=yesterday": "query.since",
    "since=2026-03-02T09:00:00": "query.since",
    "until=0001-01-01T00:00:00%2B14:00": "query.until",
    "since=2026-03-02T09:00:00Z&until=2026-03-02T09:00:00Z": "query",
    "source=a%00b": "query.source",
    "ids=1": "query.ids",
}


async def test_a_filter_that_cannot_be_used_is_422_and_names_the_place(boss: Any) -> None:
    for query, place in REFUSED_FILTERS.items():
        for path in ("/api/events", "/api/events/counts"):
            assert [error["place"] for error in (await boss.get(f"{path}?{query}", status=422))["errors"]] == [place], query


@pytest.mark.req("R22")
async def test_all_that_match_are_replayed_step_by_step(house: House, boss: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(replay, "AT_ONCE", 2)
    odd = [house.say(unmapped="what is this") for _ in range(3)]
    good = house.say(failure(run="r"))
    wanted = {"status": "unmapped", "team": "acme", "source": "etl"}
    first = await boss.post("/api/events/replay", wanted)
    assert first == {"queued": 2, "waiting": 2, "next": f"{odd[1]}.{good}"}
    assert await boss.post("/api/events/replay", {**wanted, "cursor": first["next"]}) == {"queued": 0, "waiting": 2, "next": first["next"]}
    assert (await boss.get("/api/events/counts?status=waiting"))["replaying"] == 2
    house.process()
    assert await boss.post("/api/events/replay", {**wanted, "cursor": first["next"]}) == {"queued": 1, "waiting": 1, "next": None}
    assert house.rows(tables.processing, tables.processing.c.event_id == good)[0]["status"] == "mapped"
    house.process()
    assert (await boss.post("/api/events/replay", {"ids": [good, odd[0], 999]}))["queued"] == 2


@pytest.mark.req("R22")
async def test_a_replay_that_names_nothing_or_nonsense_is_422(house: House, boss: Any) -> None:
    event_id = house.say(unmapped="what is this")
    for body in ({}, {"team": "acme"}, {"ids": []}, {"conflicting": False}):
        (error,) = (await boss.post("/api/events/replay", body, status=422))["errors"]
        assert error["place"] == "body"
        assert all(name in error["message"] for name in ("status", "source", "since", "until", "ids"))
    for body, place in (
        ({"status": "waiting"}, "body.status"),
        ({"ids": [0]}, "body.ids.0"),
        ({"ids": list(range(1, 1002))}, "body.ids"),
        ({"status": "unmapped", "limit": 5}, "body.limit"),
        ({"status": "unmapped", "cursor": "1"}, "body.cursor"),
        ({"status": "unmapped", "cursor": "1.-2"}, "body.cursor"),
        ({"status": "unmapped", "cursor": f"1.{'9' * 30}"}, "body.cursor"),
    ):
        assert [error["place"] for error in (await boss.post("/api/events/replay", body, status=422))["errors"]] == [place], body
    assert (await boss.get(f"/api/events/{event_id}"))["status"] == "unmapped"


@pytest.mark.req("R22", "R36")
async def test_a_replay_touches_the_teams_of_the_admin_alone(house: House, ana: Any, zoe: Any) -> None:
    event_id = house.say(unmapped="what is this")
    await ana.post("/api/events/replay", {"status": "unmapped"}, status=403)
    await zoe.post("/api/events/replay", {"status": "unmapped", "team": "acme"}, status=404)
    assert await zoe.post("/api/events/replay", {"ids": [event_id]}) == {"queued": 0, "waiting": 0, "next": None}
    assert (await zoe.get("/api/events/counts"))["total"] == 0
    await ana.get("/api/events/counts", status=403)


@pytest.mark.req("R17", "R22")
async def test_events_are_listed_filtered_shown_and_replayed(house: House, boss: Any) -> None:
    good, bad = house.say(failure(run="r")), house.say(unmapped="what is this")
    listed = (await boss.get("/api/events"))["items"]
    assert [(row["id"], row["status"], row["reason"]) for row in listed] == [(bad, "unmapped", "what is this"), (good, "mapped", None)]
    assert [row["id"] for row in (await boss.get("/api/events?status=unmapped"))["items"]] == [bad]
    whole = await boss.get(f"/api/events/{bad}")
    assert (whole["source"], whole["redacted"], whole["size"]) == ("etl", False, len(whole["body"]))
    assert await boss.post(f"/api/events/{bad}/replay") == {"done": True}
    assert (await boss.get(f"/api/events/{bad}"))["status"] == "waiting"
    house.claim()
    await boss.post(f"/api/events/{bad}/replay", status=404)
    await boss.get("/api/events/999", status=404)
    await boss.get("/api/events?status=nonsense", status=422)


async def test_a_body_that_is_no_text_is_shown_as_far_as_it_is_and_a_long_one_is_cut(house: House, boss: Any) -> None:
    with house.database.appending() as transaction:
        given = [house.arrival({}), house.arrival({})]
        raw = [b"down\xff, all of it", "ä".encode() * 40_000]
        object.__setattr__(given[0], "body", raw[0])
        object.__setattr__(given[1], "body", b"x" + raw[1])
        first, second = arrivals.append(transaction, given)
    binary = await boss.get(f"/api/events/{first.event_id}")
    assert (binary["body"], binary["size"]) == ("down\ufffd, all of it", 16)
    long = await boss.get(f"/api/events/{second.event_id}")
    assert long["size"] == 80_001
    assert long["body"].startswith("xää")
    assert len(long["body"].encode()) <= 65536


SECRET_BODY = {
    "job": "nightly",
    "error": 'cannot connect to postgres://etl:hunter2pass@db.test/x with {"api_key": "4f9a"}',
    "password": "hunter2pass",
    "more": {"password": 12345678},
    "nested": json.dumps({"tokens": ["abc123xyz", "def456uvw"]}),
    "attempts": 3,
}


@pytest.mark.req("R86")
async def test_an_event_is_shown_without_the_secrets_in_it(house: House, boss: Any) -> None:
    with house.database.appending() as transaction:
        given = house.arrival({})
        for name, value in (
            ("body", json.dumps(SECRET_BODY).encode()),
            ("query", "job=nightly&api_key=hunter2pass"),
            ("headers", (("User-Agent", "curl/8"), ("X-Api-Key", "hunter2pass"), ("Content-Type", "application/json"))),
        ):
            object.__setattr__(given, name, value)
        (made,) = arrivals.append(transaction, [given])
    whole = await boss.get(f"/api/events/{made.event_id}")
    shown = json.dumps(whole)
    for secret in ("hunter2pass", "4f9a", "12345678", "abc123xyz", "def456uvw"):
        assert secret not in shown, secret
    body = json.loads(whole["body"])
    assert (body["job"], body["attempts"], list(body)) == ("nightly", 3, list(SECRET_BODY))
    assert json.loads(body["nested"])["tokens"] == ["[redacted: named secret]"] * 2
    assert whole["query"].startswith("job=nightly&api_key=[redacted")
    assert ["User-Agent", "curl/8"] in whole["headers"]
    assert (whole["redacted"], whole["size"]) == (True, len(json.dumps(SECRET_BODY)))


@pytest.mark.req("R3")
async def test_rejections_are_shown_with_their_reason(house: House, clock: Clock, boss: Any) -> None:
    with house.database.appending() as transaction:
        for number in range(3):
            rejections.note(
                transaction, source_id=house.source_id, reason=f"r{number}", remote="192.0.2.1", headers=[], body_size=None, now=clock.now,
                keep=2,
            )  # fmt: skip
    first = await boss.get("/api/rejections?limit=1")
    assert [row["reason"] for row in first["items"]] == ["r2"]
    second = await boss.get(f"/api/rejections?limit=1&cursor={first['next']}")
    assert ([row["reason"] for row in second["items"]], second["next"]) == (["r1"], None)
    await boss.get("/api/rejections?cursor=x", status=422)
    assert (await boss.get("/api/rejections?source=nothing"))["items"] == []
    assert len((await boss.get("/api/rejections?source=etl"))["items"]) == 2


@pytest.mark.req("R3")
async def test_every_reason_of_a_refusal_is_explained_and_the_documentation_says_the_same(house: House, clock: Clock, boss: Any) -> None:
    at_the_door = {"body-too-large", "body-too-slow", "body-unreadable", "method", "too-many-bodies"}
    at_the_door |= {"rate-limited-address", "rate-limited-source"}
    assert set(REFUSALS) == {refusal.value for refusal in Refusal} | at_the_door
    page = (Path(__file__).parent.parent.parent / "docs" / "operate.md").read_text(encoding="utf-8")
    told = dict(re.findall(r"^\| `([a-z-]+)` \| (.+) \|$", page, re.MULTILINE))
    assert {reason: told.get(reason) for reason in REFUSALS} == {reason: f"{one.title} | {one.advice}" for reason, one in REFUSALS.items()}
    with house.database.appending() as transaction:
        for reason in ("credential-wrong", "of-another-version"):
            rejections.note(
                transaction, source_id=house.source_id, reason=reason, remote="192.0.2.1", headers=[], body_size=None, now=clock.now, keep=9
            )
    unknown, wrong = (await boss.get("/api/rejections"))["items"]
    assert (wrong["title"], wrong["advice"]) == REFUSALS["credential-wrong"]
    assert (unknown["title"], unknown["advice"]) == ("of-another-version", "")


async def test_deliveries_show_whom_and_what_the_server_said_but_no_mail(house: House, ana: Any, boss: Any) -> None:
    house.say(failure(run="r"))
    house.deliver()
    rows = (await boss.get("/api/deliveries"))["items"]
    assert sorted((row["email"], row["status"], row["last_answer"]) for row in rows) == [
        ("ana@acme.test", "sent", "250 OK"),
        ("boss@acme.test", "sent", "250 OK"),
    ]
    assert not any("mail" in row for row in rows)


@pytest.mark.req("R83")
async def test_one_delivery_has_each_attempt_and_is_for_admins_of_its_team(house: House, ana: Any, boss: Any) -> None:
    house.say(failure(run="r"))
    with house.database.writing() as transaction:
        (first, *_) = deliveries.claim(transaction, now=house.clock(), lease="l", lease_for=LEASE, limit=9)
        deliveries.record(transaction, [Result(first.id, "l", "retry", "451 greylisted", house.clock(), house.clock())])
    house.deliver()
    found = await boss.get(f"/api/deliveries/{first.id}")
    assert [(one["number"], one["outcome"], one["answer"]) for one in found["account"]] == [
        (2, "sent", "250 OK"),
        (1, "retry", "451 greylisted"),
    ]
    assert (found["status"], found["attempts"], found["team"]) == ("sent", 2, "acme")
    assert "mail" not in found
    await ana.get(f"/api/deliveries/{first.id}", status=403)
    await boss.get("/api/deliveries/999999", status=404)
    await boss.get("/api/deliveries/x", status=404)


@pytest.mark.req("R81")
async def test_an_admin_lets_mail_go_to_a_refused_address_again(house: House, ana: Any, boss: Any) -> None:
    ana_id = next(row["id"] for row in house.rows(tables.users) if row["email"] == "ana@acme.test")
    house.set_user(ana_id, refused_at=house.clock(), refused_why="550 5.1.1 no such user")
    await ana.delete(f"/api/users/{ana_id}/mail-refusal", status=403)
    await boss.delete(f"/api/users/{ana_id}/mail-refusal")
    assert next(row["refused_at"] for row in house.rows(tables.users) if row["id"] == ana_id) is None
    await boss.delete(f"/api/users/{ana_id}/mail-refusal", status=404)
    assert (await boss.get("/api/audit"))["items"][0]["action"] == "mail.cleared"
