"""A message as the bytes of one mail. Pure: the same message gives the same bytes, now and on any machine."""

import binascii
import hashlib
import re
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from email.utils import format_datetime
from functools import lru_cache
from pathlib import Path
from typing import TYPE_CHECKING, Final

from gateway.channels.email.address import Address
from gateway.channels.email.mime import address_header, alternative, build, text_header
from gateway.channels.email.section import TIERS, UNSUBSCRIBE, Page, page
from gateway.channels.message import Message
from mappers.contract.text import one_line

if TYPE_CHECKING:
    from jinja2 import Environment

HTML_LIMIT: Final = 80_000
"""Bytes of HTML. Gmail cuts at 102 kB, and counts more than we do."""
_SUBJECT_LIMIT: Final = 74
"""Characters, so that `Re: ` and the subject fit in 78."""
_LONGEST_LINK: Final = 900
"""Characters, so that its header stays on one line (RFC 5322 allows 998)."""
_TEMPLATES: Final = Path(__file__).parent / "templates"
_NOT_A_LABEL: Final = re.compile(r"[^a-z0-9]+")


@dataclass(frozen=True, slots=True)
class ComposedMail:
    """A mail ready to be sent, as often as it takes."""

    message_id: str
    """With its angle brackets."""
    raw: bytes


def compose(message: Message, mail_from: str) -> ComposedMail:
    """The mail for `message`, sent as `mail_from` (`Tocsin <alerts@acme.test>`). ValueError where that is no address.

    An unusable recipient does not raise: sending will refuse it, and the delivery shows why.
    """
    return compose_all([message], mail_from)[0]


def compose_all(messages: Sequence[Message], mail_from: str) -> list[ComposedMail]:
    """The same for many, in order: what tells several readers the same is laid out once."""
    sender = Address.parse(mail_from)
    bodies: dict[tuple[object, ...], tuple[bytes, ...]] = {}
    composed = []
    for message in messages:
        subject = one_line(message.subject, _SUBJECT_LIMIT)
        key = _shared(message)
        if key not in bodies:
            bodies[key] = _body(message, subject)
        composed.append(_composed(message, sender, subject, bodies[key]))
    return composed


def _shared(message: Message) -> tuple[object, ...]:
    """What decides how a mail reads; the parts by their identity, for comparing them costs what laying them out does."""
    return (
        message.kind, message.zone, message.team, message.environment, message.subject, message.public_url, id(message.parts),
        message.written_at, message.folded, bool(message.unsubscribe),
    )  # fmt: skip


def _composed(message: Message, sender: Address, subject: str, body: tuple[bytes, ...]) -> ComposedMail:
    message_id = f"<delivery-{message.delivery_id}.{_digest(message.public_url, message.conversation, message.to_address)}@{sender.domain}>"
    root = f"<conversation.{_digest(message.public_url, message.conversation)}@{sender.domain}>"
    headers = [
        ("From", address_header(sender)),
        ("To", _recipient(message)),
        ("Subject", text_header(f"Re: {subject}" if message.is_reply else subject, _SUBJECT_LIMIT + 4)),
        *_date(message),
        ("Message-ID", message_id),
        # the synthetic root alone: Gmail threads by it and the subject, whichever mails of the thread a reader was sent
        ("In-Reply-To", root),
        ("References", root),
        ("List-Id", _list_id(message.team, sender.domain)),
        *_unsubscribing(message),
        ("Auto-Submitted", "auto-generated"),
        ("X-Auto-Response-Suppress", "All"),
    ]
    if any(part.urgent and part.is_open for part in message.parts):
        headers.append(("Importance", "high"))
    return ComposedMail(message_id, build(headers, tuple(_personal(part, message.unsubscribe) for part in body)))


def _body(message: Message, subject: str) -> tuple[bytes, ...]:
    """The alternatives, with as much of the message as keeps the HTML under its limit."""
    for limits in TIERS:
        if alternatives := _alternatives(page(message, subject, limits)):
            break
    return alternatives


def _alternatives(shown: Page) -> tuple[bytes, ...]:
    """Text and HTML; empty where the HTML is too large."""
    html = environment().get_template("mail.html.j2").render(page=shown, placeholder=UNSUBSCRIBE)
    if len(html.encode()) >= HTML_LIMIT:
        return ()
    text = environment().get_template("mail.txt.j2").render(page=shown, placeholder=UNSUBSCRIBE)
    return alternative("plain", text.strip("\n") + "\n"), alternative("html", html)


def _personal(part: bytes, unsubscribe: str) -> bytes:
    """The reader's own address put in its place. It stands on a line of its own, so that what is encoded around it stays as it is."""
    if not unsubscribe:
        return part
    for frame in (b'href=3D"%s"', b"%s"):
        before, line, after = part.rpartition(frame % UNSUBSCRIBE.encode())  # the last one: what senders say stands before it
        if line:
            own = binascii.b2a_qp(frame.replace(b"=3D", b"=") % unsubscribe.encode())
            return before + own.replace(b"=\n", b"=\r\n") + after
    return part


def _unsubscribing(message: Message) -> list[tuple[str, str]]:
    """One click in the mail program ends mail like this one. https://www.rfc-editor.org/rfc/rfc8058#section-3"""
    if not message.unsubscribe or len(message.unsubscribe) > _LONGEST_LINK:
        return []
    link = ("List-Unsubscribe", f"<{message.unsubscribe}>")
    is_secure = message.unsubscribe.startswith("https://")  # one click is for HTTPS alone
    return [link, ("List-Unsubscribe-Post", "List-Unsubscribe=One-Click")] if is_secure else [link]


def _recipient(message: Message) -> str:
    try:
        return address_header(Address.parse(message.to_address, message.to_name))
    except ValueError:
        return "undisclosed-recipients:;"


def _date(message: Message) -> list[tuple[str, str]]:
    """The Date header; none where nothing is known (a mail server then adds its own)."""
    moments: list[datetime | None] = [message.written_at]
    moments += [moment for part in message.parts for moment in (part.resolved_at, part.opened_at)]
    at = next((moment for moment in moments if moment is not None), None)
    return [("Date", format_datetime(at.astimezone(UTC)))] if at else []


def _list_id(team: str, domain: str) -> str:
    """`acme notifications <acme.tocsin.mail.acme.test>` (RFC 2919): what a mail filter can hold on to."""
    label = _NOT_A_LABEL.sub("-", team.lower()).strip("-")[:60].strip("-") or "team"
    return f"{label} notifications <{label}.tocsin.{domain}>"


def _digest(*parts: str) -> str:
    return hashlib.sha256("\n".join(parts).encode("utf-8", "replace")).hexdigest()[:24]


@lru_cache(maxsize=1)
def environment() -> "Environment":
    """The templates of all mails."""
    from jinja2 import Environment, FileSystemLoader, StrictUndefined, select_autoescape

    made = Environment(
        loader=FileSystemLoader(_TEMPLATES),
        autoescape=select_autoescape(("html.j2",), default=False),
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
        auto_reload=False,
    )
    made.filters["held"] = _held
    return made


def _held(line: str) -> str:
    """A line whose spaces stay where HTML would fold them; `white-space: pre` means nothing to Outlook."""
    indent = len(line) - len(line.lstrip(" "))
    return "\u00a0" * indent + line[indent:].replace("  ", "\u00a0 ")
