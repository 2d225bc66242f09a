"""What went wrong is read by rules at once, and by a model without standing in anyone's way."""

import asyncio
from collections.abc import Callable, Mapping
from datetime import timedelta
from typing import Any

import pytest

from gateway import proofs
from gateway.storage import readings
from gateway.storage.database import Database
from gateway.storage.tables import answers, deliveries, votes
from gateway.storage.tables import readings as asked
from gateway.upstream.asking import Asked, Document, Unavailable, Upstream
from gateway.vault import Vault
from gateway.workers.summarize import Reading, SummarizeWorker
from summarizer import Answered, NotAnswered, WhyNot
from tests.builders import KINDS, SPEAKER, House, failure, recovery
from tests.conftest import Clock

VAULT = Vault("a key for tests, long enough to be taken")
LOG = 'psycopg.errors.UndefinedTable: relation "raw.orders" does not exist\nLINE 1: select * from raw.orders'


def says(line: int = 1, quote: str = 'relation "raw.orders" does not exist', **more: Any) -> Answered:
    """What a model answers that quotes the log."""
    said = {
        "headline": "The table raw.orders is gone", "cause": "raw.orders does not exist", "kind": "missing_relation",
        "evidence": [{"line": line, "quote": quote}], "next_steps": ["Look who dropped raw.orders"], "confidence": "high",
        "missing": None, **more,
    }  # fmt: skip
    return Answered(said, tokens_in=900, tokens_out=80)


class Model:
    """A model that answers what a test wants."""

    name = "test-model"

    def __init__(self, *answers: Any) -> None:
        self.answers = list(answers)
        self.questions: list[str] = []
        self.held: asyncio.Event | None = None
        self.is_asked = asyncio.Event()

    async def ask(self, system: str, question: str, schema: Mapping[str, Any]) -> Answered | NotAnswered:
        self.questions.append(question)
        self.is_asked.set()
        if self.held:
            await self.held.wait()
        answer = self.answers.pop(0) if len(self.answers) > 1 else self.answers[0]
        if isinstance(answer, Exception):
            raise answer
        return answer  # type: ignore[no-any-return]

    async def close(self) -> None: ...


@pytest.fixture
def house(database: Database, clock: Clock) -> House:
    house = House(database, clock)
    house.user("ana")
    return house


Made = Callable[..., SummarizeWorker]


@pytest.fixture
def made(house: House, clock: Clock) -> Made:
    def make(model: Model | None = None, **more: Any) -> SummarizeWorker:
        return SummarizeWorker(house.database, KINDS, house.upstreams, VAULT, clock, lambda: None, Reading(model, **more))

    return make


def fails(house: House, number: int = 1, **more: Any) -> None:
    house.say(failure(event_data={"job": number}, pipeline=f"job-{number}", **{"run": f"r{number}", "excerpt": LOG, **more}))


def told(house: House) -> list[dict[str, Any]]:
    with house.database.reading() as transaction:
        found = readings.summaries(transaction, [row["notification_id"] for row in house.rows(asked)])
    return [found[number] for number in sorted(found)]


def why_not(house: House) -> list[str | None]:
    return [row["why_not"] for row in house.rows(asked)]


async def reads(worker: SummarizeWorker) -> None:
    while await worker.step():
        pass


@pytest.mark.req("R85")
async def test_without_a_model_the_rules_say_it_and_the_mail_waits_for_them(house: House, made: Made) -> None:
    fails(house)
    assert house.deliver(read=False) == [], "a moment"
    await reads(made())
    (summary,) = told(house)
    assert (summary["origin"], summary["kind"]) == ("rules", "missing_relation")
    assert "raw.orders" in summary["evidence"][0]["quote"]
    assert len(house.deliver(read=False)) == 1


@pytest.mark.req("R85")
async def test_mail_waits_ten_seconds_at_most_and_a_late_summary_makes_no_second_one(house: House, made: Made, clock: Clock) -> None:
    model = Model(says())
    model.held = asyncio.Event()
    fails(house)
    step = asyncio.create_task(made(model).step())
    await model.is_asked.wait()
    assert told(house)[0]["origin"] == "rules", "what is known by then"
    clock.advance(seconds=9)
    assert house.deliver(read=False) == []
    clock.advance(seconds=1)
    assert len(house.deliver(read=False)) == 1
    model.held.set()
    await step
    assert told(house)[0]["origin"] == "model"
    assert house.deliver(read=False) == []
    assert len(house.rows(deliveries)) == 1


@pytest.mark.req("R84", "R87")
async def test_a_model_that_quotes_the_log_is_believed_and_named(house: House, made: Made) -> None:
    fails(house)
    await reads(made(Model(says())))
    (summary,) = told(house)
    assert (summary["origin"], summary["model"], summary["cause"]) == ("model", "test-model", "raw.orders does not exist")
    (row,) = house.rows(answers)
    assert (row["status"], row["tokens_in"], row["tokens_out"]) == ("answered", 900, 80)
    assert len(house.deliver(read=False)) == 1


@pytest.mark.req("R87")
async def test_a_model_that_makes_things_up_is_not(house: House, made: Made) -> None:
    fails(house)
    await reads(made(Model(says(quote="disk full on warehouse-7", cause="The disk is full"))))
    (summary,) = told(house)
    assert summary["origin"] == "rules"
    assert "disk" not in str(summary)


@pytest.mark.req("R88")
@pytest.mark.parametrize("reason", [WhyNot.DEADLINE, WhyNot.RATE_LIMITED, WhyNot.BREAKER_OPEN, WhyNot.SERVER_ERROR])
async def test_a_model_that_does_not_answer_leaves_it_to_the_rules_and_is_not_asked_again_at_once(
    house: House, made: Made, clock: Clock, reason: WhyNot
) -> None:
    model = Model(NotAnswered(reason))
    fails(house, 1)
    await reads(made(model))
    assert (told(house)[0]["origin"], why_not(house)) == ("rules", [reason.value])
    fails(house, 1, run="r9")
    await reads(made(model))
    assert len(model.questions) == 1
    clock.advance(minutes=11)
    fails(house, 1, run="r10")
    await reads(made(model))
    assert len(model.questions) == 2


@pytest.mark.req("R88")
async def test_a_model_that_raises_breaks_nothing(house: House, made: Made, clock: Clock) -> None:
    fails(house)
    worker = made(Model(RuntimeError("boom")))
    for _ in range(8):
        await reads(worker)
        clock.advance(minutes=1)
    assert [row["status"] for row in house.rows(asked)] == ["done"]
    assert len(house.deliver(read=False)) == 1


@pytest.mark.req("R88")
async def test_a_storm_of_the_same_failure_costs_one_call(house: House, made: Made, clock: Clock) -> None:
    model = Model(says(line=2))
    for number in range(40):
        fails(house, number, excerpt=f"2026-03-02 09:{number:02}:11 task {number * 7919}\n{LOG}")
    workers = [made(model), made(model)]
    for _ in range(6):
        await asyncio.gather(*(reads(worker) for worker in workers))
        clock.advance(seconds=2)
    assert len(model.questions) == 1
    assert {one["origin"] for one in told(house)} == {"model"}
    assert len(told(house)) == 40


@pytest.mark.req("R88")
async def test_other_teams_ask_for_themselves(house: House, made: Made) -> None:
    model = Model(says())
    fails(house)
    other = house.source("theirs", team_id=house.team("other"))
    house.say(failure(run="r1", event_data={"job": 1}, pipeline="job-1", excerpt=LOG), source_id=other)
    await reads(made(model))
    assert len(model.questions) == 2, "what one team's logs gave is nobody else's"


@pytest.mark.req("R88")
async def test_a_team_asks_so_much_a_day(house: House, made: Made, clock: Clock) -> None:
    model = Model(says())
    errors = ["syntax error at or near selct", "permission denied for table a", "out of memory", "connection refused", "timed out"]
    for number, error in enumerate(errors):
        fails(house, number, excerpt=f"{error} in the step of {'abcdefgh'[number] * 9}")
    await reads(made(model, daily=3))
    assert len(model.questions) == 3
    assert why_not(house).count("budget") == 2
    assert len(told(house)) == 5
    clock.advance(days=1)
    fails(house, 9, excerpt="another error entirely: no such column x")
    await reads(made(model, daily=3))
    assert len(model.questions) == 4


@pytest.mark.req("R86")
async def test_no_secret_leaves_and_none_is_shown(house: House, made: Made) -> None:
    sealed = proofs.sealed_settings({"api_key": "plainlookingword"}, SPEAKER, VAULT)
    other = house.source("other", **sealed)
    model = Model(says(headline="Key plainlookingword failed"))
    log = f"{LOG}\nAuthorization: Bearer abcdef0123456789abcdef0123456789\nkey plainlookingword\npassword=hunter2hunter2"
    house.say(failure(run="r1", excerpt=log), source_id=other)
    await reads(made(model, secrets=("another-own-secret",)))
    for secret in ("plainlookingword", "abcdef0123456789abcdef0123456789", "hunter2hunter2"):
        assert secret not in model.questions[0]
        assert secret not in str(told(house))
    fails(house, 2, excerpt=f"{LOG}\nsaid another-own-secret")
    await reads(made(model, secrets=("another-own-secret",)))
    assert all("another-own-secret" not in question for question in model.questions)


@pytest.mark.req("R89")
async def test_the_log_is_fetched_where_the_webhook_lacks_it(house: House, made: Made) -> None:
    questions: list[Asked] = []

    async def run_logs(question: Asked) -> Document:
        questions.append(question)
        return Document(LOG.encode(), "text/plain")

    house.upstreams["speaker"] = Upstream({"run_logs": run_logs})
    pointer = {"kind": "speaker", "operation": "run_logs", "ids": {"run": "r1"}}
    fails(house, excerpt="", message="Flow run encountered an exception", logs=pointer)
    await reads(made())
    assert questions[0].ids == {"run": "r1"}
    assert told(house)[0]["kind"] == "missing_relation"


@pytest.mark.req("R89")
@pytest.mark.parametrize("trouble", [Unavailable("down"), None])
async def test_a_sender_that_gives_no_log_holds_up_nothing(house: House, made: Made, trouble: Exception | None) -> None:
    async def run_logs(_: Asked) -> Document | None:
        if trouble:
            raise trouble
        return None

    house.upstreams["speaker"] = Upstream({"run_logs": run_logs})
    fails(house, excerpt="", message=LOG, logs={"kind": "speaker", "operation": "run_logs", "ids": {}})
    await reads(made())
    assert told(house)[0]["kind"] == "missing_relation"
    assert len(house.deliver(read=False)) == 1


async def test_what_did_not_fail_is_not_read(house: House, made: Made, clock: Clock) -> None:
    fails(house, 1, level="info", state="note")
    fails(house, 2, category="late_run", level="warning")
    fails(house, 3, hold="PT1H")
    assert house.rows(asked) == []
    clock.advance(days=2)
    fails(house, 4)
    house.say(recovery(run="r5", event_data={"job": 4}, pipeline="job-4"))
    assert len(house.rows(asked)) == 1


async def test_the_next_run_is_read_anew_and_the_same_run_is_not(house: House, made: Made, clock: Clock) -> None:
    fails(house, 1)
    await reads(made())
    first = told(house)
    house.mark(1, read=True)
    clock.advance(hours=1)
    fails(house, 1, run="r2", excerpt="MemoryError: cannot allocate 3 GiB")
    await reads(made())
    assert told(house) != first
    assert told(house)[0]["kind"] == "out_of_memory"


async def test_a_new_episode_does_not_show_what_was_said_of_the_last(house: House, made: Made, clock: Clock) -> None:
    fails(house, 1)
    await reads(made())
    clock.advance(minutes=1)
    house.say(recovery(run="r2", event_data={"job": 1}, pipeline="job-1"))
    clock.advance(hours=2)
    fails(house, 1, run="r3", excerpt="", message="")
    assert told(house) == []


async def test_killed_while_a_model_was_asked_it_is_asked_again_later(house: House, made: Made, clock: Clock) -> None:
    fails(house)
    model = Model(says())
    model.held = asyncio.Event()
    worker = made(model)
    step = asyncio.create_task(worker.step())
    await model.is_asked.wait()
    worker.stop()
    await step
    (row,) = house.rows(asked)
    assert (row["status"], row["lease"]) == ("waiting", None)
    again = Model(says())
    clock.advance(seconds=1)
    await reads(made(again))
    assert told(house)[0]["origin"] == "model"


async def test_what_people_make_of_it_is_remembered(house: House, made: Made, clock: Clock) -> None:
    fails(house)
    with house.database.writing() as transaction:
        assert not readings.vote(transaction, notification_id=1, user_id=1, useful=True, now=clock()), "there is nothing yet"
    await reads(made())
    for useful in (True, False):
        with house.database.writing() as transaction:
            assert readings.vote(transaction, notification_id=1, user_id=1, useful=useful, now=clock())
    assert [(row["useful"], row["origin"]) for row in house.rows(votes)] == [(False, "rules")]
    with house.database.reading() as transaction:
        assert readings.vote_of(transaction, notification_id=1, user_id=1) is False


def test_the_lease_is_long_enough_for_a_model() -> None:
    from gateway.workers.lease import LEASE
    from gateway.workers.summarize import PATIENCE

    assert timedelta(seconds=20) < PATIENCE < LEASE


@pytest.mark.parametrize("step", [-1, 1])
async def test_a_clock_that_steps_holds_up_neither_the_reading_nor_the_mail(house: House, made: Made, clock: Clock, step: int) -> None:
    fails(house)
    clock.advance(hours=step)
    await reads(made())
    assert len(told(house)) == 1
    assert len(house.deliver(read=False)) == 1
