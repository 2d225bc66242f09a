"""What people choose to hear and when, as it is put, got again, and felt by the mail that waits."""

import asyncio
from datetime import datetime, time, timedelta
from typing import Any

import pytest
from sqlalchemy import delete, insert

from gateway.domain.rhythm import Digest, Rhythm
from gateway.storage import tables
from tests.builders import House, failure, recovery
from tests.conftest import NOW, Clock

PREFERENCES = "/api/notifications/preferences"
PLAIN = {"in_app": True, "email": True, "min_level": None, "in_app_min_level": None, "email_min_level": None, "scope": "all"}


@pytest.mark.req("R50", "R51", "R52")
async def test_nothing_stored_means_the_defaults(ana: Any) -> None:
    mine = await ana.get(PREFERENCES)
    assert (mine["enabled"], mine["timezone"]) == (True, "UTC")
    assert mine["in_app"] == {"enabled": True, "min_level": "info"}
    assert mine["email"] == {"enabled": True, "min_level": "warning", "digest": "immediate"}
    assert {name: mine[name] for name in ("quiet_hours", "do_not_disturb_until", "retention_days")} == {
        "quiet_hours": None, "do_not_disturb_until": None, "retention_days": None,
    }  # fmt: skip
    assert (mine["urgent_breaks_through"], mine["desktop"]) == (True, False)
    assert len(mine["categories"]) == 6
    assert all(choice == PLAIN for choice in mine["categories"].values())


@pytest.mark.req("R51", "R52")
async def test_a_put_is_partial_and_answers_with_what_is_in_force(ana: Any) -> None:
    changed = await ana.put(PREFERENCES, {"email": {"min_level": "error"}, "categories": {"late_run": {"email": False}}})
    assert changed["email"] == {"enabled": True, "min_level": "error", "digest": "immediate"}
    assert changed["categories"]["late_run"] == {**PLAIN, "email": False}
    assert changed["categories"]["incident"] == PLAIN
    changed = await ana.put(
        PREFERENCES, {"categories": {"late_run": {"in_app_min_level": "warning", "scope": "owned"}}, "timezone": "Europe/Berlin"}
    )
    assert changed["categories"]["late_run"] == {**PLAIN, "email": False, "in_app_min_level": "warning", "scope": "owned"}
    assert (changed["timezone"], changed["email"]["min_level"]) == ("Europe/Berlin", "error")
    changed = await ana.put(PREFERENCES, {"categories": {"late_run": {"min_level": "danger"}}})
    assert {changed["categories"]["late_run"][name] for name in ("min_level", "in_app_min_level", "email_min_level")} == {"error"}
    changed = await ana.put(PREFERENCES, {"categories": {"late_run": {"min_level": None}}})
    assert changed["categories"]["late_run"] == {**PLAIN, "email": False, "scope": "owned"}
    assert await ana.get(PREFERENCES) == changed


@pytest.mark.req("R51")
async def test_what_get_says_can_be_put_back_as_it_is(ana: Any) -> None:
    choice = {"in_app_min_level": "warning", "email_min_level": "error", "email": False}
    before = await ana.put(PREFERENCES, {"categories": {"system": choice, "late_run": {"min_level": "error"}}, "enabled": False})
    assert await ana.put(PREFERENCES, before) == before


@pytest.mark.req("R51")
async def test_the_flat_names_mean_both_channels(ana: Any) -> None:
    changed = await ana.put(PREFERENCES, {"email_notifications_enabled": False, "job_failure_notifications": False})
    assert changed["email"]["enabled"] is False
    assert changed["categories"]["job_failure"] == {**PLAIN, "in_app": False, "email": False}
    changed = await ana.put(PREFERENCES, {f"{name}_notifications": True for name in changed["categories"]})
    assert all(choice == PLAIN for choice in changed["categories"].values())


@pytest.mark.req("R51", "R53")
async def test_what_is_put_decides_what_comes(house: House, ana: Any) -> None:
    await ana.put(PREFERENCES, {"job_failure_notifications": False})
    house.say(failure(run="r1", event_data={"job": 1}))
    await ana.put(PREFERENCES, {"job_failure_notifications": True, "enabled": False})
    house.say(failure(run="r1", event_data={"job": 2}))
    assert (await ana.get("/api/notifications/v1"))["items"] == []
    await ana.put(PREFERENCES, {"enabled": True})
    house.say(failure(run="r1", event_data={"job": 3}))
    assert len((await ana.get("/api/notifications/v1"))["items"]) == 1


@pytest.mark.req("R51")
async def test_preferences_of_categories_are_of_the_team_named_or_of_all_of_mine(house: House, ana: Any, ben: Any) -> None:
    house.user("ana", team_id=house.team("other"))
    await ana.put(f"{PREFERENCES}?team=other", {"system_notifications": False})
    assert (await ana.get(f"{PREFERENCES}?team=acme"))["categories"]["system"]["email"] is True
    assert (await ana.get(f"{PREFERENCES}?team=other"))["categories"]["system"]["email"] is False
    await ana.put(PREFERENCES, {"incident_notifications": False})
    for team in ("acme", "other"):
        assert (await ana.get(f"{PREFERENCES}?team={team}"))["categories"]["incident"]["email"] is False
    assert (await ben.get(PREFERENCES))["categories"]["incident"]["email"] is True


REFUSED_PREFERENCES: list[tuple[dict[str, Any], str]] = [
    ({"timezone": "Mars/Olympus"}, "body.timezone"),
    ({"timezone": "../etc/passwd"}, "body.timezone"),
    ({"timezone": ""}, "body.timezone"),
    ({"timezone": None}, "body.timezone"),
    ({"enabled": None}, "body.enabled"),
    ({"email": None}, "body.email"),
    ({"email": {"min_level": "loud"}}, "body.email.min_level"),
    ({"email": {"min_level": None}}, "body.email.min_level"),
    ({"email": {"digest": "weekly"}}, "body.email.digest"),
    ({"in_app": {"digest": "daily"}}, "body.in_app.digest"),
    ({"email": {"color": 1}}, "body.email.color"),
    ({"quiet_hours": {"from": "22:00"}}, "body.quiet_hours.until"),
    ({"quiet_hours": {"from": "22:00", "until": "22:00"}}, "body.quiet_hours"),
    ({"quiet_hours": {"from": "24:00", "until": "07:00"}}, "body.quiet_hours.from"),
    ({"quiet_hours": {"from": "22:00:30", "until": "07:00"}}, "body.quiet_hours.from"),
    ({"quiet_hours": {"from": "22:00", "until": "07:00\n"}}, "body.quiet_hours.until"),
    ({"quiet_hours": {"from": "22:00", "until": 7}}, "body.quiet_hours.until"),
    ({"quiet_hours": {"from": "22:00", "until": "07:00", "zone": "UTC"}}, "body.quiet_hours.zone"),
    ({"quiet_hours": "22:00-07:00"}, "body.quiet_hours"),
    ({"urgent_breaks_through": None}, "body.urgent_breaks_through"),
    ({"do_not_disturb_until": "tomorrow"}, "body.do_not_disturb_until"),
    ({"do_not_disturb_until": 1774000000}, "body.do_not_disturb_until"),
    ({"do_not_disturb_until": "2027"}, "body.do_not_disturb_until"),
    ({"do_not_disturb_until": "9999-12-31T23:59:59-12:00"}, "body.do_not_disturb_until"),
    ({"do_not_disturb_until": "0001-01-01T00:00:00+12:00"}, "body.do_not_disturb_until"),
    ({"retention_days": 0}, "body.retention_days"),
    ({"retention_days": 3651}, "body.retention_days"),
    ({"desktop": None}, "body.desktop"),
    ({"categories": {"nonsense": {}}}, "body.categories.nonsense.[key]"),
    ({"categories": {"system": {"scope": "some"}}}, "body.categories.system.scope"),
    ({"categories": {"system": {"email": None}}}, "body.categories.system.email"),
    ({"nonsense_notifications": True}, "body.nonsense_notifications"),
]


async def test_refused_preferences_are_422_and_name_the_place(ana: Any) -> None:
    before = await ana.get(PREFERENCES)
    for body, place in REFUSED_PREFERENCES:
        refused = (await ana.put(PREFERENCES, {"desktop": True, **body}, status=422))["errors"]
        assert [error["place"] for error in refused] == [place]
    assert await ana.get(PREFERENCES) == before


# ---- when mail may leave --------------------------------------------------------------------------------------


WHOLE: dict[str, Any] = {
    "enabled": True,
    "in_app": {"enabled": True, "min_level": "warning"},
    "email": {"enabled": True, "min_level": "error", "digest": "daily"},
    "quiet_hours": {"from": "22:00", "until": "07:00"},
    "urgent_breaks_through": False,
    "timezone": "Europe/Berlin",
    "do_not_disturb_until": "2026-03-02T12:00:00Z",
    "retention_days": 30,
    "desktop": True,
    "shortcuts": False,
}


@pytest.mark.req("R51", "R55", "R56", "R57")
async def test_everything_that_is_put_is_got_again_and_put_back_as_it_is(house: House, clock: Clock, ana: Any) -> None:
    changed = await ana.put(PREFERENCES, WHOLE)
    assert {name: changed[name] for name in WHOLE} == WHOLE
    assert list(changed) == [*WHOLE, "categories"], "the order in which the design names them"
    stored = house.rows(tables.users)
    assert await ana.put(PREFERENCES, changed) == changed
    clock.advance(hours=3)
    over = {**changed, "do_not_disturb_until": None}
    assert await ana.put(PREFERENCES, changed) == over, "a time that is past by now means: not any longer"
    assert [{**row, "do_not_disturb_until": None} for row in stored] == house.rows(tables.users)
    assert house.rows(tables.subscriptions) == [], "what was only sent back is no choice"
    none = {"quiet_hours": None, "retention_days": None, "do_not_disturb_until": None}
    assert {name: (await ana.put(PREFERENCES, none))[name] for name in none} == none


@pytest.mark.req("R51", "R56")
async def test_quiet_hours_and_digest_follow_the_zone(house: House, ana: Any) -> None:
    def rhythm() -> str | None:
        (row,) = house.rows(tables.users)
        return row["rhythm"]  # type: ignore[no-any-return]

    await ana.put(PREFERENCES, {"timezone": "Asia/Kolkata"})
    assert rhythm() is None, "mail may leave at any time in every zone"
    await ana.put(PREFERENCES, {"quiet_hours": {"from": "22:00", "until": "07:00"}})
    assert rhythm() == Rhythm("Asia/Kolkata", time(22), time(7)).key
    await ana.put(PREFERENCES, {"timezone": "America/St_Johns", "email": {"digest": "hourly"}})
    assert rhythm() == Rhythm("America/St_Johns", time(22), time(7), Digest.HOURLY).key
    await ana.put(PREFERENCES, {"quiet_hours": None})
    await ana.put(PREFERENCES, {"enabled": False, "email": {"min_level": "error"}})
    assert rhythm() == Rhythm("America/St_Johns", digest=Digest.HOURLY).key
    await ana.put(PREFERENCES, {"email": {"digest": "immediate"}})
    assert rhythm() is None
    assert (await ana.get(PREFERENCES))["timezone"] == "America/St_Johns"


async def test_a_choice_sent_back_whole_changes_what_differs_and_no_other_team(house: House, ana: Any) -> None:
    house.user("ana", team_id=house.team("other"))
    await ana.put(f"{PREFERENCES}?team=other", {"categories": {"system": {"scope": "owned"}}, "late_run_notifications": False})
    mine = await ana.get(f"{PREFERENCES}?team=acme")
    mine["categories"]["system"]["min_level"] = "error"
    await ana.put(PREFERENCES, mine)
    error = dict.fromkeys(("min_level", "in_app_min_level", "email_min_level"), "error")
    assert (await ana.get(f"{PREFERENCES}?team=acme"))["categories"]["system"] == {**PLAIN, **error}
    other = (await ana.get(f"{PREFERENCES}?team=other"))["categories"]
    assert other["system"] == {**PLAIN, **error, "scope": "owned"}
    assert other["late_run"] == {**PLAIN, "in_app": False, "email": False}


@pytest.mark.req("R55")
async def test_do_not_disturb_is_of_the_team_named_or_of_every_team_and_can_be_cancelled(house: House, clock: Clock, ana: Any) -> None:
    house.user("ana", team_id=house.team("other"))
    await ana.put(f"{PREFERENCES}?team=other", {"do_not_disturb_until": "2026-03-02T11:00:00+01:00"})
    await ana.put(PREFERENCES, {"do_not_disturb_until": "2026-03-02T15:00:00"})

    async def until(query: str) -> str | None:
        return (await ana.get(f"{PREFERENCES}{query}"))["do_not_disturb_until"]  # type: ignore[no-any-return]

    assert [await until(query) for query in ("", "?team=acme", "?team=other")] == ["2026-03-02T15:00:00Z", None, "2026-03-02T10:00:00Z"]
    clock.advance(hours=1)
    assert await until("?team=other") is None, "it ends by itself"
    assert (await ana.put(PREFERENCES, {"do_not_disturb_until": None}))["do_not_disturb_until"] is None
    assert await until("") is None
    await ana.put(f"{PREFERENCES}?team=nobodys", {"do_not_disturb_until": "2026-03-02T15:00:00"}, status=404)
    assert [row["do_not_disturb_until"] for row in house.rows(tables.users)] == [None]


def waiting(house: House, user_id: int, kind: str, due_at: datetime, *, team_id: int | None = None, **columns: Any) -> int:
    """A mail that waits for this person, about the only thread of the team; gives its id."""
    team_id = team_id or house.team_id
    thread = next(row for row in house.rows(tables.notifications) if row["team_id"] == team_id)
    row = {
        "user_id": user_id, "team_id": team_id, "conversation_id": thread["conversation_id"], "channel": "email", "kind": kind,
        "news": f"{kind}-{due_at}-{columns}", "status": "waiting", "due_at": due_at, "created_at": house.clock(), **columns,
    }  # fmt: skip
    with house.database.writing() as transaction:
        number: int = transaction.execute(insert(tables.deliveries).values(**row).returning(tables.deliveries.c.id)).scalar_one()
        item = {"delivery_id": number, "notification_id": thread["id"], "episode": 1, "reason": "first"}
        transaction.execute(insert(tables.delivery_items).values(**item))
    return number


def due(house: House, number: int) -> datetime:
    (row,) = house.rows(tables.deliveries, tables.deliveries.c.id == number)
    return row["due_at"]  # type: ignore[no-any-return]


@pytest.fixture
def ana_id(house: House, ana: Any) -> int:
    """Ana hears of a late run that is not urgent; no mail about it waits."""
    house.say(failure(run="r", category="late_run", level="warning"))
    with house.database.writing() as transaction:
        transaction.execute(delete(tables.deliveries))
    (row,) = house.rows(tables.users)
    return row["id"]  # type: ignore[no-any-return]


@pytest.mark.req("R55", "R57")
async def test_an_open_digest_gets_its_time_anew_whenever_that_moves(house: House, clock: Clock, ana: Any, ana_id: int) -> None:
    await ana.put(PREFERENCES, {"email": {"digest": "daily"}})
    digest = waiting(house, ana_id, "digest", NOW + timedelta(hours=23))

    async def after(**change: Any) -> datetime:
        await ana.put(PREFERENCES, change)
        return due(house, digest)

    assert await after(email={"digest": "hourly"}) == NOW + timedelta(hours=1)
    assert await after(do_not_disturb_until="2026-03-02T12:00:00Z") == NOW + timedelta(hours=3)
    assert await after(email={"digest": "daily"}) == NOW + timedelta(hours=23)
    assert await after(timezone="Europe/Berlin") == NOW + timedelta(hours=22)
    assert await after(quiet_hours={"from": "07:30", "until": "09:15"}) == NOW + timedelta(hours=23, minutes=15)
    assert await after(email={"digest": "immediate"}) == NOW + timedelta(hours=3)
    assert await after(do_not_disturb_until="2026-03-03T07:00:00Z") == NOW + timedelta(hours=23, minutes=15), "its end is in quiet hours"
    await ana.put(f"{PREFERENCES}?team=acme", {"do_not_disturb_until": "2026-03-04T12:00:00Z"})
    assert due(house, digest) == NOW + timedelta(days=2, hours=3)
    assert await after(do_not_disturb_until=None) == NOW + timedelta(days=2, hours=3)
    await ana.put(f"{PREFERENCES}?team=acme", {"do_not_disturb_until": None})
    assert due(house, digest) == NOW
    assert house.deliver() == [ana_id]


@pytest.mark.req("R55")
async def test_sending_back_what_is_in_force_moves_no_mail(house: House, clock: Clock, ana: Any, ana_id: int) -> None:
    await ana.put(PREFERENCES, {"email": {"digest": "hourly"}})
    digest = waiting(house, ana_id, "digest", NOW + timedelta(hours=1))
    clock.advance(hours=1, seconds=2)
    await ana.put(PREFERENCES, await ana.get(PREFERENCES))
    assert due(house, digest) == NOW + timedelta(hours=1)
    await ana.put(PREFERENCES, {"urgent_breaks_through": False})
    assert due(house, digest) == NOW + timedelta(hours=1), "it has collected for as long as it should"


@pytest.mark.req("R55")
async def test_do_not_disturb_holds_what_waits_already_and_gives_it_back(house: House, clock: Clock, ana: Any, ana_id: int) -> None:
    other = House(house.database, clock, slug="other")
    house.user("ana", team_id=other.team_id)
    other.say(failure(run="r"))
    ben = house.user("ben")
    numbers = {
        "mail": waiting(house, ana_id, "failing", NOW),
        "reminder": waiting(house, ana_id, "reminder", NOW),
        "recovery": waiting(house, ana_id, "resolved", NOW),
        "of the other team": waiting(house, ana_id, "failing", NOW, team_id=other.team_id),
        "tried": waiting(house, ana_id, "failing", NOW + timedelta(minutes=5), attempts=1),
        "in hand": waiting(house, ana_id, "failing", NOW + timedelta(minutes=1), attempts=1, lease="l"),
        "sent": waiting(house, ana_id, "failing", NOW, attempts=1, status="sent"),
        "ben's": waiting(house, ben, "failing", NOW),
    }

    def moved() -> dict[str, int]:
        return {name: (due(house, number) - NOW) // timedelta(minutes=1) for name, number in numbers.items()}

    untouched = {"tried": 5, "in hand": 1, "sent": 0, "ben's": 0}
    await ana.put(f"{PREFERENCES}?team=acme", {"do_not_disturb_until": "2026-03-02T10:00:00Z"})
    assert moved() == {"mail": 60, "reminder": 60, "recovery": 60, "of the other team": 0, **untouched}
    await ana.put(PREFERENCES, {"do_not_disturb_until": "2026-03-02T09:30:00Z"})
    assert moved() == {"mail": 60, "reminder": 60, "recovery": 60, "of the other team": 30, **untouched}
    await ana.put(f"{PREFERENCES}?team=acme", {"do_not_disturb_until": None})
    assert set(moved().values()) == {30, 5, 1, 0}
    await ana.put(PREFERENCES, {"do_not_disturb_until": None})
    assert moved() == {"mail": 0, "reminder": 0, "recovery": 0, "of the other team": 0, **untouched}
    assert sorted(house.deliver()) == [ana_id] * 5 + [ben], "five, with the one that her other team's failure made"


@pytest.mark.req("R55", "R56")
async def test_what_is_urgent_leaves_when_do_not_disturb_ends_though_it_is_quiet_then(
    house: House, clock: Clock, ana: Any, ana_id: int
) -> None:
    other = House(house.database, clock, slug="other")
    house.user("ana", team_id=other.team_id)
    other.say(failure(run="r"))
    calm, urgent = waiting(house, ana_id, "failing", NOW), waiting(house, ana_id, "failing", NOW, team_id=other.team_id)
    held = {"quiet_hours": {"from": "10:00", "until": "14:00"}, "do_not_disturb_until": "2026-03-02T12:00:00Z"}
    await ana.put(PREFERENCES, held)
    assert [due(house, number) for number in (calm, urgent)] == [NOW + timedelta(hours=5), NOW + timedelta(hours=3)]
    await ana.put(PREFERENCES, {"urgent_breaks_through": False})
    assert [due(house, number) for number in (calm, urgent)] == [NOW + timedelta(hours=5)] * 2


@pytest.mark.req("R55", "R56", "R57")
async def test_a_digest_that_holds_what_is_urgent_leaves_as_that_does(house: House, clock: Clock, ana: Any) -> None:
    house.say(failure(run="r", when=3600))
    house.deliver()
    digest = waiting(house, house.rows(tables.users)[0]["id"], "digest", NOW + timedelta(hours=8))
    held = {"quiet_hours": {"from": "10:00", "until": "14:00"}, "email": {"digest": "daily"}}
    await ana.put(PREFERENCES, {**held, "do_not_disturb_until": "2026-03-02T12:00:00Z"})
    assert due(house, digest) == NOW + timedelta(hours=3)
    await ana.put(PREFERENCES, {"urgent_breaks_through": False})
    assert due(house, digest) == NOW + timedelta(hours=23)
    await ana.put(PREFERENCES, {"urgent_breaks_through": True, "email": {"digest": "hourly"}})
    assert due(house, digest) == NOW + timedelta(hours=3)
    house.say(recovery(run="s", when=3700))
    await ana.put(PREFERENCES, {"email": {"digest": "daily"}})
    assert due(house, digest) == NOW + timedelta(hours=23), "what it tells the end of can wait"


@pytest.mark.req("R55")
async def test_what_comes_while_i_am_not_to_be_disturbed_is_in_my_inbox_at_once_and_in_one_mail_after(
    house: House, clock: Clock, ana: Any, ben: Any
) -> None:
    await ana.put(f"{PREFERENCES}?team=acme", {"do_not_disturb_until": "2026-03-02T10:00:00Z"})
    for job in range(3):
        house.say(failure(run="r", event_data={"job": job}, pipeline=f"p{job}"))
    assert (await ana.get("/api/notifications/unread-count"))["total"] == 3
    ids = {row["email"].partition("@")[0]: row["id"] for row in house.rows(tables.users)}
    assert house.deliver() == [ids["ben"]] * 3
    clock.advance(minutes=59, seconds=59)
    assert house.deliver() == []
    clock.advance(seconds=1)
    assert house.deliver() == [ids["ana"]]
    (mail,) = house.rows(tables.deliveries, tables.deliveries.c.user_id == ids["ana"])
    parts = house.rows(tables.delivery_items, tables.delivery_items.c.delivery_id == mail["id"])
    assert [part["notification_id"] for part in parts] == [row["id"] for row in house.rows(tables.notifications)]
    house.say(failure(run="r", event_data={"job": "later"}))
    assert sorted(house.deliver()) == sorted(ids.values()), "it ended by itself"


@pytest.mark.req("R55", "R57")
async def test_what_is_held_leaves_at_once_when_nothing_holds_it_any_more(house: House, ana: Any) -> None:
    await ana.put(PREFERENCES, {"do_not_disturb_until": "2026-03-09T10:00:00Z", "email": {"digest": "daily"}})
    house.say(failure(run="r", category="late_run", level="warning"))
    await ana.put(PREFERENCES, {"do_not_disturb_until": None})
    assert house.deliver() == []
    await ana.put(PREFERENCES, {"email": {"digest": "immediate"}})
    assert len(house.deliver()) == 1


async def test_changes_at_the_same_time_do_not_undo_each_other(house: House, ana: Any) -> None:
    for _ in range(5):
        await ana.put(PREFERENCES, {"timezone": "UTC", "quiet_hours": None, "email": {"digest": "immediate"}, "desktop": False})
        hours = {"from": "22:00", "until": "07:00"}
        changes = ({"timezone": "Asia/Kolkata"}, {"quiet_hours": hours}, {"email": {"digest": "hourly"}}, {"desktop": True})
        await asyncio.gather(*(ana.put(PREFERENCES, change) for change in changes))
        found = await ana.get(PREFERENCES)
        seen = (found["timezone"], found["quiet_hours"], found["email"]["digest"], found["desktop"])
        assert seen == ("Asia/Kolkata", hours, "hourly", True)
        (row,) = house.rows(tables.users)
        assert row["rhythm"] == Rhythm("Asia/Kolkata", time(22), time(7), Digest.HOURLY).key


async def test_a_zone_that_is_known_no_more_holds_up_nobody(house: House, ana: Any, ana_id: int) -> None:
    house.set_user(ana_id, rhythm="Atlantis/Harbour|22:00-07:00|daily", settings={"timezone": "Atlantis/Harbour"})
    assert (await ana.get(PREFERENCES))["timezone"] == "Atlantis/Harbour"
    await ana.put(PREFERENCES, {"do_not_disturb_until": "2026-03-02T12:00:00Z"})
    await ana.put(PREFERENCES, {"timezone": "Europe/Berlin"})
