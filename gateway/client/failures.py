"""What data pipelines tell most: a job failed, a dbt test failed, a run is late; and that it is over."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Final, TypedDict, Unpack

from gateway.client.call import Call
from gateway.client.creating import Creating
from gateway.client.values import Created
from gateway.client.words import MESSAGE_LIMIT, Deduplicate, Level, tail

JOB_FAILED: Final = "job-run-failed"
TEST_FAILED: Final = "dbt-test-failed"
RUN_LATE: Final = "job-run-late"


class More(TypedDict, total=False):
    """What may be said beside, as in `create_notification`."""

    level: Level
    links: Mapping[str, str]
    facts: Mapping[str, Any]
    urgent: bool
    users: Iterable[str | int]
    permissions: Iterable[str]
    owners: Iterable[str]
    tags: Iterable[str]
    occurrence: str
    source_app: str
    source_model: str
    source_id: object
    deduplicate: Deduplicate
    expires_at: datetime
    idempotency_key: str


@dataclass(frozen=True, slots=True)
class Failures(Creating):
    """Calls with the identity, the category and the title already chosen; `org` is the team's slug."""

    def create_job_failure_notification(
        self,
        /,
        flow_run_id: object,
        org: str | None = None,
        error_message: str = "",
        *,
        pipeline: str | None = None,
        environment: str | None = None,
        url: str | None = None,
        **more: Unpack[More],
    ) -> Call[Created | None]:
        """A run failed. Give `pipeline`, the name of the flow or job: then all its failures are one thread, and a success resolves it."""
        named = f"{pipeline} failed" if pipeline else f"Flow run {flow_run_id} failed"
        return self._failure(
            named, error_message, org, slug=JOB_FAILED, category="job_failure", level="error", event_data=_job(flow_run_id, pipeline),
            run=flow_run_id, pipeline=pipeline, environment=environment, url=url, more=more,
        )  # fmt: skip

    def resolve_job_failure_notification(
        self, flow_run_id: object, org: str | None = None, *, pipeline: str | None = None, environment: str | None = None
    ) -> Call[Created | None]:
        """The pipeline, or this very run, succeeded. None: nothing was open, so a job may say it each time it succeeds."""
        title = f"{pipeline} recovered" if pipeline else f"Flow run {flow_run_id} recovered"
        return self.resolve(title, "", org, JOB_FAILED, _job(flow_run_id, pipeline), environment=environment, run=str(flow_run_id))

    def create_dbt_test_failure_notification(
        self,
        /,
        test_name: str,
        org: str | None = None,
        error_details: str = "",
        *,
        pipeline: str | None = None,
        run: object = None,
        environment: str | None = None,
        url: str | None = None,
        **more: Unpack[More],
    ) -> Call[Created | None]:
        """A dbt test failed. Give `pipeline`, the project or job: then its failing tests are one thread with a member for each."""
        named = f"dbt tests failed in {pipeline}" if pipeline else f"dbt test {test_name} failed"
        return self._failure(
            named, error_details, org, slug=TEST_FAILED, category="dbt_test_failure", level="error", event_data=_test(test_name, pipeline),
            member=test_name if pipeline else None, run=run, pipeline=pipeline, environment=environment, url=url, more=more,
        )  # fmt: skip

    def resolve_dbt_test_failure_notification(
        self, test_name: str, org: str | None = None, *, pipeline: str | None = None, run: object = None, environment: str | None = None
    ) -> Call[Created | None]:
        """The test passed. None: it was not failing."""
        return self.resolve(
            f"dbt test {test_name} passed", "", org, TEST_FAILED, _test(test_name, pipeline), member=test_name if pipeline else None,
            environment=environment, run=None if run is None else str(run),
        )  # fmt: skip

    def create_late_run_notification(
        self,
        /,
        pipeline: str,
        org: str | None = None,
        message: str = "",
        *,
        expected_at: datetime | None = None,
        flow_run_id: object = None,
        environment: str | None = None,
        url: str | None = None,
        **more: Unpack[More],
    ) -> Call[Created | None]:
        """A run did not start, or data did not come, when it was expected."""
        facts = {"Expected": expected_at.isoformat(timespec="minutes")} if expected_at else {}
        return self._failure(
            f"{pipeline} is late", message, org, slug=RUN_LATE, category="late_run", level="warning", event_data={"pipeline": pipeline},
            run=flow_run_id, pipeline=pipeline, environment=environment, url=url, facts=facts, more=more,
        )  # fmt: skip

    def resolve_late_run_notification(
        self, pipeline: str, org: str | None = None, *, flow_run_id: object = None, environment: str | None = None
    ) -> Call[Created | None]:
        """It came. None: it was not late."""
        run = None if flow_run_id is None else str(flow_run_id)
        return self.resolve(f"{pipeline} arrived", "", org, RUN_LATE, {"pipeline": pipeline}, environment=environment, run=run)

    def _failure(self, title: str, message: str, org: str | None, *, url: str | None, more: More, **given: Any) -> Call[Created | None]:
        links = {**({"Open run": url} if url else {}), **more.get("links", {})}
        facts = {**given.pop("facts", {}), **more.get("facts", {})}
        fields = {"state": "firing", **given, **more, "links": links or None, "facts": facts or None}
        return self.create_notification(title, tail(message, MESSAGE_LIMIT), team=org, **fields)


def _job(flow_run_id: object, pipeline: str | None) -> dict[str, str]:
    return {"pipeline": pipeline} if pipeline else {"flow_run_id": str(flow_run_id)}


def _test(test_name: str, pipeline: str | None) -> dict[str, str]:
    return {"pipeline": pipeline} if pipeline else {"test": test_name}
