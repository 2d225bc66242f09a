"""Which body is this: Alertmanager's own, one cut off, Prometheus' or vmalert's list of alerts, or a `payload` template of the user's.

https://prometheus.io/docs/alerting/latest/configuration/#webhook_config, and for the list
https://github.com/prometheus/alertmanager/blob/main/api/v2/openapi.yaml (`postableAlerts`)
"""

import json
import re
from collections.abc import Iterator
from typing import Any, Final

from mappers.contract import BadBody, Inbound, Unmapped, parse_time

_KEY: Final = re.compile(r'[{,]\s*"(\w{1,40})"\s*:\s*')
_SUBJECT: Final = re.compile(r"\[(FIRING|RESOLVED)\b[^\]]{0,40}\]\s*", re.IGNORECASE)
_DECODER: Final = json.JSONDecoder(strict=False)
_SALVAGED: Final = 300_000
_KEYS: Final = 300
_NAMES: Final = ("alertname", "alert_name", "alert", "name")
_LABELS: Final = ("instance", "severity", "team", "owner", "job", "service", "cluster", "namespace", "environment")
_TELLING: Final = ("instance", "job", "service", "cluster", "namespace")
"""The labels by which a template's alerts differ: a recovery need not repeat how bad it was, nor whose it is."""
_PARTS: Final = ("commonlabels", "grouplabels", "labels")
_SPELLED: Final = {
    name.lower(): name
    for name in (
        "alerts", "status", "labels", "annotations", "startsAt", "endsAt", "generatorURL", "fingerprint", "receiver", "groupLabels",
        "commonLabels", "groupKey", "externalURL", "truncatedAlerts",
    )
}  # fmt: skip
_ANNOTATIONS: Final = ("summary", "description", "message", "text", "runbook_url", "dashboard_url")


def document(inbound: Inbound) -> dict[str, Any]:
    """The body with a list of `alerts`, whichever of these it is. Raises `Unmapped` where there is no such list to be had."""
    try:
        body = inbound.json
    except BadBody as error:
        body = _salvage(inbound.text[:_SALVAGED])
        if not body:
            raise Unmapped(str(error)) from None
        text = inbound.text.strip()
        body.setdefault("partial", text.startswith("{") and not text.endswith("}"))
    if isinstance(body, list) and body:
        return {"alerts": [_posted(alert, inbound) for alert in body]}
    if isinstance(body, dict):
        body = _spelled(body)
        if isinstance(body.get("alerts"), list):
            return {**body, "alerts": [_spelled(alert) if isinstance(alert, dict) else alert for alert in body["alerts"]]}
    flat = _flat(body) if isinstance(body, dict) else None
    if flat is None:
        raise Unmapped("the body has no list of `alerts`; a receiver's own `payload` template must keep it, or `status` and `alertname`")
    return flat


def _spelled(table: dict[str, Any]) -> dict[str, Any]:
    """With the keys as Alertmanager writes them: a template may use the names of its own fields, `StartsAt`."""
    return {_SPELLED.get(key.lower(), key): value for key, value in table.items()}


def _posted(alert: Any, inbound: Inbound) -> Any:
    """One alert as Prometheus tells an Alertmanager: it has ended once `endsAt` has passed."""
    if not isinstance(alert, dict) or "status" in alert:
        return alert
    ends = parse_time(alert.get("endsAt"))
    over = ends is not None and ends <= inbound.received_at
    return {**alert, "status": "resolved" if over else "firing", "endsAt": alert.get("endsAt") if over else None}


def _flat(body: dict[str, Any]) -> dict[str, Any] | None:
    """A template of one alert: its status and name, or Alertmanager's own subject `[FIRING:1] name (…)`, wherever it stands."""
    attached = body.get("attachments")  # of a receiver for Slack, whose address is ours
    said = attached[0] if isinstance(attached, list) and attached and isinstance(attached[0], dict) else {}
    fields = {key.lower(): value for key, value in {**said, **body}.items()}
    subject = next((match for match in map(_SUBJECT.match, (text for text in fields.values() if isinstance(text, str))) if match), None)
    status = str(fields.get("status") or fields.get("state") or (subject[1] if subject else "")).lower()[:40]
    labels = {key: fields[key] for key in _LABELS if fields.get(key)}
    beside = ", ".join(f"{key}={labels[key]}" for key in _TELLING if key in labels)
    for part in _PARTS:
        labels.update(fields[part] if isinstance(fields.get(part), dict) else {})
    rest = subject.string[subject.end() : subject.end() + 300].partition("\n")[0].partition(" (")[0].strip() if subject else ""
    name = labels.get("alertname") or next((fields[key] for key in _NAMES if fields.get(key)), "") or rest
    if status not in ("firing", "resolved") or not name or not isinstance(name, str):
        return None
    given = fields.get("annotations") or fields.get("commonannotations")
    annotations = {**{key: fields[key] for key in _ANNOTATIONS if fields.get(key)}, **(given if isinstance(given, dict) else {})}
    times = {"startsAt": fields.get("startsat"), "endsAt": fields.get("endsat"), "generatorURL": fields.get("generatorurl")}
    own = fields.get("fingerprint") or (beside or name if not any(isinstance(fields.get(part), dict) for part in _PARTS) else None)
    alert = {"status": status, "labels": {**labels, "alertname": name}, "annotations": annotations, "fingerprint": own, **times}
    return {"alerts": [alert], "partial": body.get("partial") is True}


def _salvage(text: str) -> dict[str, Any]:
    """Of a body that is cut off or not JSON: every alert that is whole, then the keys at its top."""
    start = text.find('"alerts"')
    alerts = list(_objects(text, text.find("[", start) + 1)) or _first(text[start + 8 :]) if start >= 0 else []
    if alerts:
        found = {**_fields(text[:start]), **_fields(text[text.rfind("]") :])}
        return {**found, "alerts": alerts, "partial": not isinstance(found.get("groupLabels"), dict)}
    return _fields(text) or ({"text": text.strip()} if _SUBJECT.match(text.strip()) else {})


def _first(text: str) -> list[dict[str, Any]]:
    """An alert that is cut off itself, as far as it goes: its labels must be whole."""
    found = _fields(text)
    if not text.rstrip().endswith(("}", "]")):
        found = dict(list(found.items())[:-1])
    return [found] if isinstance(found.get("labels"), dict) else []


def _objects(text: str, at: int) -> Iterator[dict[str, Any]]:
    while at > 0 and (at := text.find("{", at)) >= 0:
        try:
            found, at = _DECODER.raw_decode(text, at)
        except (ValueError, RecursionError):
            return
        if isinstance(found, dict):
            yield found
        if not text[at : at + 200].lstrip().startswith(","):
            return


def _fields(text: str) -> dict[str, Any]:
    """The keys a broken body names: each with its value where that is whole, else with what stands before the next key."""
    found: dict[str, Any] = {}
    match = _KEY.search(text)
    for _ in range(_KEYS):
        if match is None:
            break
        value, end = _value(text, match.end())
        following = _KEY.search(text, match.end() if end is None else end)
        if end is None:
            raw = text[match.end() : following.start() if following else len(text.rstrip(" \t\r\n}]"))].strip()
            value = raw.removeprefix('"').removesuffix('"')
        if value not in (None, ""):
            found.setdefault(match[1], value)
        match = following
    return found


def _value(text: str, at: int) -> tuple[Any, int | None]:
    try:
        value, end = _DECODER.raw_decode(text, at)
    except (ValueError, RecursionError):
        return None, None
    return (value, end) if text[end : end + 50].lstrip()[:1] in ("", ",", "}", "]") else (None, None)
