"""Mails that lead to signing in, and hold nothing that tells anybody whether or when they were read."""

import hashlib
from dataclasses import asdict, dataclass
from datetime import UTC, datetime
from email.utils import format_datetime
from textwrap import wrap
from urllib.parse import urlsplit

from gateway.channels.email.address import Address
from gateway.channels.email.clock import Clock
from gateway.channels.email.compose import ComposedMail, environment
from gateway.channels.email.mime import address_header, alternative, build, text_header
from mappers.contract.text import one_line

_SUBJECT_LIMIT = 78
_NAME_LIMIT = 80
_TEXT_WIDTH = 78


def sign_in_mail(
    *, mail_from: str, to_address: str, to_name: str, zone: str, number: int, link: str, public_url: str, asked_at: datetime,
    until: datetime,
) -> ComposedMail:  # fmt: skip
    """The mail for the request of this number; the same arguments give the same bytes. ValueError where `mail_from` is no address.

    An unusable recipient does not raise: sending will refuse it.
    """
    clock, place = Clock.of(zone, asked_at), urlsplit(public_url).netloc
    wording = Wording(
        subject=f"Sign in to Tocsin ({place})",
        heading=f"Sign in to Tocsin at {place}",
        button="Sign in",
        what=f"It leads to a page with a button. It works once, until {clock.short(until)}{clock.named}.",
        why=(
            f"Somebody asked for it with this address at {clock.short(asked_at)}. If that was not you, "
            "do nothing: without this mail nobody gets in."
        ),
    )
    return _mail(wording, mail_from, to_address, to_name, f"sign-in-{number}", link, public_url, asked_at)


def invitation_mail(
    *, mail_from: str, to_address: str, to_name: str, number: int, team: str, by: str, page: str, public_url: str, asked_at: datetime
) -> ComposedMail:
    """The mail to somebody who was added to a team; it leads to the sign-in page and signs nobody in itself. As above otherwise.

    What the team and the person are called is text of others: a line, and no longer than a name is.
    """
    place, team, by = urlsplit(public_url).netloc, one_line(team, _NAME_LIMIT), one_line(by, _NAME_LIMIT)
    wording = Wording(
        subject=f"You were added to the team {team} ({place})",
        heading=f"You were added to the team {team}",
        button="Sign in",
        what=f"{by} added you. Tocsin tells you when something of the team's data pipelines fails, and when it is well again.",
        why=(
            "The page asks for your address and mails you a link that signs you in; nobody gets in by this mail alone. "
            "If you do not know them, do nothing."
        ),
    )
    return _mail(wording, mail_from, to_address, to_name, f"invitation-{number}", page, public_url, asked_at)


@dataclass(frozen=True, slots=True)
class Wording:
    """What a short mail says: one thing to do, and why."""

    subject: str
    heading: str
    button: str
    what: str
    why: str


def _mail(
    wording: Wording, mail_from: str, to_address: str, to_name: str, name: str, link: str, public_url: str, asked_at: datetime
) -> ComposedMail:
    sender, subject = Address.parse(mail_from), wording.subject
    values = {**asdict(wording), "link": link, "tocsin": public_url}
    lines = {part: "\n".join(wrap(values[part], _TEXT_WIDTH, break_on_hyphens=False)) for part in ("heading", "what", "why")}
    identity = hashlib.sha256(f"{public_url}\n{name}\n{asked_at.isoformat()}\n{to_address}".encode()).hexdigest()[:24]
    message_id = f"<{name}.{identity}@{sender.domain}>"
    headers = [
        ("From", address_header(sender)),
        ("To", _recipient(to_address, to_name)),
        ("Subject", text_header(subject, _SUBJECT_LIMIT)),
        ("Date", format_datetime(asked_at.astimezone(UTC))),
        ("Message-ID", message_id),
        ("Auto-Submitted", "auto-generated"),
        ("X-Auto-Response-Suppress", "All"),
    ]
    bodies = (
        alternative("plain", environment().get_template("short.txt.j2").render(values | lines).strip("\n") + "\n"),
        alternative("html", environment().get_template("short.html.j2").render(values)),
    )
    return ComposedMail(message_id, build(headers, bodies))


def _recipient(address: str, name: str) -> str:
    try:
        return address_header(Address.parse(address, name))
    except ValueError:
        return "undisclosed-recipients:;"
