"""Teams and who belongs to them."""

from datetime import datetime
from typing import Annotated, Final, Literal

from pydantic import AfterValidator, BaseModel, Field, field_validator

from gateway.api.models import Done, ListQuery
from gateway.api.operation import Call, Model, Operation
from gateway.api.problem import Problem
from gateway.api.rows import before, rows
from gateway.config.document import Email
from gateway.domain import limits
from gateway.storage import audit, invitations, members, people, refused_addresses
from gateway.storage.database import Transaction
from gateway.storage.invitations import Invited
from gateway.storage.members import Change, Refusal
from gateway.storage.people import FLOOR
from mappers.contract.text import clean, one_line

Role = Literal["viewer", "member", "admin"]


def _permission(value: str) -> str:
    if value.startswith(FLOOR):
        raise ValueError(f"what begins with {FLOOR} comes with the role alone")
    if clean(value) != value or value != value.strip():
        raise ValueError("must be plain text without spaces around it")
    return value


Permission = Annotated[str, Field(min_length=1, max_length=200), AfterValidator(_permission)]


class TeamOfMine(BaseModel):
    """A team and what somebody is in it."""

    slug: str
    name: str
    role: Role
    permissions: list[str]
    managed: bool
    """Whether tocsin.toml owns the membership."""


class TeamsOfMine(BaseModel):
    """All my teams."""

    items: list[TeamOfMine]
    next: None = None


class Member(BaseModel):
    """A person and their memberships in teams that I administer."""

    id: int
    email: str
    name: str
    mail_refused_at: datetime | None
    """Since when no mail goes to the address, for a mail server said that it takes none; null: it goes there."""
    mail_refused_why: str | None
    """In the server's words."""
    teams: list[TeamOfMine]


class Members(BaseModel):
    """A page of people, who came last first."""

    items: list[Member]
    next: str | None


class MembersQuery(ListQuery):
    """Which people."""

    email: str | None = None
    """Exactly this address."""


class MembershipRequest(Model):
    """Somebody's membership; what is absent stays as it is."""

    email: Email
    name: Annotated[str | None, Field(max_length=200)] = None
    """What somebody is called who was not known before; whoever is known keeps their name."""
    role: Role | None = None
    """Default: member."""
    permissions: Annotated[list[Permission], Field(max_length=100)] | None = None
    """All of them, beside those that come with the role."""
    invite: bool = True
    """Whether somebody who was no member is told by mail. The mail leads to the sign-in page, and signs nobody in itself."""

    @field_validator("name")
    @classmethod
    def _on_a_line(cls, value: str | None) -> str | None:
        return value and one_line(value, 200)


class MembershipNow(BaseModel):
    """A membership as it is now."""

    id: int
    email: str
    role: Role
    permissions: list[str]
    created: bool
    """Whether the person was no member before."""
    invitation: Invited | None
    """What becomes of the mail that tells them; null: there is nothing to tell. `asked`: it is on its way. `lately`: they were told within
    a week. `too-many`: the team told as many today as it may. `refused`: the address takes no mail. `no-server`: none is configured."""


_WHY: Final = {
    Refusal.MANAGED: "tocsin.toml owns this membership: change it there.",
    Refusal.FULL: limits.MEMBERS.said,
    Refusal.LAST_ADMIN: "This is the last admin of the team: make somebody else one first.",
    Refusal.ISSUED_ADMIN: "Somebody known by an application's word alone cannot be an admin.",
    Refusal.ISSUED_ELSEWHERE: "Somebody known by an application's word alone belongs to the team of that application.",
}


async def list_teams(call: Call) -> TeamsOfMine:
    """My teams, and what I am in them."""
    mine = await call.database.read(members.of_user, user_ids=[call.person.id], team_ids=tuple(call.person.roles))
    return TeamsOfMine(items=[TeamOfMine.model_validate(one) for one in mine[call.person.id]])


async def list_users(call: Call) -> Members:
    """The people of the teams that I administer."""
    query: MembersQuery = call.query
    found = await call.database.read(
        members.page, team_ids=call.admin_team_ids(query.team), email=query.email, before=before(query.cursor), limit=query.limit + 1
    )
    page = rows(found, query.limit)
    return Members(items=[Member.model_validate(one) for one in page.items], next=page.next)


async def put_member(call: Call) -> MembershipNow:
    """Makes somebody a member, or changes the membership. Whoever is not known by this address is made."""
    (team_id,) = call.admin_team_ids(call.path["slug"])
    wanted: MembershipRequest = call.body

    def put(transaction: Transaction) -> tuple[Change | Refusal, Invited | None]:
        change = members.put(
            transaction,
            team_id=team_id,
            email=wanted.email,
            name=wanted.name,
            role=wanted.role,
            permissions=wanted.permissions,
            now=call.now,
        )
        if isinstance(change, Change):
            _note(transaction, call, team_id, change, "member.added" if change.before is None else "member.changed")
            if change.before is None and wanted.invite and change.user_id != call.person.id:
                return change, _invited(transaction, call, team_id, change.user_id)
        return change, None

    changed, invitation = await call.database.write(put)
    change = _done(changed)
    if invitation is Invited.ASKED:
        call.means.ring()
    return MembershipNow(
        id=change.user_id, email=wanted.email, role=change.role, permissions=list(change.permissions), created=change.before is None,
        invitation=invitation,
    )  # fmt: skip


def _invited(transaction: Transaction, call: Call, team_id: int, user_id: int) -> Invited:
    if not call.means.mails:
        return Invited.NO_SERVER
    return invitations.invite(transaction, team_id=team_id, user_id=user_id, by=call.person, now=call.now)


async def end_member(call: Call) -> Done:
    """Ends a membership; the person stays, with what they have elsewhere."""
    (team_id,) = call.admin_team_ids(call.path["slug"])

    def end(transaction: Transaction) -> Change | Refusal | None:
        change = members.end(transaction, team_id=team_id, user_id=call.id())
        if isinstance(change, Change):
            _note(transaction, call, team_id, change, "member.removed")
        return change

    _done(await call.database.write(end))
    return Done()


async def clear_refusal(call: Call) -> Done:
    """Sends mail there again, once the address takes it: a mail server had said that it takes none."""

    def clear(transaction: Transaction) -> bool:
        (found,) = members.of_user(transaction, user_ids=[call.id()], team_ids=call.admin_team_ids(None)).values()
        if not found or not refused_addresses.clear(transaction, user_id=call.id()):
            return False
        team_id = people.team_ids(transaction)[found[0]["slug"]]
        audit.note(
            transaction, by=call.person, team_id=team_id, action="mail.cleared", target=audit.who(transaction, call.id()), now=call.now
        )
        return True

    if not await call.database.write(clear):
        raise Problem(404, "There is no such person in your teams, or nothing is in the way of their mail.")
    return Done()


def _done(change: Change | Refusal | None) -> Change:
    if change is None:
        raise Problem(404, "There is no such member.")
    if isinstance(change, Refusal):
        raise Problem(409, _WHY[change])
    return change


def _note(transaction: Transaction, call: Call, team_id: int, change: Change, action: str) -> None:
    details = {"role": change.role, "permissions": list(change.permissions), "role_before": change.before}
    target = audit.who(transaction, change.user_id)
    audit.note(transaction, by=call.person, team_id=team_id, action=action, target=target, details=details, now=call.now)


_MEMBERS: Final = "/api/teams/{slug}/members"
OPERATIONS: Final = (
    Operation("GET", "/api/teams", "My teams", list_teams, TeamsOfMine),
    Operation("GET", "/api/users", "People of my teams", list_users, Members, query=MembersQuery, problems=(404,), floor="admin"),
    Operation(
        "PUT", _MEMBERS, "Add or change a member", put_member, MembershipNow, body=MembershipRequest, problems=(404, 409), floor="admin"
    ),
    Operation("DELETE", "/api/users/{id}/mail-refusal", "Send mail there again", clear_refusal, Done, problems=(404,), floor="admin"),
    Operation("DELETE", f"{_MEMBERS}/{{id}}", "End a membership", end_member, Done, problems=(404, 409), floor="admin"),
)
