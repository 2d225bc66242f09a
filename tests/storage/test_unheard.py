"""Who was never heard: sources and monitors that somebody set up and nothing came of."""

import pytest

from gateway.domain import examination
from gateway.domain.examination import State
from gateway.storage import monitors, sources, tables
from gateway.storage.database import Database
from gateway.storage.monitors import Wanted
from gateway.storage.unheard import Unheard, unheard
from tests.builders import House, failure
from tests.conftest import Clock

pytestmark = pytest.mark.req("R96")


def found(house: House, clock: Clock) -> Unheard:
    with house.database.reading() as transaction:
        return unheard(transaction, clock())


def test_a_source_is_named_a_day_after_it_was_made_if_nothing_came(database: Database, clock: Clock) -> None:
    house = House(database, clock)
    heard, off = house.source("heard"), house.source("off")
    house.source("mistyped")
    house.say(failure(run="r"))
    house.say(failure(run="r"), source_id=heard)
    with database.writing() as transaction:
        sources.change(transaction, off, disabled_at=clock())
        sources.own(transaction, team_id=house.team_id, now=clock())
    assert found(house, clock).sources == []
    clock.advance(days=1, seconds=1)
    assert found(house, clock).sources == ["acme/mistyped"]


def test_a_monitor_is_named_when_it_is_overdue_and_no_run_was_ever_seen(database: Database, clock: Clock) -> None:
    house = House(database, clock)
    with database.writing() as transaction:
        made = monitors.create(transaction, Wanted(house.source_id, "nigthly", "", "0 2 * * *", None, "UTC", 600, None))
    assert made is not None
    assert found(house, clock).monitors == [], "its first run is not due yet"
    with database.writing() as transaction:
        transaction.execute(tables.monitors.update().values(lateness="missing"))
    (told,) = found(house, clock).monitors
    assert told == "acme/etl: nigthly (prod)"
    with database.writing() as transaction:
        monitors.pause(transaction, made, until=None, now=clock())
    assert found(house, clock).monitors == []


def test_what_is_found_is_said_with_how_to_mend_it() -> None:
    for told in (examination.of_silent_sources, examination.of_monitors):
        assert list(told([], more=False)) == []
        (one,) = told(["acme/etl"], more=True)
        assert (one.state, one.found.endswith("acme/etl and more"), bool(one.mend)) == (State.DOUBTFUL, True, True)
