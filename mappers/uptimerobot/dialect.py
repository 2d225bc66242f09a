"""Reading: UptimeRobot's variables, wherever its user put them: query, form, JSON of any nesting, or a sentence.

https://help.uptimerobot.com/en/articles/14498593-webhook-integration (names as in the default `monitorID=*monitorID*&…`)
"""

import json
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from html import unescape
from typing import Any, Final

from mappers.contract import BadBody, Inbound, parse_time
from mappers.contract.text import one_line

_SPELLINGS: Final = {
    "id": ("monitorid", "id"),
    "name": ("monitorfriendlyname", "monitorname", "friendlyname", "monitor", "name"),
    "url": ("monitorurl", "url", "destination"),
    "type": (
        *("alerttype", "alerttypefriendlyname", "alerttypename", "status", "monitorstatus", "alertstatus"),
        *("state", "event", "alertname", "type"),
    ),
    "word": ("alerttypefriendlyname", "alerttypename", "alertname"),
    "details": ("alertdetails", "details", "reason", "alertreason", "message", "cause"),
    "seconds": ("alertduration", "duration"),
    "lasted": ("alertfriendlyduration", "friendlyduration", "alertduration", "duration"),
    "at": ("alertdatetime", "datetime", "timestamp", "incidentstartedat", "startedat"),
    "ended": ("incidentresolvedat", "resolvedat", "incidentendedat"),
    "expires": ("sslexpirydate", "domainexpirydate", "expirydate"),
    "days": ("sslexpirydaysleft", "domainexpirydaysleft", "expirydaysleft", "daysleft"),
    "page": ("monitordashboardurl", "dashboardurl"),
    "tags": ("monitortags", "tags"),
    "group": ("monitorgroup", "group", "monitorgroupname"),
    "regions": ("monitoringregions", "monitoringregion", "regions", "region"),
    "code": ("httpstatuscode", "statuscode", "alerthttpstatuscode"),
    "kind": ("monitortype",),
    "owner": ("owner", "team"),
}
_ANSWERED: Final = frozenset({"alertdetails", "details", "reason", "alertreason", "cause"})
"""What the target answered (`keyword "all is up" not found`) says nothing of its state."""
_TYPES: Final = {"1": "down", "2": "up", "3": "certificate", "4": "domain"}
_KEY: Final = re.compile(r'[{,]\s*"(\w{1,40})"\s*:\s*')
_UNSET: Final = re.compile(r"\*[A-Za-z]{2,40}\*")
"""A variable that does not apply is sent as it stands: `*alertFriendlyDuration*`."""
_NOT_ALPHANUMERIC: Final = re.compile(r"[\W_]+")
_SALVAGED: Final = 300_000
_VALUES: Final = 300


@dataclass(frozen=True)
class Notice:
    """One alert; empty where the template does not tell."""

    fields: Mapping[str, str]
    text: str
    """A sentence, where the body is one."""

    @property
    def type(self) -> str:
        """`down`, `up`, `certificate`, `domain`, or another word in lower case."""
        word, number = self.get("word").lower(), self.get("type").lower()
        if "domain" in word:
            return "domain"
        if "ssl" in word or "certificate" in word:
            return "certificate"
        said = _TYPES.get(number, number).rpartition(".")[2].removeprefix("monitor").strip(" _")
        return said if said in _TYPES.values() or not word else word

    @property
    def at(self) -> datetime | None:
        """When it happened: seconds since 1970, or a time."""
        return _time(self.get("ended")) or _time(self.get("at")) if self.type == "up" else _time(self.get("at"))

    @property
    def lasted(self) -> timedelta | str:
        """How long it was down, where a recovery tells: seconds, or UptimeRobot's own words."""
        seconds = self.get("seconds")
        return timedelta(seconds=int(seconds)) if seconds.isdecimal() and len(seconds) < 10 else self.get("lasted")

    def get(self, field: str) -> str:
        """What the template tells of this; nothing for what it does not."""
        return next((self.fields[spelling] for spelling in _SPELLINGS[field] if self.fields.get(spelling)), "")


def read(inbound: Inbound) -> Notice:
    """The alert a request carries: the body speaks before the query. Total."""
    fields: dict[str, str] = {}
    text = ""
    for key, value in (*_body(inbound), *inbound.query_values.items()):
        said = _UNSET.sub("", unescape(value[:10_000])).strip()
        spelling = _NOT_ALPHANUMERIC.sub("", key).lower()
        if said and _NOT_ALPHANUMERIC.sub("", said).lower() != spelling:
            fields.setdefault(spelling, said)
            text = text or said
    told = Notice(fields, "")
    if told.type in _TYPES.values() and (told.get("id") or told.get("name") or told.get("url")):
        return told
    worded = (value for key, value in fields.items() if key not in _ANSWERED)
    name, word, sentence = next(filter(None, map(_sentence, worded)), ("", "", ""))
    given = {
        **({"alerttype": word} if word and told.type not in _TYPES.values() else {}),
        **({"monitorfriendlyname": name} if name else {}),
    }
    return Notice({**given, **{key: value for key, value in fields.items() if key not in given}}, sentence or text)


def _sentence(text: str) -> tuple[str, str, str] | None:
    """Name, word and sentence of `Monitor is DOWN: Web Server ( http://… )` and `🔴 Web Server is Down - …`."""
    line = text.partition("\n")[0][:500]
    for word in ("down", "up"):
        lead = f"monitor is {word}: "
        at = line.lower().find(lead)
        if at >= 0:
            return line[at + len(lead) :].partition(" (")[0].strip(), word, text
    for word in ("down", "up"):
        at = line.lower().find(f" is {word}")
        after = line[at + len(word) + 4 : at + len(word) + 5]
        if at > 0 and not after.isalnum():
            return line[:at].strip(" *_`🔴🟢🚨✅⚠️❗:"), word, text
    return None


def _body(inbound: Inbound) -> Iterator[tuple[str, str]]:
    if not inbound.body.strip():
        return
    try:
        document = inbound.json
    except BadBody:
        found = _salvage(inbound.text[:_SALVAGED]) or inbound.form
        yield from found.items() if found else (("", inbound.text[:_SALVAGED]),)
        return
    yield from _walk(document)


def _walk(document: Any) -> Iterator[tuple[str, str]]:
    """Every text and number in it with its key; `{"monitor": {"id": …}}` is monitorID as well as id."""
    pending: list[tuple[str, Any]] = [("", document)]
    for _ in range(_VALUES):
        if not pending:
            return
        key, value = pending.pop()
        if isinstance(value, dict):
            pending += _inner(key, value)
        elif isinstance(value, list):
            pending += [(key, item) for item in value[:_VALUES] if isinstance(item, dict)][::-1]
            if plain := [str(item)[:200] for item in value[:50] if isinstance(item, str | int)]:
                yield key, ", ".join(plain)
        elif text := _plain(value):
            yield key, text


def _inner(key: str, value: dict[str, Any]) -> list[tuple[str, Any]]:
    """What an object holds, the first last, as a stack wants it."""
    if isinstance(value.get("name"), str) and isinstance(value.get("value"), str):
        return [(value["name"], value["value"])]  # a field of a chat's message
    items = list(value.items())[:_VALUES]
    own = [(name, item) for name, item in items if key and not isinstance(item, dict | list)]
    return [*own[::-1], *[(f"{key[:40]}{name}", item) for name, item in items][::-1]]


def _plain(value: Any) -> str:
    if isinstance(value, str):
        return value
    if isinstance(value, int | float) and not isinstance(value, bool) and abs(value) < 1e15:
        return str(int(value) if value == int(value) else value)
    return ""


def _salvage(text: str) -> dict[str, str]:
    """Of JSON broken by a quote in a name or a detail: the keys it names, each with what stands before the next."""
    found: dict[str, str] = {}
    matches = [match for _, match in zip(range(_VALUES), _KEY.finditer(text), strict=False)]
    ends = [*(match.start() for match in matches[1:]), len(text.rstrip(" \t\r\n}]"))]
    for match, end in zip(matches, ends, strict=False):
        raw = text[match.end() : end].strip(" \t\r\n}")
        try:
            value = json.loads(raw, strict=False)
        except (ValueError, RecursionError):
            value = None
        found.setdefault(match[1], value if isinstance(value, str) else raw.removeprefix('"').removesuffix('"'))
    return found


def _time(text: str) -> datetime | None:
    return parse_time(int(text)) if text.isdecimal() and len(text) < 12 else parse_time(text)


def line(text: str) -> str:
    """A short line of it."""
    return one_line(text, 150)
