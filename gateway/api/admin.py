"""For admins of a team: what was refused, what was sent, and what admins changed."""

from datetime import datetime
from typing import Annotated, Any, Final

from pydantic import BaseModel, Field

from gateway.api import events
from gateway.api.models import ListQuery, Moment, Rows
from gateway.api.operation import Call, Operation
from gateway.api.problem import Problem
from gateway.api.refusals import explanation
from gateway.api.rows import before, rows
from gateway.storage import audit, rejections, sent_mail


class RejectionsQuery(ListQuery):
    """Which refused requests."""

    source: str | None = None
    """The slug of a source."""
    reason: str | None = None
    """Exactly this one, as in `credential-wrong`."""


class DeliveriesQuery(ListQuery):
    """Which mails."""

    status: Annotated[str | None, Field(pattern="^(waiting|sent|kept|failed|cancelled)$")] = None
    kind: Annotated[str | None, Field(pattern="^(failing|reminder|resolved|digest)$")] = None
    email: str | None = None
    """Exactly the address they go to."""


class ChangesQuery(ListQuery):
    """Which changes."""

    action: Annotated[str | None, Field(max_length=60)] = None
    """Exactly this one, as in `source.created`, or all of a thing, as in `source`."""
    actor: Annotated[str | None, Field(max_length=200)] = None
    """A part of the name or address of who did it."""
    target: Annotated[str | None, Field(max_length=200)] = None
    """A part of what it was done to."""
    since: Moment | None = None
    until: Moment | None = None
    """Before this time."""


class Change(BaseModel):
    """Something that an admin, the configuration or a command changed."""

    id: int
    at: datetime
    team: str
    actor: str
    action: str
    target: str
    details: dict[str, Any] | None


class Changes(BaseModel):
    """A page of changes."""

    items: list[Change]
    next: str | None


class Attempt(BaseModel):
    """One attempt to hand a mail over."""

    number: int
    at: datetime
    outcome: str
    """`sent`, `kept`, `retry`, `failed` or `cancelled`."""
    answer: str
    """What the mail server said."""


class Delivery(BaseModel):
    """One mail: to whom, how it stands, and what came of each attempt, the last one first."""

    id: int
    team: str
    email: str
    subject: str
    channel: str
    kind: str
    urgent: bool
    folded: int
    """Mails that would have been too many, told in this one."""
    status: str
    attempts: int
    due_at: datetime
    created_at: datetime
    finished_at: datetime | None
    last_answer: str | None
    message_id: str | None
    account: list[Attempt]


async def list_rejections(call: Call) -> Rows:
    """Refused requests with the reason, in words too, and what to do; a sample of at most one a second."""
    query: RejectionsQuery = call.query
    found = await call.database.read(
        rejections.page,
        team_ids=call.admin_team_ids(query.team),
        source=query.source,
        reason=query.reason,
        before=before(query.cursor),
        limit=query.limit + 1,
    )
    return rows([{**row, **explanation(row["reason"])._asdict()} for row in found], query.limit)


async def list_deliveries(call: Call) -> Rows:
    """What was sent to whom and what the server said."""
    query: DeliveriesQuery = call.query
    found = await call.database.read(
        sent_mail.page,
        wanted=sent_mail.Filter(query.status, query.kind, query.email),
        user_id=call.person.id,
        team_ids=call.admin_team_ids(query.team),
        before=before(query.cursor),
        limit=query.limit + 1,
    )
    return rows(found, query.limit)


async def get_delivery(call: Call) -> Delivery:
    """One mail with each attempt; not the mail itself, which the page shows to its reader and to admins."""
    found = await call.database.read(
        sent_mail.page, user_id=call.person.id, team_ids=call.admin_team_ids(None), before=call.id() + 1, limit=1
    )
    if not found or found[0]["id"] != call.id():
        raise Problem(404, "There is no such mail in your teams.")
    account = await call.database.read(sent_mail.attempts, call.id())
    return Delivery.model_validate({**found[0], "account": account})


async def list_changes(call: Call) -> Changes:
    """Who changed what in my teams, newest first."""
    query: ChangesQuery = call.query
    found = await call.database.read(
        audit.page,
        team_ids=call.admin_team_ids(query.team),
        before=before(query.cursor),
        limit=query.limit + 1,
        wanted=audit.Filter(query.action, query.actor, query.target, query.since, query.until),
    )
    page = rows(found, query.limit)
    return Changes(items=[Change.model_validate(one) for one in page.items], next=page.next)


OPERATIONS: Final = (
    *events.OPERATIONS,
    Operation("GET", "/api/rejections", "What was refused", list_rejections, Rows, query=RejectionsQuery, problems=(404,), floor="admin"),
    Operation("GET", "/api/deliveries", "What was sent", list_deliveries, Rows, query=DeliveriesQuery, problems=(404,), floor="admin"),
    Operation("GET", "/api/deliveries/{id}", "One mail, with every attempt", get_delivery, Delivery, problems=(404,), floor="admin"),
    Operation("GET", "/api/audit", "Who changed what", list_changes, Changes, query=ChangesQuery, problems=(404,), floor="admin"),
)
