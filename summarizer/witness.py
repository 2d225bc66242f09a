"""What must stand in the evidence for a kind to be believed: a model may not name a kind that its own quotes say nothing of."""

import re
from collections.abc import Mapping
from typing import Final

from summarizer.summary import Kind

_WORDS: Final[Mapping[Kind, str]] = {
    Kind.MISSING_RELATION: r"not exist|not found|no such|missing|unknown (?:table|database|schema)|cannot find",
    Kind.MISSING_COLUMN: r"column|identifier|unrecognized name|field|attribute",
    Kind.MISSING_FILE: r"no such|not found|not exist|nosuch|404|missing",
    Kind.PERMISSION: r"permi|privileg|denied|forbid|403|not authorized|unauthori",
    Kind.AUTHENTICATION: r"authenti|credential|password|login|401|unauthorized|token|api key|expired|invalid_grant",
    Kind.CERTIFICATE: r"certif|x509|ssl|tls|pkix",
    Kind.CONNECTION: r"connect|resol|getaddrinfo|host|network|socket|unreachable|econn|dns|broken pipe",
    Kind.TIMEOUT: r"time.?d? ?-?out|timeout|deadline|too long|time limit|504",
    Kind.UNAVAILABLE: r"unavailable|\b5\d\d\b|down|bad gateway|internal server|unhealthy|crashloop|failed|not responding",
    Kind.RATE_LIMIT: r"rate|429|too many|throttl|quota|slow ?down",
    Kind.OUT_OF_MEMORY: r"memory|oom|\b137\b|heap",
    Kind.RESOURCE: r"space|disk|quota|limit|too many|slots|pool|memory|cpu|full|usage",
    Kind.CONFLICT: r"lock|serializ|concurren|conflict|isolation",
    Kind.INTERRUPTED: r"kill|sigterm|preempt|evict|interrupt|lost|crash|exited|cancel|terminated|heartbeat|zombie|signal",
    Kind.SYNTAX: r"synta|pars|unexpected|mismatched|indent|compil|yaml|json|token",
    Kind.IMPORT_ERROR: r"import|modul|classnotfound|noclassdef|shared object|package",
    Kind.CODE_ERROR: r"error|exception",
    Kind.CONFIGURATION: r"config|setting|variable|env|profile|undefined|missing|required|named|target|parameter|conn_id|keyerror",
    Kind.FAILING_TEST: r"test|fail \d|got \d|result|expect|assert",
    Kind.DATA_QUALITY: r"null|duplicate|violat|constraint|invalid|convert|cast|recognized|valid|out of range|too long|value",
    Kind.STALE_DATA: r"stale|fresh|old|late|ping|heartbeat|since|no data|not (?:arrive|receive)",
    Kind.SCHEMA_CHANGE: r"contract|schema|column|type|drift",
    Kind.UPSTREAM: r"upstream|depend|skip",
}
_PATTERNS: Final = {kind: re.compile(words, re.IGNORECASE) for kind, words in _WORDS.items()}


def speaks_of(kind: Kind, quotes: str) -> bool:
    """Whether quotes say anything of that kind."""
    return kind is Kind.UNKNOWN or bool(_PATTERNS[kind].search(quotes))
