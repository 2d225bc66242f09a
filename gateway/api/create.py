"""Creating notifications: now or later, for a team or for some of its people; and taking them back."""

import hashlib
import json
from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from typing import Annotated, Final, Self

from pydantic import BaseModel, Field, ValidationError, field_validator, model_validator

from gateway.api.models import Done, ZonedTime
from gateway.api.operation import Answer, Call, Model, Operation
from gateway.api.problem import FieldError, Problem
from gateway.domain import limits
from gateway.engine import create as engine
from gateway.engine.create import Deduplicate, Skipped, Wanted
from gateway.storage import audit, idempotency, named, recipients, scheduled
from gateway.storage.database import Transaction
from mappers.contract import Category, Draft, Level, State
from mappers.contract.draft import safe_link

MOST_RECIPIENTS: Final = 500
_LATEST: Final = timedelta(days=366)
_AT_ONCE: Final = 200
_Word = Annotated[str, Field(min_length=1, max_length=200)]
_Words = Annotated[list[_Word], Field(max_length=50)]
_Label = Annotated[str, Field(min_length=1, max_length=60)]
_Scalar = str | int | bool | None


class NamedMember(Model):
    """What exactly is failing inside the thread."""

    key: Annotated[str, Field(min_length=1, max_length=300)]
    label: Annotated[str, Field(max_length=200)] = ""


class CreateNotification(Model):
    """A notification to be made."""

    team: str | None = None
    """The slug of one of my teams; may be left out by who has one."""
    title: Annotated[str, Field(min_length=1, max_length=200, pattern=r"\S")]
    message: Annotated[str, Field(max_length=8000)] = ""
    level: Level = Level.INFO
    category: Category = Category.SYSTEM
    slug: Annotated[str, Field(pattern=r"^[a-z0-9]+(-[a-z0-9]+)*$", max_length=80)] = "notification"
    """`feature-event-type`: what kind of thing it is; part of what makes two notifications the same thread."""
    event_data: Annotated[dict[_Word, _Scalar], Field(max_length=30)] | None = None
    """What makes it this one among its kind. Absent: source_app, source_model and source_id if given, else the title."""
    member: NamedMember | _Word | None = None
    state: State | None = None
    """Absent: `firing` for warnings and errors, else `note`, which is closed at once."""
    occurrence: _Word | None = None
    """What makes two calls the same happening; absent: each call is one."""
    pipeline: _Word | None = None
    run: _Word | None = None
    environment: Annotated[str, Field(max_length=80)] = ""
    urgent: bool | None = None
    """Absent: the team's rule."""
    users: Annotated[list[int | _Word], Field(min_length=1, max_length=MOST_RECIPIENTS)] | None = None
    """E-mail addresses or ids of members; absent: the whole team."""
    permissions: _Words = []
    owners: _Words = []
    tags: _Words = []
    links: Annotated[dict[_Label, str], Field(max_length=20)] = {}
    """label → http or https URL, or a path on the team's base URL."""
    facts: Annotated[dict[_Label, Annotated[str, Field(max_length=500)]], Field(max_length=50)] = {}
    source_app: _Word | None = None
    source_model: _Word | None = None
    source_id: _Word | None = None
    deduplicate: Deduplicate = Deduplicate.THREAD
    expires_at: ZonedTime | None = None
    scheduled_time: ZonedTime | None = None
    """When to make it; absent or past: now."""

    @field_validator("links")
    @classmethod
    def _are_safe(cls, value: dict[str, str]) -> dict[str, str]:
        for label, target in value.items():
            if not safe_link(target):
                raise ValueError(f"{label!r} must lead to an http or https address, or be a path that begins with one slash")
        return value

    @field_validator("expires_at", "scheduled_time")
    @classmethod
    def _in_utc(cls, value: datetime | None) -> datetime | None:
        try:
            return value and value.astimezone(UTC)
        except OverflowError:
            raise ValueError("must be between the years 1 and 9999 in UTC") from None

    @model_validator(mode="after")
    def _hangs_together(self) -> Self:
        if self.expires_at and self.scheduled_time and self.expires_at <= self.scheduled_time:
            raise ValueError("expires_at must be after scheduled_time")
        return self

    def draft(self) -> Draft:
        """The same as any sender's."""
        named = {name: getattr(self, name) for name in ("source_app", "source_model", "source_id")}
        source = {name: value for name, value in named.items() if value is not None}
        data = self.event_data if self.event_data is not None else source or {"title": self.title}
        state = self.state or (State.FIRING if self.level.weight > 1 else State.NOTE)
        member = NamedMember(key=self.member) if isinstance(self.member, str) else self.member
        return Draft(
            slug=self.slug, event_data=data, category=self.category, level=self.level, title=self.title, state=state,
            member=member and {"key": member.key, "label": member.label or member.key},
            pipeline=self.pipeline, run=self.run, occurrence=self.occurrence, urgent=self.urgent, message=self.message, links=self.links,
            facts=self.facts, owners=tuple(self.owners), tags=tuple(self.tags), permissions=tuple(self.permissions),
            environment=self.environment, expires_at=self.expires_at, closes_itself=True, **named,
        )  # fmt: skip


class Created(BaseModel):
    """What came of it. Either `id` and `reason` (the judge's, or `scheduled`), or `skipped`: why there is nothing new."""

    id: int | None = None
    reason: str | None = None
    skipped: str | None = None


class NamedQuery(Model):
    """The notifications of one thing of an application."""

    team: str | None = None
    source_app: _Word
    source_model: _Word | None = None
    source_id: _Word | None = None


class Deleted(BaseModel):
    """How many notifications are gone."""

    deleted: int


async def create(call: Call) -> Answer:
    """Makes a notification, or says why there is nothing new.

    With an `Idempotency-Key` the same request, sent again, gets the same answer and has no second effect.
    """
    request: CreateNotification = call.body
    team_id = call.team_to_write(request.team)
    if request.scheduled_time and request.scheduled_time > call.now + _LATEST:
        _refuse("body.scheduled_time", "must be within a year")
    if request.expires_at and request.expires_at <= call.now:
        _refuse("body.expires_at", "must be in the future")
    try:
        return await call.database.write(_create, call, team_id)
    except Skipped as skipped:
        return Answer(Created(skipped=skipped.why.value), 200)


def _create(transaction: Transaction, call: Call, team_id: int) -> Answer:
    request: CreateNotification = call.body
    key, user_id = call.idempotency_key, call.person.id
    if key is not None:
        digest = hashlib.sha256(json.dumps([team_id, request.model_dump(mode="json")], sort_keys=True).encode()).digest()
        if before := idempotency.begin(transaction, user_id=user_id, key=key, digest=digest, now=call.now):
            if before.digest != digest:
                raise Problem(422, "This Idempotency-Key was used for another request; use a new one for each notification.")
            return Answer(Created.model_validate(before.answer), before.status)
    answer = Answer(_made(transaction, call, team_id), 201)
    if key is not None:
        idempotency.finish(transaction, user_id=user_id, key=key, status=answer.status, answer=answer.model.model_dump(mode="json"))
    return answer


def _made(transaction: Transaction, call: Call, team_id: int) -> Created:
    request: CreateNotification = call.body
    wanted = Wanted(team_id, _draft(request), request.deduplicate, _recipients(transaction, request, team_id))
    if request.scheduled_time and request.scheduled_time > call.now:
        if limits.SCHEDULED.refuses(scheduled.count(transaction, team_id=team_id, upto=limits.SCHEDULED.most)):
            raise Problem(409, limits.SCHEDULED.said)
        made = engine.schedule(transaction, wanted, request.scheduled_time, by=call.person.id)
    else:
        made = engine.create(transaction, wanted, call.now)
    return Created(id=made.id, reason=made.reason)


def _draft(request: CreateNotification) -> Draft:
    try:
        return request.draft()
    except ValidationError as error:  # a text of nothing but what is cleaned away
        errors = [
            FieldError(
                place=".".join(["body", *(str(part) for part in one["loc"])]),
                message=f"{one['msg']} once what cannot be shown is taken out",
            )
            for one in error.errors()
        ]
        raise Problem(422, f"{len(errors)} fields cannot be used; see errors.", errors) from None


def _recipients(transaction: Transaction, request: CreateNotification, team_id: int) -> tuple[int, ...]:
    """The ids of the people named. Raises a 422 that names those who are no members."""
    if request.users is None:
        return ()
    emails = [one.lower() for one in request.users if isinstance(one, str)]
    ids = [one for one in request.users if isinstance(one, int) and 0 < one < 2**53]
    found = recipients.of_team(transaction, team_id, emails=emails, ids=ids)
    known = [found.get(one.lower() if isinstance(one, str) else one) for one in request.users]
    unknown = [place for place, user_id in enumerate(known) if user_id is None]
    if unknown:
        errors = [
            FieldError(place=f"body.users.{place}", message=f"{request.users[place]!r} is no member of the team") for place in unknown
        ]
        raise Problem(422, "Nothing was created: some people are no members of the team; see errors.", errors)
    return tuple(sorted({user_id for user_id in known if user_id is not None}))


async def delete_named(call: Call) -> Deleted:
    """Deletes every notification of one thing of an application, for everybody; a bounded part in each transaction."""
    query: NamedQuery = call.query
    team_id = call.team_to_write(query.team)
    target = "/".join(part for part in (query.source_app, query.source_model, query.source_id) if part)

    def some(transaction: Transaction) -> int:
        gone = named.remove(
            transaction, team_id=team_id, source_app=query.source_app, source_model=query.source_model, source_id=query.source_id,
            limit=_AT_ONCE,
        )  # fmt: skip
        if gone:
            details = {"deleted": gone}
            audit.note(
                transaction, by=call.person, team_id=team_id, action="notifications.deleted", target=target, details=details, now=call.now
            )
        return gone

    deleted = 0
    while gone := await call.database.write(some):
        deleted += gone
    return Deleted(deleted=deleted)


async def cancel(call: Call) -> Done:
    """Takes back a notification that is scheduled and not due yet."""
    teams = call.teams_as("member")

    def take_back(transaction: Transaction) -> bool:
        return scheduled.cancel(transaction, call.id(), team_ids=teams)

    if await call.database.write(take_back):
        return Done()
    if await call.database.read(named.is_known, notification_id=call.id(), team_ids=teams):
        raise Problem(409, "It was made already. It can be resolved, or deleted by its source.")
    raise Problem(404, "There is no scheduled notification with this id.")


def _refuse(place: str, message: str) -> None:
    raise Problem(422, "1 field cannot be used; see errors.", [FieldError(place=place, message=message)])


_ROOT: Final = "/api/notifications"
OPERATIONS: Final[Sequence[Operation]] = (
    Operation(
        "POST", f"{_ROOT}/", "Create a notification", create, Created, body=CreateNotification, status=201, also=(200,),
        problems=(404, 409), floor="member", idempotent=True,
    ),
    Operation(
        "DELETE", f"{_ROOT}/", "Delete by source", delete_named, Deleted, query=NamedQuery, problems=(404,), floor="member",
    ),
    Operation("DELETE", f"{_ROOT}/{{id}}", "Cancel what is scheduled", cancel, Done, problems=(404, 409), floor="member"),
)  # fmt: skip
