"""What surprised us of real senders: for each surprise there is a fixture that holds it, and what it must come to."""

import pytest

from mappers.contract import Inbound, State, Unmapped
from tests.mappers.test_contract import FIXTURES, KINDS, request_of

FIRES, RECOVERS, SILENT, UNREAD = "fires", "recovers", "says nothing", "is kept as unmapped"
QUIRKS = [
    ("a default payload that a quote makes invalid", "prefect/ui-flowrun-crashed-broken-json-with-json-inside", "", FIRES),
    ("a check's name with a quote in it", "healthchecks_io/broken-name-down", "", FIRES),
    ("a check's body with a quote in it", "healthchecks_io/broken-body-down", "", FIRES),
    ("a custom template that a quote breaks", "uptime_kuma/custom-broken-down", "", FIRES),
    ("a monitor's name with a quote in it", "datadog/quote-in-name", "", FIRES),
    ("an enum printed as such", "prefect/webhook-ui-flowrun-headers-failed", "StateType.FAILED", FIRES),
    ("an enum of a deployment printed as such", "prefect/webhook-ui-deployment-not-ready", "DeploymentStatus.NOT_READY", FIRES),
    ("the word None for a link", "prefect/webhook-ui-deployment-not-ready", 'url": "None"', FIRES),
    ("a time with a space in it", "prefect/own-id-and-state-failed", 'timestamp": "2026-11-22 ', FIRES),
    ("an automation without payload", "prefect/empty-without-payload", "", UNREAD),
    ("a body of which nothing came", "prefect/webhook-ui-flowrun-headers-empty", "", UNREAD),
    ("docs generate, of which all is a success", "dbt_core/docs-generate-v6", "generate", SILENT),
    ("a source left out for its runtime error", "dbt_core/freshness-with-its-log", "", FIRES),
    ("a source listed with its runtime error", "dbt_core/sources-v3-runtime-error", "runtime error", FIRES),
    ("ANSI colours", "dbt_core/log-build-v1.4", "\\u001b[", FIRES),
    ("Late, whose type is SCHEDULED", "prefect/webhook-event-tojson-late", "SCHEDULED", FIRES),
    ("TimedOut, whose type is FAILED", "prefect/event-timed-out", "TimedOut", FIRES),
    ("DBT_TEST_FAILED, whose type is COMPLETED", "prefect/event-tests-failed", "COMPLETED", FIRES),
    ("a state with a name of somebody's own", "prefect/event-custom-name-known-type", "", FIRES),
    ("a proactive trigger, which sends the event before", "prefect/own-proactive", "prefect.flow-run.Running", RECOVERS),
    ("a threshold, which sends the last event alone", "prefect/own-threshold", "prefect.flow-run.Failed", FIRES),
    ("a group that fires while a member is resolved", "alertmanager/grouped-one-resolved", '"resolved"', FIRES),
    ("an end in the year 1", "alertmanager/grouped-firing", "0001-01-01", FIRES),
    ("alerts that were left out", "alertmanager/truncated-firing", "truncatedAlerts", FIRES),
    ("JSON in JSON, labelled as text", "aws_sns/alarm", "AlarmName", FIRES),
    ("multipart", "uptime_kuma/form-down", "form-data", FIRES),
    ("all in the address", "uptime_kuma/get-down", "", FIRES),
    ("all in the address, of Healthchecks", "healthchecks_io/get-down", "", FIRES),
    ("variables that were not set, as they are", "uptimerobot/json-down", "*alertDuration*", FIRES),
    ("a name in HTML", "uptimerobot/json-down", "&#40;prod&#41;", FIRES),
    ("a schema change in Slack's text alone", "airbyte/schema-changed-to-review", "blocks", FIRES),
    ("a disabled connection in Slack's text alone", "airbyte/connection-disabled", "blocks", FIRES),
    ("the word None for nothing", "dbt_cloud/job.run.errored", '"None"', FIRES),
    ("errored and completed of one run", "dbt_cloud/job.run.completed-of-the-errored-run", "completed", FIRES),
    ("a setup ping of Fivetran", "fivetran/published-test-event", "test_event", SILENT),
    ("a setup ping of Soda", "soda/published-validate", "validate", SILENT),
    ("a setup ping of Airbyte", "airbyte/published-hello-world", "Hello World!", SILENT),
    ("a setup ping of Uptime Kuma", "uptime_kuma/json-test", "Testing", SILENT),
    ("a setup ping of SNS, with an address to fetch", "aws_sns/subscription-confirmation", "SubscribeURL", SILENT),
    ("a reminder, marked as not important", "uptime_kuma/json-reminder", '"important":false', FIRES),
    ("an operation whose results say nothing of the reason", "dbt_core/operation-failed", '"message": null', FIRES),
]


@pytest.mark.req("R1", "R2", "R13", "R17")
@pytest.mark.parametrize(("quirk", "case", "holds", "comes_to"), QUIRKS, ids=[quirk for quirk, *_ in QUIRKS])
def test_each_surprise_has_a_fixture_that_comes_to_what_it_means(quirk: str, case: str, holds: str, comes_to: str) -> None:
    kind, _, name = case.partition("/")
    inbound = request_of(FIXTURES / kind / f"{name}.request.json")
    assert holds in inbound.text, f"the fixture of {quirk} does not hold it any more"
    assert outcome(kind, inbound) == comes_to


def outcome(kind: str, inbound: Inbound) -> str:
    """What a request comes to, in a word; a failure before all else."""
    try:
        states = {draft.state for draft in KINDS[kind].map(inbound).drafts}
    except Unmapped:
        return UNREAD
    return FIRES if State.FIRING in states else RECOVERS if State.RESOLVED in states else SILENT
