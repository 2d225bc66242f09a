"""What orchestrators and their kin say: dbt, Prefect, Airflow."""

from typing import Final

from summarizer.rules.rule import LIKELY, NAME, Rule, rule
from summarizer.summary import Kind

RULES: Final[tuple[Rule, ...]] = (
    rule(Kind.FAILING_TEST, "Test {name} failed with {rows} rows", r"\bFAIL (?P<rows>\d{1,15}) (?P<name>[\w.\-]{1,200})", rank=57),
    rule(Kind.FAILING_TEST, "A data test found {rows} rows", r"\bGot (?P<rows>\d{1,15}) results?, configured to (?:fail|warn)\b", rank=55),
    rule(Kind.FAILING_TEST, "Test {name} failed", r"\bFailure in (?:unit_?)?test (?P<name>[\w.\-]{1,200})", rank=56),
    rule(
        Kind.FAILING_TEST,
        "Test {name} failed",
        r"^FAILED (?P<name>[\w./\-]{1,200}(?:::[\w\[\].\-]{1,200}){1,4})",
        LIKELY,
        rank=42,
    ),
    rule(Kind.STALE_DATA, "Source {name} is stale", r"\bERROR STALE freshness of (?P<name>[\w.\-]{1,200})", rank=66),
    rule(
        Kind.STALE_DATA,
        "Data is older than it may be",
        r"\bERROR STALE\b|\bWARN freshness\b|\bfreshness (?:check )?(?:failed|error)\b|\bdata is stale\b",
        rank=60,
    ),
    rule(
        Kind.SCHEMA_CHANGE,
        "A model does not match its contract",
        r"\bthis model has an enforced contract that failed\b|\bcontract (?:violation|that failed)\b"
        r"|\bbreaking change to contract\b",
        rank=79,
    ),
    rule(
        Kind.SCHEMA_CHANGE,
        "The columns of a source have changed",
        r"\bout of sync\b.{0,60}\bschema\b|\bon_schema_change\b|\bschema (?:mismatch|drift)\b"
        r"|\bcolumns? (?:was|were) (?:added|removed|renamed)\b|\bDELTA_METADATA_MISMATCH\b|\bA schema mismatch detected\b",
        rank=67,
    ),
    rule(
        Kind.CONFIGURATION,
        "dbt cannot find {name}",
        rf"\bdepends on a (?:node|source) named {NAME} which (?:was not found|is disabled)",
        rank=77,
    ),
    rule(
        Kind.CONFIGURATION,
        "Environment variable {name} is not set",
        rf"\benv(?:ironment)? var(?:iable)?:? {NAME} (?:is )?(?:required|not (?:set|provided|found)|missing|must be set)",
        rank=77,
    ),
    rule(
        Kind.CONFIGURATION,
        "Environment variable {name} is not set",
        rf"\benv(?:ironment)? var(?:iable)?s? (?:required|missing|not (?:set|provided"
        rf"|found))[^:]{{0,40}}:? {NAME}(?=[;,.)]{{0,3}}(?:\s|$))",
        rank=77,
    ),
    rule(
        Kind.CONFIGURATION,
        "Python is missing the setting {name}",
        r"\bKeyError: '(?P<name>(?-i:[A-Z][A-Z0-9_]{3,80}))'",
        LIKELY,
        rank=44,
    ),
    rule(
        Kind.CONFIGURATION,
        "dbt has no usable profile",
        r"\bcould not find profile\b|\bprofiles\.yml\b.{0,80}\b(?:not found|invalid|missing)\b"
        r"|\bcredentials in profile \S{1,100} invalid\b|\bCould not find (?:adapter|profile)\b|\bdoes not have a target named\b",
        rank=77,
    ),
    rule(
        Kind.CONFIGURATION,
        "A variable or setting is missing",
        r"\bRequired var '[^']{1,100}' not found\b|\bis undefined\b|\bVariable \S{1,100} does not exist\b"
        r"|\bThe conn_id `?\S{1,100} isn't defined\b|\bmissing required (?:setting|configuration|parameter|argument)s?\b"
        r"|\bInvalid configuration\b|\bconfiguration error\b",
        rank=67,
    ),
    rule(Kind.SYNTAX, "A dbt model does not compile", r"\bCompilation Error\b", LIKELY, rank=35),
    rule(
        Kind.UPSTREAM,
        "Something it depends on failed first",
        r"\bupstream(?: task)?(?:s)? (?:has |have )?(?:failed|not ready|run failed)\b|\bupstream_failed\b|\bUpstreamTasksError\b"
        r"|\bdependenc(?:y|ies) failed\b|\bExternal(?:TaskSensor)?.{0,60}\bfailed\b|\bskipped because\b.{0,60}\bfailed\b",
        rank=59,
    ),
    rule(
        Kind.INTERRUPTED,
        "The flow run crashed: its process ended from outside",
        r"\bprocess (?:for flow run \S{1,100} )?exited with status code:? -?(?:9|15|143)\b"
        r"|\bFlow run infrastructure exited with non-zero status code\b|\bCrashedRun\b|\bin state Crashed\b",
        LIKELY,
        rank=41,
    ),
    rule(
        Kind.TIMEOUT,
        "The run exceeded its time limit",
        r"\bTimedOut\b|\bexceeded timeout of\b|\bAirflowTaskTimeout\b|\bAirflowSensorTimeout\b|\bSensor has timed out\b"
        r"|\bFlow run exceeded\b",
        rank=72,
    ),
    rule(Kind.UNKNOWN, "dbt failed at {name}", r"\b(?:Database|Runtime) Error in (?P<name>\w{1,20} [\w.\-]{1,200})", LIKELY, rank=12),
    rule(
        Kind.CONFIGURATION,
        "The flow was called with wrong parameters",
        r"\bParameter(?:Type|Bind)Error\b|\bSignatureMismatchError\b|\bmissing \d{1,3} required (?:positional|keyword-only) arguments?\b",
        rank=48,
    ),
    rule(
        Kind.CONFIGURATION,
        "dbt packages are not installed",
        r"\bpackage\(s\) specified in\b.{0,80}\bbut only\b|\brun .?dbt deps\b",
        rank=77,
    ),
)
