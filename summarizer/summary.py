"""The answer's shape: what is told of a failure, and why nothing is."""

from enum import StrEnum
from typing import Literal

from pydantic import BaseModel, ConfigDict


class Kind(StrEnum):
    """What sort of thing went wrong: a closed set, so that it can be counted and filtered."""

    MISSING_RELATION = "missing_relation"
    MISSING_COLUMN = "missing_column"
    MISSING_FILE = "missing_file"
    PERMISSION = "permission"
    AUTHENTICATION = "authentication"
    CERTIFICATE = "certificate"
    CONNECTION = "connection"
    TIMEOUT = "timeout"
    UNAVAILABLE = "unavailable"
    RATE_LIMIT = "rate_limit"
    OUT_OF_MEMORY = "out_of_memory"
    RESOURCE = "resource"
    CONFLICT = "conflict"
    INTERRUPTED = "interrupted"
    SYNTAX = "syntax"
    IMPORT_ERROR = "import_error"
    CODE_ERROR = "code_error"
    CONFIGURATION = "configuration"
    FAILING_TEST = "failing_test"
    DATA_QUALITY = "data_quality"
    STALE_DATA = "stale_data"
    SCHEMA_CHANGE = "schema_change"
    UPSTREAM = "upstream"
    UNKNOWN = "unknown"


class Confidence(StrEnum):
    """How sure the reading is."""

    LOW = "low"
    MEDIUM = "medium"
    HIGH = "high"


class Evidence(BaseModel):
    """A quote, and the line of the log that it stands in. Line 0 is the sender's message."""

    model_config = ConfigDict(frozen=True)

    line: int
    quote: str


class Summary(BaseModel):
    """What is told of a failure: plain text, free of secrets and links, each quote standing in the line it names."""

    model_config = ConfigDict(frozen=True)

    headline: str
    cause: str | None = None
    """Never without evidence."""
    kind: Kind = Kind.UNKNOWN
    evidence: tuple[Evidence, ...] = ()
    next_steps: tuple[str, ...] = ()
    confidence: Confidence = Confidence.LOW
    missing: str | None = None
    """What one would have to know to be surer."""
    origin: Literal["rules", "model"]
    model: str | None = None
    """Which one wrote it; the reader is told."""
    prompt_version: str | None = None
    withheld: tuple[str, ...] = ()
    """What the checks took out of a model's answer, in a word each."""


class WhyNot(StrEnum):
    """Why there is no answer of a model, or no summary at all."""

    NO_MODEL = "no_model"
    NOTHING_TO_READ = "nothing_to_read"
    REDACTION = "redaction"
    BREAKER_OPEN = "breaker_open"
    DEADLINE = "deadline"
    UNREACHABLE = "unreachable"
    RATE_LIMITED = "rate_limited"
    SERVER_ERROR = "server_error"
    NOT_ALLOWED = "not_allowed"
    BAD_REQUEST = "bad_request"
    DECLINED = "declined"
    CUT_OFF = "cut_off"
    NOT_JSON = "not_json"
    TOO_LARGE = "too_large"
    EMPTY = "empty"
    UNUSABLE = "unusable"
