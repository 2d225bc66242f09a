"""What networks and health checks say: connections, certificates, HTTP, Healthchecks, Uptime Kuma, Alertmanager."""

from typing import Final

from summarizer.rules.rule import LIKELY, Rule, rule
from summarizer.summary import Kind

RULES: Final[tuple[Rule, ...]] = (
    rule(
        Kind.RATE_LIMIT,
        "Too many requests: the other side limits the rate",
        r"\b429\b(?=.{0,40}(?:too many|rate|error|client|status|$))|\btoo many requests\b"
        r"|\brate[ -]?limit(?:ed|s|ing)?\b(?:.{0,30}\b(?:exceeded|reached|hit)\b)?|\brateLimitExceeded\b"
        r"|\bThrottl(?:ing|ed)(?:Exception)?\b|\bSlowDown\b|\bRate exceeded\b|\bREQUEST_LIMIT_EXCEEDED\b",
        rank=76,
    ),
    rule(
        Kind.CERTIFICATE,
        "A TLS certificate is not accepted",
        r"\bcertificate (?:has expired|verify failed|is not yet valid|expired|signed by unknown|will expire)\b"
        r"|\bCERTIFICATE_VERIFY_FAILED\b|\bself[- ]signed certificate\b|\bx509:|\bSSLCertVerificationError\b|\bERR_TLS_CERT\w*"
        r"|\bPKIX path building failed\b|\bcertificate\b.{0,60}\bexpire[sd]?\b",
        rank=82,
    ),
    rule(
        Kind.AUTHENTICATION,
        "The credentials were refused",
        r"\b401\b.{0,60}\bunauthorized\b|\bunauthorized\b"
        r"|\binvalid (?:api key|credentials|token|access token|client secret|grant)\b|\binvalid_grant\b"
        r"|\b(?:token|credentials?|key|secret) (?:has |have |is )?expired\b|\bauthentication (?:failed|error|failure)\b"
        r"|\blogin failed\b|\bExpiredToken\b|\bSignatureDoesNotMatch\b|\bInvalidAccessKeyId\b|\bInvalidClientTokenId\b"
        r"|\bNoCredentialsError\b|\bunable to locate credentials\b"
        r"|\bDefaultCredentialsError\b|\bHTTP 401\b|\bstatus code 401\b",
        rank=72,
    ),
    rule(
        Kind.PERMISSION,
        "The other side forbids it (403)",
        r"\b403 (?:client error: )?forbidden\b|\bstatus code 403\b|\bHTTP 403\b|\bPermissionError\b|\bpermission denied\b"
        r"|\bAuthorizationFailed\b|\bnot authorized to perform\b",
        rank=64,
    ),
    rule(
        Kind.CONNECTION,
        "A host name cannot be resolved",
        r"\bname or service not known\b|\btemporary failure in name resolution\b|\bgetaddrinfo\b"
        r"|\bcould not translate host name\b|\bENOTFOUND\b|\bUnknownHostException\b|\bno such host\b|\bnodename nor servname\b"
        r"|\bNameResolutionError\b|\bEAI_AGAIN\b",
        rank=75,
    ),
    rule(
        Kind.CONNECTION,
        "The connection was refused",
        r"\bconnection (?:to \S{1,200} )?(?:was )?refused\b|\bECONNREFUSED\b|\bConnectionRefusedError\b|\bactively refused\b",
        rank=74,
    ),
    rule(
        Kind.CONNECTION,
        "The connection broke off",
        r"\bconnection (?:was )?(?:reset|aborted|closed|broken)\b|\bECONNRESET\b|\bserver closed the connection unexpectedly\b"
        r"|\bbroken pipe\b|\bRemoteDisconnected\b|\bno route to host\b|\bnetwork is unreachable\b|\bEHOSTUNREACH\b"
        r"|\bcould not connect\b|\bfailed to (?:establish|connect)\b|\bunable to connect\b|\bSSL connection has been closed\b"
        r"|\bsocket hang up\b|\b100(?:\.0)? ?% packet loss\b|\bhost (?:is )?unreachable\b|\bConnectionError\b"
        r"|\bCommunicationsException\b|\bcannot connect\b",
        rank=60,
    ),
    rule(
        Kind.TIMEOUT,
        "It took too long to answer",
        r"\b(?:connection|connect|read|request|operation|query|job|task|check|response)\b.{0,40}\btimed[ -]?out\b|\btimed out\b"
        r"|\btimeout (?:of|after|by|exceeded|expired|error)\b|\bReadTimeout\b|\bConnectTimeout\b|\bETIMEDOUT\b|\bTimeoutError\b"
        r"|\bTimeoutException\b|\bDeadlineExceeded\b|\bDEADLINE_EXCEEDED\b|\bdeadline exceeded\b|\bgateway time-?out\b|\b504\b",
        rank=58,
    ),
    rule(
        Kind.UNAVAILABLE,
        "The service answered with {name}",
        r"\b(?:status(?: code)?:?|HTTP(?:/\d\.\d)?|returned(?: status)?|got|error:?)\s?(?P<name>5\d\d)\b"
        r"(?! (?!errors\b|responses\b|is\b|was\b)[a-z]{1,30}s\b)",  # `ERROR 500 rows rejected` is a count
        rank=57,
    ),
    rule(
        Kind.UNAVAILABLE,
        "The service is unavailable",
        r"\bservice unavailable\b|\bbad gateway\b|\binternal server error\b|\bbackendError\b"
        r"|\b50[023]\b(?= (?:server|bad|service|internal|error))|\btemporarily unavailable\b|\bno healthy upstream\b"
        r"|\bCrashLoopBackOff\b",
        rank=56,
    ),
    rule(
        Kind.UNAVAILABLE,
        "The check found it down",
        r"\b(?:is|went|are|gone|been) (?:now )?down\b|\bstatus:? ?down\b|\[.{0,10}down\]|\btarget (?:is )?(?:missing|unreachable)\b"
        r"|\bcheck failed\b|\bhealth ?check (?:has )?failed\b",
        LIKELY,
        rank=30,
    ),
    rule(
        Kind.STALE_DATA,
        "Nothing was heard from it in time",
        r"\b(?:has not|hasn't|did not|didn't) (?:pinged|checked in|reported|sent|received a (?:ping|push))\b"
        r"|\bno (?:ping|push|heartbeat|data|signal) (?:received |was received )?(?:in|for|within|since)\b"
        r"|\bNo heartbeat in the time window\b|\blast ping (?:was|:)|\bsuccess signal did not arrive\b",
        LIKELY,
        rank=59,
    ),
    rule(
        Kind.MISSING_FILE,
        "The address was not found (404)",
        r"\b404 (?:client error: )?not found\b|\bstatus code 404\b|\bHTTP 404\b",
        LIKELY,
        rank=44,
    ),
    rule(
        Kind.RESOURCE,
        "A resource runs short",
        r"\b(?:disk|filesystem|memory|cpu|volume|inode)\b.{0,40}\b(?:usage|space|full|above|low|pressure|9\d ?%|100 ?%)"
        r"|\b(?:available|free) space\b|\bspace left\b",
        LIKELY,
        rank=43,
    ),
)
