"""Realistic messages, one for each kind of mail."""

from dataclasses import replace
from datetime import UTC, datetime, timedelta

from gateway.channels.message import Kind, MemberLine, Message, Part, Summary
from gateway.domain.history import History
from mappers.contract import Category, Level

MAIL_FROM = "Tocsin <alerts@mail.acme.test>"
BEGAN = datetime(2026, 3, 3, 1, 10, 12, tzinfo=UTC)

UNSUBSCRIBE = "https://tocsin.acme.test/unsubscribe/" + "MTcuMy5qb2JfZmFpbHVyZS4xNzc3NjgzODIy" * 2 + "_wZ-4"

TRACEBACK = """\
Encountered an exception during execution of flow 'nightly-orders'
Traceback (most recent call last):
  File "/usr/local/lib/python3.12/site-packages/prefect/flow_engine.py", line 782, in run_context
    yield self
  File "/usr/local/lib/python3.12/site-packages/prefect/flow_engine.py", line 1397, in run_flow_sync
    engine.call_flow_fn()
  File "/usr/local/lib/python3.12/site-packages/prefect/utilities/callables.py", line 210, in call_with_parameters
    return fn(*args, **kwargs)
  File "/opt/flows/orders.py", line 88, in nightly_orders
    frame = load(extract(day), table="raw.orders", if_exists="append", method=copy_from_stringio, chunksize=50_000)
  File "/opt/flows/warehouse.py", line 41, in load
    connection.execute(statement, rows)
    ~~~~~~~~~~~~~~~~~~^^^^^^^^^^^^^^^^^
  File "/usr/local/lib/python3.12/site-packages/sqlalchemy/engine/default.py", line 952, in do_execute
    cursor.execute(statement, parameters)
sqlalchemy.exc.IntegrityError: (psycopg.errors.NotNullViolation) null value in column "customer_id" of relation "orders" violates \
not-null constraint
DETAIL:  Failing row contains (918273, null, 2026-03-02 23:59:58+00, <unknown> & "Müller", 129.90, EUR).
[SQL: INSERT INTO raw.orders (id, customer_id, placed_at, customer_name, total, currency) VALUES (%(id)s, %(customer_id)s, ...)]
"""

JOB = Part(
    notification_id=4711,
    title="nightly-orders failed",
    category=Category.JOB_FAILURE,
    level=Level.ERROR,
    urgent=True,
    is_open=True,
    reason="first",
    of_runs=True,
    message='Flow run encountered an exception: IntegrityError: null value in column "customer_id"',
    excerpt=TRACEBACK,
    opened_at=BEGAN,
    links={
        "Open run": "https://prefect.acme.test/runs/flow-run/c44ce9ad-d076-400a-830c-48f8a3306f67",
        "Deployment": "https://prefect.acme.test/deployments/deployment/9f1c",
        "Runbook": "https://wiki.acme.test/runbooks/nightly-orders?from=mail&lang=en",
    },
    facts={
        "Run": "prompt-frogmouth",
        "Attempt": "3 of 3",
        "Duration": "4 min 51 s",
        "Last success": "yesterday, 02:14",
        "Work pool": "k8s-prod",
    },
    owners=("data-platform", "ana@acme.test"),
    impact=("stg_orders", "fct_orders", "fct_revenue_daily", "exposure: Revenue dashboard"),
)

_TESTS = (
    ("not_null_fct_orders_customer_id", "Got 3 results, configured to fail if != 0"),
    ("relationships_fct_orders_customer_id__customer_id__ref_dim_customers_", "Got 1182 results, configured to fail if != 0"),
    ("unique_stg_payments_payment_id", "Got 2 results, configured to fail if != 0"),
    ("accepted_values_stg_orders_status__placed__shipped__completed__returned", "Got 1 result, configured to fail if != 0"),
)
MANY = tuple(
    MemberLine(f"{name}{f'_{at // 4}' if at >= 4 else ''}", Level.ERROR if at < 37 else Level.WARNING, said)
    for at in range(40)
    for name, said in (_TESTS[at % 4],)
)

TESTS = Part(
    notification_id=4712,
    title="dbt tests of jaffle_shop failing (prod, build)",
    category=Category.DBT_TEST_FAILURE,
    level=Level.ERROR,
    urgent=True,
    is_open=True,
    reason="first",
    message="Got 3 results, configured to fail if != 0",
    opened_at=BEGAN,
    firing=40,
    members_total=40,
    members=MANY[:25],
    links={"Open run": "https://cloud.dbt.test/accounts/1/runs/218734"},
    facts={"Target": "prod", "Command": "dbt build --select tag:nightly", "dbt": "1.11.2"},
    owners=("@analytics",),
    impact=("fct_orders", "fct_revenue_daily"),
)


def message(
    *parts: Part, kind: Kind = Kind.FAILING, subject: str = "[acme/prod] nightly-orders: job failure", **changes: object
) -> Message:
    """A message to Ana in Berlin, written ten seconds after the failure."""
    plain = Message(
        delivery_id=90210,
        kind=kind,
        to_address="ana@acme.test",
        to_name="Ana Müller",
        zone="Europe/Berlin",
        team="acme",
        environment="prod",
        subject=subject,
        is_reply=False,
        conversation="7f3a9c",
        public_url="https://tocsin.acme.test",
        parts=parts,
        written_at=datetime(2026, 3, 3, 1, 10, 22, tzinfo=UTC),
        unsubscribe=UNSUBSCRIBE,
    )
    return replace(plain, **changes)  # type: ignore[arg-type]


_LATER = datetime(2026, 3, 3, 1, 52, 40, tzinfo=UTC)
_NEXT_DAY = datetime(2026, 3, 4, 8, 30, tzinfo=UTC)
_DBT = "[acme/prod] jaffle_shop: dbt test failure"

CASES: dict[str, Message] = {
    "job-reminder": message(replace(JOB, reason="reminder"), kind=Kind.REMINDER, is_reply=True, written_at=_NEXT_DAY),
    "job-flapping": message(replace(JOB, reason="flapping", firing=0, occurrences=4), is_reply=True, written_at=_LATER),
    "digest": message(
        TESTS,
        replace(JOB, is_open=False, reason="first", firing=0, resolved_at=_LATER, excerpt=""),
        kind=Kind.DIGEST,
        subject="[acme] digest",
        written_at=_NEXT_DAY,
    ),
    "storm": message(
        *(
            replace(JOB, notification_id=100 + number, title=f"ingest-{number:03} failed", environment="prod", reason="first")
            for number in range(37)
        ),
        *(
            replace(JOB, notification_id=200 + number, title=f"report-{number:03} failed", is_open=False, firing=0, resolved_at=_LATER)
            for number in range(40)
        ),
        kind=Kind.DIGEST,
        subject="[acme] digest",
        environment="",
        written_at=_LATER,
        folded=77,
    ),
    "job-failed": message(JOB),
    "job-failed-summarized": message(
        replace(
            JOB,
            summary=Summary(
                headline="raw.orders refuses rows without a customer",
                cause="The extract of 2 March holds an order whose customer_id is null, and raw.orders does not allow that.",
                evidence=('null value in column "customer_id" of relation "orders" violates not-null constraint',),
                next_steps=("Look at order 918273 in the shop", "Ask the shop's team why it has no customer"),
                model="gpt-4o-mini",
            ),
        )
    ),
    "job-failed-read-by-rules": message(
        replace(
            JOB,
            summary=Summary(
                headline="A required value is missing",
                cause='null value in column "customer_id" of relation "orders" violates not-null constraint',
                evidence=('null value in column "customer_id" of relation "orders" violates not-null constraint',),
                next_steps=(),
                model="",
            ),
        )
    ),
    "job-failed-third-run-in-a-row": message(
        replace(
            JOB,
            history=History(
                last_success=datetime(2026, 2, 28, 1, 14, tzinfo=UTC),
                failed_in_a_row=3,
                usual=timedelta(minutes=11),
                last=timedelta(minutes=4, seconds=51),
            ),
            facts={"Run": "prompt-frogmouth"},
        )
    ),
    "job-still-failing": message(replace(JOB, reason="repeat", occurrences=3), is_reply=True, written_at=_NEXT_DAY),
    "job-resolved": message(
        replace(JOB, is_open=False, reason="resolved", firing=0, resolved_at=_LATER, message="All states completed.", excerpt=""),
        kind=Kind.RESOLVED,
        is_reply=True,
        written_at=_LATER,
    ),
    "job-failed-and-recovered": message(
        replace(JOB, is_open=False, reason="first", firing=0, resolved_at=_LATER, excerpt=""), written_at=_LATER
    ),
    "tests-failed": message(TESTS, subject=_DBT),
    "tests-two-left": message(
        replace(TESTS, reason="shrank", firing=2, members=MANY[:2], occurrences=4), subject=_DBT, is_reply=True, written_at=_LATER
    ),
    "tests-grew": message(
        replace(TESTS, reason="grew", firing=3, members_total=40, members=(replace(MANY[2], is_new=True), *MANY[:2])),
        subject=_DBT,
        is_reply=True,
    ),
    "tests-resolved": message(
        replace(TESTS, is_open=False, reason="resolved", firing=0, members=(), message="", resolved_at=_LATER),
        kind=Kind.RESOLVED,
        subject=_DBT,
        is_reply=True,
        written_at=_LATER,
    ),
    "tests-closed": message(
        replace(
            TESTS,
            is_open=False,
            reason="resolved",
            firing=0,
            members=(),
            message="",
            resolved_at=_LATER,
            is_closed=True,
            recovery="Resolved by Ana Müller.",
        ),
        kind=Kind.RESOLVED,
        subject=_DBT,
        is_reply=True,
        written_at=_LATER,
    ),
    "late": message(
        Part(
            notification_id=51,
            title="nightly-orders is late",
            category=Category.LATE_RUN,
            level=Level.WARNING,
            urgent=False,
            is_open=True,
            reason="first",
            message="Expected at 02:00 (Europe/Berlin), not started 20 min later.",
            opened_at=datetime(2026, 3, 3, 1, 20, tzinfo=UTC),
        ),
        subject="[acme/prod] nightly-orders: late run",
        written_at=datetime(2026, 3, 3, 1, 20, 2, tzinfo=UTC),
    ),
    "escalated": message(
        Part(
            notification_id=52,
            title="Disk of warehouse-1",
            category=Category.INCIDENT,
            level=Level.ERROR,
            urgent=True,
            is_open=True,
            reason="escalated",
            message="96 % full, 4.1 GiB left",
            opened_at=BEGAN,
            occurrences=2,
            links={"Open alert": "https://alerts.acme.test/#/alerts?filter=%7Balertname%3D%22Disk%22%7D"},
        ),
        subject="[acme/prod] warehouse-1: incident",
        is_reply=True,
        written_at=_LATER,
    ),
    "note": message(
        Part(
            notification_id=53,
            title="nightly-orders was cancelled",
            category=Category.JOB_FAILURE,
            level=Level.INFO,
            urgent=False,
            is_open=False,
            reason="first",
            message="Cancelled by ana@acme.test",
            opened_at=BEGAN,
            resolved_at=BEGAN,
        )
    ),
    "schema-changed": message(
        Part(
            notification_id=54,
            title="raw.orders: 1 column removed, 1 retyped, 1 added",
            category=Category.SCHEMA_CHANGE,
            level=Level.ERROR,
            urgent=False,
            is_open=True,
            reason="first",
            message="- discount_code (varchar): removed\n~ total: integer → numeric(12,2)\n+ channel (varchar): added",
            opened_at=BEGAN,
            impact=("stg_orders reads discount_code",),
        ),
        subject="[acme/prod] raw.orders: schema change",
        zone="UTC",
    ),
    "two-parts": message(
        JOB,
        replace(TESTS, reason="shrank", firing=2, members=MANY[:2]),
        written_at=_LATER,
        is_reply=True,
    ),
}
