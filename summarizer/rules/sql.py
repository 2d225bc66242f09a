"""What databases say: PostgreSQL, Redshift, Snowflake, BigQuery, DuckDB, Databricks and Spark."""

from typing import Final

from summarizer.rules.rule import LIKELY, NAME, Rule, rule
from summarizer.summary import Kind

RULES: Final[tuple[Rule, ...]] = (
    rule(Kind.MISSING_COLUMN, "Column {name} does not exist", rf"\bcolumn {NAME} (?:of relation \S{{1,200}} )?does not exist", rank=70),
    rule(Kind.MISSING_COLUMN, "Column {name} is not known", rf"\bunrecognized name: {NAME}(?=[;,.)]{{0,3}}(?:\s|$))", rank=70),
    rule(Kind.MISSING_COLUMN, "Column {name} is not known", rf"\binvalid identifier {NAME}(?=[;,.)]{{0,3}}(?:\s|$))", rank=70),
    rule(
        Kind.MISSING_COLUMN,
        "Column {name} is not known",
        rf"\bUNRESOLVED_COLUMN\b.{{0,200}}?(?:with name|parameter with name) {NAME} cannot",
        rank=72,
    ),
    rule(Kind.MISSING_COLUMN, "Column {name} is not known", rf"\bcannot resolve {NAME} given input columns", rank=72),
    rule(
        Kind.MISSING_COLUMN,
        "Column {name} is not known",
        rf"\b(?:referenced column|column with name) {NAME} (?:was )?not found",
        rank=70,
    ),
    rule(
        Kind.MISSING_COLUMN,
        "Column {name} is not known",
        rf"\b(?:no such column:?|unknown column) {NAME}(?=[;,.)]{{0,3}}(?:\s|$))",
        rank=70,
    ),
    rule(Kind.MISSING_RELATION, "Relation {name} does not exist", rf"\brelation {NAME} does not exist", rank=70),
    rule(Kind.MISSING_RELATION, "Table {name} does not exist", rf"\b(?:table|view) (?:with name )?{NAME} does not exist", rank=70),
    rule(Kind.MISSING_RELATION, "Table {name} was not found", rf"\bnot found: (?:table|dataset) {NAME}(?=[;,.)]{{0,3}}(?:\s|$))", rank=70),
    rule(
        Kind.MISSING_RELATION,
        "Table {name} was not found",
        rf"\bTABLE_OR_VIEW_NOT_FOUND\b.{{0,80}}?(?:table or view|view) {NAME} cannot",
        rank=72,
    ),
    rule(
        Kind.MISSING_RELATION,
        "Table {name} was not found",
        rf"\b(?:table or view not found|no such table):? {NAME}(?=[;,.)]{{0,3}}(?:\s|$))",
        rank=70,
    ),
    rule(
        Kind.MISSING_RELATION,
        "Schema {name} does not exist",
        rf"\b(?:schema|database|catalog) {NAME} (?:does not exist|not found)",
        rank=68,
    ),
    rule(Kind.MISSING_RELATION, "{name} does not exist, or may not be seen", rf"\bobject {NAME} does not exist or not authorized", rank=69),
    rule(
        Kind.PERMISSION,
        "No permission for {name}",
        rf"\bpermission denied (?:for|to) (?:\w{{1,20}} )?{NAME}(?=[;,.)]{{0,3}}(?:\s|$))",
        rank=75,
    ),
    rule(Kind.PERMISSION, "Insufficient privileges", r"\binsufficient privileges\b|\bINSUFFICIENT_(?:PRIVILEGES|PERMISSIONS)\b", rank=74),
    rule(
        Kind.PERMISSION,
        "Access denied",
        r"\b403\b.{0,80}\b(?:access denied|forbidden|permission)\b|\baccess denied\b(?!.{0,40}password)"
        r"|\baccessdenied(?:exception)?\b|\bdoes not have \S{1,80} (?:permission|access)\b|\bpermission_denied\b",
        rank=66,
    ),
    rule(
        Kind.AUTHENTICATION,
        "The database refused the credentials",
        r"\bpassword authentication failed\b|\bincorrect username or password\b|\bjwt token is invalid\b"
        r"|\baccess denied for user\b|\brole \S{1,100} does not exist\b.{0,40}\bFATAL\b",
        rank=78,
    ),
    rule(Kind.SYNTAX, "SQL syntax error at or near {name}", rf"\bsyntax error at or near {NAME}(?=[;,.)]{{0,3}}(?:\s|$))", rank=65),
    rule(
        Kind.SYNTAX,
        "SQL syntax error",
        r"\bsyntax error\b(?! in (?:yaml|json))|\bPARSE_SYNTAX_ERROR\b|\bParseException\b|\bmismatched input\b"
        r"|\bunexpected '[^']{1,60}'",
        rank=60,
    ),
    rule(
        Kind.DATA_QUALITY,
        "Duplicate key violates {name}",
        rf"\bduplicate key value violates unique constraint {NAME}(?=[;,.)]{{0,3}}(?:\s|$))",
        rank=64,
    ),
    rule(
        Kind.DATA_QUALITY,
        "A null value violates a not-null constraint",
        r"\bviolates not-null constraint\b|\bnull result in a non-nullable column\b|\bNOT NULL constraint failed\b",
        rank=64,
    ),
    rule(
        Kind.DATA_QUALITY,
        "A value does not fit its type",
        r"\binvalid input syntax for (?:type )?\w+|\bnumeric value '[^']{0,80}' is not recognized|\bcould not convert string\b"
        r"|\bbad (?:int64|double|numeric) value\b|\bconversion error\b|\bCAST_INVALID_INPUT\b|\bout of range for type\b"
        r"|\bvalue too long for type\b|\binvalid (?:date|timestamp)\b",
        rank=64,
    ),
    rule(
        Kind.DATA_QUALITY,
        "A constraint is violated",
        r"\bviolates (?:unique|check|foreign key|exclusion) constraint\b|\bUNIQUE constraint failed\b|\bConstraint Error\b"
        r"|\bMERGE must match at most one source row\b|\bDELTA_MULTIPLE_SOURCE_ROW_MATCHING\b|\bnondeterministic merge\b"
        r"|\bduplicate row detected\b",
        rank=62,
    ),
    rule(Kind.CODE_ERROR, "Division by zero", r"\bdivision by zero\b|\bdivide by zero\b|\bDIVIDE_BY_ZERO\b", rank=63),
    rule(
        Kind.CONFLICT,
        "Another transaction was in the way",
        r"\bdeadlock detected\b|\bcould not serialize access\b|\bserializable isolation violation\b|\block (?:wait )?timeout\b"
        r"|\bdatabase is locked\b|\bConcurrent(?:Append|Delete|Write|Modification)\w*Exception\b|\bcould not obtain lock\b"
        r"|\blocktimeout\b|\bcould not set lock on file\b",
        rank=76,
    ),
    rule(
        Kind.TIMEOUT,
        "The statement was cancelled for taking too long",
        r"\bstatement timeout\b|\breached its (?:statement or warehouse )?timeout\b"
        r"|\bquery (?:execution )?(?:was )?(?:cancel\w+|aborted) .{0,40}tim(?:e|ed) ?out"
        r"|\bexceeded (?:the )?(?:job|statement|query|execution) (?:execution )?time ?(?:out|limit)\b",
        rank=73,
    ),
    rule(
        Kind.RESOURCE,
        "Too many connections",
        r"\btoo many (?:clients|connections)\b|\bremaining connection slots\b|\bconnection pool exhausted\b|\bQueuePool limit\b",
        rank=74,
    ),
    rule(
        Kind.RESOURCE,
        "A quota or a limit is used up",
        r"\bquota(?: \w+)? exceeded\b|\bquotaExceeded\b|\bresourcesExceeded\b|\bresource monitor\b.{0,80}\bexceeded\b"
        r"|\bexceeded its quota\b",
        LIKELY,
        rank=58,
    ),
    rule(Kind.MISSING_RELATION, "Table {name} does not exist", rf"\b(?:table|view) {NAME} doesn't exist", rank=70),
    rule(Kind.MISSING_RELATION, "Table {name} does not exist", rf"\binvalid object name {NAME}(?=[;,.)]{{0,3}}(?:\s|$))", rank=70),
    rule(Kind.MISSING_RELATION, "A table or view does not exist", r"\bORA-00942\b|\bNoSuchTableError\b", rank=69),
    rule(Kind.MISSING_COLUMN, "Column {name} is not known", rf"\binvalid column name {NAME}(?=[;,.)]{{0,3}}(?:\s|$))", rank=70),
    rule(
        Kind.SYNTAX,
        "Types in the query do not match",
        r"\bno matching signature for\b|\bDATATYPE_MISMATCH\b|\boperator does not exist\b|\bno function matches\b",
        rank=66,
    ),
    rule(
        Kind.RESOURCE,
        "The query would read more than its limit allows",
        r"\bexceeded limit for bytes billed\b|\bbytesBilledLimitExceeded\b",
        rank=71,
    ),
)
