"""From a captured webhook to an inbox entry and a mail, through the real process."""

import json
import signal
import time
from typing import Any

import pytest

from tests.acceptance.conftest import FIXTURES, TOKENS, Mailbox, Tocsin, eventually, free_port, text_of

pytestmark = pytest.mark.acceptance


def one(items: list[dict[str, Any]], **wanted: Any) -> dict[str, Any]:
    found = [item for item in items if all(item[name] == value for name, value in wanted.items())]
    assert len(found) == 1, [{name: item[name] for name in ("title", *wanted)} for item in items]
    return found[0]


@pytest.mark.req("R4", "R80", "R82")
def test_a_failed_flow_becomes_one_entry_and_one_mail_for_each_subscriber(tocsin: Tocsin, mails: Mailbox) -> None:
    answer = tocsin.send("prefect", "prefect/webhook-ui-flowrun-headers-failed")
    assert answer.status == 202
    assert answer.body["status"] == "accepted"
    for who, address in (("ANA_TOKEN", "ana@acme.test"), ("BEN_TOKEN", "ben@acme.test")):
        entry = one(eventually(lambda who=who: tocsin.inbox(who)), category="job_failure")
        assert entry["urgent"]
        assert entry["level"] == "error"
        assert entry["pipeline"] == "orders-etl"
        assert 'bad "quoted" value' in entry["message"]
        (mail,) = eventually(lambda address=address: mails.all(address))
        assert mail["Subject"] == "[acme/prod] orders-etl: job failure"
        assert 'bad "quoted" value' in text_of(mail)
    bar = tocsin.api("/api/notifications/urgent-bar").body
    assert bar["counts"] == {"total": 1, "unacknowledged": 1}
    assert bar["items"][0]["links"]["Open run"].startswith("http")


@pytest.mark.req("R15")
def test_a_redelivery_makes_no_second_row_and_no_second_mail(tocsin: Tocsin, mails: Mailbox) -> None:
    first = tocsin.send("prefect", "prefect/webhook-event-tojson-failed")
    eventually(lambda: mails.all("ana@acme.test"))
    again = tocsin.send("prefect", "prefect/webhook-event-tojson-failed")
    assert (again.status, again.body) == (200, {"status": "duplicate", "id": first.body["id"]})
    # the same failure told by another automation, in another dialect: accepted, and folded by the judge
    other = tocsin.send("prefect", "prefect/webhook-ui-flowrun-headers-failed")
    assert other.status == 202
    eventually(tocsin.settled)
    entry = one(tocsin.inbox(), category="job_failure")
    assert entry["occurrences"] == 1
    assert len(mails.all("ana@acme.test")) == 1


@pytest.mark.req("R10", "R46")
def test_a_dbt_build_with_many_failures_is_one_thread_that_shrinks_and_resolves(tocsin: Tocsin, mails: Mailbox) -> None:
    results = json.loads(json.loads((FIXTURES / "dbt_core" / "build-v6.request.json").read_text(encoding="utf-8"))["body"])
    template = next(result for result in results["results"] if result["unique_id"].startswith("test.") and result["status"] == "fail")

    def build(number: int, failing: range) -> Any:
        nodes = [
            {
                **template,
                "unique_id": f"test.shop.not_null_orders_{index}.{index:010x}",
                "status": "fail" if index in failing else "pass",
                "failures": 1 if index in failing else 0,
                "message": "Got 1 result, configured to fail if != 0" if index in failing else None,
            }
            for index in range(40)
        ]
        document = {
            **results,
            "metadata": {
                **results["metadata"],
                "invocation_id": f"00000000-0000-4000-8000-{number:012}",
                "generated_at": f"2026-11-21T2{number}:00:00Z",
            },
            "results": nodes,
        }
        return tocsin.send("dbt-core", "dbt_core/build-v6", lambda _: json.dumps(document))

    assert build(0, range(40)).status == 202
    eventually(tocsin.settled)
    entry = one(tocsin.inbox(), category="dbt_test_failure")
    assert entry["members"] == {"firing": 40, "total": 40}
    assert len(mails.all("ana@acme.test")) == 1
    assert mails.all("ben@acme.test") == [], "Ben wants no mail about dbt tests"
    assert one(tocsin.inbox("BEN_TOKEN"), category="dbt_test_failure")

    assert build(1, range(2)).status == 202
    eventually(tocsin.settled)
    entry = one(tocsin.inbox(), category="dbt_test_failure")
    assert entry["members"] == {"firing": 2, "total": 40}
    detail = tocsin.api(f"/api/notifications/{entry['id']}").body
    assert [member["label"] for member in detail["member_list"] if member["firing"]] == ["not_null_orders_0", "not_null_orders_1"]
    assert len(mails.all("ana@acme.test")) == 1, "a partial fix mails nobody"

    assert build(2, range(0)).status == 202
    eventually(lambda: len(mails.all("ana@acme.test")) == 2)
    entry = one(tocsin.inbox(), category="dbt_test_failure")
    assert entry["status"] == "resolved"
    failing, resolved = mails.all("ana@acme.test")
    assert resolved["Subject"] == f"Re: {failing['Subject']}"
    assert resolved["References"] == failing["References"]
    assert text_of(resolved).startswith("RESOLVED after ")
    assert mails.all("ben@acme.test") == [], "who was not told of the failure is not told of the recovery"
    assert tocsin.api("/api/notifications/urgent-bar").body["items"] == []


@pytest.mark.req("R49", "R2")
def test_staging_never_resolves_prod_and_a_recovery_in_another_dialect_does(tocsin: Tocsin, mails: Mailbox) -> None:
    def completed(body: str) -> str:
        return body.replace("orders-etl-ok", "orders-etl")

    tocsin.send("prefect", "prefect/webhook-event-tojson-failed")
    eventually(tocsin.settled)
    tocsin.send("prefect-staging", "prefect/webhook-event-tojson-completed", completed)
    eventually(tocsin.settled)
    assert one(tocsin.inbox(), category="job_failure")["status"] == "open"
    tocsin.send("prefect", "prefect/notification-json-completed", completed)
    eventually(tocsin.settled)
    assert one(tocsin.inbox(), category="job_failure")["status"] == "resolved"
    eventually(lambda: len(mails.all("ana@acme.test")) == 2)


@pytest.mark.req("R9")
def test_errored_and_completed_of_a_dbt_platform_run_are_one_occurrence_and_one_mail(tocsin: Tocsin, mails: Mailbox) -> None:
    assert tocsin.send("dbt-cloud", "dbt_cloud/job.run.errored").status == 202
    assert tocsin.send("dbt-cloud", "dbt_cloud/job.run.completed-of-the-errored-run").status == 202
    eventually(tocsin.settled)
    assert one(tocsin.inbox(), category="job_failure")["occurrences"] == 1
    assert len(mails.all("ana@acme.test")) == 1


@pytest.mark.req("R13", "R14")
@pytest.mark.parametrize(
    ("source", "down", "up"),
    [
        ("healthchecks", "healthchecks_io/json-down", "healthchecks_io/json-up"),
        ("healthchecks", "healthchecks_io/get-down", "healthchecks_io/get-up"),
        ("kuma", "uptime_kuma/json-down", "uptime_kuma/json-up"),
        ("kuma", "uptime_kuma/get-down", "uptime_kuma/get-up"),
        ("alertmanager", "alertmanager/single-firing", "alertmanager/single-resolved"),
    ],
)
def test_a_health_check_opens_and_resolves_an_incident(tocsin: Tocsin, mails: Mailbox, source: str, down: str, up: str) -> None:
    assert tocsin.send(source, down).status == 202
    eventually(tocsin.settled)
    assert one(tocsin.inbox(), category="incident")["status"] == "open"
    assert tocsin.send(source, up).status == 202
    eventually(lambda: len(mails.all("ana@acme.test")) == 2)
    assert one(tocsin.inbox(), category="incident")["status"] == "resolved"
    assert text_of(mails.all("ana@acme.test")[1]).startswith("RESOLVED after ")


@pytest.mark.req("R17", "R6")
def test_what_is_not_understood_or_tells_nothing_is_kept_with_its_reason(tocsin: Tocsin) -> None:
    assert tocsin.send("kuma", "uptime_kuma/json-test").status == 202
    assert tocsin.send("kuma", "uptime_kuma/not-kuma").status == 202
    assert tocsin.send("prefect", "prefect/webhook-event-tojson-awaitingretry").status == 202
    eventually(tocsin.settled)
    assert tocsin.inbox() == []
    events = {event["status"]: event for event in tocsin.api("/api/events").body["items"]}
    assert events["ignored"]["reason"]
    assert events["unmapped"]["reason"]
    shown = tocsin.api(f"/api/events/{events['unmapped']['id']}").body
    assert shown["body"]
    assert TOKENS["HOOK"] not in json.dumps(shown), "credentials are never stored"


@pytest.mark.req("R3", "R98")
def test_wrong_credentials_are_refused_and_leave_a_redacted_rejection(tocsin: Tocsin) -> None:
    from tests.acceptance.conftest import call

    refused = call(f"{tocsin.url}/webhooks/acme/prefect", method="POST", body=b"{}", headers={"Authorization": "Bearer wrong-but-secret"})
    assert refused.status == 401
    assert refused.body["detail"]
    unsigned = call(f"{tocsin.url}/webhooks/acme/dbt-cloud", method="POST", body=b"{}", headers={"Authorization": "zz"})
    assert unsigned.status == 401
    rejections = eventually(lambda: tocsin.api("/api/rejections").body["items"])
    assert {one["reason"] for one in rejections} == {"credential-wrong", "credential-malformed"}
    assert "wrong-but-secret" not in json.dumps(rejections)
    assert tocsin.stop() == 0
    stored = b"".join(path.read_bytes() for path in (tocsin.directory / "data").iterdir())
    assert b"wrong-but-secret" not in stored
    assert TOKENS["HOOK"].encode() not in stored
    assert TOKENS["ANA_TOKEN"].encode() not in stored
    assert "secret" not in tocsin.output


@pytest.mark.req("R36")
def test_another_team_sees_nothing(tocsin: Tocsin) -> None:
    tocsin.send("prefect", "prefect/webhook-event-tojson-failed")
    entry = eventually(tocsin.inbox)[0]
    assert tocsin.inbox("OTHER_TOKEN") == []
    assert tocsin.api(f"/api/notifications/{entry['id']}", who="OTHER_TOKEN").status == 404
    assert tocsin.api("/api/notifications/v1?team=acme", who="OTHER_TOKEN").status == 404
    assert tocsin.api("/api/notifications/unread-count", who="OTHER_TOKEN").body["total"] == 0
    assert tocsin.api(f"/api/notifications/{entry['id']}/acknowledge", who="OTHER_TOKEN", method="POST").status == 404
    assert tocsin.api("/api/events", who="OTHER_TOKEN").body["items"] == []


@pytest.mark.req("R18")
def test_what_was_accepted_survives_a_kill_and_is_told_once(installation: Tocsin, mailbox: tuple[Mailbox, int]) -> None:
    mails, installation.smtp_port = mailbox
    installation.start()
    accepted = 0
    for number in range(8):
        answer = installation.send(
            "prefect",
            "prefect/webhook-ui-flowrun-headers-failed",
            lambda body, number=number: body.replace('"orders-etl"', f'"flow-{number}"'),
        )
        accepted += answer.status == 202
    installation.stop(signal.SIGKILL)
    installation.start()
    eventually(installation.settled, 30)
    assert accepted == 8
    assert {entry["pipeline"] for entry in installation.inbox()} == {f"flow-{number}" for number in range(8)}
    by_id: dict[str, int] = {}
    for mail in mails.all("ana@acme.test"):
        by_id[mail["Message-ID"]] = by_id.get(mail["Message-ID"], 0) + 1
    assert len(by_id) == 8, "each failure is told, under one Message-ID"
    assert max(by_id.values()) <= 2, "a kill between sending and recording repeats a mail at most once"


@pytest.mark.req("R81")
def test_a_dead_mail_server_loses_nothing(installation: Tocsin) -> None:
    installation.smtp_port = free_port()
    installation.start()
    installation.send("prefect", "prefect/webhook-event-tojson-failed")
    failed = eventually(lambda: [one for one in installation.api("/api/deliveries").body["items"] if one["last_answer"]])
    assert failed[0]["status"] == "waiting"
    assert failed[0]["due_at"] > failed[0]["created_at"]
    assert installation.inbox()
    assert installation.stop() == 0


def test_a_second_serve_on_the_same_file_is_refused_and_names_the_first(tocsin: Tocsin) -> None:
    second = tocsin.run("serve")
    assert second.returncode == 1
    assert f"process {tocsin.process.pid}" in second.stderr  # type: ignore[union-attr]
    assert "Traceback" not in second.stderr


def test_sigterm_ends_it_cleanly_and_quickly(tocsin: Tocsin) -> None:
    tocsin.send("prefect", "prefect/webhook-event-tojson-failed")
    started = time.monotonic()
    assert tocsin.stop() == 0
    assert time.monotonic() - started < 10
    assert "Traceback" not in tocsin.output
