"""Gatus: an endpoint's conditions fail, and hold again. Its custom alerting provider sends whatever its user's template says.

https://github.com/TwiN/gatus#configuring-custom-alerts
"""

from collections.abc import Mapping
from typing import Final

from mappers.contract import Category, Draft, Example, Inbound, Level, Mapped, SourceKind, SourceSettings, State, Unmapped
from mappers.contract.secrets import without_secrets
from mappers.contract.signature import Scheme
from mappers.gatus.dialect import Notice, read

_LEVELS: Final = {
    **dict.fromkeys(("warning", "warn", "medium", "minor", "low", "p3"), Level.WARNING),
    **dict.fromkeys(("info", "informational", "notice", "p4", "p5"), Level.INFO),
}


class GatusSettings(SourceSettings):
    """Settings of a Gatus source."""

    triggered: tuple[str, ...] = ()
    """Your words for TRIGGERED, where `placeholders` of the provider set any that are not understood by themselves."""
    resolved: tuple[str, ...] = ()
    """Your words for RESOLVED."""
    ui_url: str = ""
    """Where people open Gatus (`https://gatus.example.org`), for the link to the endpoint: no message says it."""


def _map(inbound: Inbound) -> Mapped:
    own = inbound.settings if isinstance(inbound.settings, GatusSettings) else GatusSettings()
    notice = read(inbound, own.triggered, own.resolved)
    if notice.triggered is None:
        raise Unmapped(
            f"unknown state {notice.said!r}: name it in the source's settings `triggered` or `resolved`"
            if notice.said
            else "no state: put [ALERT_TRIGGERED_OR_RESOLVED] into the body"
        )
    if not notice.name:
        raise Unmapped("the message names no endpoint: put [ENDPOINT_NAME] into the body")
    return Mapped(drafts=(_draft(notice, own.ui_url),))


def _draft(notice: Notice, ui_url: str) -> Draft:
    name = f"{notice.group}/{notice.name}" if notice.group else notice.name
    fields, down = notice.fields, bool(notice.triggered)
    return Draft(
        slug="gatus-endpoint",
        event_data={"group": notice.group, "name": notice.name} if notice.group else {"name": notice.name},
        category=Category.INCIDENT,
        level=_LEVELS.get(fields.get("severity", "").lower(), Level.ERROR) if down else Level.SUCCESS,
        state=State.FIRING if down else State.RESOLVED,
        title=f"{name} is {'down' if down else 'up'}",
        pipeline=name,
        # No placeholder tells a time: each message is a happening of its own, at the time it is received.
        message=_message(notice),
        links={"Open endpoint": _endpoint_url(notice, ui_url), "Open target": fields.get("url", "")},
        facts={"Target": "" if fields.get("url", "").startswith("http") else fields.get("url", "")},
        owners=tuple(fields.get("owner", "").split(",")),
        tags=tuple(fields.get("tags", "").split(",")),
        environment=fields.get("environment"),
        excerpt=fields.get("errors", "") if down else "",
    )


def _message(notice: Notice) -> str:
    """What the template says, the errors and conditions of a failure first."""
    fields = notice.fields
    told = fields.get("description", "")
    if not notice.triggered:
        return f"Resolved: {told}" if told else "Resolved."
    failed = _failed(fields.get("conditions", ""))
    parts = (fields.get("errors", ""), f"Failed: {failed}" if failed else "", told or notice.text)
    return "\n\n".join(dict.fromkeys(part for part in parts if part))


def _failed(conditions: str) -> str:
    """Of `❌ - `[STATUS] (503) == 200`, ✅ - …` the conditions that did not hold."""
    return ", ".join(part.partition("`")[2].rstrip("`, ") for part in conditions.split(", ✅ - ")[0:50] for part in _crosses(part))


def _crosses(part: str) -> list[str]:
    return [f"`{one.removeprefix('`')}" for one in part.split("❌ - ")[1:]]


def _endpoint_url(notice: Notice, ui_url: str) -> str:
    """https://github.com/TwiN/gatus/blob/master/config/key/key.go: group and name, in lower case, with dashes."""
    if not ui_url:
        return ""
    key = f"{_key(notice.group)}_{_key(notice.name)}"
    return f"{ui_url.rstrip('/')}/endpoints/{key}"


def _key(text: str) -> str:
    return text.strip().lower().translate(_DASHES)


_DASHES: Final[Mapping[int, str]] = {ord(character): "-" for character in "/_,.# "}

_EXAMPLE: Final = (
    '{\n  "status": "TRIGGERED",\n  "group": "core",\n  "name": "warehouse-api",\n  "url": "https://warehouse.example.org/health",\n'
    '  "description": "healthcheck failed 3 times in a row",\n  "owner": "data-platform",\n'
    '  "errors": "Get \\"https://warehouse.example.org/health\\": dial tcp 10.0.0.4:443: connect: connection refused",\n'
    '  "conditions": "❌ - `[CONNECTED] (false) == true`, ❌ - `[STATUS] (0) == 200`"\n}\n'
)

SOURCE: Final = SourceKind(
    kind="gatus",
    title="Gatus",
    auth=(Scheme.BEARER, Scheme.HEADER, Scheme.BASIC, Scheme.TOKEN),
    event_types=("TRIGGERED", "RESOLVED"),
    map=without_secrets(_map),
    methods=("GET", "POST", "PUT", "PATCH"),
    settings=GatusSettings,
    steps=(
        (
            "In Gatus' configuration, under alerting, add:\n"
            "custom:\n"
            '  url: "{url}"\n'
            '  method: "POST"\n'
            '  headers: {Content-Type: application/json, Authorization: "Bearer {token}"}\n'
            "  body: |\n"
            '    {"status": "[ALERT_TRIGGERED_OR_RESOLVED]", "group": "[ENDPOINT_GROUP]", "name": "[ENDPOINT_NAME]",\n'
            '     "url": "[ENDPOINT_URL]", "description": "[ALERT_DESCRIPTION]",\n'
            '     "errors": "[RESULT_ERRORS]", "conditions": "[RESULT_CONDITIONS]"}\n'
            "  default-alert: {send-on-resolved: true}"
        ),
        "Give each endpoint that should ring: alerts: [{type: custom}]",
        "Restart Gatus. Without send-on-resolved nothing is ever resolved.",
    ),
    example=Example(body=_EXAMPLE.encode(), headers={"Content-Type": "application/json", "User-Agent": "Go-http-client/1.1"}),
)
