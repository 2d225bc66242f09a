"""Pingdom: an uptime check goes down and up, a transaction check fails and succeeds.

https://www.pingdom.com/resources/webhooks/
"""

from typing import Final

from mappers.contract import Category, Draft, Example, Inbound, Level, Mapped, SourceKind, State, Unmapped
from mappers.contract.secrets import without_secrets
from mappers.contract.signature import Scheme
from mappers.pingdom.dialect import Check, mapping, read, text_of

_STATES: Final = {"down": State.FIRING, "failing": State.FIRING, "up": State.RESOLVED, "success": State.RESOLVED}
_SAID: Final = {"down": "is down", "failing": "is failing", "up": "is up", "success": "works"}
_SILENT: Final = {
    "unconfirmed_down": "the check is not confirmed to be down yet",
    "unconfirmed": "the check is not confirmed to be down yet",
    "unknown": "the check's state is not known: it was paused, or not tested yet",
    "paused": "the check was paused: it says nothing of its state",
}
_REPORTS: Final = "https://my.pingdom.com/app/reports"


def _map(inbound: Inbound) -> Mapped:
    check = read(inbound)
    if check.state in _SILENT:
        return Mapped(ignored=_SILENT[check.state])
    if check.state not in _STATES:
        raise Unmapped(f"unknown state {check.state!r}" if check.state else "neither a `current_state` nor an `action`")
    if not check.id and not check.name:
        raise Unmapped("the message names no check")
    return Mapped(drafts=(_draft(check, _STATES[check.state]),))


def _draft(check: Check, state: State) -> Draft:
    name = check.name or f"Check {check.id}"
    down = state is State.FIRING
    changed = check.changed
    owners, tags = _owners_and_tags(check)
    return Draft(
        slug="pingdom-check",
        event_data={"check": check.id or check.name, **({"type": "transaction"} if check.is_transaction else {})},
        category=Category.INCIDENT,
        level=Level.SUCCESS if not down else Level.WARNING if check.text("importance_level").upper() == "LOW" else Level.ERROR,
        state=state,
        title=f"{name} {_SAID[check.state]}",
        pipeline=name,
        occurrence=_occurrence(check, down=down),
        occurred_at=changed,
        message=_message(check, down=down),
        links=_links(check),
        facts={
            "Type": check.type,
            "Target": _target(check),
            "Seen from": _seen_from(check) if down else "",
            "Importance": check.text("importance_level").capitalize(),
        },
        owners=owners,
        tags=tags,
    )


def _occurrence(check: Check, *, down: bool) -> str | None:
    """The change; BeepManager tells none, but the incident, of which it reminds."""
    said = "down" if down else "up"
    incident = text_of(check.fields.get("incidentid"))
    return f"{check.changed.isoformat()} {said}" if check.changed else f"incident {incident} {said}" if incident else None


def _message(check: Check, *, down: bool) -> str:
    """Pingdom's short and long text, where they differ, and the check's own custom message."""
    if not down:
        return "Up again." if not check.is_transaction else "Works again."
    short, long = check.text("description").strip(), check.text("long_description").strip()
    if short.lower() == check.state:  # all that BeepManager says
        short = f"{text_of(check.fields.get('host')) or check.name or 'The check'} is {check.state}."
    texts = [long] if short and short in long else [short, long]
    return "\n\n".join(dict.fromkeys(text for text in (*texts, check.text("custom_message").strip()) if text))


def _links(check: Check) -> dict[str, str]:
    report = f"{_REPORTS}/{'transaction' if check.is_transaction else 'uptime'}#check={check.id}" if check.id.isdecimal() else ""
    address = check.params.get("full_url") or check.params.get("url")
    return {"Open check": report, "Open target": address if isinstance(address, str) and address.startswith("http") else ""}


def _target(check: Check) -> str:
    host, port = text_of(check.params.get("hostname")) or text_of(check.fields.get("host")), text_of(check.params.get("port"))
    return f"{host}:{port}" if host and port else host


def _seen_from(check: Check) -> str:
    """Where it was found, and where it was confirmed."""
    places = (text_of(mapping(check.fields.get(probe)).get("location")) for probe in ("first_probe", "second_probe"))
    return "; ".join(dict.fromkeys(filter(None, places)))


def _owners_and_tags(check: Check) -> tuple[tuple[str, ...], tuple[str, ...]]:
    """A tag `owner:jane` or `owner-jane` is an owner (Pingdom takes no colon in a tag); the rest are tags."""
    given = check.fields.get("tags")
    tags = [text_of(mapping(tag).get("name") or tag) for tag in given] if isinstance(given, list) else text_of(given).split(",")
    owned = {tag: tag[6:] for tag in tags if tag.lower().startswith(("owner:", "owner-", "owner_"))}
    return tuple(owned.values()), tuple(tag.strip() for tag in tags if tag not in owned)


def _request_key(inbound: Inbound) -> str | None:
    """Check + state + the time of its change; None where no time is told."""
    check = read(inbound)
    who = f"{check.id or check.name}{' transaction' if check.is_transaction else ''}"
    return f"{who} {check.state} {check.changed.isoformat()}" if who and check.changed and check.state in _STATES else None


_EXAMPLE: Final = (
    b'{"check_id":2048467,"check_name":"Warehouse API","check_type":"HTTP","check_params":{"basic_auth":false,"encryption":true,'
    b'"full_url":"https://warehouse.example.org/health","header":"User-Agent:Pingdom.com_bot","hostname":"warehouse.example.org",'
    b'"ipv6":false,"port":443,"url":"/health"},"tags":["owner-data-platform","prod"],"previous_state":"UP","current_state":"DOWN",'
    b'"importance_level":"HIGH","state_changed_timestamp":1795341490,"state_changed_utc_time":"2026-11-22T09:58:10",'
    b'"long_description":"HTTP Server Error 503 Service Unavailable","description":"HTTP Error 503","first_probe":{"ip":"192.0.2.1",'
    b'"ipv6":"","location":"Stockholm, Sweden"},"second_probe":{"ip":"192.0.2.2","ipv6":"","location":"Austin, US","version":1}}'
)

SOURCE: Final = SourceKind(
    kind="pingdom",
    title="Pingdom",
    auth=(Scheme.TOKEN, Scheme.BASIC, Scheme.BEARER, Scheme.HEADER),
    event_types=("UP", "DOWN", "SUCCESS", "FAILING", "UNCONFIRMED_DOWN", "UNKNOWN"),
    map=without_secrets(_map),
    request_key=_request_key,
    methods=("GET", "POST"),
    steps=(
        "In Pingdom open Settings, Integrations, Add integration.",
        "Type: Webhook. Name: Tocsin. URL: {url}",
        "Tick Active and press Save integration.",
        "Open each check (Synthetics, Uptime or Transactions, edit) and tick the integration under Connect integrations.",
    ),
    example=Example(body=_EXAMPLE, headers={"Content-Type": "application/json", "User-Agent": "Pingdom"}),
)
