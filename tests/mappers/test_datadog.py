"""Datadog: whatever a user's template made of the variables, a monitor is a thread and its groups are the members."""

import json
from pathlib import Path
from typing import Any

import pytest

from mappers.contract import Draft, Headers, Inbound, Level, Mapped, State, Unmapped
from mappers.datadog import SOURCE
from mappers.datadog.dialect import PAYLOAD
from mappers.datadog.text import Title, plain, scope_tags

FIXTURES = Path(__file__).parents[1] / "fixtures" / "datadog"


def inbound(case: str) -> Inbound:
    document = json.loads((FIXTURES / f"{case}.request.json").read_text(encoding="utf-8"))
    return Inbound(body=document["body"].encode(), headers=Headers((name, value) for name, value in document["headers"]))


def mapped(case: str) -> Mapped:
    return SOURCE.map(inbound(case))


def draft(case: str) -> Draft:
    (one,) = mapped(case).drafts
    return one


def of(**values: Any) -> Mapped:
    body = {"id": "1", "alert_id": "7", "title": "[Triggered] Disk is full", "date": "1795341480000", **values}
    return SOURCE.map(Inbound(body=json.dumps(body).encode()))


def identity(one: Draft) -> str:
    return json.dumps([one.slug, one.event_data, one.member and one.member.key], sort_keys=True)


@pytest.mark.req("R14", "R46")
@pytest.mark.parametrize(
    ("failing", "recovering"),
    [
        ("triggered", "recovered"),
        ("warn", "recovered"),
        ("no-data", "recovered"),
        ("as-form", "recovered"),
        ("quote-in-message", "recovered"),
        ("quote-in-name", "quote-in-name-recovered"),
        ("truncated", "recovered"),
        ("nested-spelling", "recovered"),
        ("published-triggered", "published-recovered"),
        ("default-triggered", "default-recovered"),
        ("incident-active", "incident-resolved"),
    ],
)
def test_a_recovery_resolves_what_the_alert_opened(failing: str, recovering: str) -> None:
    opened, closed = draft(failing), draft(recovering)
    assert (opened.state, closed.state) == (State.FIRING, State.RESOLVED)
    assert identity(opened) == identity(closed)
    assert opened.occurrence != closed.occurrence


@pytest.mark.req("R19", "R46")
@pytest.mark.parametrize("case", ["quote-in-name", "quote-in-name-no-id"])
def test_a_name_with_quotes_in_it_stays_whole_and_so_does_its_identity(case: str) -> None:
    opened, closed = draft(case), draft(f"{case}-recovered")
    assert opened.title == closed.title == 'Rows of "orders", "items" too few'
    assert identity(opened) == identity(closed)


@pytest.mark.req("R19")
@pytest.mark.parametrize("gap", ["\n  ", " ", ""])
@pytest.mark.parametrize("name", ['"a"', 'Table "a", "b": empty', 'C:\\data "x"', 'ends with "', '"', '{"a": "b"}'])
def test_any_name_survives_a_template_that_does_not_escape_it(name: str, gap: str) -> None:
    fields = (("title", f"[Triggered] {name}"), ("alert_title", name), ("alert_scope", "host:db1"), ("date", "1795341480000"))
    one = SOURCE.map(Inbound(body=("{" + ",".join(f'{gap}"{key}": "{text}"' for key, text in fields) + "}").encode())).drafts[0]
    assert (one.title, one.event_data, one.member and one.member.key) == (" ".join(name.split()), {"monitor": name}, "host:db1")


@pytest.mark.req("R13")
def test_groups_of_one_monitor_are_members_of_one_thread() -> None:
    one, other = draft("triggered"), draft("other-group")
    assert one.event_data == other.event_data
    assert one.title == other.title == "Disk is full"
    assert [each.member and each.member.label for each in (one, other)] == ["env:prod, host:db1", "env:prod, host:db2"]
    assert draft("no-group").member is None


@pytest.mark.req("R14", "R41")
@pytest.mark.parametrize("reminder", ["re-triggered", "renotify", "warn", "no-data"])
def test_what_is_sent_between_trigger_and_recovery_is_the_same_happening(reminder: str) -> None:
    assert draft(reminder).occurrence == draft("triggered").occurrence
    assert SOURCE.request_key(inbound(reminder)) != SOURCE.request_key(inbound("triggered")), "and yet another message"


@pytest.mark.req("R14")
@pytest.mark.parametrize(("case", "lasted"), [("recovered", "42 min"), ("default-recovered", "30 min")])
def test_a_recovery_tells_how_long_it_was_so(case: str, lasted: str) -> None:
    assert draft(case).message == f"Was so for {lasted}."


@pytest.mark.parametrize(
    ("values", "level"),
    [
        ({}, Level.ERROR),
        ({"alert_priority": "P1"}, Level.ERROR),
        ({"alert_priority": "P3"}, Level.WARNING),
        ({"alert_priority": "P5"}, Level.INFO),
        ({"title": "[P4] [Triggered] x"}, Level.INFO),
        ({"priority": "low"}, Level.ERROR),
        ({"alert_transition": "Warn", "alert_priority": "P1"}, Level.WARNING),
        ({"alert_transition": "Re-Warn"}, Level.WARNING),
        ({"alert_transition": "Renotify", "alert_type": "warning"}, Level.WARNING),
        ({"alert_transition": "Triggered", "alert_type": "warning"}, Level.ERROR),
        ({"alert_transition": "No Data"}, Level.ERROR),
    ],
)
def test_the_level_is_the_monitors_priority_and_a_warning_is_no_more_than_that(values: dict[str, str], level: Level) -> None:
    assert of(**values).drafts[0].level is level


@pytest.mark.parametrize("transition", ["Recovered", "Warn Recovered", "No Data Recovered", "recovered", "OK"])
def test_every_way_of_recovering(transition: str) -> None:
    assert of(alert_transition=transition).drafts[0].state is State.RESOLVED


@pytest.mark.parametrize(("values", "state"), [({"alert_type": "error"}, State.FIRING), ({"alert_type": "success"}, State.RESOLVED)])
def test_without_a_transition_the_type_of_the_alert_tells(values: dict[str, str], state: State) -> None:
    for transition in ("", "null", "$ALERT_TRANSITION"):
        assert of(title="Disk is full", alert_transition=transition, **values).drafts[0].state is state


def test_a_monitor_that_was_renamed_is_the_same_one() -> None:
    before, after = of(alert_title="Disk is full").drafts[0], of(alert_title="Disk is nearly full").drafts[0]
    assert identity(before) == identity(after)


@pytest.mark.parametrize("unset", ["", "null", "None", "N/A", "$ALERT_SCOPE", "$TAGS[team]"])
def test_a_variable_that_is_not_set_says_nothing(unset: str) -> None:
    one = of(alert_scope=unset, alert_priority=unset, hostname=unset, alert_cycle_key=unset).drafts[0]
    assert (one.member, one.level, one.occurrence) == (None, Level.ERROR, "1")
    assert "Host" not in one.facts


@pytest.mark.parametrize(
    ("text", "told"),
    [
        ("[P2] [Triggered on {host:db1,env:prod}] Disk is full", ("Triggered", "host:db1,env:prod", "P2", "Disk is full")),
        ("[Re-Triggered] [Memory Alert]", ("Re-Triggered", "", "", "[Memory Alert]")),
        ("[No data on {host:a}] x", ("No data", "host:a", "", "x")),
        ("Disk is full", ("", "", "", "Disk is full")),
        ("[Triggered]", ("Triggered", "", "", "[Triggered]")),
        ("", ("", "", "", "")),
    ],
)
def test_a_title_is_taken_apart(text: str, told: tuple[str, ...]) -> None:
    title = Title(text)
    assert (title.transition, title.scope, title.priority, title.name) == told


def test_a_message_is_told_without_what_is_for_datadogs_own_page() -> None:
    footer = "\n\n[![G](https://p.x/y.png)](https://z)\n- - -\n%%%"
    told = plain("%%%\n**Disk** of [db1](https://app.datadoghq.com/x) @webhook-tocsin ana@acme.test" + footer)
    assert told == "Disk of db1  ana@acme.test"


def test_a_scope_is_its_tags_in_one_order() -> None:
    assert scope_tags("host:b, env:a") == scope_tags("{env:a,host:b}") == ("env:a", "host:b")
    assert scope_tags("*") == scope_tags("") == ()


def test_owners_and_links() -> None:
    assert draft("triggered").owners == ("data-platform",)
    assert draft("default-triggered").links == {"Open in Datadog": "https://app.datadoghq.com/monitors/221164084"}


@pytest.mark.req("R15")
def test_the_key_is_the_events_id_and_what_it_tells() -> None:
    keys = [SOURCE.request_key(inbound(case)) for case in ("triggered", "recovered", "other-group", "default-triggered", "title-only")]
    assert keys[-1] is None, "without an id and a time two messages may be the same text"
    assert len(set(keys)) == len(keys)
    assert SOURCE.request_key(inbound("triggered")) == SOURCE.request_key(inbound("as-form"))


@pytest.mark.req("R17")
@pytest.mark.parametrize("body", [b"", b"{", b"7", b"[]", b"null", b'{"hello": "world"}', b'{"title": "$EVENT_TITLE"}', b"\xff\xfe"])
def test_what_says_nothing_is_unmapped(body: bytes) -> None:
    with pytest.raises(Unmapped):
        SOURCE.map(Inbound(body=body))
    assert SOURCE.request_key(Inbound(body=body)) is None


def test_the_payload_that_the_page_recommends_is_read() -> None:
    page = (Path(__file__).parents[2] / "docs" / "connect-datadog.md").read_text(encoding="utf-8")
    template = page.partition("```json\n")[2].partition("```")[0]
    assert template.strip() == PAYLOAD
    assert any(PAYLOAD in step for step in SOURCE.steps)
    with pytest.raises(Unmapped, match="the template itself"):
        SOURCE.map(Inbound(body=template.encode()))
    for name, value in {
        "$ID": "1", "$ALERT_ID": "7", "$ALERT_CYCLE_KEY": "42", "$ALERT_TRANSITION": "Triggered", "$ALERT_SCOPE": "host:db1",
        "$DATE": "1795341480000", "$ALERT_TITLE": "Disk is full", "$EVENT_TITLE": "[Triggered on {host:db1}] Disk is full",
        "$TAGS": "team:storage",
    }.items():  # fmt: skip
        template = template.replace(f'"{name}"', json.dumps(value))
    (one,) = SOURCE.map(Inbound(body=template.encode())).drafts
    assert (one.title, one.occurrence, one.owners) == ("Disk is full", "42 firing", ("storage",))
    assert one.event_data == {"monitor": "7"}
