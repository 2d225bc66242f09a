"""What a Prefect request says, whatever dialect it says it in, and how to take words from a stranger's JSON."""

from collections.abc import Mapping
from datetime import datetime
from typing import Any, Final, NamedTuple

from mappers.contract import parse_time
from mappers.contract.inbound import BadBody, parse_json
from mappers.contract.text import is_plain, one_line

NAME_LIMIT: Final = 200
TEXT_LIMIT: Final = 40_000
"""Prefect cuts state messages at 100,000 characters; nobody reads more than this."""


class RunMessage(NamedTuple):
    """A flow run that entered a state. Empty means that the message does not say, even of the state."""

    run: str
    state: str
    type: str = ""
    run_name: str = ""
    flow: str = ""
    deployment: str = ""
    previous: str = ""
    """The name of the state before, where the event tells."""
    text: str = ""
    """Prefect's state message: the error text of a failure."""
    at: datetime | None = None
    attempt: int | None = None
    url: str = ""
    tags: tuple[str, ...] = ()
    expected_at: datetime | None = None
    started_at: datetime | None = None
    event_id: str = ""
    is_looked_up: bool = False
    """Prefect's API said so, when the gateway asked: there is nothing more to ask."""


class InfrastructureMessage(NamedTuple):
    """A deployment, work pool or work queue that entered a status."""

    thing: str
    """`deployment`, `work-pool` or `work-queue`, as in Prefect's resource ids."""
    name: str
    status: str
    """`ready`, `notready`, `paused`: as `plain` spells it."""
    within: str = ""
    """The flow of a deployment, the pool of a queue; empty where it is not said."""
    id: str = ""
    at: datetime | None = None
    url: str = ""
    event_id: str = ""


class Nothing(NamedTuple):
    """Understood, and of no interest to anybody."""

    reason: str


Message = RunMessage | InfrastructureMessage | Nothing


def name(value: object) -> str:
    """A short text on one line; empty for anything that is no text, and for Prefect's rendering of nothing (`"None"`)."""
    if not isinstance(value, str):
        return ""
    if not (len(value) <= NAME_LIMIT and is_plain(value)):
        value = value[: 4 * NAME_LIMIT]
        value = " ".join(value.split()) if value.isprintable() and len(value) <= NAME_LIMIT else one_line(value, NAME_LIMIT)
    return "" if value in ("None", "null") else value


def text(value: object) -> str:
    """A long text as it is, within reason; empty for anything else and for `"None"`."""
    return value[:TEXT_LIMIT] if isinstance(value, str) and value != "None" else ""


def enum_name(value: object) -> str:
    """`FAILED` of `"StateType.FAILED"`: templates render an enum with its class."""
    return name(value).rpartition(".")[2]


def plain(word: str) -> str:
    """A state or status in one spelling: `Timed Out`, `TIMED_OUT` and `TimedOut` are all `timedout`."""
    return word.lower() if word.isalnum() else "".join(filter(str.isalnum, word)).lower()


def is_bookkeeping(word: str) -> bool:
    """Whether the end of an event's name tells nothing to anybody (`prefect.flow-run.pull-step.executed`)."""
    return "." in word or word in ("created", "updated", "deleted", "heartbeat")


def count(value: object) -> int | None:
    """A positive count, as a number or its digits."""
    if isinstance(value, str) and len(value) < 7 and value.isascii() and value.isdigit():
        value = int(value)
    return value if isinstance(value, int) and not isinstance(value, bool) and 0 < value < 1_000_000 else None


def time(*values: object) -> datetime | None:
    """The first of these that is a time."""
    for value in values:
        if value is not None and (parsed := parse_time(value)):
            return parsed
    return None


def mapping(value: object) -> Mapping[str, Any]:
    """A JSON object, also where it came as a string that holds one; empty for anything else."""
    if isinstance(value, dict):
        return value
    if isinstance(value, str) and value.lstrip()[:1] == "{":
        try:
            value = parse_json(value)
        except BadBody:
            return {}
    return value if isinstance(value, dict) else {}


def words(value: object) -> tuple[str, ...]:
    """The texts of a JSON list."""
    return tuple(word for item in value[:200] if (word := name(item))) if isinstance(value, list) else ()
