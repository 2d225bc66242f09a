"""For admins of a team: what the gateway looks at by itself, how it stands, and what is wrong with the gateway itself."""

from datetime import datetime, timedelta
from typing import Any, Final, Literal

from pydantic import BaseModel

from gateway.api.models import TeamQuery
from gateway.api.operation import Call, Operation
from gateway.api.problem import Problem
from gateway.storage import audit, checks, self_watch
from mappers.contract import duration

State = Literal["unknown", "well", "failing", "down"]


class Check(BaseModel):
    """A database whose tables are watched, or a service that is probed."""

    id: int
    team: str
    kind: str
    """`database` or `probe`."""
    slug: str
    environment: str
    owners: list[str]
    address: str
    """Without credentials."""
    schedule: str
    """`every 5 min`, or a cron expression."""
    timezone: str
    """Of the cron expression."""
    state: State
    """`failing`: the last look failed, but not as often in a row as it takes to be down."""
    checked_at: datetime | None
    next_at: datetime | None
    """None while it is being looked at."""
    since: datetime | None
    """When the first failure in a row was."""
    failures: int
    tries: int
    trouble: str | None
    """Why the last look failed."""
    status: int | None
    """Of a probe: what the service answered last."""
    milliseconds: int | None
    certificate_ends_at: datetime | None
    tables: int | None
    """Of a database: how many are watched."""
    columns: int | None
    changed_at: datetime | None
    """When a change of its tables was last told."""


class Checks(BaseModel):
    """All of them, what is down first."""

    items: list[Check]


class Trouble(BaseModel):
    """Something that is wrong with the gateway itself."""

    team: str
    name: str
    level: str
    title: str
    message: str
    mend: str
    """What to do about it."""
    since: datetime


class Troubles(BaseModel):
    """All that is wrong now, the oldest first."""

    items: list[Trouble]


async def list_checks(call: Call) -> Checks:
    """What is looked at in my teams, and how it stands."""
    rows = await call.database.read(checks.overview, team_ids=call.admin_team_ids(call.query.team))
    return Checks(items=[_shown(row) for row in rows])


async def check_now(call: Call) -> Check:
    """Looks at it at once, unless it is being looked at already."""
    team_ids = call.admin_team_ids(None)
    found = await call.database.write(_check_now, call, team_ids)
    if found is None:
        raise Problem(404, "There is nothing with this id that is looked at in your teams.")
    rows = await call.database.read(checks.overview, team_ids=team_ids)
    return next(_shown(row) for row in rows if row["id"] == call.id())


async def list_troubles(call: Call) -> Troubles:
    """What is wrong with the gateway itself, as far as it concerns my teams."""
    team_ids = call.admin_team_ids(call.query.team)
    names = {team_id: slug for slug, team_id in call.person.teams.items()}
    told = await call.database.read(self_watch.told, team_ids=team_ids)
    shown = ("title", "message", "mend")
    return Troubles(
        items=[
            Trouble(
                team=names[one.team_id], name=one.name, level=one.level, since=one.since,
                **{name: str(one.details.get(name, "")) for name in shown},
            )
            for one in told
        ]
    )  # fmt: skip


def _check_now(transaction: Any, call: Call, team_ids: tuple[int, ...]) -> checks.Check | None:
    found = checks.check_now(transaction, call.id(), team_ids=team_ids, now=call.now)
    if found is not None:
        audit.note(
            transaction, by=call.person, team_id=found.team_id, action=f"{found.kind}.checked", target=f"{found.kind} {found.slug}",
            now=call.now,
        )  # fmt: skip
    return found


def _shown(row: dict[str, Any]) -> Check:
    seen = row["seen"]
    of_seen = ("status", "milliseconds", "certificate_ends_at", "tables", "columns", "changed_at")
    return Check.model_validate(
        {
            **row,
            **{name: seen.get(name) for name in of_seen},
            "schedule": row["cron"] or f"every {duration(timedelta(seconds=row['interval_seconds']))}",
            "state": _state(row),
            "next_at": None if row["lease"] else row["due_at"],
        }
    )


def _state(row: dict[str, Any]) -> State:
    if row["is_down"]:
        return "down"
    if row["failures"]:
        return "failing"
    return "unknown" if row["is_down"] is None else "well"


OPERATIONS: Final = (
    Operation(
        "GET",
        "/api/checks",
        "Databases and services that are looked at",
        list_checks,
        Checks,
        query=TeamQuery,
        problems=(404,),
        floor="admin",
    ),
    Operation("POST", "/api/checks/{id}/check-now", "Look at one now", check_now, Check, problems=(404,), floor="admin"),
    Operation(
        "GET",
        "/api/troubles",
        "What is wrong with the gateway itself",
        list_troubles,
        Troubles,
        query=TeamQuery,
        problems=(404,),
        floor="admin",
    ),
)
