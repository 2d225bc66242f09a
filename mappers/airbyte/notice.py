"""Reading: what one notice says, whichever of Airbyte's bodies it came in.

Sync notices carry `data`; schema changes and switched-off connections only Slack's `text` and `blocks`; old versions `text` alone.
https://github.com/airbytehq/airbyte-platform/tree/main/airbyte-notification
"""

import re
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import StrEnum
from typing import Any, Final

from mappers.airbyte import slack
from mappers.airbyte.salvage import salvage
from mappers.contract import BadBody, Inbound, Unmapped, parse_time
from mappers.contract.text import one_line


class What(StrEnum):
    """What a notice is about."""

    TEST = "test"
    QUEUED = "sync queued"
    SUCCEEDED = "sync succeeded"
    FAILED = "sync failed"
    WARNED = "connection about to be disabled"
    DISABLED = "connection disabled"
    CHANGED = "schema change applied"
    TO_REVIEW = "schema change to review"
    BROKEN = "schema change disabled the connection"


_TESTS: Final = ("THIS IS A TEST NOTIFICATION", "This is a test from Airbyte", "This is test notification.", "Hello World!")
_AIRBYTE: Final = "https://airbyte.com/"
"""Where the sample connection of a test points to; no real one does."""
_SIGNS: Final = (
    (What.TO_REVIEW, ("detected schema changes",)),
    (What.CHANGED, ("The schema of '", "source schema has changed for connection")),
    (What.WARNED, ("scheduled to be automatically disabled", "Warning - repeated connection failures")),
    (What.DISABLED, ("was automatically disabled", "Connection disabled: ")),
    (What.QUEUED, ("is queued and waiting for", "Sync queued: ")),
    (What.FAILED, ("just failed", "Sync failure occurred: ")),
    (What.SUCCEEDED, (" succeeded\n", "Sync completed: ")),
)
"""By what a headline is known, tried in this order: a warning speaks of disabling too."""
_SWITCHED_OFF: Final = ("schema change will cause broken syncs", "automatically disabled your connection")
_HEAD: Final = 4000
"""Characters in which such a sentence is looked for."""
_UUID: Final = r"([0-9a-fA-F]{8}-[0-9a-fA-F-]{27})"
_IN_URL: Final = re.compile(rf"/connections?/{_UUID}")
_IN_TEXT: Final = re.compile(rf"[Cc]onnection ID: {_UUID}")
_JOB: Final = re.compile(r"Job ID:\*? (\d{1,19})")
_LOGS: Final = re.compile(r"(?:access its logs here|Connection URL|connection page(?: here)?): (https?://\S{1,1900})")


@dataclass(frozen=True)
class Notice:
    """One notice. What its body does not say is empty or None."""

    what: What
    data: Mapping[str, Any]
    name: str
    id: str
    """The connection's UUID, lower case."""
    url: str
    source: str
    destination: str
    workspace: str
    job: str
    text: str
    paragraphs: tuple[str, ...]

    @property
    def connection(self) -> str:
        """Its identity, best first: its UUID, its name."""
        return self.id or self.name

    @property
    def label(self) -> str:
        """What people call the connection. Not every notice gives its name."""
        return self.name or f"Airbyte connection {self.id}"

    @property
    def started(self) -> datetime | None:
        return parse_time(self.data.get("startedAt"))

    @property
    def finished(self) -> datetime | None:
        return parse_time(self.data.get("finishedAt"))

    @property
    def took(self) -> timedelta | None:
        if self.started and self.finished and self.finished >= self.started:
            return self.finished - self.started
        seconds = number(self.data.get("durationInSeconds"))
        return None if seconds is None else timedelta(seconds=min(seconds, 10**9))


def read(inbound: Inbound) -> Notice:
    """The notice in a body. Raises `Unmapped` where it is none, or names no connection."""
    body = _body(inbound)
    text, sections, values = _string(body.get("text")), slack.paragraphs(body.get("blocks")), slack.fields(body.get("blocks"))
    data = _data(body)
    said = "\n".join((text, *sections))[:_HEAD]
    headline = "\n".join((text[:_HEAD].partition("\n")[0], *sections[:1], ""))
    what = _what(headline, said, data)
    name, url = _connection(data, text, sections)
    source, destination = (_ends(data, values, text, end) for end in ("source", "destination"))
    name = name or (f"{source} → {destination}" if source and destination else "")
    found = _IN_URL.search(url) or _IN_TEXT.search(said)
    job = _JOB.search(said)
    notice = Notice(
        what=what,
        data=data,
        name=one_line(name[:1000], 150),
        id=(_id(data.get("connection")) or (found[1] if found else "")).lower(),
        url=url,
        source=source,
        destination=destination,
        workspace=_name(data.get("workspace")) or slack.link(values.get("workspace", ""))[0],
        job=_id_of(data.get("jobId")) or (job[1] if job else ""),
        text=text,
        paragraphs=tuple(sections),
    )
    if what is not What.TEST and not notice.connection:
        raise Unmapped("the notice names no connection")
    return notice


def _body(inbound: Inbound) -> dict[str, Any]:
    try:
        body = inbound.json
    except BadBody as error:
        body = salvage(inbound.text) or {"text": inbound.text}
        if not any(sign in body.get("text", "")[:_HEAD] for _, signs in _SIGNS for sign in signs) and not _data(body):
            raise Unmapped(str(error)) from None
    if not isinstance(body, dict):
        raise Unmapped("the body is no JSON object")
    return body


def _data(body: Mapping[str, Any]) -> dict[str, Any]:
    """The summary of a sync; taken without its wrapper too, as somebody may pass it on."""
    inner = body.get("data")
    data = inner if isinstance(inner, dict) else dict(body)
    return data if isinstance(data.get("connection"), dict) or "jobId" in data else {}


def _what(headline: str, said: str, data: Mapping[str, Any]) -> What:
    connection = data.get("connection")
    sample = isinstance(connection, dict) and connection.get("url") == _AIRBYTE
    error = _string(data.get("errorMessage"))
    if sample or any(test in said or error.startswith(test) for test in _TESTS):
        return What.TEST
    for what, signs in _SIGNS:
        if any(sign in headline for sign in signs):
            if what in (What.TO_REVIEW, What.CHANGED) and any(sign in said for sign in _SWITCHED_OFF):
                return What.BROKEN
            # A queued sync says `success: false` and has not failed; otherwise the summary is the truth.
            return _outcome(data) or what if what in (What.FAILED, What.SUCCEEDED) else what
    if outcome := _outcome(data):
        return outcome
    raise Unmapped("neither a sync summary nor a sentence of Airbyte's that is known")


def _outcome(data: Mapping[str, Any]) -> What | None:
    success = data.get("success", data.get("isSuccess"))
    if isinstance(success, bool):
        return What.SUCCEEDED if success else What.FAILED
    return {"true": What.SUCCEEDED, "false": What.FAILED}.get(success.lower()) if isinstance(success, str) else None


def _connection(data: Mapping[str, Any], text: str, sections: list[str]) -> tuple[str, str]:
    """Name and URL: of the summary, of the link in the headline, or of the sentence."""
    told = data.get("connection")
    told = told if isinstance(told, dict) else {}
    name, url = _string(told.get("name")), _string(told.get("url"))
    headline = next((section for section in (*sections, text) if "<http" in section), "")
    if not name and headline:
        name, linked = slack.link(headline)
        url = url or linked
    logs = _LOGS.search(text[:_HEAD])
    return slack.plain(name) or _named(text), url or (logs[1].rstrip(".") if logs else "")


def _named(text: str) -> str:
    """`Your connection NAME from A to B just failed`, `… for connection 'NAME' …`; empty where a sentence gives no name."""
    for start, end in (("for connection '", "' "), ("upstream schema of '", "' has changed")):
        _, found, after = text[:_HEAD].partition(start)
        if found and end in after:
            return after.partition(end)[0]
    head = _sentence(text)
    return head.rpartition(" to ")[0].rpartition(" from ")[0] if head else ""


def _sentence(text: str) -> str:
    """What stands between `Your connection ` and what became of it; with a space before its first word."""
    start = text[:_HEAD].find("Your connection ")
    if start < 0:
        return ""
    rest = text[start + len("Your connection") : _HEAD]
    ends = [
        at for at in (rest.find(end) for end in (" just failed", " succeeded\n", " was automatically", " is scheduled to be")) if at > 0
    ]
    return rest[: min(ends)] if ends else ""


def _ends(data: Mapping[str, Any], values: Mapping[str, str], text: str, end: str) -> str:
    """The name of source or destination."""
    if known := _name(data.get(end)) or slack.link(values.get(end, ""))[0]:
        return one_line(known[:1000], 100)
    before, _, destination = _sentence(text).rpartition(" to ")
    return one_line((before.rpartition(" from ")[2] if end == "source" else destination)[:1000], 100)


def _name(value: object) -> str:
    return _string(value.get("name")) if isinstance(value, dict) else ""


def _id(value: object) -> str:
    return one_line(_string(value.get("id"))[:200], 80) if isinstance(value, dict) else ""


def _id_of(value: object) -> str:
    """A job's id, a number or its digits."""
    said = str(value) if isinstance(value, int) and not isinstance(value, bool) and abs(value) < 10**19 else _string(value)
    return said if said.isascii() and said.isdigit() and len(said) < 20 else ""


def number(value: object) -> int | None:
    """A count that is one."""
    if isinstance(value, str) and value.isascii() and value.isdigit() and len(value) < 16:
        return int(value)
    return value if isinstance(value, int) and not isinstance(value, bool) and 0 <= value < 10**16 else None


def _string(value: object) -> str:
    return value.strip() if isinstance(value, str) else ""
