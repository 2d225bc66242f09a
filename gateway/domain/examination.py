"""What a doctor makes of what it sees: each finding with what to do about it."""

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import timedelta
from email.utils import parseaddr
from enum import StrEnum
from typing import Final
from urllib.parse import urlsplit

MOST_SKEW: Final = timedelta(seconds=5)
"""How far the clocks of this machine and of the database may be apart."""
OLDEST: Final = timedelta(minutes=2)
"""How long what arrived or is to leave may wait where everything works."""
_LOCAL: Final = ("localhost", "127.0.0.1", "::1", "0.0.0.0")  # noqa: S104 - names, not an address to bind
_NOT_THERE: Final = ("refused", "error connecting", "no answer", "timed out", "name or service", "getaddrinfo", "unreachable")


class State(StrEnum):
    """How it looks."""

    GOOD = "good"
    DOUBTFUL = "doubtful"
    BAD = "bad"


@dataclass(frozen=True, slots=True)
class Finding:
    """One thing that was looked at."""

    what: str
    state: State
    found: str
    mend: str = ""


@dataclass(frozen=True, slots=True)
class Counted:
    """How much waits, and since when; and what is not as it should be."""

    events_waiting: int
    event_since: timedelta | None
    mails_waiting: int
    mail_since: timedelta | None
    mails_put_off: int
    """Mails that could not leave yet."""
    put_off_because: str
    """What the server said to the one that waits the longest."""
    quarantined: int
    unmapped: int
    refused_addresses: int
    sources_in_trouble: tuple[str, ...]
    """Sources whose API cannot be asked, with what was in the way."""
    sources: int


def of_database(engine: str, difference: timedelta | None) -> Finding:
    """Reachable and migrated, or nothing would be found at all; and whether its clock is ours."""
    if difference is not None and abs(difference) > MOST_SKEW:
        apart = f"{abs(difference).total_seconds():.0f} s"
        return Finding("database", State.BAD, f"{engine}: its clock and this machine's are {apart} apart", "Let both follow NTP.")
    return Finding("database", State.GOOD, f"{engine}, reachable, its schema up to date")


def of_public_url(public_url: str, listen: str) -> Finding:
    """Where links in mails lead, and whether mail programs may offer to unsubscribe by one click."""
    what = "public address"
    if not public_url:
        mend = "Set TOCSIN_PUBLIC_URL to the address under which people reach the page."
        return Finding(what, State.DOUBTFUL, f"not set: links in mails lead to http://{listen}", mend)
    host = urlsplit(public_url).hostname or ""
    if host in _LOCAL:
        return Finding(
            what, State.DOUBTFUL, f"{public_url} leads nowhere from another machine", "Set TOCSIN_PUBLIC_URL to a name others know."
        )
    if not public_url.startswith("https://"):
        mend = "Serve it by HTTPS: cookies and credentials travel in clear, and mail programs offer no one-click unsubscribe."
        return Finding(what, State.DOUBTFUL, f"{public_url} is not HTTPS", mend)
    return Finding(what, State.GOOD, public_url)


def of_work(counted: Counted) -> Iterator[Finding]:
    """Whether what arrives is worked off, and what was put aside."""
    yield _queue("events", counted.events_waiting, counted.event_since, "Is `tocsin serve` (or `--role work`) running? Look at its log.")
    yield _queue("mail", counted.mails_waiting, counted.mail_since, "Is a worker running, and does the mail server take mail? See below.")
    if counted.mails_put_off:
        mend = "Each is tried again for a day. If the answer is not about one address, mend what it says."
        yield Finding("mail", State.BAD, f"{counted.mails_put_off} could not leave yet: {counted.put_off_because}", mend)
    if counted.quarantined:
        mend = "See `tocsin events list --status quarantined`; it is a fault of the gateway's own."
        yield Finding("quarantine", State.BAD, f"{counted.quarantined} events could not be recorded", mend)
    if counted.unmapped:
        mend = "See `tocsin events list --status unmapped`; `tocsin events replay` after the mapper or the sender was mended."
        yield Finding("not understood", State.DOUBTFUL, f"{counted.unmapped} events", mend)
    if counted.refused_addresses:
        mend = "Once they take mail again: *Send mail again* on the page under Mail, or `DELETE /api/users/{id}/mail-refusal`."
        yield Finding("addresses", State.BAD, f"{counted.refused_addresses} people's addresses take no mail", mend)
    if not counted.sources:
        yield Finding("sources", State.DOUBTFUL, "there are none", "Add a [[source]] to tocsin.toml; `tocsin connect KIND` says how.")
    for trouble in counted.sources_in_trouble:
        yield Finding("sender's API", State.BAD, trouble, "Correct the source's settings: missed runs are not found until then.")


def _queue(what: str, waiting: int, since: timedelta | None, mend: str) -> Finding:
    if since is not None and since > OLDEST:
        minutes = int(since.total_seconds() // 60)
        return Finding(what, State.BAD, f"{waiting} wait, the oldest for {minutes} min", mend)
    return Finding(what, State.GOOD, f"{waiting} wait" if waiting else "nothing waits")


def of_no_mail_server(*, wanted: bool) -> Finding:
    """Mail is kept. Bad only where somebody wants to send one."""
    mend = "Set TOCSIN_SMTP_URL, as in smtp+starttls://user:password@mail.acme.test:587, and TOCSIN_MAIL_FROM."
    return Finding("mail server", State.BAD if wanted else State.DOUBTFUL, "none: mail is kept and readable in the page", mend)


def of_mail_from(mail_from: str, public_url: str) -> Finding:
    """Whether strangers' servers can take the sender's address for real."""
    domain = parseaddr(mail_from)[1].rpartition("@")[2]
    if domain in ("", "localhost") or "." not in domain:
        mend = f"Set TOCSIN_MAIL_FROM to an address of your domain, as in Tocsin <alerts@{urlsplit(public_url).hostname or 'acme.test'}>."
        return Finding("sender", State.DOUBTFUL, f"{mail_from}: many servers refuse mail from {domain or 'no domain'}", mend)
    return Finding("sender", State.GOOD, mail_from)


def of_mail_trouble(answer: str, *, to: str | None) -> Finding:
    """What a refusal most likely means."""
    lower = answer.lower()
    if "user or password" in lower or "535" in answer:
        mend = "Correct user and password in TOCSIN_SMTP_URL; write / ? # @ : in them as %2F %3F %23 %40 %3A."
    elif "certificate" in lower or "ssl" in lower:
        mend = "The server's certificate is not trusted for the name in TOCSIN_SMTP_URL: use the name it was made for."
    elif any(word in lower for word in _NOT_THERE):
        mend = "Nothing answers there: check host and port in TOCSIN_SMTP_URL, and whether this machine may reach them."
    elif "starttls" in lower:
        mend = "The server offers no STARTTLS: use smtps:// for a port with TLS from the start, or smtp:// for none."
    else:
        mend = "The mail server said so: ask whoever runs it."
    return Finding("test mail" if to else "mail server", State.BAD, answer, mend)
