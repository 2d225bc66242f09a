"""Reading: what StatusCake posts as a form, or what its user wrote into the address with `|NAME|` and the like.

https://www.statuscake.com/kb/knowledge-base/how-to-use-the-web-hook-url/
"""

import json
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from html import unescape
from typing import Any, Final

from mappers.contract import Inbound
from mappers.contract.inbound import first_values
from mappers.contract.text import one_line

_SPELLINGS: Final = {
    "id": ("testid", "checkid", "id"),
    "name": ("name", "testname", "checkname", "websitename"),
    "status": ("status", "state", "event"),
    "code": ("statuscode", "code"),
    "url": ("url", "websiteurl", "testurl"),
    "ip": ("ip",),
    "method": ("method",),
    "rate": ("checkrate",),
    "tags": ("tags",),
    "about": ("type", "testtype", "checktype", "alerttype", "product"),
    "message": ("message", "reason", "error", "details", "description", "text"),
    "days": ("daysleft", "expiresin", "daysuntilexpiry", "days"),
    "owner": ("owner", "team"),
}
_UP: Final = frozenset({"up", "ok", "resolved", "recovered", "online"})
_DOWN: Final = frozenset(
    {"down", "failed", "alert", "triggered", "offline", "slower", "bigger", "smaller", "expiring", "expired", "broken"}
)
_SILENT: Final = frozenset({"paused", "maintenance", "pending"})
_CERTIFICATE: Final = ("ssl", "certificate")
_PAGESPEED: Final = ("pagespeed", "page speed", "page_speed", "page-speed", "slower", "bigger", "smaller", "load time")
_UNSET: Final = re.compile(r"\|[A-Z]{2,20}\|")
"""A replacement that StatusCake does not know is sent as it stands."""
_KEY: Final = re.compile(r'[{,]\s*"(\w{1,40})"\s*:\s*')
_NOT_ALPHANUMERIC: Final = re.compile(r"[\W_]+")
_SALVAGED: Final = 300_000
_VALUES: Final = 200


@dataclass(frozen=True)
class Alert:
    """One alert; empty where it does not tell."""

    fields: Mapping[str, str]

    def get(self, field: str) -> str:
        """What it tells of this; nothing for what it does not."""
        return next((self.fields[spelling] for spelling in _SPELLINGS[field] if self.fields.get(spelling)), "")

    @property
    def said(self) -> str:
        """The status in lower case, as it was sent."""
        return one_line(self.get("status"), 60).lower()

    @property
    def about(self) -> str:
        """`certificate` or `page speed` where it is about that; nothing for uptime tests and heartbeats."""
        told = f"{self.get('about')} {self.get('message')[:500]} {self.said}".lower()
        if any(word in told for word in _CERTIFICATE) and (self.said not in _UP | {"down"} or "ssl" in self.get("about").lower()):
            return "certificate"
        return "page speed" if any(word in told for word in _PAGESPEED) else ""

    @property
    def status(self) -> str:
        """`up`, `down`, `silent`, or nothing where no known word says so."""
        if self.said in _UP:
            return "up"
        if self.said in _SILENT:
            return "silent"
        return "down" if self.said in _DOWN or (self.about and not self.said) else ""


def read(inbound: Inbound) -> Alert:
    """The alert a request carries: the body speaks before the query. Total."""
    found: dict[str, str] = {}
    for key, value in (*_body(inbound), *inbound.query_values.items()):
        said = _UNSET.sub("", unescape(value[:5000])).strip()
        if said:
            found.setdefault(_NOT_ALPHANUMERIC.sub("", key).lower(), said)
    return Alert(found)


def _body(inbound: Inbound) -> Iterator[tuple[str, str]]:
    if not inbound.body.strip():
        return
    try:
        document: Any = json.loads(inbound.text, strict=False)
    except (ValueError, RecursionError):
        document = inbound.form or _salvage(inbound.text[:_SALVAGED]) or _unlabelled(inbound)
    for key, value in list(document.items())[:_VALUES] if isinstance(document, dict) else ():
        if isinstance(value, list):
            yield key, ", ".join(str(item)[:200] for item in value[:50] if isinstance(item, str | int))
        elif isinstance(value, str):
            yield key, value
        elif isinstance(value, int) and not isinstance(value, bool) and abs(value) < 10**15:
            yield key, str(value)


def _unlabelled(inbound: Inbound) -> dict[str, str]:
    """A form that came without its content type."""
    return first_values(inbound.text[:_SALVAGED]) if "=" in inbound.text[:100] else {}


def _salvage(text: str) -> dict[str, str]:
    """Of broken JSON, the keys it names, each with what stands before the next; the first of each counts."""
    found: dict[str, str] = {}
    matches = [match for _, match in zip(range(_VALUES), _KEY.finditer(text), strict=False)]
    ends = [*(match.start() for match in matches[1:]), len(text.rstrip(" \t\r\n}]"))]
    for match, end in zip(matches, ends, strict=False):
        found.setdefault(match[1], text[match.end() : end].strip(" \t\r\n}").removeprefix('"').removesuffix('"'))
    return found


def line(text: str) -> str:
    """A short line of it."""
    return one_line(text, 150)
