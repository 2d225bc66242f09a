"""Bodies of one alert without a list: a payload template of the user's, and alerting as it was before Grafana 11.

https://github.com/grafana/grafana/blob/v8.5.0/pkg/services/alerting/notifiers/webhook.go (`state`, `ruleName`, `evalMatches`)
"""

import re
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Final

from mappers.contract import parse_time
from mappers.contract.text import one_line
from mappers.grafana.dialect import string

_TITLE: Final = re.compile(r"\[(FIRING|RESOLVED|ALERTING|OK|NO DATA|PENDING|PAUSED|UNKNOWN)\b[^\]]{0,60}\]\s*", re.IGNORECASE)
_STATES: Final = {
    **dict.fromkeys(("firing", "alerting"), "firing"),
    **dict.fromkeys(("resolved", "ok", "normal"), "resolved"),
    **dict.fromkeys(("no_data", "nodata"), "no_data"),
    **{word: word for word in ("pending", "paused", "unknown", "keep_state")},
}
_NAMES: Final = ("rulename", "alertname", "alert_name", "rule", "rule_name", "alert", "name")
_TEXTS: Final = ("summary", "description", "message", "text", "body", "content", "error")
_LINKS: Final = {
    "Open alert": ("ruleurl", "rule_url", "generatorurl", "generator_url", "url", "link"),
    "Dashboard": ("dashboardurl", "dashboard_url"),
    "Panel": ("panelurl", "panel_url"),
    "Silence": ("silenceurl", "silence_url"),
    "Runbook": ("runbook_url", "runbookurl", "runbook"),
    "Image": ("imageurl", "image_url"),
}


@dataclass(frozen=True)
class Notice:
    """One alert as such a body tells it; empty where it does not say."""

    state: str
    """`firing`, `resolved`, `no_data`, `pending`, `paused`, another word, or nothing."""
    name: str
    identity: dict[str, str | int]
    message: str
    severity: str
    owners: str
    environment: str
    matches: str
    links: dict[str, str]
    started: datetime | None
    is_test: bool


def read(document: dict[str, Any]) -> Notice:
    """The alert a body without a list of `alerts` tells of."""
    labels = {}
    for part in ("commonlabels", "grouplabels", "labels", "tags"):
        given = document.get(part)
        labels.update({key.lower(): string(value) for key, value in given.items()} if isinstance(given, dict) else {})
    fields = {**labels, **{key: string(value) for key, value in document.items() if string(value).strip()}}
    texts = [fields[key] for key in ("title", *_TEXTS) if key in fields]
    titled = next((match for match in map(_TITLE.match, texts) if match), None)
    named = next((fields[key] for key in _NAMES if key in fields), "")
    from_title = titled.string[titled.end() : titled.end() + 300].partition("\n")[0].partition(" (")[0] if titled else ""
    name = one_line(named or from_title or (fields.get("title", "") if _state(fields, None) else ""), 150)
    return Notice(
        state=_state(fields, titled),
        name=name,
        identity=_identity(document, fields, name),
        message="\n\n".join(dict.fromkeys(fields[key] for key in _TEXTS if key in fields)),
        severity=fields.get("severity") or fields.get("priority", ""),
        owners=fields.get("team") or fields.get("owner", ""),
        environment=fields.get("environment") or fields.get("env", ""),
        matches=_matches(document.get("evalmatches")),
        links={label: next((fields[key] for key in keys if key in fields), "") for label, keys in _LINKS.items()},
        started=parse_time(fields.get("startsat") or fields.get("starts_at")),
        # https://github.com/grafana/grafana/blob/v8.5.0/pkg/services/alerting/test_notification.go
        is_test=fields.get("rulename") == "Test notification" and "test" in fields.get("message", "test").lower(),
    )


def _identity(document: dict[str, Any], fields: dict[str, str], name: str) -> dict[str, str | int]:
    """Best first: the rule's own number, which a renaming leaves alone; its name and folder."""
    rule = document.get("ruleid")
    if isinstance(rule, int) and not isinstance(rule, bool) and 0 < rule < 2**63:
        return {"rule": rule}
    folder = one_line(fields.get("grafana_folder", ""), 200)
    return {"rule": name, **({"folder": folder} if folder else {})} if name else {}


def _state(fields: dict[str, str], titled: re.Match[str] | None) -> str:
    said = (fields.get("status") or fields.get("state") or (titled[1] if titled else "")).lower().replace("no data", "no_data")
    words = re.findall(r"[a-z_]{2,20}", said[:200])  # a template may decorate it: `🔥 FIRING`
    return next((_STATES[word] for word in words if word in _STATES), one_line(said, 40))


def _matches(value: object) -> str:
    """`High value=100, …`: what the rule measured, with the tags of each series."""
    parts = []
    for match in value[:12] if isinstance(value, list) else ():
        if isinstance(match, dict):
            tags = match.get("tags")
            of = ", ".join(f"{key}={string(tag)}" for key, tag in tags.items()) if isinstance(tags, dict) and tags else ""
            named = string(match.get("metric")) or "value"
            parts.append(f"{named}={string(match.get('value'))}" + (f" ({of})" if of and of not in named else ""))
    return ", ".join(parts)[:500]
