"""For admins: the people of their teams, roles and tokens; and for everybody their own tokens."""

from collections.abc import Mapping
from dataclasses import replace
from datetime import timedelta
from typing import Any, Final

from aiohttp import web
from pydantic import ValidationError

from gateway.api import people, sessions, tokens
from gateway.api.operation import Call
from gateway.api.people import Member, MembershipRequest, MembersQuery
from gateway.api.problem import Problem, refused
from gateway.api.tokens import TokenRequest
from gateway.web.visit import Route, Visit

_PAGE: Final = 50
LASTS: Final[Mapping[str, tuple[str, timedelta | None]]] = {
    "90d": ("90 days", timedelta(days=90)),
    "30d": ("30 days", timedelta(days=30)),
    "1y": ("a year", timedelta(days=365)),
    "ever": ("until it is ended", None),
}
"""How long a token may last."""


async def show(visit: Visit) -> web.Response:
    """The people of my teams, who came last first."""
    return await _members(visit)


async def add(visit: Visit) -> web.Response:
    """Makes somebody a member."""
    form = await visit.form()
    try:
        name = form.get("name", "").strip()
        await _refuse_who_is_there(visit, form.get("team", ""), form.get("email", "").strip())
        more = {"invite": "invite" in form, **({"name": name} if name else {})}
        made = await people.put_member(_in_team(visit, form.get("team", ""), _membership(form, **more)))
    except Problem as problem:
        if problem.status not in (409, 422):
            raise
        return await _members(visit, problem, form)
    return visit.redirect("/members", f"member-added-{made.invitation}" if made.invitation else "member-added")


async def one(visit: Visit) -> web.Response:
    """One person: memberships, and their tokens where they are the team's to end."""
    return await _one(visit)


async def change(visit: Visit) -> web.Response:
    """Changes role and permissions."""
    form, found = await visit.form(), await _found(visit)
    try:
        await people.put_member(_in_team(visit, form.get("team", ""), _membership({**form, "email": found.email})))
    except Problem as problem:
        if problem.status not in (409, 422):
            raise
        return await _one(visit, problem)
    return visit.redirect(f"/members/{found.id}", "member-changed")


async def remove(visit: Visit) -> web.Response:
    """Ends a membership."""
    form = await visit.form()
    call = visit.call()
    try:
        await people.end_member(replace(call, path={**call.path, "slug": form.get("team", "")}))
    except Problem as problem:
        if problem.status != 409:
            raise
        return await _one(visit, problem)
    return visit.redirect("/members", "member-removed")


async def end_token_of(visit: Visit) -> web.Response:
    """Ends a member's token."""
    await tokens.revoke_token_of(visit.call())
    return visit.redirect(f"/members/{visit.call().id()}", "token-ended")


async def sign_out_of(visit: Visit) -> web.Response:
    """Signs a member out everywhere."""
    await sessions.end_sessions_of(visit.call())
    return visit.redirect(f"/members/{visit.call().id()}", "signed-out-everywhere")


async def show_tokens(visit: Visit) -> web.Response:
    """My API tokens."""
    return await _tokens(visit)


async def make_token(visit: Visit) -> web.Response:
    """Makes a token and shows it this once."""
    form = await visit.form()
    _, lasts = LASTS.get(form.get("lasts", ""), LASTS["90d"])
    values = {
        "name": form.get("name", "").strip(),
        "scopes": form.getall("scope", []),
        "expires_at": visit.now + lasts if lasts else None,
    }
    try:
        wanted = TokenRequest.model_validate(values)
    except ValidationError as error:
        return await _tokens(visit, refused("body", error))
    try:
        made = await tokens.create_token(visit.call(body=wanted))
    except Problem as problem:
        if problem.status not in (403, 409):
            raise
        return await _tokens(visit, problem)
    return await visit.page("token.html", section="tokens", made=made)


async def end_token(visit: Visit) -> web.Response:
    """Ends a token of mine."""
    await tokens.revoke_token(visit.call())
    return visit.redirect("/tokens", "token-ended")


async def _members(visit: Visit, problem: Problem | None = None, given: Mapping[str, str] | None = None) -> web.Response:
    asked = {name: value for name in ("team", "email") if (value := visit.request.query.get(name, "").strip())}
    cursor = visit.request.query.get("cursor") or None
    found = await people.list_users(visit.call(query=MembersQuery(limit=_PAGE, cursor=cursor, **asked)))
    return await visit.page(
        "members.html",
        section="people",
        status=problem.status if problem else 200,
        rows=found.items,
        asked=asked,
        following=found.next,
        first_page=cursor is None,
        teams=sorted(slug for slug, team_id in visit.person.teams.items() if team_id in visit.person.admin_of),
        given={name: (given or {}).get(name, "") for name in ("email", "name", "role", "permissions", "team")},
        mails=visit.means.mails,
        problem=problem,
    )


async def _one(visit: Visit, problem: Problem | None = None) -> web.Response:
    found = await _found(visit)
    try:
        theirs, why_not = (await tokens.list_tokens_of(visit.call())).items, None
    except Problem as closed:
        theirs, why_not = [], closed.detail
    return await visit.page(
        "member.html",
        section="people",
        status=problem.status if problem else 200,
        one=found,
        tokens=theirs,
        why_not=why_not,
        problem=problem,
    )


async def _found(visit: Visit) -> Member:
    number = visit.call().id()
    page = await people.list_users(visit.call(query=MembersQuery(limit=1, cursor=str(number + 1))))
    if not page.items or page.items[0].id != number:
        raise Problem(404, "There is no such person in the teams that you administer.")
    return page.items[0]


async def _tokens(visit: Visit, problem: Problem | None = None) -> web.Response:
    found = await tokens.list_tokens(visit.call())
    return await visit.page(
        "tokens.html", section="tokens", status=problem.status if problem else 200, rows=found.items, lasts=LASTS, problem=problem
    )


async def _refuse_who_is_there(visit: Visit, team: str, email: str) -> None:
    """Raises a 409: what is left empty in a form that adds would take away what is there."""
    if (await people.list_users(visit.call(query=MembersQuery(team=team, email=email)))).items:
        raise Problem(409, f"{email} is a member already: change role and permissions on their page.")


def _membership(form: Mapping[str, str], **more: Any) -> MembershipRequest:
    permissions = [line.strip() for line in form.get("permissions", "").splitlines() if line.strip()]
    values = {"email": form.get("email", "").strip(), "role": form.get("role") or None, "permissions": permissions, **more}
    try:
        return MembershipRequest.model_validate(values)
    except ValidationError as error:
        raise refused("body", error) from None


def _in_team(visit: Visit, slug: str, body: MembershipRequest) -> Call:
    call = visit.call(body=body)
    return replace(call, path={**call.path, "slug": slug})


ROUTES: Final[tuple[Route, ...]] = (
    ("GET", "/members", show),
    ("POST", "/members", add),
    ("GET", "/members/{id}", one),
    ("POST", "/members/{id}", change),
    ("POST", "/members/{id}/remove", remove),
    ("POST", "/members/{id}/sign-out", sign_out_of),
    ("POST", "/members/{id}/tokens/{token}/end", end_token_of),
    ("GET", "/tokens", show_tokens),
    ("POST", "/tokens", make_token),
    ("POST", "/tokens/{id}/end", end_token),
)
