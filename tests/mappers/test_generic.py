"""The generic shape: forgiving in spelling, strict in meaning."""

import json
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from mappers.contract import Category, Draft, Headers, Inbound, Level, Mapped, Phase, State, Unmapped, parse_time
from mappers.generic import SOURCE

FIXTURES = Path(__file__).parents[1] / "fixtures" / "generic"
DOWN = ["down", "firing", "alerting", "critical", "failed", "error", "problem", "trouble", "FAILURE", "crashed", "time-out", "not_ok"]
UP = ["up", "ok", "resolved", "recovered", "success", "Succeeded", "passed", "healthy", "CLOSED", "normal", "job.run.succeeded"]
FORM = "application/x-www-form-urlencoded"


def inbound(said: Any = b"", *, content_type: str = "application/json", **rest: Any) -> Inbound:
    body = said if isinstance(said, bytes) else said.encode() if isinstance(said, str) else json.dumps(said).encode()
    return Inbound(
        body=body, headers=Headers([("Content-Type", content_type)]), received_at=parse_time("2026-11-22T10:00:00Z"),
        settings=SOURCE.read_settings(rest.pop("settings", {})), **rest,
    )  # fmt: skip


def mapped(said: Any = b"", **rest: Any) -> Mapped:
    return SOURCE.map(inbound(said, **rest))


def draft(said: Any = b"", **rest: Any) -> Draft:
    (one,) = mapped(said, **rest).drafts
    return one


def thread(one: Draft) -> tuple[Any, ...]:
    return one.slug, tuple(one.event_data.items()), one.environment, one.member and one.member.key


@pytest.mark.req("R13", "R14")
@pytest.mark.parametrize(
    ("failing", "fine"),
    [
        ({"said": "name=backup&status=failed", "content_type": FORM}, {"said": "name=backup&status=ok", "content_type": FORM}),
        ({"method": "GET", "query": "name=backup&status=down"}, {"method": "GET", "query": "name=backup&status=up"}),
        ({"method": "GET", "path": "/backup/2"}, {"method": "GET", "path": "/backup/0"}),
        ({"path": "/backup/failed"}, {"path": "/backup/ok"}),
        ({"said": {"name": "backup", "status": "FAILED"}}, {"said": {"check": "backup", "State": "Resolved"}}),
        ({"said": {"Name": "backup", "exit_code": 1}}, {"said": {"name": "backup", "exitCode": "0"}}),
        ({"said": {"name": "backup", "healthy": False}}, {"said": {"name": "backup", "healthy": "yes"}}),
        ({"said": {"name": "backup", "failed": True}}, {"said": {"name": "backup", "failed": False}}),
        ({"said": {"name": "backup", "status": 503}}, {"said": {"name": "backup", "http_status": 204}}),
        ({"said": "backup failed: no space", "content_type": "text/plain"}, {"said": '{"name": "backup", "status": "ok"}'}),
        ({"said": "a log", "query": "name=backup&status=failed"}, {"query": "name=backup&status=ok"}),
        ({"said": [{"name": "backup", "status": "down"}]}, {"said": {"data": {"name": "backup", "status": "up"}}}),
        ({"said": '{"name": "backup", "status": "failed", "message": "a "quote""}'}, {"said": '{"name": "backup", "status": "ok",}'}),
    ],
)
def test_a_recovery_resolves_what_any_form_opened(failing: dict[str, Any], fine: dict[str, Any]) -> None:
    down, up = draft(**failing), draft(**fine)
    assert (down.state, up.state) == (State.FIRING, State.RESOLVED)
    assert thread(down) == thread(up)
    assert (down.level, up.level) == (Level.ERROR, Level.SUCCESS)


@pytest.mark.parametrize("word", DOWN)
def test_words_for_failing(word: str) -> None:
    assert draft({"name": "x", "status": word}).state is State.FIRING


@pytest.mark.parametrize("word", UP)
def test_words_for_fine(word: str) -> None:
    assert draft({"name": "x", "status": word}).state is State.RESOLVED


@pytest.mark.parametrize("word", ["wobbly", 1, 0, "active", "new", "no errors", "0 failed", 99, "not sure about failed"])
def test_a_word_that_nobody_knows_or_that_could_mean_either_is_asked_about(word: Any) -> None:
    with pytest.raises(Unmapped, match="unknown status"):
        mapped({"name": "x", "status": word})


def test_a_number_beside_a_flag_counts_something() -> None:
    assert draft({"name": "x", "failed": 0, "passed": 12}).state is State.NOTE


@pytest.mark.req("R13")
@pytest.mark.parametrize(
    ("said", "category", "level"),
    [
        ({"status": "failed"}, Category.INCIDENT, Level.ERROR),
        ({"status": "failed", "run": "7"}, Category.JOB_FAILURE, Level.ERROR),
        ({"status": "failed", "job": "nightly"}, Category.JOB_FAILURE, Level.ERROR),
        ({"status": "failed", "run": "7", "category": "Incident"}, Category.INCIDENT, Level.ERROR),
        ({"status": "failed", "category": "dbt-test-failure"}, Category.DBT_TEST_FAILURE, Level.ERROR),
        ({"status": "failed", "category": "no such"}, Category.INCIDENT, Level.ERROR),
        ({"status": "late"}, Category.LATE_RUN, Level.WARNING),
        ({"status": "failed", "priority": "P3"}, Category.INCIDENT, Level.WARNING),
        ({"status": "failed", "severity": "whatever"}, Category.INCIDENT, Level.ERROR),
        ({"status": "failed", "level": "success"}, Category.INCIDENT, Level.ERROR),
        ({"status": "degraded"}, Category.INCIDENT, Level.WARNING),
        ({"status": "ok", "level": "critical"}, Category.INCIDENT, Level.SUCCESS),
        ({"message": "x"}, Category.INCIDENT, Level.INFO),
        ({"message": "x", "level": "warning"}, Category.INCIDENT, Level.WARNING),
        ({"error": "x"}, Category.INCIDENT, Level.ERROR),
    ],
)
def test_category_and_level(said: dict[str, Any], category: Category, level: Level) -> None:
    one = draft({"name": "x", **said})
    assert (one.category, one.level) == (category, level)


def test_the_source_may_say_what_its_messages_are_about() -> None:
    settings_ = {"category": "job_failure"}
    assert draft({"name": "x", "status": "down"}, settings=settings_).category is Category.JOB_FAILURE
    assert draft({"name": "x", "status": "down", "category": "incident"}, settings=settings_).category is Category.INCIDENT


@pytest.mark.req("R14")
def test_a_recovery_tells_how_long_it_lasted() -> None:
    said = {"name": "api", "status": "up", "since": "2026-11-22T09:00:00Z"}
    assert draft(said).message == "Lasted 1 h."
    assert draft({**said, "run": "7", "message": "fine", "at": 1795341600000}).message == "Took 1 h: fine"
    assert draft({**said, "since": "2027-01-01"}).message == ""


@pytest.mark.parametrize(
    ("said", "title", "identity"),
    [
        ({"monitor": {"name": "api", "id": 4}, "status": "down"}, "api is down", {"name": "api"}),
        ({"job": {"name": "etl"}, "run": {"id": "r1"}, "status": "failed"}, "etl failed", {"name": "etl"}),
        (
            {"HOSTNAME": "db1", "SERVICEDESC": "Disk", "SERVICESTATE": "CRITICAL"},
            "Disk on db1 is critical",
            {"name": "Disk", "host": "db1"},
        ),
        (
            {"trigger_name": "CPU", "trigger_status": "PROBLEM", "host": "web1"},
            "CPU on web1 has a problem",
            {"name": "CPU", "host": "web1"},
        ),
        ({"status": "failed"}, "An unnamed check failed", {"name": ""}),
    ],
)
def test_who_it_is_about(said: dict[str, Any], title: str, identity: dict[str, str]) -> None:
    assert (draft(said).title, draft(said).event_data) == (title, identity)


def test_what_is_said_again_with_the_same_since_is_one_happening() -> None:
    said = {"name": "api", "status": "down", "since": "2026-11-22T09:00:00Z"}
    assert draft(said).occurrence == draft({**said, "message": "still"}).occurrence is not None
    assert draft({**said, "since": "2026-11-22T09:30:00Z"}).occurrence != draft(said).occurrence


@pytest.mark.req("R16")
def test_an_attempt_that_will_be_tried_again_alerts_nobody() -> None:
    answer = mapped({"job": "nightly", "run_id": 7, "status": "failed", "attempt": 1, "will_retry": "true"})
    assert not answer.drafts
    assert [(signal.phase, signal.attempt) for signal in answer.signals] == [(Phase.RETRYING, 1)]


def test_identity_is_neither_a_run_nor_where_a_job_ran() -> None:
    one = draft({"name": "etl", "status": "failed", "run": "1", "hostname": "runner-1", "attempt": 1})
    other = draft({"name": "etl", "status": "ok", "run": "2", "hostname": "runner-2"})
    assert thread(one) == thread(other)
    disks = [draft({"check": "disk", "host": host, "status": "critical"}) for host in ("db1", "db2")]
    assert thread(disks[0]) != thread(disks[1])
    assert thread(draft({"key": "k", "name": "a", "status": "down"})) == thread(draft({"key": "k", "name": "b", "status": "up"}))


@pytest.mark.req("R17")
def test_one_bad_message_of_a_list_neither_holds_up_the_others_nor_is_lost() -> None:
    answer = mapped([{"name": "a", "status": "down"}, {"name": "b", "status": "wobbly"}])
    assert [(one.state, one.level) for one in answer.drafts] == [(State.FIRING, Level.ERROR), (State.NOTE, Level.WARNING)]


@pytest.mark.parametrize(
    ("text", "state", "name"),
    [
        ("backup failed: disk full", State.FIRING, "backup"),
        ("Import of orders #8812 failed", State.FIRING, "Import of orders"),
        ("api is down", State.FIRING, "api"),
        ("api: DOWN", State.FIRING, "api"),
        ("[OK] api", State.RESOLVED, "api"),
        ("CRITICAL - disk on db1: 99% used", State.FIRING, "disk on db1"),
        ("Clean up failed", State.FIRING, "Clean up"),
        ("Clean up finished", State.RESOLVED, "Clean up"),
        ("Please open the door", State.NOTE, None),
        ("No errors found", State.NOTE, None),
        ("0 failed, 12 passed", State.NOTE, None),
        ("backup finished with errors", State.NOTE, None),
        ("Error: boom", State.NOTE, None),
    ],
)
def test_plain_text(text: str, state: State, name: str | None) -> None:
    one = draft(text, content_type="text/plain")
    assert one.state is state
    assert name is None or one.event_data == {"name": name}
    assert one.closes_itself == (state is State.FIRING)


def test_a_text_is_as_loud_as_its_first_words() -> None:
    levels = {text: draft(text, content_type="text/plain").level for text in ("Error: boom", "done with errors", "hello", "No errors")}
    assert list(levels.values()) == [Level.ERROR, Level.ERROR, Level.INFO, Level.INFO]


@pytest.mark.req("R19")
def test_a_quote_a_shell_put_into_json_loses_nothing() -> None:
    said = '{"name": "orders load", "status": "failed", "run": "812", "message": "could not convert "n/a",\n at line 3"}'
    one = draft(said, content_type=FORM)
    assert (one.title, one.run, one.message) == ("orders load failed", "812", 'could not convert "n/a",\n at line 3')


def test_no_credential_of_a_body_is_shown() -> None:
    shown = json.loads((FIXTURES / "pagerduty-trigger.draft.json").read_text())
    assert "0123456789abcdef" not in json.dumps(shown)
    assert "hidden" not in str(draft({"name": "x", "status": "down", "api_key": "hidden", "X-Token": "hidden", "db_password": "hidden"}))


@pytest.mark.req("R15")
def test_the_key_is_the_senders_or_made_of_who_what_and_when() -> None:
    def key(said: Any, *headers: tuple[str, str]) -> str | None:
        return SOURCE.request_key(Inbound(body=json.dumps(said).encode(), headers=Headers(headers)))

    said = {"name": "a", "status": "down"}
    assert key(said) is None, "down, up and down again would be a duplicate"
    assert key(said, ("Idempotency-Key", "k")) == "k"
    assert key({**said, "event_id": "e1"}) == "e1"
    different: list[dict[str, str]] = [{}, {"status": "up"}, {"name": "b"}, {"level": "warning"}, {"member": "m"}]
    timed = [key({**said, **more, "at": "2026-11-22T09:00:00Z"}) for more in different]
    assert None not in timed
    assert len(set(timed)) == len(timed)


def test_pagerduty_and_opsgenie_resolve_what_they_opened() -> None:
    pairs = {"pagerduty-trigger": "pagerduty-resolve", "opsgenie-create": "opsgenie-close", "apprise-failure": "apprise-success"}
    for opened, closed in pairs.items():
        one, other = (json.loads((FIXTURES / f"{case}.draft.json").read_text())["drafts"][0] for case in (opened, closed))
        assert (one["slug"], one["event_data"]) == (other["slug"], other["event_data"])
        assert other["state"] == "resolved"


VALUES = st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=20) | st.sampled_from(["down", "ok", "{}"])
ANY = st.recursive(
    VALUES, lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=8), inner, max_size=3), max_leaves=8
)
NAMES = [
    *("name", "status", "message", "level", "category", "pipeline", "run", "attempt", "member", "url", "links", "owners", "tags", "title"),
    *("environment", "at", "since", "event_data", "key", "host", "facts", "type", "alert", "payload", "data", "alias", "version", "urgent"),
]


@pytest.mark.req("R17")
@given(st.dictionaries(st.sampled_from(NAMES), ANY, max_size=8))
@settings(max_examples=400, deadline=None)
def test_no_value_of_any_field_makes_it_raise(said: dict[str, Any]) -> None:
    given_ = inbound(said)
    SOURCE.request_key(given_)
    try:
        answer = SOURCE.map(given_)
    except Unmapped:
        return
    assert answer.drafts or answer.signals or answer.ignored


@given(st.text(max_size=80))
@settings(max_examples=400, deadline=None)
def test_no_text_makes_it_raise(text: str) -> None:
    try:
        mapped(text.encode("utf-8", "surrogatepass"), content_type="text/plain")
    except Unmapped:
        return


@pytest.mark.req("R13")
@pytest.mark.parametrize(
    ("down", "up"),
    [
        ({"title": "billing api is down", "status": "down", "id": 7}, {"title": "billing api is up", "status": "up", "id": 8}),
        ({"status": "down", "message": "billing api is down: 503"}, {"status": "up", "message": "billing api is up again"}),
    ],
)
def test_a_title_that_tells_the_state_names_the_same_thing_when_it_tells_another(down: dict[str, Any], up: dict[str, Any]):
    failing, fine = (SOURCE.map(Inbound(body=json.dumps(body).encode())).drafts[0] for body in (down, up))
    assert failing.event_data == fine.event_data == {"name": "billing api"}
    assert (failing.state, fine.state) == (State.FIRING, State.RESOLVED)
