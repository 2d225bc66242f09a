"""The urgent bar is counted whole, however much of it is told; and each person sees what they may."""

import pytest

from gateway.storage import inbox
from gateway.storage.database import Database
from gateway.storage.inbox import EVERYTHING, ON_THE_BAR, Bar, Filter
from tests.builders import House
from tests.conftest import Clock

FAILING = {"slug": "flow-run-failed", "category": "job_failure", "level": "error", "state": "firing"}


@pytest.fixture
def house(database: Database, clock: Clock) -> House:
    return House(database, clock)


def bar(house: House, user_id: int) -> Bar:
    with house.database.reading() as transaction:
        return inbox.bar(transaction, user_id=user_id, team_ids=None, now=house.clock())


@pytest.mark.req("R63", "R65")
def test_all_conversations_are_counted_and_the_worst_told_whole(house: House) -> None:
    ana = house.user("ana")
    for number in range(ON_THE_BAR + 5):
        for test in ("a", "b"):
            flow = f"flow-{number}"
            house.say({**FAILING, "event_data": {"flow": flow, "test": test}, "pipeline": flow, "title": f"{flow} {test}", "urgent": True})
    found = bar(house, ana)
    assert (found.total, found.unacknowledged, found.more) == (ON_THE_BAR + 5, ON_THE_BAR + 5, True)
    assert len({row["conversation_id"] for row in found.rows}) == ON_THE_BAR
    assert len(found.rows) == 2 * ON_THE_BAR
    with house.database.writing() as transaction:
        for row in house.inbox(ana)[:2]:  # the newest conversation, which is not told
            inbox.acknowledge(transaction, user_id=ana, notification_id=row["id"], now=house.clock(), taken_back=False)
    assert bar(house, ana).unacknowledged == ON_THE_BAR + 4
    house.mark(ana, dismissed=True)
    assert bar(house, ana) == Bar([], 0, 0, more=False)


@pytest.mark.req("R37", "R65")
def test_a_permission_lost_hides_from_list_count_and_bar_alike(house: House) -> None:
    ana = house.user("ana", permissions=["payroll.view"])
    for number, permission in enumerate(("payroll.view", "role:member", "payroll.view")):
        flow = f"flow-{number}"
        house.say({**FAILING, "event_data": {"flow": flow}, "pipeline": flow, "title": flow, "permissions": [permission], "urgent": True})

    def seen(few: int) -> tuple[int, int, int]:
        with pytest.MonkeyPatch.context() as patch, house.database.reading() as transaction:
            patch.setattr(inbox, "FEW", few)
            count = inbox.unread(transaction, user_id=ana, wanted=EVERYTHING, now=house.clock())
        return len(house.inbox(ana)), sum(count.values()), bar(house, ana).total

    assert seen(2000) == seen(0) == (3, 3, 3)
    house.user("ana")
    assert seen(2000) == seen(0) == (1, 1, 1)


@pytest.mark.req("R61")
def test_a_filter_finds_the_same_whether_it_begins_with_threads_or_with_entries(house: House) -> None:
    ana = house.user("ana")
    for number in range(6):
        flow = f"flow-{number % 3}"
        house.say(
            {
                **FAILING, "event_data": {"number": number}, "pipeline": flow, "title": str(number), "owners": [f"team-{number % 2}"],
                "tags": ["layer"], "level": "error" if number % 2 else "warning",
            }
        )  # fmt: skip
    filters = (
        Filter(pipeline="flow-1"), Filter(owner="team-1"), Filter(tag="layer", levels=("error",)), Filter(status="open", owner="team-0"),
        Filter(pipeline="flow-2", status="open", text="5"), Filter(tag="team-1"), Filter(source="etl", pipeline="flow-0"),
    )  # fmt: skip
    for wanted, expected in zip(filters, ("41", "531", "531", "420", "5", "", "30"), strict=True):
        for few, very_few in ((2000, 300), (2000, 0), (0, 0)):
            with pytest.MonkeyPatch.context() as patch:
                patch.setattr(inbox, "FEW", few)
                patch.setattr(inbox, "VERY_FEW", very_few)
                assert "".join(row["title"] for row in house.inbox(ana, wanted)) == expected, (wanted, few, very_few)
