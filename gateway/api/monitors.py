"""Monitors: which pipelines are waited for, how each stands, and which of those that nobody watches have a habit."""

from datetime import timedelta
from typing import Any, Final

from gateway.api.habits import Suggestions, list_suggestions, refuse_suggestion, suggestion
from gateway.api.models import Done, TeamQuery
from gateway.api.monitor_models import Monitor, MonitorChange, MonitorDetail, MonitorRequest, Monitors, Pause, State
from gateway.api.operation import Call, Operation
from gateway.api.problem import FieldError, Problem
from gateway.domain import limits
from gateway.domain.expectation import Lateness
from gateway.domain.identity import thread_identity
from gateway.storage import audit, monitors, sources
from gateway.storage.database import Transaction
from gateway.storage.monitors import Wanted

HISTORY: Final = 30
_NO_SUCH: Final = "There is no such monitor."


async def list_monitors(call: Call) -> Monitors:
    """The monitors of my teams, and how each stands."""
    found = await call.database.read(monitors.overview, team_ids=call.team_ids(call.query.team))
    return Monitors(items=[_monitor(row) for row in found])


async def show(call: Call) -> MonitorDetail:
    """One monitor, with the latest runs and what people were told."""

    def find(transaction: Transaction) -> MonitorDetail:
        row = _row(transaction, call)
        place = (row["team_id"], row["source_id"], row["environment"])
        about = {"pipeline": row["pipeline"]}
        identities = [thread_identity(*place, slug, about) for slug in ("tocsin-run-late", "tocsin-run-unended")]
        runs = monitors.latest_runs(transaction, call.id(), limit=HISTORY)
        alarms = monitors.alarms(transaction, identities, limit=HISTORY)
        return MonitorDetail.model_validate({**_monitor(row).model_dump(), "runs": runs, "alarms": alarms})

    return await call.database.read(find)


async def create(call: Call) -> Monitor:
    """Waits for a pipeline from now on. The page owns it, as it does whatever tocsin.toml does not name."""
    wanted: MonitorRequest = call.body
    team_id = call.team_to_write(wanted.team)

    def make(transaction: Transaction) -> Monitor:
        source_id = sources.senders(transaction, [team_id]).get((team_id, wanted.source))
        if source_id is None:
            wrong = FieldError(place="body.source", message="must be the slug of one of the team's senders")
            raise Problem(422, "There is no such source.", [wrong])
        return _make(transaction, call, team_id, source_id, wanted)

    return await call.database.write(make)


async def change(call: Call) -> Monitor:
    """Expects something else from now on; what was late before is not waited for any more."""
    wanted: MonitorChange = call.body

    def write(transaction: Transaction) -> Monitor:
        row = _own(transaction, call)
        values = {name: value for name, value in wanted.model_dump(exclude_unset=True).items() if value is not None}
        values |= {"interval_seconds": None} if wanted.cron else {"cron": None} if wanted.interval_seconds else {}
        if "max_duration_seconds" in wanted.model_fields_set:
            values["max_duration_seconds"] = wanted.max_duration_seconds
        changed = {name: value for name, value in values.items() if row[name] != value}
        if changed:
            monitors.change(transaction, row["id"], changed)
            _note(transaction, call, row, "monitor.changed", changed)
        return _monitor(_row(transaction, call))

    return await call.database.write(write)


async def pause(call: Call) -> Monitor:
    """Waits for nothing until then, or until it is resumed. Also of a monitor that tocsin.toml owns."""
    until = call.body.until
    if until is not None and until <= call.now:
        raise Problem(422, "That is over already.", [FieldError(place="body.until", message="must be in the future")])

    def write(transaction: Transaction) -> Monitor:
        row = _row(transaction, call, "member")
        monitors.pause(transaction, row["id"], until=until, now=call.now)
        _note(transaction, call, row, "monitor.paused", {"until": until.isoformat() if until else None})
        return _monitor(_row(transaction, call))

    return await call.database.write(write)


async def resume(call: Call) -> Monitor:
    """Waits for the next run from now on."""

    def write(transaction: Transaction) -> Monitor:
        row = _row(transaction, call, "member")
        if row["paused_at"] is not None:
            monitors.resume(transaction, row["id"])
            _note(transaction, call, row, "monitor.resumed")
        return _monitor(_row(transaction, call))

    return await call.database.write(write)


async def delete(call: Call) -> Done:
    """Waits no more. What was told stays."""

    def end(transaction: Transaction) -> None:
        row = _own(transaction, call)
        monitors.disable(transaction, row["id"], now=call.now)
        _note(transaction, call, row, "monitor.removed")

    await call.database.write(end)
    return Done()


async def accept(call: Call) -> Monitor:
    """Watches a pipeline by the habit that was found."""

    def make(transaction: Transaction) -> Monitor:
        one, habit = suggestion(transaction, call)
        wanted = MonitorRequest(
            source=one.source, pipeline=one.name, environment=one.stated_environment or "", cron=habit.cron, timezone=habit.zone,
            interval_seconds=int(habit.interval.total_seconds()) if habit.interval else None,
            grace_seconds=int(habit.grace.total_seconds()),
        )  # fmt: skip
        return _make(transaction, call, one.team_id, one.source_id, wanted)

    return await call.database.write(make)


def _make(transaction: Transaction, call: Call, team_id: int, source_id: int, wanted: MonitorRequest) -> Monitor:
    if limits.MONITORS.refuses(monitors.count(transaction, team_id)):
        raise Problem(409, limits.MONITORS.said)
    grace = 600 if wanted.grace_seconds is None else wanted.grace_seconds
    made = monitors.create(
        transaction,
        Wanted(
            source_id, wanted.pipeline, wanted.environment, wanted.cron, wanted.interval_seconds, wanted.timezone or "UTC", grace,
            wanted.max_duration_seconds,
        ),
    )  # fmt: skip
    if made is None:
        raise Problem(409, "This pipeline has a monitor: change that one.")
    (row,) = monitors.overview(transaction, team_ids=[team_id], monitor_id=made)
    _note(transaction, call, row, "monitor.created", {"cron": wanted.cron, "interval_seconds": wanted.interval_seconds})
    return _monitor(row)


def _row(transaction: Transaction, call: Call, role: str = "viewer") -> dict[str, Any]:
    found = monitors.overview(transaction, team_ids=call.team_ids(None), monitor_id=call.id())
    if not found:
        raise Problem(404, _NO_SUCH)
    call.require(role, found[0]["team_id"])
    return found[0]


def _own(transaction: Transaction, call: Call) -> dict[str, Any]:
    row = _row(transaction, call, "member")
    if row["managed"]:
        raise Problem(409, "tocsin.toml owns this monitor: change it there.")
    return row


def _note(transaction: Transaction, call: Call, row: dict[str, Any], action: str, details: dict[str, Any] | None = None) -> None:
    target = f"{row['source']}/{row['pipeline']}"
    audit.note(transaction, by=call.person, team_id=row["team_id"], action=action, target=target, details=details, now=call.now)


def _monitor(row: dict[str, Any]) -> Monitor:
    expected_at = row["expected_at"]
    late_at = expected_at + timedelta(seconds=row["grace_seconds"]) if expected_at else None
    return Monitor.model_validate({**row, "state": _state(row), "late_at": late_at})


def _state(row: dict[str, Any]) -> State:
    if row["paused_at"] is not None:
        return "paused"
    match Lateness(row["lateness"]):
        case Lateness.LATE:
            return "late"
        case Lateness.MISSING:
            return "missing"
        case Lateness.NONE:
            return "on-time" if row["last_run_at"] else "never-seen"


_ONE: Final = "/api/monitors/{id}"
_OFFERED: Final = "/api/monitors/suggestions"
OPERATIONS: Final = (
    Operation("GET", "/api/monitors", "Monitors of my teams", list_monitors, Monitors, query=TeamQuery, problems=(404,)),
    Operation(
        "POST", "/api/monitors", "Watch a pipeline", create, Monitor, body=MonitorRequest, status=201, problems=(404, 409), floor="member"
    ),
    Operation("GET", _OFFERED, "Pipelines that have a habit", list_suggestions, Suggestions, query=TeamQuery, problems=(404,)),
    Operation(
        "POST",
        f"{_OFFERED}/{{id}}/accept",
        "Watch a pipeline by its habit",
        accept,
        Monitor,
        status=201,
        problems=(404, 409),
        floor="member",
    ),
    Operation(
        "POST", f"{_OFFERED}/{{id}}/dismiss", "Ask no more about a pipeline", refuse_suggestion, Done, problems=(404,), floor="member"
    ),
    Operation("GET", _ONE, "One monitor, with its runs and alarms", show, MonitorDetail, problems=(404,)),
    Operation("PATCH", _ONE, "Expect something else", change, Monitor, body=MonitorChange, problems=(404, 409), floor="member"),
    Operation("DELETE", _ONE, "Watch it no more", delete, Done, problems=(404, 409), floor="member"),
    Operation("POST", f"{_ONE}/pause", "Wait for nothing for a while", pause, Monitor, body=Pause, problems=(404,), floor="member"),
    Operation("POST", f"{_ONE}/resume", "Wait again", resume, Monitor, problems=(404,), floor="member"),
)
