"""Any webhook, by a mapping: a small language, found wrong when the configuration is read, and right about any message."""

import contextlib
import json
import re
import tomllib
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from pydantic import ValidationError

from mappers.contract import Category, Draft, Headers, Inbound, Level, Mapped, Phase, State, Unmapped, parse_time
from mappers.webhook import GUESSED, SOURCE
from mappers.webhook.language import path, text
from mappers.webhook.message import Message
from mappers.webhook.settings import Reading, WebhookSettings
from mappers.webhook.words import Outcome

ROOT = Path(__file__).parents[2]
PAGE = (ROOT / "docs" / "connect-webhook.md").read_text(encoding="utf-8")
INNER = {"b": [{"n": "x"}, {"n": "y"}], "odd.key": 7, "": 1}
BODY = {"a": INNER, "s": '{"in": {"side": [1, 2]}}', "no": None, "blank": " ", "t": True, "f": 1.5}
LEVELS = """
pipeline = "p"
state = "firing"
level = "{l}"
category = "{c}"
levels = { "sev*" = "warning" }
categories = { dq = "dbt_test_failure" }
"""
CONDITIONS = """
pipeline = "p"
state = "firing"
when = { env = ["prod", "live*"], "header:X-Kind" = "" }
ignore = [{ n = 1, t = true }, { kind = "*" }]
"""
EACH = """
each = "list"
state = "{s}"
identity = { g = "{$.g}" }
member = "{k | .}"
title = "{$.g} {k}"
run = "{$.r}"
pipeline = "{$.g}"
"""
EVENTS = """
event = "{type}"
state = "{type}"
pipeline = "{p}"
run = "{r}"
[events."a.*"]
[events."a.b.*"]
title = "of b: {p}"
run = ""
"""


def inbound(body: Any, mapping: Any = None, **rest: Any) -> Inbound:
    raw = body if isinstance(body, bytes) else body.encode() if isinstance(body, str) else json.dumps(body).encode()
    values = tomllib.loads(mapping) if isinstance(mapping, str) else mapping or {}
    headers = Headers([*rest.pop("headers", ()), ("Content-Type", rest.pop("content_type", "application/json"))])
    received = parse_time("2026-11-22T10:00:00Z")
    return Inbound(body=raw, headers=headers, received_at=received, settings=SOURCE.read_settings(values), **rest)


def mapped(body: Any, mapping: Any = None, **rest: Any) -> Mapped:
    return SOURCE.map(inbound(body, mapping, **rest))


def draft(body: Any, mapping: Any = None, **rest: Any) -> Draft:
    (one,) = mapped(body, mapping, **rest).drafts
    return one


def say(written: str, body: Any = BODY, **rest: Any) -> str:
    message = Message(inbound(body, **rest))
    return message.say(text(written), message.whole)


@pytest.mark.parametrize(
    ("written", "said"),
    [
        ("plain", "plain"),
        ("{a.b[0].n}!", "x!"),
        ("{a.b[-1].n}", "y"),
        ("{a.b[*].n}", "x, y"),
        ("{$.a.b[1].n}", "y"),
        ('{a["odd.key"]}', "7"),
        ("{a['odd.key']}", "7"),
        ('{a[""]}', "1"),
        ("{s.in.side[1]}", "2"),
        ("{no | blank | a.b[9].n | t}", "true"),
        ("{no | 'a | quoted } text'}", "a | quoted } text"),
        ("{{{f}}}", "{1.5}"),
        ("{a.b}", '[{"n": "x"}, {"n": "y"}]'),
        ("{header:x-EVENT} {query:q}", "push hello"),
        ("{a.nothing} and {f}", ""),
        ("{t.further[0]}", ""),
        ("{a.b.n}", ""),
        ("{^.f}", "1.5"),
        ("{f[0]}", ""),
    ],
)
def test_the_language(written: str, said: str) -> None:
    assert say(written, headers=[("X-Event", "push")], query="q=hello") == said


@pytest.mark.parametrize(
    ("written", "fault"),
    [
        ("{", "the { at 1 is not closed"),
        ("a } b", "a } stands alone at 3"),
        ("{}", "a path is missing"),
        ("{a | }", "a path is missing"),
        ("{a..b}", "'.' cannot stand at 3"),
        ("{a.}", "ends too early"),
        ("{a b}", "a dot or a bracket is missing at 2"),
        ("{a[x]}", "in brackets stands a number"),
        ("{a[0}", "the [ at 2 is not closed"),
        ("{a | 'b}", "is not closed"),
        ("{header:}", "header: needs a name"),
        ("{$a}", "a dot or a bracket is missing at 2"),
        ("{^a}", "a dot or a bracket is missing at 2"),
        ("x" * 2001, "is longer than 2000"),
    ],
)
def test_what_is_wrong_in_a_text_is_said(written: str, fault: str) -> None:
    with pytest.raises(ValueError, match=re.escape(fault)):
        text(written)


@pytest.mark.parametrize(
    ("mapping", "place", "fault"),
    [
        ('tilte = "{a}"', "tilte", "Extra inputs"),
        ('each = "{a.b}"\nidentity = { a = "{n}" }', "each", "here a path stands without braces: a.b"),
        ('identity = { a = "{n}" }\nstate = "s"', "", "as in {s}"),
        ('pipeline = "{a}"\ntitle = "data.title"', "title", "what a message says there is written {data.title}"),
        ('pipeline = "$.a"', "pipeline", "is written {$.a}"),
        ('pipeline = "{a}"\nrun = "run_id"', "run", "as in {run_id}"),
        ('title = "{a}"', "", "identity: is missing"),
        ('pipeline = "{$.a}"\neach = "items"', "", "each: what tells its items apart?"),
        ('pipeline = "{a}"\neach = "a..b"', "each", "cannot stand at 3"),
        ('pipeline = "{a}"\nmember_label = "{b}"', "", "there is no member to give a name to"),
        ('pipeline = "{a}"\nstate = "broken"', "", "state: 'broken' is none of firing, resolved, note"),
        ('pipeline = "{a}"\ncategory = "incidents"', "", "category: 'incidents' is none of incident, schema_change"),
        ('pipeline = "{a}"\nlevel = "loud"', "", "level: 'loud' is none of info, success, warning, error"),
        ('pipeline = "{a}"\nstates = { x = "broken" }', "states.x", "Input should be 'firing', 'resolved'"),
        ('pipeline = "{a}"\nlevels = { "a*b" = "error" }', "levels", "a * may only stand at the end"),
        ('pipeline = "{a}"\nslug = "A b"', "slug", "String should match"),
        ('pipeline = "{a}"\nwhen = { "a b" = 1 }', "when.a b.[key]", "a dot or a bracket is missing"),
        ('pipeline = "{a}"\nignore = [{}]', "ignore.0", "at least 1 item"),
        ('event = "{type}"', "", "event: there are no `events`"),
        ('events.x.title = "{a}"', "", "events: say in `event`"),
        ('event = "{type}"\nevents.x.title = "{a}"', "", "events.x: identity: is missing"),
        ('event = "{type}"\npipeline = "{a}"\nevents.x.state = "bad"', "", "events.x: state: 'bad'"),
        ('event = "{type}"\npipeline = "{a}"\nevents.x.events.y.title = "{a}"', "events.x.events", "Extra inputs"),
    ],
)
def test_a_wrong_mapping_is_found_when_the_configuration_is_read(mapping: str, place: str, fault: str) -> None:
    with pytest.raises(ValidationError) as raised:
        SOURCE.read_settings(tomllib.loads(mapping))
    (error,) = raised.value.errors()
    assert ".".join(str(part) for part in error["loc"]) == place
    assert fault in error["msg"]


@pytest.mark.parametrize(
    ("state", "outcome"),
    [
        ("sync.failed", State.FIRING),
        ("FAILED", State.FIRING),
        (False, State.FIRING),
        (True, State.RESOLVED),
        ("job_succeeded", State.RESOLVED),
    ],
)
def test_states_that_need_no_table(state: Any, outcome: State) -> None:
    assert draft({"s": state}, 'pipeline = "p"\nstate = "{s}"').state is outcome


@pytest.mark.parametrize("state", ["not ok", "partial_success", "wobbly", 3, None])
def test_a_state_that_nobody_knows_is_unmapped(state: Any) -> None:
    with pytest.raises(Unmapped, match="state: "):
        mapped({"s": state}, 'pipeline = "p"\nstate = "{s}"')


def test_the_table_comes_before_the_words_and_the_longest_before_the_shorter() -> None:
    states = 'pipeline = "p"\nstate = "{s}"\nstates = { failed = "note", "run.*" = "firing", "run.re*" = "ignored", "*" = "resolved" }'
    assert draft({"s": "failed"}, states).state is State.NOTE
    assert draft({"s": "run.broke"}, states).state is State.FIRING
    assert mapped({"s": "RUN.retry"}, states).ignored
    assert draft({"s": "whatever"}, states).state is State.RESOLVED


def test_level_and_category() -> None:
    mapping = LEVELS
    one = draft({"l": "sev2", "c": "DQ"}, mapping)
    assert (one.level, one.category) == (Level.WARNING, Category.DBT_TEST_FAILURE)
    assert draft({"l": "loud"}, mapping).level is Level.ERROR
    assert draft({"l": "success"}, mapping).level is Level.ERROR
    assert draft({"c": "late-run"}, mapping).category is Category.LATE_RUN
    assert draft({"x": 1}, 'pipeline = "p"\nstate = "firing"\nrun = "{$.r}"').category is Category.INCIDENT
    assert draft({"r": 1}, 'pipeline = "p"\nstate = "firing"\nrun = "{$.r}"').category is Category.JOB_FAILURE


@pytest.mark.req("R24")
def test_conditions() -> None:
    mapping = CONDITIONS
    assert mapped({"env": "PROD"}, mapping).drafts
    assert mapped({"env": "live-2", "n": 1}, mapping).drafts
    assert mapped({"env": "test"}, mapping).ignored == "not what `when` asks for: env is 'test'"
    assert mapped({"x": 1}, mapping).ignored
    assert mapped({"env": "prod"}, mapping, headers=[("X-Kind", "ping")]).ignored
    assert mapped({"env": "prod", "n": 1, "t": True}, mapping).ignored == "`ignore` 1 says so: n, t"
    assert mapped({"env": "prod", "kind": "x"}, mapping).ignored


def test_each_item_is_a_member_with_a_state_of_its_own() -> None:
    answer = mapped({"g": "suite", "r": 1, "list": [{"k": "a", "s": "failed"}, {"k": "b", "s": "ok"}]}, EACH)
    assert [(one.member and one.member.key, one.state) for one in answer.drafts] == [("a", State.FIRING), ("b", State.RESOLVED)]
    assert {one.title for one in answer.drafts} == {"suite a"}, "a title speaks for the whole thread"
    assert [signal.phase for signal in answer.signals] == [Phase.FAILED], "a run of which one item failed has failed"


def test_a_list_may_come_as_a_text_that_holds_json() -> None:
    assert len(mapped({"g": "suite", "list": json.dumps([{"k": "a", "s": "failed"}])}, EACH).drafts) == 1


def test_of_two_items_with_one_member_the_failing_one_is_told() -> None:
    answer = mapped({"g": "suite", "list": [{"k": "a", "s": "failed"}, {"k": "a", "s": "ok"}]}, EACH)
    assert [one.state for one in answer.drafts] == [State.FIRING]


@pytest.mark.parametrize(("items", "reason"), [(None, "there is no list"), ({}, "there is no list"), ([{}] * 1001, "at most 1000")])
def test_a_list_that_is_none_or_too_long_is_unmapped(items: Any, reason: str) -> None:
    with pytest.raises(Unmapped, match=reason):
        mapped({"g": "suite", "list": items}, EACH)


def test_an_event_reads_what_it_says_and_else_what_the_source_says() -> None:
    mapping = (
        'event = "{type}"\nstate = "{type}"\npipeline = "{p}"\nrun = "{r}"\n[events."a.*"]\n[events."a.b.*"]\ntitle = "of b: {p}"\nrun = ""'
    )
    assert draft({"type": "a.failed", "p": "x", "r": 1}, mapping).title == "x failed"
    one = draft({"type": "A.b.failed", "p": "x", "r": 1}, mapping)
    assert (one.title, one.run, one.pipeline) == ("of b: x", None, "x")
    with pytest.raises(Unmapped, match="event 'c' is none of `events`"):
        mapped({"type": "c", "p": "x"}, mapping)


def test_what_nothing_can_resolve_closes_by_itself() -> None:
    assert draft({"x": 1}, 'pipeline = "p"\nstate = "firing"').closes_itself
    assert not draft({"s": "failed"}, 'pipeline = "p"\nstate = "{s}"').closes_itself
    event = 'event = "{e}"\npipeline = "p"\nevents.a.state = "firing"\nevents.b.state = "resolved"'
    assert not draft({"e": "a"}, event).closes_itself


@pytest.mark.req("R14")
def test_a_recovery_tells_how_long_it_lasted_and_seconds_or_milliseconds_are_times() -> None:
    mapping = 'pipeline = "p"\nstate = "{s}"\nstarted_at = "{b}"\noccurred_at = "{e}"'
    for began in (1795341300, "1795341300000", "2026-11-22T09:55:00Z"):
        assert draft({"s": "ok", "b": began}, mapping).message == "Lasted 5 min."
    firing = draft({"s": "failed", "b": 1795341300}, mapping)
    assert firing.occurrence == "2026-11-22T09:55:00+00:00 firing"


@pytest.mark.req("R15")
def test_the_key_is_what_the_mapping_says_or_a_header_that_is_made_for_it() -> None:
    assert SOURCE.request_key(inbound({"id": 7}, 'pipeline = "p"\nrequest_key = "{id}"')) == "7"
    assert SOURCE.request_key(inbound({}, 'pipeline = "p"\nrequest_key = "{id}"')) is None
    for name in ("webhook-id", "svix-id", "Idempotency-Key", "X-GitHub-Delivery"):
        assert SOURCE.request_key(inbound({}, headers=[(name, "k")])) == "k"
    assert SOURCE.request_key(inbound({"id": 7}, headers=[("X-Request-Id", "k")])) is None


def test_broken_json_is_read_by_its_names() -> None:
    body = '{"job": {"name": "orders", "n": 3}, "status": "failed", "error": "column "amount" is missing"}'
    one = draft(body, 'pipeline = "{job.name}"\nstate = "{status}"\nmessage = "{error}"')
    assert (one.state, one.pipeline, one.message) == (State.FIRING, "orders", 'column "amount" is missing')


def test_the_page_names_each_setting_outcome_and_what_is_guessed() -> None:
    own = WebhookSettings.model_fields.keys() - SOURCE.settings.__mro__[2].model_fields.keys() | Reading.model_fields.keys()
    rows = set(re.findall(r"`(\w+)`", "\n".join(line.split("|")[1] for line in PAGE.splitlines() if line.startswith("| `"))))
    assert own <= rows
    assert {outcome.value for outcome in Outcome} <= rows
    assert GUESSED.pipeline == "{name | job | data.name | data.job}"


@pytest.mark.parametrize(("title", "cases"), [("Census", "census"), ("Great Expectations", "great-expectations"), ("Svix", "svix")])
def test_the_examples_of_the_page_read_what_those_senders_send(title: str, cases: str) -> None:
    block = re.search(rf"## Example: [^\n]*{title}.*?```(?:toml|text)\n(.*?)```", PAGE, re.DOTALL)
    assert block
    document = tomllib.loads(block[1] if "[[source]]" in block[1] else f"[[source]]\n{block[1]}")
    values = document["source"][0]["settings"]
    for request in sorted((ROOT / "tests/fixtures/webhook").glob(f"{cases}-*.request.json")):
        said = json.loads(request.read_text())
        expected = json.loads(request.with_name(request.name.replace(".request.", ".draft.")).read_text())
        if expected["unmapped"]:
            with pytest.raises(Unmapped, match=re.escape(expected["unmapped"])):
                mapped(said["body"], values)
            continue
        answer = mapped(said["body"], values)
        shown = [(one.slug, one.event_data, one.title, one.state.value, one.level.value, one.category.value) for one in answer.drafts]
        wanted = [(d["slug"], d["event_data"], d["title"], d.get("state", "firing"), d["level"], d["category"]) for d in expected["drafts"]]
        assert shown == wanted, request.name


ANY = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=12) | st.sampled_from(["failed", "ok", '{"a": [1]}', "["]),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.sampled_from(["a", "b", "s", "list", "k"]), inner, max_size=4),
    max_leaves=16,
)
MAPPINGS = [
    "",
    EACH,
    CONDITIONS,
    EVENTS,
    """
pipeline = "{a}"
state = "{s}"
message = "{$}"
attempt = "{b}"
occurred_at = "{b}"
started_at = "{a}"
tags = ["{list[*].a[*]}", "{b}"]
""",
    """
identity = { x = "{a.b | s[-1]}" }
state = "{list[0].s}"
owner = "{list}"
links = { L = "{b}" }
facts = { F = "{.}" }
""",
    """
event = "{s}"
pipeline = "p"
state = "{s}"
[events."*"]
[events.failed]
each = "list[*].list"
member = "{k}"
""",
]


@pytest.mark.req("R17")
@given(body=ANY | st.text(max_size=60), mapping=st.sampled_from(MAPPINGS))
@settings(max_examples=500, deadline=None)
def test_no_message_makes_any_mapping_raise(body: Any, mapping: str) -> None:
    request = inbound(json.dumps(body).encode() if not isinstance(body, str) else body.encode("utf-8", "surrogatepass"), mapping)
    SOURCE.request_key(request)
    try:
        answer = SOURCE.map(request)
    except Unmapped:
        return
    assert answer.drafts or answer.signals or answer.ignored


@given(st.text(alphabet="ab.[]{}|'\"$*0-: \\", max_size=24))
@settings(max_examples=1000, deadline=None)
def test_no_text_of_a_mapping_does_anything_but_work_or_say_what_is_wrong(written: str) -> None:
    for read in (text, path):
        with contextlib.suppress(ValueError):
            read(written)


NESTED = {
    "groups": [
        {"site": "north", "alerts": [{"n": "a", "s": "down"}, {"n": "b", "s": "up"}]},
        {"site": "south", "alerts": {"k1": {"n": "c", "s": "down"}, "k2": {"n": "d", "s": "up"}}},
        {"site": "east"},
    ]
}


def _told(mapped: Mapped) -> list[tuple[str, str, State]]:
    return [(str(one.event_data["site"]), str(one.event_data["alert"]), one.state) for one in mapped.drafts]


def test_lists_in_lists_are_gone_through_and_each_item_knows_what_holds_it() -> None:
    mapping = {"identity": {"site": "{^.site}", "alert": "{n}"}, "state": "{s}"}
    north = [("north", "a", State.FIRING), ("north", "b", State.RESOLVED)]
    assert _told(mapped({"groups": NESTED["groups"][:1]}, {"each": "groups[*].alerts", **mapping})) == north
    everything = _told(mapped(NESTED, {"each": "groups[*].alerts[*]", **mapping}))
    assert everything == [*north, ("south", "c", State.FIRING), ("south", "d", State.RESOLVED)], "of an object its values"


def test_of_a_single_list_what_holds_it_is_the_object_around() -> None:
    mapping = {"each": "data.alerts", "identity": {"site": "{^.site}", "alert": "{n}"}, "state": "{s}"}
    told = mapped({"data": {"site": "north", "alerts": [{"n": "a", "s": "down"}]}}, mapping)
    assert _told(told) == [("north", "a", State.FIRING)]


@pytest.mark.parametrize(
    ("body", "mapping", "reason"),
    [
        ({"alerts": {"k": {}}}, {"each": "alerts"}, "no list at alerts; there is an object with k (alerts[*] goes through its values)"),
        ({"data": {"alarms": []}}, {"each": "data.alerts"}, "each: there is no list at data.alerts; data is an object with alarms"),
        ({"n": [1, 2]}, {"identity": {"a": "{n.name}"}}, "; n is a list of 2; its items are written [*], or [0] for the first;"),
        ({"n": "x", "s": "wobbly"}, {"state": "{s}"}, 'name it in `states`, as in states = { "wobbly" = "firing" }'),
        ({"n": "x", "S": "up"}, {"state": "{s}"}, "state: nothing is said at {s}; there is an object with n, S"),
        (b'{"n": "a "quote"", "x": 1}', {"state": "{s}"}, "the JSON is broken, and these names are left: n, x"),
    ],
)  # fmt: skip
def test_what_is_not_found_is_told_with_what_there_is_instead(body: Any, mapping: dict[str, Any], reason: str) -> None:
    with pytest.raises(Unmapped, match=re.escape(reason)):
        mapped(body, {"identity": {"a": "{n}"}, **mapping})


@pytest.mark.parametrize(
    "told", ["2026-11-22T09:58:00Z", 1795341480, 1795341480000, "1795341480000", 1795341480000000, 1795341480000000000]
)
def test_a_time_is_read_in_whatever_part_of_a_second_it_is_counted(told: object) -> None:
    one = draft({"n": "x", "s": "down", "t": told}, {"identity": {"a": "{n}"}, "state": "{s}", "occurred_at": "{t}"})
    assert one.occurred_at == parse_time("2026-11-22T09:58:00Z")


def test_a_time_that_cannot_be_read_is_shown_as_it_was_told() -> None:
    one = draft({"n": "x", "s": "down", "t": "22.11.2026 10:00"}, {"identity": {"a": "{n}"}, "state": "{s}", "occurred_at": "{t}"})
    assert (one.occurred_at, one.facts) == (None, {"Time, which cannot be read": "22.11.2026 10:00"})
