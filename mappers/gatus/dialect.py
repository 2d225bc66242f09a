"""Reading: from whatever the user's template made of an alert to one `Notice`.

Body and URL of Gatus' custom provider are templates, so a request is read from everywhere at once: JSON (nested as its target
wants it), broken JSON, a form, text; then the query; then the path.
https://github.com/TwiN/gatus/blob/master/alerting/provider/custom/custom.go (the placeholders)
"""

import json
import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final
from urllib.parse import unquote

from mappers.contract import BadBody, Inbound
from mappers.contract.text import one_line

TRIGGERED: Final = frozenset((
    "triggered", "trigger", "firing", "fired", "alerting", "alert", "alarm", "down", "failing", "failed", "failure", "unhealthy",
    "unavailable", "outage", "partial_outage", "major_outage", "degraded", "critical", "error", "problem", "open", "opened",
    "offline",
))  # fmt: skip
RESOLVED: Final = frozenset((
    "resolved", "resolve", "ok", "up", "healthy", "operational", "recovered", "recovery", "normal", "success", "closed", "close",
    "available", "online", "cleared",
))  # fmt: skip
_SPELLINGS: Final = {
    "name": ("name", "endpoint", "endpoint_name", "endpointname", "service", "service_name", "check"),
    "group": ("group", "endpoint_group", "endpointgroup"),
    "url": ("url", "endpoint_url", "endpointurl", "target"),
    "status": ("status", "state", "alert_status", "alert_state", "event", "event_action", "action", "alert_triggered_or_resolved"),
    "description": ("description", "alert_description", "message", "details", "summary", "body", "text", "content"),
    "errors": ("errors", "result_errors", "error"),
    "conditions": ("conditions", "result_conditions"),
    "severity": ("severity", "level", "priority"),
    "owner": ("owner", "owners", "team"),
    "tags": ("tags",),
    "environment": ("environment", "env"),
}
_KNOWN: Final = {spelling: field for field, spellings in _SPELLINGS.items() for spelling in spellings}
_LEFT: Final = re.compile(r"\[(?:ALERT|ENDPOINT|SERVICE|RESULT)_[A-Z_]{1,30}\]")
"""A placeholder this version of Gatus does not know, or has nothing for, is sent as it stands."""
_KEY: Final = re.compile(r'[{,]\s*"(\w{1,40})"\s*:\s*')
_LEADING: Final = re.compile(r"^[\W_]{0,20}gatus[\s:|-]{0,10}|^[\s:|\-–—*_\"'🚨🔥✅❌⚠️🔴🟢]{1,20}", re.IGNORECASE)
_DECORATION: Final = re.compile(r"^[\W_]+|[\W_]+$")
_PLAIN: Final = re.compile(r"^[\W_]{0,10}([A-Za-z_]{2,20})(?=[\]*_\s]{0,3}[:-])|\bis (?:now )?([A-Za-z_]{2,20})\b")
"""`DOWN: …` and `… is down`, where the placeholder was given plain words."""
_OF_A_CHAT: Final = re.compile(r"An alert for (.{1,300}?) has been (triggered|resolved)\b", re.IGNORECASE)
"""What Gatus' own providers for chats say: https://github.com/TwiN/gatus/blob/master/alerting/provider/slack/slack.go"""
_OF_A_PAGER: Final = re.compile(r"(TRIGGERED|RESOLVED): ([^/]{1,150})/(.{1,150}?) - ")
"""https://github.com/TwiN/gatus/blob/master/alerting/provider/pagerduty/pagerduty.go"""
_WRITTEN: Final = frozenset({"description", "alert_description", "summary", "details"})
_SEPARATOR: Final = re.compile(r"/| [-–—] ")
_SALVAGED: Final = 300_000
_VALUES: Final = 300
"""Characters of a broken body, and values of any, that are looked at."""


@dataclass(frozen=True)
class Notice:
    """One alert; empty where the template does not tell."""

    triggered: bool | None
    """None where no known word says so."""
    said: str
    """The word itself."""
    name: str
    group: str
    fields: Mapping[str, str]
    text: str
    """All that was said, where it is one sentence."""


def read(inbound: Inbound, triggered: Sequence[str], resolved: Sequence[str]) -> Notice:
    """The alert a request carries. Total. The words are those of the source's settings, beside the usual ones."""
    words = {**dict.fromkeys(TRIGGERED, True), **dict.fromkeys(RESOLVED, False)}
    words |= {**dict.fromkeys(map(_word, triggered), True), **dict.fromkeys(map(_word, resolved), False)}
    fields, texts, told = _gathered(inbound)
    said = _word(fields.get("status", ""))
    path = [unquote(part) for part in inbound.path.split("/") if part]
    if said not in words:
        said = next((word for word in map(_word, path) if word in words), said)
    names = [part for part in path if _word(part) not in words]
    if names and "name" not in fields:
        fields["name"], fields["group"] = names[-1], fields.get("group") or (names[-2] if len(names) > 1 else "")
    text = ""
    if provider := _of_a_provider(told):  # whose fields have names of their own
        text, said, fields["group"], fields["name"] = provider
    elif said not in words or "name" not in fields:
        text, word, group, name = _sentence(texts, words)
        said = said if said in words else word or said
        if "name" not in fields and name:
            fields["name"], fields["group"] = name, fields.get("group") or group
        if text.strip() == fields.get("description"):
            del fields["description"]
    return Notice(
        triggered=words.get(said),
        said=said,
        name=one_line(fields.get("name", ""), 150),
        group=one_line(fields.get("group", ""), 150),
        fields=fields,
        text=_LEFT.sub("", text).strip(),
    )


def _gathered(inbound: Inbound) -> tuple[dict[str, str], list[str], list[str]]:
    """The known fields, the texts that may tell the state, and all texts but what an endpoint answered."""
    fields: dict[str, str] = {}
    texts: list[str] = []
    told: list[str] = []
    for key, value in _values(inbound):
        text = _LEFT.sub("", value).strip()
        field = _KNOWN.get(key.lower())
        if field not in ("errors", "conditions"):
            told.append(value)
        if field and text:
            fields.setdefault(field, text)
        # What an endpoint answered, and what its owner wrote of it (`checks that it is up`), says nothing of its state.
        if text and field not in ("errors", "conditions", "url") and key.lower() not in _WRITTEN:
            texts.append(value)
    return fields, texts, told


def _word(text: str) -> str:
    """As it is compared: without case, and without what decorates it (`🔴 DOWN`)."""
    return _DECORATION.sub("", " ".join(text[:200].lower().split()))[:80]


def _of_a_provider(texts: list[str]) -> tuple[str, str, str, str] | None:
    """The same, of a message that another of Gatus' providers wrote."""
    for text in texts:
        if found := _OF_A_CHAT.search(text[:2000]):
            group, slash, name = _bare(found[1]).partition("/")
            return text, found[2].lower(), group if slash else "", name if slash else group
        if found := _OF_A_PAGER.match(text[:2000]):
            return text, found[1].lower(), found[2], found[3]
    return None


def _sentence(texts: list[str], words: Mapping[str, bool]) -> tuple[str, str, str, str]:
    """Text, word, group and name of a sentence as in Gatus' own example: `TRIGGERED: group - name - description - errors`.

    The shouted word is Gatus' own; where it does not begin the sentence, the endpoint stands before it.
    """
    own = [word for word in words if word not in TRIGGERED | RESOLVED]
    for text in texts:
        found = re.search(r"\b(TRIGGERED|RESOLVED)\b", text[:2000])
        word, at, end = (found[1].lower(), found.start(), found.end()) if found else _own_word(text[:2000], own)
        if not word and (plain := _PLAIN.search(text[:300])) and (plain[1] or plain[2]).lower() in words:
            word, at, end = (plain[1] or plain[2]).lower(), plain.start(), plain.end()
        if not word:
            continue
        before, after = _bare(text[:at]).removesuffix(" is"), _LEFT.sub("", text[end:2000]).lstrip(" *_:]")
        if before:
            group, *names = _SEPARATOR.split(before.split(",")[0], maxsplit=1)
            return text, word, group.strip() if names else "", _bare(names[0]) if names else _bare(group)
        parts = [part.strip() for part in after.split("\n")[0].split(" - ")]
        if len(parts) > 3:  # the last is empty in a recovery
            return text, word, parts[0], parts[1]
        # Three may be group, name, description or name, description, errors: both begin with what does not change.
        return text, word, "", _bare(" - ".join(parts[:2]) if len(parts) == 3 else parts[0])
    return "", "", "", ""


def _own_word(text: str, own: list[str]) -> tuple[str, int, int]:
    lowered = text.lower()
    found = [(lowered.find(word), word) for word in own if word and word in lowered] if len(lowered) == len(text) else []
    return next(((word, at, at + len(word)) for at, word in sorted(found)), ("", 0, 0))


def _bare(text: str) -> str:
    """A name without what decorates it: `🚨 Gatus: `, brackets, a dash at the end."""
    for _ in range(3):
        text = _LEADING.sub("", text)
    return text.rstrip(" \t\n:|-–—*_(['\"").strip("[]\"'* ")[:300]


def _values(inbound: Inbound) -> Iterator[tuple[str, str]]:
    """Every text of a request with the key it stands under; the body speaks before the query."""
    yield from _body(inbound)
    yield from inbound.query_values.items()


def _body(inbound: Inbound) -> Iterator[tuple[str, str]]:
    if not inbound.body.strip():
        return
    try:
        document = inbound.json
    except BadBody:
        found = _salvage(inbound.text[:_SALVAGED]) or inbound.form
        yield from found.items() if found else (("", inbound.text[:_SALVAGED]),)
        return
    pending, seen = [("", document)], 0
    while pending and seen < _VALUES:
        key, value = pending.pop()
        seen += 1
        if isinstance(value, dict):
            pending += [(name, item) for name, item in list(value.items())[:_VALUES]][::-1]
        elif isinstance(value, list):
            pending += [(key, item) for item in value[:_VALUES]][::-1]
        elif isinstance(value, str):
            yield key, value


def _salvage(text: str) -> dict[str, str]:
    """Of broken JSON, the keys it names, each with what stands before the next. Of the errors' quotes Gatus escapes, and nothing else."""
    found: dict[str, str] = {}
    matches = [match for _, match in zip(range(_VALUES), _KEY.finditer(text), strict=False)]
    ends = [*(match.start() for match in matches[1:]), len(text.rstrip(" \t\r\n}]"))]
    for match, end in zip(matches, ends, strict=False):
        raw = text[match.end() : end].strip()
        value = _string(raw)
        if raw and match[1].lower() not in found:
            found[match[1].lower()] = value if value is not None else raw.removeprefix('"').removesuffix('"').replace('\\"', '"')
    return found


def _string(raw: str) -> str | None:
    try:
        value: Any = json.loads(raw, strict=False)
    except (ValueError, RecursionError):
        return None
    return value if isinstance(value, str) else None
