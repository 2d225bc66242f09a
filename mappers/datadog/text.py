"""What Datadog writes into its texts: the transition in a title's brackets, the monitor's address in a message."""

import re
from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Final
from urllib.parse import unquote_plus

from mappers.contract.text import clean

_BRACKET: Final = re.compile(r"\[([^\[\]]{1,400})\]\s{0,5}")
_TRANSITION: Final = re.compile(
    r"(?:re-?)?(?:triggered|alert|warn|warning|no data|recovered|renotify|warn recovered|no data recovered|ok)(?: on (.{1,390}))?",
    re.IGNORECASE,
)
_PRIORITY: Final = re.compile(r"p[1-5]", re.IGNORECASE)
_MONITOR: Final = re.compile(r"https://[a-z0-9.-]{1,80}/monitors/([0-9]{1,20})")
_GROUP: Final = re.compile(r"[?&]group=([^&\s)\]\"]{1,400})")
_HANDLE: Final = re.compile(r"(?<![^\s(])@[A-Za-z]+-[\w.-]+")
_LAST_TRIGGERED: Final = re.compile(
    r"last triggered at [A-Z][a-z]{2} ([A-Z][a-z]{2}) ([0-9]{2}) ([0-9]{4}) ([0-9]{2}):([0-9]{2}):([0-9]{2}) UTC"
)
_MONTHS: Final = ("Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec")
_LINK: Final = re.compile(r"\[([^\[\]]{1,200})\]\((https?://[^()\s]{1,1000})\)")


class Title:
    """`[P2] [Triggered on {host:db1}] Disk is full`, taken apart."""

    def __init__(self, text: str) -> None:
        self.transition = self.scope = self.priority = ""
        self.is_test = False
        rest = text.strip()
        while found := _BRACKET.match(rest):
            word = found[1].strip()
            told = _TRANSITION.fullmatch(word)
            if told and not self.transition:
                self.transition, self.scope = word.partition(" on ")[0], (told[1] or "").strip("{} ")
            elif _PRIORITY.fullmatch(word):
                self.priority = word
            elif word.lower() == "test":
                self.is_test = True
            else:
                break
            rest = rest[found.end() :]
        self.name = rest or text.strip()


def monitor_of(text: str) -> str:
    """The id of the monitor whose page a text links to."""
    found = _MONITOR.search(text[:50_000])
    return found[1] if found else ""


def group_of(text: str) -> str:
    """The group that a text's link is about."""
    found = _GROUP.search(text[:50_000])
    return unquote_plus(found[1]) if found else ""


def monitor_url(text: str) -> str:
    """The first link to a monitor's page."""
    found = _MONITOR.search(text[:50_000])
    return found[0] if found else ""


def last_triggered(text: str) -> datetime | None:
    """When the monitor says that it was triggered."""
    found = _LAST_TRIGGERED.search(text[:50_000])
    if not found or found[1] not in _MONTHS:
        return None
    try:
        day, year, hour, minute, second = (int(part) for part in found.groups()[1:])
        return datetime(year, _MONTHS.index(found[1]) + 1, day, hour, minute, second, tzinfo=UTC)
    except ValueError:
        return None


def plain(text: str) -> str:
    """A message without what only Datadog's own page needs: Markdown's signs, graphs, handles and its footer."""
    lines = []
    for line in clean(text[:50_000]).split("\n"):
        stripped = line.strip()
        if stripped in ("%%%", "- - -") or stripped.startswith(("[![", "[[Monitor Status]", "[[Edit Monitor]", "![")):
            continue
        without = _HANDLE.sub("", line)
        if without.strip() or not stripped:
            lines.append(_LINK.sub(r"\1", without).replace("**", "").rstrip())
    return re.sub(r"\n{3,}", "\n\n", "\n".join(lines)).strip()


def scope_tags(scope: str) -> tuple[str, ...]:
    """`host:db1,env:prod` as its tags, in one order; a monitor without groups has none."""
    tags = sorted({tag.strip(" {}") for tag in scope.replace(";", ",").split(",")} - {"", "*", "all"})
    return tuple(tags[:30])


def tagged(tags: Mapping[str, str] | tuple[str, ...], *keys: str) -> tuple[str, ...]:
    """The values of the tags with these keys."""
    return tuple(value for tag in tags for key, colon, value in (tag.partition(":"),) if colon and key.lower() in keys)
