"""What the rules read from a line, and which of several they believe."""

import pytest

from summarizer import Confidence, Failure, Kind, Redactor, Summary, prepare
from summarizer.rules import RULES
from summarizer.rules.steps import STEPS
from summarizer.witness import speaks_of
from tests.summarizer.evaluation.case import Case, cases
from tests.summarizer.evaluation.judge import Score, judge


def read(log: str, title: str = "it failed", message: str = "") -> Summary:
    return prepare(Failure(title, message=message, log=log), Redactor()).by_rules


@pytest.mark.parametrize("case", cases(), ids=lambda case: case.name)
@pytest.mark.req("R87")
def test_every_labelled_failure_is_read_right(case: Case) -> None:
    score = Score()
    prepared = prepare(case.failure, Redactor())
    judge(score, case, prepared, prepared.by_rules)
    assert score.kind_wrong == score.invented == score.leaked == []
    assert score.points_at_the_line == [case.name]
    assert score.quotes == score.quotes_standing


@pytest.mark.parametrize(
    ("line", "kind", "headline"),
    [
        ("ERROR: relation analytics.orders does not exist", Kind.MISSING_RELATION, "Relation analytics.orders does not exist"),
        ('ERROR: column o."net" does not exist', Kind.MISSING_COLUMN, "Column o.net does not exist"),
        ('ERROR:  column "net" of relation "orders" does not exist', Kind.MISSING_COLUMN, "Column net does not exist"),
        ("Catalog Error: Table with name raw_missing does not exist!", Kind.MISSING_RELATION, "Table raw_missing does not exist"),
        ("404 Not found: Table acme:raw.orders was not found in location EU", Kind.MISSING_RELATION, "Table acme:raw.orders was not found"),
        (
            "[TABLE_OR_VIEW_NOT_FOUND] The table or view `raw`.`orders` cannot be found.",
            Kind.MISSING_RELATION,
            "Table raw.orders was not found",
        ),
        ("SQL compilation error: error line 3 at position 7 invalid identifier 'NET'", Kind.MISSING_COLUMN, "Column NET is not known"),
        ("ERROR: permission denied for table orders", Kind.PERMISSION, "No permission for orders"),
        ('FATAL: password authentication failed for user "etl"', Kind.AUTHENTICATION, "The database refused the credentials"),
        ("FATAL: sorry, too many clients already", Kind.RESOURCE, "Too many connections"),
        ("ERROR: canceling statement due to statement timeout", Kind.TIMEOUT, "The statement was cancelled for taking too long"),
        ("Error: 100035 (22007): Timestamp '2026-13-01' is not recognized", Kind.UNKNOWN, "it failed"),
        ("Error: Numeric value 'abc' is not recognized", Kind.DATA_QUALITY, "A value does not fit its type"),
        ("ImportError: cannot import name 'flow' from 'prefect'", Kind.IMPORT_ERROR, "flow cannot be imported"),
        (
            "Query exceeded limit for bytes billed: 1000000000. 5000000000 or higher required.",
            Kind.RESOURCE,
            "The query would read more than its limit allows",
        ),
        (
            "ERROR 500 rows rejected by COPY: extra data after last expected column",
            Kind.DATA_QUALITY,
            "A file could not be read as data",
        ),
        ("ERROR 503 Service Unavailable", Kind.UNAVAILABLE, "The service answered with 503"),
        ("MemoryError", Kind.OUT_OF_MEMORY, "Out of memory"),
        ("OSError: [Errno 28] No space left on device", Kind.RESOURCE, "No space left on the disk"),
        (
            "requests.exceptions.ReadTimeout: HTTPSConnectionPool(host='x.test', port=443): Read timed out.",
            Kind.TIMEOUT,
            "It took too long to answer",
        ),
        (
            "urllib3.exceptions.SSLError: [SSL: CERTIFICATE_VERIFY_FAILED] certificate verify failed",
            Kind.CERTIFICATE,
            "A TLS certificate is not accepted",
        ),
        ("Client error '401 Unauthorized' for url 'https://x.test'", Kind.AUTHENTICATION, "The credentials were refused"),
        ("ERROR Flow run exceeded timeout of 3600.0 second(s)", Kind.TIMEOUT, "The run exceeded its time limit"),
        ("json.decoder.JSONDecodeError: Expecting value: line 1 column 1 (char 0)", Kind.SYNTAX, "A file is not valid JSON or YAML"),
        ("Table 'shop.orders' doesn't exist", Kind.MISSING_RELATION, "Table shop.orders does not exist"),
        ("Invalid object name 'dbo.orders'.", Kind.MISSING_RELATION, "Table dbo.orders does not exist"),
        ("400 No matching signature for operator = for argument types: STRING, INT64", Kind.SYNTAX, "Types in the query do not match"),
        ("Back-off pulling image: ImagePullBackOff", Kind.CONFIGURATION, "The container image could not be pulled"),
        ("0/5 nodes are available: 5 Insufficient memory.", Kind.RESOURCE, "No machine has room for it"),
        ("ERROR - Task exited with return code -9", Kind.OUT_OF_MEMORY, "Killed (SIGKILL), as happens when memory runs out"),
        (
            "botocore.exceptions.ClientError: An error occurred (ThrottlingException): Rate exceeded",
            Kind.RATE_LIMIT,
            "Too many requests: the other side limits the rate",
        ),
        (
            "dbt found 2 package(s) specified in packages.yml, but only 0 package(s) installed",
            Kind.CONFIGURATION,
            "dbt packages are not installed",
        ),
        (
            "TypeError: nightly() missing 1 required positional argument: 'day'",
            Kind.CONFIGURATION,
            "The flow was called with wrong parameters",
        ),
        ("PING db-7.test: 100% packet loss", Kind.CONNECTION, "The connection broke off"),
        ("[search] [Down] timeout by AbortSignal", Kind.TIMEOUT, "It took too long to answer"),
        ("ERROR container exited with code 137", Kind.OUT_OF_MEMORY, "Killed (137), as happens when memory runs out"),
    ],
)
def test_how_common_failures_word_themselves(line: str, kind: Kind, headline: str) -> None:
    said = read(line)
    assert (said.kind, said.headline) == (kind, headline)
    assert said.origin == "rules"


def test_the_root_of_a_chain_is_believed() -> None:
    said = read(
        "ERROR could not connect to the warehouse\nCaused by: java.net.UnknownHostException: db.test\nCaused by: java.lang.OutOfMemoryError"
    )
    assert said.kind is Kind.OUT_OF_MEMORY


def test_the_first_of_two_errors_of_a_kind_is_believed() -> None:
    assert "orders" in read('ERROR relation "orders" does not exist\nERROR relation "payments" does not exist').headline


def test_a_line_that_is_no_error_weighs_less_than_one_that_is() -> None:
    said = read("INFO previously: permission denied for table x, solved\nINFO go\nERROR: column net does not exist")
    assert said.kind is Kind.MISSING_COLUMN


def test_a_warning_of_what_was_tried_again_weighs_less_than_what_failed() -> None:
    said = read(
        "10:00:00 WARNING urllib3 Retrying after connection broken by 'ConnectTimeoutError': /api/v1\n10:00:05 INFO connected\n"
        "10:05:00 ERROR KeyError: 'customer_id'\nTraceback (most recent call last):\n"
        '  File "/opt/flows/x.py", line 5, in transform\n    row["customer_id"]\nKeyError: \'customer_id\''
    )
    assert (said.kind, said.headline) == (Kind.CODE_ERROR, "The code failed: KeyError: 'customer_id'")


@pytest.mark.parametrize(
    ("log", "kind", "line"),
    [
        (
            (
                "02:00:00.100 | INFO    | Flow run 'x' - previous run failed with connection refused, retrying\n"
                "02:00:01.100 | INFO    | Task run 'a' - Finished in state Completed()\n"
                "02:00:02.100 | ERROR   | Task run 'b' - Encountered an exception\nKeyError: 'net'"
            ),
            Kind.CODE_ERROR,
            4,
        ),
        (
            (
                "02:00:00  INFO 3 earlier runs failed: permission denied for schema x\n"
                "02:00:02  2 of 2 ERROR creating sql table model shop.b\n  Database Error in model b (models/b.sql)\n"
                '  column "net" does not exist\n02:00:03  Done. PASS=1 WARN=0 ERROR=1 SKIP=0 TOTAL=2'
            ),
            Kind.MISSING_COLUMN,
            4,
        ),
        (
            (
                "INFO 0 expectations failed, failed=0, request timed out: 0\n"
                "ERROR expectation expect_column_values_to_not_be_null failed for column net\nINFO 0 failed, out of memory: 0"
            ),
            Kind.DATA_QUALITY,
            2,
        ),
        (
            (
                "tests/test_a.py ..F\nFAILED tests/test_a.py::test_x - AssertionError: assert 3 == 4\n"
                "INFO     root:x.py:3 connection refused once, 0 failed afterwards\n1 failed, 2 passed in 0.12s"
            ),
            Kind.FAILING_TEST,
            2,
        ),
        (
            (
                "[2026-03-02T02:00:00.000+0000] {taskinstance.py:1} INFO - previous run failed: out of memory\n"
                "[2026-03-02T02:00:01.000+0000] {taskinstance.py:2} ERROR - Task failed with exception\n"
                "ValueError: could not convert string to float: 'x'\n"
                "[2026-03-02T02:00:02.000+0000] {taskinstance.py:3} INFO - Marking task as FAILED. dag_id=x"
            ),
            Kind.DATA_QUALITY,
            3,
        ),
        (
            (
                "26/03/02 02:00:00 INFO TaskSetManager: executor lost, 0 tasks failed\n"
                "26/03/02 02:00:05 ERROR ApplicationMaster: [TABLE_OR_VIEW_NOT_FOUND] The table or view `raw`.`o` cannot be found."
            ),
            Kind.MISSING_RELATION,
            2,
        ),
        ("INFO health check failed: connection refused\nERROR the job ended\nKeyError: 'net'", Kind.CODE_ERROR, 3),
    ],
    ids=["prefect", "dbt", "great expectations", "pytest", "airflow", "spark", "a check"],
)
def test_information_about_failures_is_not_what_failed(log: str, kind: Kind, line: int) -> None:
    said = read(log)
    assert (said.kind, said.evidence[0].line) == (kind, line)


def test_a_log_of_what_went_well_has_no_cause() -> None:
    said = read(
        "INFO - previous run failed: permission denied for table x, retrying\nINFO - 12 rows, failed=0\nINFO 0 failed, timed out: 0"
    )
    assert (said.cause, said.kind) == (None, Kind.UNKNOWN)


def test_information_alone_is_believed_with_less_confidence() -> None:
    said = read("INFO pipeline ended: permission denied for schema mart")
    assert (said.kind, said.confidence) == (Kind.PERMISSION, Confidence.MEDIUM)


def test_a_warning_alone_is_believed_with_less_confidence() -> None:
    said = read("WARN TaskSetManager: Lost task 3.0 in stage 5.0: java.lang.OutOfMemoryError: Java heap space")
    assert (said.kind, said.confidence) == (Kind.OUT_OF_MEMORY, Confidence.MEDIUM)


def test_a_stage_that_failed_is_no_count_of_nought() -> None:
    said = read("ERROR Task 3 in stage 5.0 failed 4 times, most recent failure: container killed for exceeding memory limits")
    assert (said.kind, said.confidence) == (Kind.OUT_OF_MEMORY, Confidence.HIGH)


def test_where_no_rule_fits_there_is_no_cause() -> None:
    said = read("start\nERROR the moon is in the wrong house\nend", title="astrology failed")
    assert (said.headline, said.cause, said.kind, said.confidence) == ("astrology failed", None, Kind.UNKNOWN, Confidence.LOW)
    assert said.evidence[0].line == 2


def test_the_message_is_read_where_there_is_no_log_and_beside_it() -> None:
    assert read("", message="permission denied for schema mart").evidence[0].line == 1
    beside = read("nothing of use\n", message="permission denied for schema mart")
    assert (beside.kind, beside.evidence[0].line) == (Kind.PERMISSION, 0)


def test_a_headline_made_of_a_strangers_text_is_plain() -> None:
    said = read("KeyError: '<b>see</b> https://evil.example/x and [click](http://evil.example)'")
    assert "evil" not in said.headline
    assert "<" not in said.headline


def test_every_kind_has_steps_and_every_rule_a_witness() -> None:
    assert set(STEPS) == set(Kind)
    assert all(len(steps) <= 3 for steps in STEPS.values())
    for case in cases():
        said = prepare(case.failure, Redactor()).by_rules
        assert speaks_of(said.kind, "\n".join(one.quote for one in said.evidence)), case.name
    assert {one.kind for one in RULES} >= set(Kind) - {Kind.UNKNOWN}
