"""What a mapper asks for is fetched, enters by the journal, and holds up mail for a moment at most."""

import asyncio
import json
from collections.abc import Awaitable, Callable
from datetime import timedelta
from typing import Any

import pytest
from sqlalchemy import text

from gateway import proofs
from gateway.storage import follow_ups
from gateway.storage.database import Database
from gateway.storage.tables import deliveries, events, notifications, processing
from gateway.storage.tables import follow_ups as asked
from gateway.upstream.asking import Asked, Document, NotYet, Refused, Unavailable, Upstream
from gateway.vault import Vault
from gateway.workers.follow_up import FollowUpWorker
from tests.builders import KINDS, SPEAKER, House, failure
from tests.conftest import Clock

VAULT = Vault("a key for tests, long enough to be taken")
ASKS = {"kind": "speaker", "operation": "details", "ids": {"run": "r1"}}


class Api:
    """A sender's API that answers what a test wants."""

    def __init__(self, *answers: Any) -> None:
        self.answers = list(answers)
        self.asked: list[Asked] = []

    async def details(self, question: Asked) -> Document | None:
        self.asked.append(question)
        answer = self.answers.pop(0) if len(self.answers) > 1 else self.answers[0]
        if isinstance(answer, Exception):
            raise answer
        if callable(answer):
            await answer()
            return None
        return Document(json.dumps(answer).encode()) if answer is not None else None


@pytest.fixture
def house(database: Database, clock: Clock) -> House:
    house = House(database, clock)
    house.upstreams["speaker"] = Upstream()
    house.user("ana")
    return house


Made = Callable[[Api], FollowUpWorker]


@pytest.fixture
def made(house: House, clock: Clock) -> Made:
    def make(api: Api) -> FollowUpWorker:
        house.upstreams["speaker"] = Upstream(operations={"details": api.details})
        return FollowUpWorker(house.database, KINDS, house.upstreams, VAULT, clock, lambda: None)

    return make


def fails(house: House, **given: Any) -> int:
    return house.say(failure(run="r1"), follow_ups=[ASKS | given])


def statuses(house: House) -> list[tuple[str, str | None]]:
    return [(row["status"], row["reason"]) for row in house.rows(asked)]


async def test_what_was_fetched_is_an_event_and_told_in_the_same_mail(house: House, made: Made, clock: Clock) -> None:
    fails(house)
    (mail,) = house.rows(deliveries)
    assert mail["due_at"] == clock() + timedelta(seconds=10), "mail waits, and no longer than that"
    assert house.deliver() == []
    more = {"drafts": [failure("orders_not_null", run="r1", slug="tests-failed", category="dbt_test_failure", title="tests failed")]}
    worker = made(Api(more))
    assert await worker.step() == 1
    assert statuses(house) == [("done", None)]
    fetched = house.rows(events)[-1]
    assert (fetched["method"], fetched["path"], fetched["headers"]) == ("FETCH", "/speaker/details", [["Content-Type", "application/json"]])
    house.process()
    assert len(house.rows(notifications)) == 2
    assert len(house.deliver()) == 1, "one mail tells of both, and at once"
    assert await worker.step() == 0


async def test_mail_waits_for_what_is_fetched_and_not_recorded_yet(house: House, made: Made, clock: Clock) -> None:
    fails(house)
    await made(Api({"drafts": [failure("orders_not_null", run="r1", slug="tests-failed", category="dbt_test_failure")]})).step()
    house.read()
    assert house.deliver() == [], "all is read, and the document is in the journal: the mail waits until it is recorded"
    house.process()
    assert len(house.deliver()) == 1


async def test_mail_leaves_at_once_where_there_is_no_document(house: House, made: Made) -> None:
    fails(house)
    house.read()
    assert house.deliver() == []
    await made(Api(None)).step()
    assert statuses(house) == [("done", None)]
    assert len(house.deliver()) == 1


async def test_mail_does_not_wait_longer_than_ten_seconds(house: House, made: Made, clock: Clock) -> None:
    fails(house)
    await made(Api(NotYet("no artifacts yet"))).step()
    clock.advance(seconds=9)
    assert house.deliver() == []
    clock.advance(seconds=1)
    assert len(house.deliver()) == 1


async def test_mail_leaves_at_once_where_nothing_will_come(house: House, made: Made) -> None:
    fails(house)
    await made(Api(Refused("the key may not read runs"))).step()
    assert statuses(house) == [("failed", "the key may not read runs")]
    assert len(house.deliver()) == 1


async def test_what_is_not_there_yet_is_asked_for_until_it_is_of_no_use(house: House, made: Made, clock: Clock) -> None:
    fails(house, within="PT30S")
    worker = made(Api(NotYet("no artifacts yet")))
    times = 0
    for _ in range(60):
        times += await worker.step()
        clock.advance(seconds=1)
    assert statuses(house) == [("failed", "given up: no artifacts yet")]
    assert 4 <= times <= 6, "1, 2, 4, 8 … seconds apart"


async def test_a_source_in_trouble_holds_up_no_other(house: House, made: Made, clock: Clock) -> None:
    fails(house)
    worker = made(Api(Unavailable("down", timedelta(seconds=40)), {"drafts": []}))
    await worker.step()
    other = house.source("other")
    house.say(failure(run="r2"), follow_ups=[ASKS | {"ids": {"run": "r2"}}], source_id=other)
    house.say(failure(run="r3"), follow_ups=[ASKS | {"ids": {"run": "r3"}}])
    assert await worker.step() == 1, "of the source in trouble nothing is asked"
    assert [row["status"] for row in house.rows(asked)] == ["waiting", "done", "waiting"]
    clock.advance(seconds=41)
    assert await worker.step() == 2
    assert {row["status"] for row in house.rows(asked)} == {"done"}


async def test_it_is_asked_once_however_many_events_ask(house: House, made: Made) -> None:
    api = Api({"drafts": []})
    fails(house)
    fails(house)
    worker = made(api)
    while await worker.step():
        pass
    fails(house)
    assert await worker.step() == 0
    assert len(api.asked) == 1
    assert api.asked[0].ids == {"run": "r1"}


async def test_what_failed_is_asked_again_when_an_event_asks_again(house: House, made: Made) -> None:
    worker = made(Api(Refused("no"), {"drafts": []}))
    fails(house)
    await worker.step()
    fails(house)
    assert statuses(house) == [("waiting", "no")]
    await worker.step()
    assert statuses(house) == [("done", None)]


async def test_the_api_is_given_the_sources_open_secrets(house: House, made: Made, clock: Clock) -> None:
    sealed = proofs.sealed_settings({"api_key": "s3cret-key"}, SPEAKER, VAULT)
    assert "s3cret" not in str(sealed)
    other = house.source("other", **sealed)
    house.say(failure(run="r1"), follow_ups=[ASKS], source_id=other)
    api = Api({"drafts": []})
    await made(api).step()
    settings: Any = api.asked[0].settings
    assert settings.api_key.get_secret_value() == "s3cret-key"


async def test_a_bug_in_a_client_is_asked_again_and_shown(house: House, made: Made, clock: Clock) -> None:
    fails(house)
    worker = made(Api(KeyError("boom"), {"drafts": []}))
    await worker.step()
    assert statuses(house) == [("waiting", "an error of the gateway's own: KeyError: 'boom'")]
    clock.advance(minutes=6)
    await worker.step()
    assert statuses(house)[0][0] == "done"


async def test_without_access_nothing_is_asked_and_no_mail_waits(house: House, made: Made) -> None:
    house.upstreams["speaker"] = Upstream(is_reachable=lambda _: False)
    fails(house)
    assert house.rows(asked) == []
    assert len(house.deliver()) == 1


async def test_no_mail_waits_for_what_nobody_can_ask_for(house: House, made: Made) -> None:
    house.upstreams.clear()
    fails(house)
    assert len(house.deliver()) == 1
    house.upstreams.clear()
    await FollowUpWorker(house.database, KINDS, {}, VAULT, house.clock, lambda: None).step()
    assert statuses(house) == [("failed", "nothing here knows how to ask speaker for details")]


async def test_nobody_knows_how_to_ask(house: House, made: Made) -> None:
    house.say(failure(run="r1"), follow_ups=[ASKS | {"operation": "horoscope"}])
    await made(Api(None)).step()
    assert statuses(house) == [("failed", "nothing here knows how to ask speaker for horoscope")]


async def test_killed_between_fetching_and_recording_it_enters_once(house: House, made: Made, clock: Clock) -> None:
    fails(house)
    worker = made(Api({"drafts": []}))
    await worker.step()
    with house.database.writing() as transaction:  # as if it had died before it recorded the end
        transaction.execute(text("UPDATE follow_ups SET status = 'waiting', lease = 'dead', ended_at = NULL"))
    clock.advance(minutes=2)
    await worker.step()
    assert statuses(house) == [("done", None)]
    assert len(house.rows(events)) == 2


async def test_two_workers_never_ask_the_same(house: House, made: Made) -> None:
    for number in range(12):
        house.say(failure(run=f"r{number}"), follow_ups=[ASKS | {"ids": {"run": str(number)}}])
    api = Api({"drafts": []})
    await asyncio.gather(made(api).step(), made(api).step())
    while await made(api).step():
        pass
    assert sorted(int(one.ids["run"]) for one in api.asked) == list(range(12))


async def test_stopping_waits_for_no_stranger(house: House, made: Made) -> None:
    fails(house)
    begun = asyncio.Event()

    async def hang() -> None:
        begun.set()
        await asyncio.sleep(3600)

    waiting: Callable[[], Awaitable[None]] = hang
    worker = made(Api(waiting))
    step = asyncio.create_task(worker.step())
    await begun.wait()
    worker.stop()
    await asyncio.wait_for(step, 20)
    (row,) = house.rows(asked)
    assert (row["status"], row["lease"], row["attempts"]) == ("waiting", None, 0)


async def test_the_list_is_read_by_its_index(house: House) -> None:
    if house.database.is_sqlite:
        with house.database.reading() as transaction:
            plan = str(
                transaction.execute(
                    text(
                        "EXPLAIN QUERY PLAN SELECT id FROM follow_ups WHERE status = 'waiting' AND due_at <= 5 ORDER BY due_at, id LIMIT 8"
                    )
                ).all()
            )
        assert "ix_follow_ups_waiting" in plan
    with house.database.reading() as transaction:
        assert follow_ups.next_due(transaction) is None


async def test_another_kinds_mapper_gets_the_settings_it_knows(house: House, made: Made) -> None:
    other = house.source("other", api_key="sealed", unknown_to_speaker=True, hold="1h")
    house.say(failure(run="r1"), follow_ups=[ASKS], source_id=other)
    await made(Api({"drafts": [failure(run="r1", slug="more")]})).step()
    house.process()
    row = house.rows(processing)[-1]
    assert row["status"] == "mapped"
    assert [row["status"] for row in house.rows(notifications, notifications.c.slug == "more")] == ["unseen"], "its hold holds"


@pytest.mark.parametrize("step", [-1, 1])
async def test_a_clock_that_steps_holds_up_neither_the_question_nor_the_mail(house: House, made: Made, clock: Clock, step: int) -> None:
    fails(house)
    clock.advance(hours=step)
    assert await made(Api({"drafts": []})).step() == 1
    house.process()
    assert len(house.deliver()) == 1
