"""A mail with a one-time link, and nothing that tells anybody whether or when it was read."""

import hashlib
from datetime import UTC, datetime
from email.utils import format_datetime
from urllib.parse import urlsplit

from gateway.channels.email.address import Address
from gateway.channels.email.clock import Clock
from gateway.channels.email.compose import ComposedMail, environment
from gateway.channels.email.mime import address_header, alternative, build, text_header

_SUBJECT_LIMIT = 78


def sign_in_mail(
    *, mail_from: str, to_address: str, to_name: str, zone: str, number: int, link: str, public_url: str, asked_at: datetime,
    until: datetime,
) -> ComposedMail:  # fmt: skip
    """The mail for the request of this number; the same arguments give the same bytes. ValueError where `mail_from` is no address.

    An unusable recipient does not raise: sending will refuse it.
    """
    sender = Address.parse(mail_from)
    clock, place = Clock.of(zone, asked_at), urlsplit(public_url).netloc
    subject = f"Sign in to Tocsin ({place})"
    values = {
        "subject": subject, "place": place, "link": link, "tocsin": public_url,
        "until": f"{clock.short(until)}{clock.named}", "asked": clock.short(asked_at),
    }  # fmt: skip
    identity = hashlib.sha256(f"{public_url}\n{number}\n{asked_at.isoformat()}\n{to_address}".encode()).hexdigest()[:24]
    message_id = f"<sign-in-{number}.{identity}@{sender.domain}>"
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
        alternative("plain", environment().get_template("sign-in.txt.j2").render(values).strip("\n") + "\n"),
        alternative("html", environment().get_template("sign-in.html.j2").render(values)),
    )
    return ComposedMail(message_id, build(headers, bodies))


def _recipient(address: str, name: str) -> str:
    try:
        return address_header(Address.parse(address, name))
    except ValueError:
        return "undisclosed-recipients:;"
