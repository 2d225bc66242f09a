"""Incidents, which people open and close in Soda Cloud. An update of one that is open is the same happening."""

from collections.abc import Mapping
from typing import Any, Final

from mappers.contract import Category, Draft, Level, Mapped, State, Unmapped, duration, parse_time
from mappers.contract.text import one_line
from mappers.soda.check import read_check
from mappers.soda.shapes import first, mapping, mappings, people, scalar, string

_LEVELS: Final = {
    **dict.fromkeys(("critical", "major", "high"), Level.ERROR),
    **dict.fromkeys(("minor", "medium", "moderate"), Level.WARNING),
    "low": Level.INFO,
}
_OVER: Final = frozenset({"resolved", "closed", "fixed", "done"})
_MOST_LINKS: Final = 5


def map_incident(body: Mapping[str, Any]) -> Mapped:
    """Open, at the level of its severity, or resolved, with how long it was open."""
    incident = mapping(body.get("incident"))
    identity = string(incident.get("id")) or scalar(incident.get("number"))
    if not identity:
        raise Unmapped("no `incident` with an id")
    number, title = (
        scalar(incident.get("number")),
        string(incident.get("title")) or string(incident.get("description")) or "without a title",
    )
    status = string(incident.get("status")).lower()
    over = status in _OVER
    opened = parse_time(first(incident, "createdTimestamp", "created"))
    ended = parse_time(first(incident, "resolutionTimestamp", "resolved"))
    updated = parse_time(first(incident, "lastUpdatedTimestamp", "lastUpdated"))
    # Opened again, it is open since the update that says so; its creation lies before the resolution.
    at = (ended or updated) if over else (updated if ended and updated else opened)
    checks = [check for result in mappings(incident.get("checkResults"), 100) if (check := read_check(result))]
    draft = Draft(
        slug="soda-incident",
        event_data={"incident": identity},
        category=Category.INCIDENT,
        level=Level.SUCCESS if over else _LEVELS.get(string(incident.get("severity")).lower(), Level.ERROR),
        state=State.RESOLVED if over else State.FIRING,
        title=f"Incident {number}: {title}" if number else f"Incident: {title}",
        pipeline=f"Soda incident {number or identity}",  # not its datasets: checks are added to it later
        # Whoever opens it again does so after a resolution that the first opening did not know.
        occurrence=f"{identity} {(ended or updated) if over else ended}",
        occurred_at=at,
        message=_message(incident, over, duration(at - opened) if over and at and opened and at >= opened else ""),
        links={"Open incident": string(incident.get("sodaCloudUrl"), 500), **_links(incident)},
        facts={
            "Status": status,
            "Severity": string(incident.get("severity")),
            "Lead": ", ".join(people(incident.get("lead"))),
            "Reporter": ", ".join(people(incident.get("reporter"))),
            "Checks": ", ".join(dict.fromkeys(check.label for check in checks)),
        },
        owners=people(incident.get("lead")) or people(incident.get("reporter")),
    )
    return Mapped(drafts=(draft,))


def incident_key(body: Mapping[str, Any]) -> str | None:
    """The incident, its status and when it was last changed."""
    incident = mapping(body.get("incident"))
    updated = first(incident, "lastUpdatedTimestamp", "lastUpdated")
    identity = string(incident.get("id"))
    return (
        one_line(f"{string(body.get('event'))} {identity} {string(incident.get('status'))} {updated}", 200)
        if identity and updated
        else None
    )


def _message(incident: Mapping[str, Any], over: bool, lasted: str) -> str:
    description, notes = (incident.get(name) for name in ("description", "resolutionNotes"))
    told = [
        (f"Resolved after {lasted}." if lasted else "Resolved.") if over else "",
        description if isinstance(description, str) and description != incident.get("title") else "",
        notes if isinstance(notes, str) else "",
    ]
    reporter = ", ".join(people(incident.get("reporter")))
    return "\n\n".join(filter(None, told)) or (f"Reported by {reporter}, who says no more." if reporter else "")


def _links(incident: Mapping[str, Any]) -> dict[str, str]:
    """Where else the incident is spoken of: a Slack channel, an issue."""
    links = mappings(incident.get("links"), _MOST_LINKS)
    return {first(link, "name", "text", "integrationType") or "Link": string(link.get("url"), 500) for link in links}
