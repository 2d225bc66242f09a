"""Subscriptions to a status page: what a page of Better Stack tells its readers.

https://betterstack.com/docs/uptime/status-pages/subscribing-to-status-updates/subscribing-with-webhooks/
"""

from collections.abc import Mapping
from datetime import datetime
from typing import Any, Final

from mappers.better_stack.dialect import mapping, string, text_of
from mappers.contract import Category, Draft, Level, Mapped, State, Unmapped, parse_time

_LEVELS: Final = {
    "downtime": Level.ERROR,
    "major_outage": Level.ERROR,
    "partial_outage": Level.ERROR,
    "degraded": Level.WARNING,
    "degraded_performance": Level.WARNING,
    "maintenance": Level.INFO,
    "under_maintenance": Level.INFO,
}
_WELL: Final = frozenset({"operational", "resolved", "up"})


def map_page(body: Mapping[str, Any], event_type: str) -> Mapped:
    """The draft of a message that a status page sent. Raises `Unmapped` for what it is not known to send."""
    page = mapping(body.get("page"))
    if event_type == "component_update":
        return _component(body, page)
    told = mapping(body.get(event_type))
    if event_type not in ("incident", "maintenance") or not (text_of(told.get("id")) and text_of(told.get("name"))):
        raise Unmapped(f"a status page's message of type {event_type!r} without an id and a name")
    updates = told.get(f"{event_type}_updates")
    update = max(map(mapping, updates), key=_created, default={}) if isinstance(updates, list) else {}
    well = text_of(page.get("status_indicator")).lower() in _WELL or text_of(update.get("status")).lower() in _WELL
    state = State.NOTE if event_type == "maintenance" else State.RESOLVED if well else State.FIRING
    name = text_of(told.get("name"))
    return Mapped(
        drafts=(
            Draft(
                slug=f"better-stack-page-{event_type}",
                event_data={"page": text_of(page.get("id")), event_type: text_of(told.get("id"))},
                category=Category.INCIDENT,
                level=Level.INFO if state is State.NOTE else _level(page.get("status_indicator"), state),
                state=state,
                title=name,
                pipeline=name,
                occurrence=_occurrence(update, state),
                occurred_at=parse_time(update.get("created_at")) or parse_time(told.get("updated_at")),
                message=string(update.get("body")),
                links={"Open status page": string(told.get("shortlink"))},
                facts={
                    "Page": text_of(page.get("status_description")),
                    "Starts": text_of(told.get("starts_at")),
                    "Ends": text_of(told.get("ends_at")),
                },
            ),
        )
    )


def _component(body: Mapping[str, Any], page: Mapping[str, Any]) -> Mapped:
    update, component = mapping(body.get("component_update")), mapping(body.get("component"))
    status = text_of(update.get("new_status") or update.get("status") or component.get("status")).lower()
    number = text_of(component.get("id") or update.get("component_id") or update.get("id"))
    name = text_of(component.get("name") or update.get("name")) or f"Component {number}"
    if not number or (status not in _LEVELS and status not in _WELL):
        raise Unmapped(f"a component update without a component or with the unknown status {status!r}")
    if "maintenance" in status:
        return Mapped(ignored="the component is under maintenance")
    at = parse_time(update.get("created_at")) or parse_time(component.get("updated_at"))
    state = State.RESOLVED if status in _WELL else State.FIRING
    return Mapped(
        drafts=(
            Draft(
                slug="better-stack-page-component",
                event_data={"page": text_of(page.get("id")), "component": number},
                category=Category.INCIDENT,
                level=_level(status, state),
                state=state,
                title=f"{name} is {'up' if state is State.RESOLVED else status.replace('_', ' ').replace('downtime', 'down')}",
                pipeline=name,
                occurrence=f"{at.isoformat()} {status}" if at else None,
                occurred_at=at,
                facts={"Page": text_of(page.get("status_description"))},
            ),
        )
    )


def _level(indicator: object, state: State) -> Level:
    return Level.SUCCESS if state is State.RESOLVED else _LEVELS.get(text_of(indicator).lower(), Level.ERROR)


def _occurrence(update: Mapping[str, Any], state: State) -> str | None:
    number = text_of(update.get("id"))
    return f"update {number} {state.value}" if number else None


def _created(update: Mapping[str, Any]) -> tuple[datetime | bool, ...]:
    time = parse_time(update.get("created_at"))
    return (True, time) if time else (False,)


def page_key(body: Mapping[str, Any], event_type: str) -> str | None:
    """Type + id + time of the last change; None where one of them is missing."""
    told = mapping(body.get(event_type)) or mapping(body.get("component"))
    number, changed = text_of(told.get("id") or told.get("component_id")), text_of(told.get("updated_at") or told.get("created_at"))
    return f"page {event_type} {number} {changed}" if number and changed else None
