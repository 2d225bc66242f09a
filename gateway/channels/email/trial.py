"""A mail that says nothing but that mail arrives."""

import hashlib
from datetime import datetime
from email.utils import format_datetime

from gateway.channels.email.address import Address
from gateway.channels.email.mime import address_header, alternative, build, text_header


def trial(mail_from: str, to_address: str, public_url: str, now: datetime) -> bytes:
    """The bytes of a test mail. ValueError where an address is none."""
    sender, to = Address.parse(mail_from), Address.parse(to_address)
    identity = hashlib.sha256(f"{public_url}\n{to.spec}\n{now.isoformat()}".encode()).hexdigest()[:24]
    headers = [
        ("From", address_header(sender)),
        ("To", address_header(to)),
        ("Subject", text_header("Tocsin can send you mail", 78)),
        ("Date", format_datetime(now)),
        ("Message-ID", f"<trial.{identity}@{sender.domain}>"),
        ("Auto-Submitted", "auto-generated"),
        ("X-Auto-Response-Suppress", "All"),
    ]
    said = "This is a test: mail of this Tocsin reaches you. Nothing is wrong, and nothing is to be done."
    head = '<meta charset="utf-8"><title>Tocsin can send you mail</title>'
    html = f'<!doctype html><html lang="en"><head>{head}</head><body><p>{said}</p></body></html>'
    return build(headers, (alternative("plain", f"{said}\n\n{public_url}\n"), alternative("html", html)))
