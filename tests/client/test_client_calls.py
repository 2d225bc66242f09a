"""What each call sends, as pure values."""

import json
from datetime import UTC, datetime
from decimal import Decimal
from typing import Any
from uuid import UUID

import pytest

from gateway.client.call import Call
from gateway.client.reading import Calls

ACME = Calls("acme")
WHEN = datetime(2026, 3, 2, 9, 0, tzinfo=UTC)


def body(call: Call[Any]) -> dict[str, Any]:
    found: dict[str, Any] = json.loads(call.body or b"null")
    return found


def identity(call: Call[Any]) -> dict[str, Any]:
    return {name: value for name, value in body(call).items() if name in ("team", "slug", "event_data", "environment", "member")}


def test_a_creation_says_only_what_was_given() -> None:
    call = ACME.create_notification("Disk full")
    assert (call.method, call.path, call.query) == ("POST", "/api/notifications/", ())
    assert body(call) == {"title": "Disk full", "message": "", "level": "info", "team": "acme"}
    assert "team" not in body(Calls().create_notification("Disk full")), "the gateway knows who has one team only"


def test_a_creation_takes_every_field() -> None:
    given: dict[str, Any] = {
        "team": "other", "slug": "disk-full", "event_data": {"host": "db1"}, "permissions": ["ops"], "links": {"Open": "/hosts/db1"},
        "category": "incident", "state": "firing", "occurrence": "o1", "pipeline": "nightly", "run": "r1", "environment": "prod",
        "urgent": False, "users": ["ana@acme.test", 7], "owners": ["data"], "tags": ["db"], "facts": {"Used": "99 %"}, "source_app": "shop",
        "source_model": "Host", "source_id": "1", "deduplicate": "once", "expires_at": WHEN, "scheduled_time": WHEN,
    }  # fmt: skip
    sent = body(ACME.create_notification("Disk full", "99 % used", "error", **given))
    times = {"expires_at": WHEN.isoformat(), "scheduled_time": WHEN.isoformat()}
    assert sent == {"title": "Disk full", "message": "99 % used", "level": "error", **given, **times}


def test_an_empty_list_of_users_is_nobody_and_never_the_whole_team() -> None:
    assert body(ACME.create_notification("x", users=[]))["users"] == []
    assert "users" not in body(ACME.create_notification("x"))
    assert "permissions" not in body(ACME.create_notification("x", permissions=[]))


def test_one_word_is_one_word() -> None:
    sent = body(ACME.create_notification("x", users="ana@acme.test", permissions="ops", tags=("a", "b")))
    assert (sent["users"], sent["permissions"], sent["tags"]) == (["ana@acme.test"], ["ops"], ["a", "b"])


def test_a_member_may_have_a_label() -> None:
    assert body(ACME.create_notification("x", member="not_null_orders_id"))["member"] == "not_null_orders_id"
    assert body(ACME.create_notification("x", member=("k", "Label")))["member"] == {"key": "k", "label": "Label"}


class Lazy:
    """Text that is made when it is needed, as translations are."""

    def __str__(self) -> str:
        return "Disque plein"


def test_what_an_application_has_at_hand_can_be_given() -> None:
    number = UUID(int=7)
    sent = body(
        ACME.create_notification(Lazy(), source_id=number, event_data={"id": number, "sum": Decimal("1.5"), "n": 3, "on": True, "no": None})  # type: ignore[arg-type]
    )
    assert sent["title"] == "Disque plein"
    assert sent["source_id"] == str(number)
    assert sent["event_data"] == {"id": str(number), "sum": "1.5", "n": 3, "on": True, "no": None}


def test_what_no_database_holds_is_taken_out_and_what_is_too_long_is_cut() -> None:
    sent = body(ACME.create_notification("a\x00b\ud800" + "c" * 300, "m" * 9000))
    assert sent["title"].startswith("ab?ccc")
    assert (len(sent["title"]), sent["title"][-1]) == (200, "…")
    assert (len(sent["message"]), sent["message"][-1]) == (8000, "…")


def test_of_a_traceback_the_end_is_kept() -> None:
    trace = "Traceback\n" + "  line\n" * 3000 + "ValueError: boom\n"
    message = body(ACME.create_job_failure_notification("r1", error_message=trace))["message"]
    assert (message[0], len(message)) == ("…", 8000)
    assert message.endswith("ValueError: boom")


def test_a_time_without_a_zone_is_an_error() -> None:
    with pytest.raises(ValueError, match="no time zone"):
        ACME.create_notification("x", expires_at=datetime(2026, 3, 2))  # noqa: DTZ001
    with pytest.raises(ValueError, match="no time zone"):
        ACME.get_filtered_notifications(since=datetime(2026, 3, 2))  # noqa: DTZ001


@pytest.mark.req("R38", "R44")
def test_each_person_that_is_told_has_a_thread_of_their_own() -> None:
    sent = body(ACME.notify_user("ana@acme.test", "Report ready", url="/reports/7"))
    assert sent == {
        "title": "Report ready", "message": "", "level": "info", "team": "acme", "users": ["ana@acme.test"],
        "links": {"Open": "/reports/7"}, "deduplicate": "skip-unread", "event_data": {"user": "ana@acme.test", "title": "Report ready"},
    }  # fmt: skip
    about = body(ACME.notify_user(7, "Report ready", source_app="shop", source_model="Report", source_id=9))
    assert about["event_data"] == {"user": 7, "source_app": "shop", "source_model": "Report", "source_id": "9"}


@pytest.mark.parametrize(("given", "mode"), [(True, "skip-unread"), (False, "never"), ("once", "once")])
def test_deduplicate_is_a_word_or_yes_or_no(given: Any, mode: str) -> None:
    assert body(ACME.notify_user("ana@acme.test", "x", deduplicate=given))["deduplicate"] == mode


@pytest.mark.req("R40")
@pytest.mark.parametrize(
    ("failing", "recovering"),
    [
        (ACME.create_notification("Disk full", level="error"), ACME.resolve("Disk full")),
        (
            ACME.create_notification("Disk full", slug="disk", event_data={"host": 1}, member="sda", environment="prod"),
            ACME.resolve("Disk free", slug="disk", event_data={"host": 1}, member="sda", environment="prod"),
        ),
        (ACME.create_job_failure_notification("r1", "other", "boom"), ACME.resolve_job_failure_notification("r1", "other")),
        (
            ACME.create_job_failure_notification("r1", pipeline="nightly", environment="prod"),
            ACME.resolve_job_failure_notification("r2", pipeline="nightly", environment="prod"),
        ),
        (ACME.create_dbt_test_failure_notification("unique_id"), ACME.resolve_dbt_test_failure_notification("unique_id")),
        (
            ACME.create_dbt_test_failure_notification("unique_id", pipeline="shop", run=7),
            ACME.resolve_dbt_test_failure_notification("unique_id", pipeline="shop", run=8),
        ),
        (ACME.create_late_run_notification("nightly"), ACME.resolve_late_run_notification("nightly", flow_run_id=1)),
    ],
)
def test_a_recovery_has_the_identity_of_its_failure(failing: Call[Any], recovering: Call[Any]) -> None:
    assert identity(failing) == identity(recovering)
    assert (body(recovering)["state"], body(recovering)["level"]) == ("resolved", "success")


def test_a_pipeline_is_the_identity_of_its_failures_and_the_run_never_is() -> None:
    sent = body(
        ACME.create_job_failure_notification("r1", "acme", "boom", pipeline="nightly", url="https://prefect.example/r1", tags=["x"])
    )
    assert sent == {
        "title": "nightly failed", "message": "boom", "level": "error", "team": "acme", "slug": "job-run-failed", "category": "job_failure",
        "state": "firing", "event_data": {"pipeline": "nightly"}, "pipeline": "nightly", "run": "r1", "tags": ["x"],
        "links": {"Open run": "https://prefect.example/r1"},
    }  # fmt: skip


def test_failing_tests_of_a_project_are_members_of_one_thread() -> None:
    tests = [body(ACME.create_dbt_test_failure_notification(name, pipeline="shop")) for name in ("a", "b")]
    assert [one["member"] for one in tests] == ["a", "b"]
    assert tests[0]["title"] == tests[1]["title"] == "dbt tests failed in shop"
    assert tests[0]["category"] == "dbt_test_failure"


def test_a_late_run_says_when_it_was_expected() -> None:
    sent = body(ACME.create_late_run_notification("nightly", expected_at=WHEN, level="error", facts={"Delay": "1 h"}))
    assert (sent["category"], sent["level"]) == ("late_run", "error")
    assert sent["facts"] == {"Expected": "2026-03-02T09:00+00:00", "Delay": "1 h"}


def test_a_misspelt_field_is_an_error_at_once() -> None:
    with pytest.raises(TypeError, match="pipelin"):
        ACME.create_late_run_notification("nightly", pipelin="x")  # type: ignore[call-arg]


def test_a_filter_is_a_query() -> None:
    call = ACME.get_filtered_notifications(
        category=["incident", "late_run"], level="error", urgent_only=True, since=WHEN, q="disk", limit=5
    )
    assert call.query == (
        ("team", "acme"), ("category", "incident"), ("category", "late_run"), ("level", "error"), ("urgent_only", "true"),
        ("since", WHEN.isoformat()), ("q", "disk"), ("limit", "5"),
    )  # fmt: skip
    assert not call.writes


def test_preferences_are_named_as_they_are_read() -> None:
    call = ACME.update_user_notification_preferences({"email": {"enabled": False}}, late_run_notifications=False, quiet_hours=None)
    assert body(call) == {"email": {"enabled": False}, "late_run_notifications": False, "quiet_hours": None}
    assert (call.method, call.query) == ("PUT", (("team", "acme"),))


@pytest.mark.req("R34")
def test_what_was_told_about_an_object_is_deleted_by_it() -> None:
    call = ACME.delete_by_source("shop", "Order", 7)
    assert (call.method, call.path) == ("DELETE", "/api/notifications/")
    assert call.query == (("source_app", "shop"), ("source_model", "Order"), ("source_id", "7"), ("team", "acme"))


def test_what_is_empty_is_not_said() -> None:
    assert body(ACME.create_notification("x", run="", pipeline="", environment="", source_id="", facts={"Rows": 7})) == {
        "title": "x", "message": "", "level": "info", "team": "acme", "facts": {"Rows": "7"},
    }  # fmt: skip
