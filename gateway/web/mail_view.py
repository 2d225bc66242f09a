"""Mails as they would look, or did: mine, and for admins their teams'."""

from collections.abc import Mapping
from typing import Any, Final
from urllib.parse import urlencode

from aiohttp import web
from pydantic import ValidationError

from gateway.api import admin, people
from gateway.api.admin import DeliveriesQuery
from gateway.api.problem import Problem, refused
from gateway.storage import refused_addresses, sent_mail
from gateway.web.visit import Route, Visit

PAGE: Final = 50
_ASKED: Final = ("status", "kind", "email", "team")
_NO_SUCH: Final = "There is no such mail, or it is not yours to read."
_SANDBOX: Final = "sandbox; default-src 'none'; style-src 'unsafe-inline'; frame-ancestors 'self'"


async def show(visit: Visit) -> web.Response:
    """What was sent, newest first."""
    everyone = bool(visit.person.admin_of) and visit.request.query.get("of") != "me"
    cursor = visit.request.query.get("cursor") or None
    asked = {name: value for name in _ASKED if (value := visit.request.query.get(name, "").strip())} if everyone else {}
    if everyone:
        page = await admin.list_deliveries(visit.call(query=_query(asked, cursor)))
        rows, following = page.items, page.next
    else:
        rows = await visit.database.read(sent_mail.page, user_id=visit.person.id, team_ids=None, before=before(cursor), limit=PAGE + 1)
        rows, following = rows[:PAGE], str(rows[PAGE - 1]["id"]) if len(rows) > PAGE else None
    refused = await visit.database.read(refused_addresses.of_teams, tuple(visit.person.admin_of)) if everyone else []
    return await visit.page(
        "mails.html",
        section="mail",
        rows=rows,
        older=f"/mail?{urlencode({**({'of': 'me'} if visit.person.admin_of and not everyone else asked), 'cursor': following})}"
        if following
        else None,
        asked=asked,
        everyone=everyone,
        is_admin=bool(visit.person.admin_of),
        refused=refused,
    )


def _query(asked: Mapping[str, str], cursor: str | None) -> DeliveriesQuery:
    try:
        return DeliveriesQuery.model_validate({"limit": PAGE, **asked, **({"cursor": cursor} if cursor else {})})
    except ValidationError as error:
        raise refused("query", error) from None


async def send_again(visit: Visit) -> web.Response:
    """Lets mail go to an address again that took none; for admins."""
    await people.clear_refusal(visit.call())
    return visit.redirect("/mail", "mail-again")


async def show_one(visit: Visit) -> web.Response:
    """One mail: how it looks, its text, its source."""
    row, raw = await _row(visit), await _raw(visit)
    attempts = await visit.database.read(sent_mail.attempts, row["id"])
    return await visit.page("mail.html", section="mail", row=row, attempts=attempts, mail=None if raw is None else _read(raw))


async def show_html(visit: Visit) -> web.Response:
    """The HTML of a mail in a document that may do nothing."""
    raw = await _raw(visit)
    if raw is None:
        raise Problem(404, _NO_SUCH)
    return web.Response(text=_read(raw)["html"], content_type="text/html", headers={"Content-Security-Policy": _SANDBOX})


async def _row(visit: Visit) -> dict[str, Any]:
    number = visit.call().id()
    for team_ids in (tuple(visit.person.admin_of), None):
        rows = await visit.database.read(sent_mail.page, user_id=visit.person.id, team_ids=team_ids, before=number + 1, limit=1)
        if rows and rows[0]["id"] == number:
            return rows[0]
    raise Problem(404, _NO_SUCH)


async def _raw(visit: Visit) -> bytes | None:
    return await visit.database.read(
        sent_mail.mail, delivery_id=visit.call().id(), user_id=visit.person.id, team_ids=tuple(visit.person.admin_of)
    )


def _read(raw: bytes) -> dict[str, Any]:
    from email import policy
    from email.parser import BytesParser

    message = BytesParser(policy=policy.default).parsebytes(raw)
    parts = {kind: message.get_body((kind,)) for kind in ("html", "plain")}
    return {
        "headers": [(name, str(message[name])) for name in ("From", "To", "Subject", "Date", "Message-ID") if message[name]],
        "html": parts["html"].get_content() if parts["html"] else "",
        "text": parts["plain"].get_content() if parts["plain"] else "",
        "source": raw.decode("utf-8", "replace"),
    }


def before(cursor: str | None) -> int | None:
    """The position a cursor names. Raises a 422 for what never was one."""
    if cursor is not None and not (cursor.isascii() and cursor.isdigit() and len(cursor) <= 18):
        raise Problem(422, "This page of the list cannot be found. Begin at the newest.")
    return int(cursor) if cursor else None


ROUTES: Final[tuple[Route, ...]] = (
    ("GET", "/mail", show),
    ("GET", "/mail/{id}", show_one),
    ("GET", "/mail/{id}/html", show_html),
    ("POST", "/mail/refusals/{id}", send_again),
)
