"""What a doctor makes of what it sees: each finding with what to do about it."""

from collections.abc import Iterator, Sequence
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
SILENT_FOR: Final = timedelta(seconds=45)
"""How long ago the last sign of life of a process that lives may be."""
HANGS_AFTER: Final = timedelta(minutes=3)
"""How long a worker takes for a step at most where all is well: a batch of mail, a slow model."""
LEAST_ROOM: Final = 200_000_000
"""Bytes on the disk of a SQLite database."""
CONNECTIONS_OF_A_PROCESS: Final = 11
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
    return Finding("database", State.GOOD, f"{engine}, reachable")


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


@dataclass(frozen=True, slots=True)
class Working:
    """A process that works, as its last sign of life told."""

    name: str
    version: str
    has_our_key: bool
    ago: timedelta
    hanging: tuple[str, ...]
    """Workers that have not ended a step for long."""


def of_schema(found: str | None, wanted: str) -> Finding:
    """Whether this version's code and the database are of one time."""
    if (found or "") < wanted:
        mend = "Make a backup, then `tocsin migrate`, or start the new `tocsin serve`, which does it."
        return Finding("schema", State.BAD, f"at {found or 'nothing'}, and this version wants {wanted}", mend)
    if (found or "") > wanted:
        mend = "Install the version that the database was migrated with; this one works for the time of an upgrade."
        return Finding("schema", State.DOUBTFUL, f"at {found}, newer than this version, which knows {wanted}", mend)
    return Finding("schema", State.GOOD, f"up to date ({wanted})")


def of_journal(*, is_there: bool, reached: int, given_out: int) -> Finding:
    """Whether the two SQLite files belong together."""
    if not is_there:
        mend = "Put it back beside the other file, from the same copy; a start without it begins a new one, and what arrived is gone."
        return Finding("journal", State.BAD, "the file of what arrived is missing", mend)
    if reached < given_out:
        mend = "It is of an older copy: put both files of one backup in place (`tocsin restore`)."
        return Finding("journal", State.BAD, f"it ends with event {reached}, and event {given_out} was processed", mend)
    return Finding("journal", State.GOOD, f"fits, up to event {reached}")


def of_disk(free: int, total: int) -> Finding:
    """Room for what arrives, in bytes."""
    said = f"{free / 1e9:.1f} GB of {total / 1e9:.0f} GB are free"
    mend = "Make room: without it nothing can be stored and senders are answered 503. `tocsin cleanup --max-age-days` removes what is old."
    if free < LEAST_ROOM:
        return Finding("disk", State.BAD, said, mend)
    if free < 10 * LEAST_ROOM and free < total / 20:
        return Finding("disk", State.DOUBTFUL, said, mend)
    return Finding("disk", State.GOOD, said)


def of_key(readable: int, unreadable: Sequence[str], *, old: int) -> Finding:
    """Whether what is kept encrypted can be read."""
    if unreadable:
        where = f"{', '.join(unreadable[:5])}{' …' if len(unreadable) > 5 else ''}"
        mend = "TOCSIN_SECRET_KEY (or secret.key) is not the one they were encrypted with: give that one, or `tocsin apply` them anew."
        return Finding("secret key", State.BAD, f"{len(unreadable)} secrets cannot be read: {where}", mend)
    if old:
        return Finding("secret key", State.DOUBTFUL, f"{old} secrets are encrypted with an old key", "Run `tocsin rotate-key`.")
    return Finding("secret key", State.GOOD, f"reads all {readable} secrets" if readable else "nothing is encrypted with it yet")


def of_secrets(without: Sequence[str]) -> Finding:
    """Sources that refuse everything."""
    if without:
        mend = "Set one under auth in tocsin.toml. Until then each of their requests is answered 401."
        return Finding("secrets", State.BAD, f"sources without a usable secret: {', '.join(without)}", mend)
    return Finding("secrets", State.GOOD, "every source has one")


def of_silent_sources(names: Sequence[str], *, more: bool) -> Iterator[Finding]:
    """Sources that were made a day ago or longer, and that nothing ever came from."""
    if names:
        mend = "Point the sender at its address (`tocsin connect KIND` says how), look at `tocsin events rejections`, or disable it."
        yield Finding("sources", State.DOUBTFUL, f"nothing ever came from {_listed(names, more=more)}", mend)


def of_monitors(names: Sequence[str], *, more: bool) -> Iterator[Finding]:
    """Monitors that are overdue, and whose pipeline was never known to run."""
    if names:
        mend = (
            "Compare pipeline and environment, letter by letter, with what the sender's runs are called; correct the monitor, or remove it."
        )
        yield Finding("monitors", State.DOUBTFUL, f"overdue, and no run was ever seen: {_listed(names, more=more)}", mend)


def _listed(names: Sequence[str], *, more: bool) -> str:
    return f"{', '.join(names)}{' and more' if more else ''}"


def of_configuration(faults: Sequence[str]) -> Iterator[Finding]:
    """What keeps `tocsin.toml` from being applied."""
    for fault in faults:
        yield Finding("tocsin.toml", State.BAD, fault, "Correct it, then `tocsin apply`; `serve` does not start with it.")


def of_workers(seen: Sequence[Working]) -> Iterator[Finding]:
    """Whether somebody works, and all of them alike."""
    alive = [one for one in seen if one.ago <= SILENT_FOR]
    if not alive:
        mend = "Start `tocsin serve` (or `--role work`): nothing is mapped or mailed without it."
        if seen:
            yield Finding("workers", State.BAD, f"the last sign of life is {_minutes(seen[0].ago)} old, of {seen[0].name}", mend)
        else:
            yield Finding("workers", State.DOUBTFUL, "no process works now", mend)
        return
    for one in alive:
        if one.hanging:
            mend = "Look at its log; restarting it loses nothing, others take over what it held within a minute."
            yield Finding("workers", State.BAD, f"{one.name}: no step was ended for long by {', '.join(one.hanging)}", mend)
        if not one.has_our_key:
            mend = "Give all processes the same TOCSIN_SECRET_KEY, and this command too."
            yield Finding("workers", State.BAD, f"{one.name} has another secret key than this command", mend)
    for one in seen:
        if one.ago > SILENT_FOR:
            mend = "If it is not to come back, nothing need be done: it is forgotten within a day."
            yield Finding("workers", State.DOUBTFUL, f"{one.name} gave no sign of life for {_minutes(one.ago)}", mend)
    versions = sorted({one.version for one in alive})
    if len(versions) > 1:
        mend = "Finish the upgrade: restart those of the older version."
        yield Finding("workers", State.DOUBTFUL, f"they run versions {' and '.join(versions)}", mend)
    if all(not one.hanging and one.has_our_key for one in alive):
        yield Finding("workers", State.GOOD, f"{len(alive)} alive: {', '.join(one.name for one in alive)}")


def of_proxies(trusted: Sequence[str], public_url: str, listen: str) -> Finding:
    """Whether senders can be told apart, and nobody can pose as another."""
    what = "proxies"
    if any(one.endswith("/0") for one in trusted):
        mend = "Name the proxies alone: whoever is trusted may claim any address."
        return Finding(what, State.BAD, "TOCSIN_TRUSTED_PROXIES trusts everybody", mend)
    if not trusted and public_url.startswith("https://") and (urlsplit(f"//{listen}").hostname or "") in _LOCAL:
        mend = "Name it in TOCSIN_TRUSTED_PROXIES: until then all senders count as one address."
        return Finding(what, State.DOUBTFUL, "something terminates HTTPS in front, and no proxy is trusted", mend)
    return Finding(
        what, State.GOOD, f"trusted: {', '.join(trusted)}" if trusted else "none is trusted: senders count by their own addresses"
    )


def of_reach(public_url: str, *, trouble: str | None, is_ours: bool, difference: timedelta | None) -> Finding:
    """Whether the public address leads to this installation, asked from this machine."""
    what = "public address"
    if trouble is not None:
        mend = "Check its DNS, its proxy and its certificate; from a network that cannot reach its own public address, ask from outside."
        return Finding(what, State.BAD, f"{public_url}: {trouble}", mend)
    if not is_ours:
        mend = "Correct TOCSIN_PUBLIC_URL, or where the proxy leads."
        return Finding(what, State.BAD, f"{public_url} answers, and is not this installation (or has another secret key)", mend)
    if difference is not None and abs(difference) > MOST_SKEW:
        apart = f"{abs(difference).total_seconds():.0f} s"
        return Finding(what, State.BAD, f"{public_url} leads here; its clock and this machine's are {apart} apart", "Let both follow NTP.")
    return Finding(what, State.GOOD, f"{public_url} leads here")


def of_server(*, used: int, most: int, processes: int, unsafe: Sequence[str], encoding: str) -> Iterator[Finding]:
    """A PostgreSQL server: room for connections, and whether a commit is what it says."""
    wanted = processes * CONNECTIONS_OF_A_PROCESS
    if used > most * 0.8 or wanted > most:
        mend = f"Raise max_connections, put a pooler in front, or run fewer processes: each may open {CONNECTIONS_OF_A_PROCESS}."
        yield Finding("connections", State.DOUBTFUL, f"{used} of {most} are in use; {processes} working processes may want {wanted}", mend)
    else:
        yield Finding("connections", State.GOOD, f"{used} of {most} are in use")
    for setting in unsafe:
        mend = "Switch it on: what was answered 2xx is else lost when the server stops."
        yield Finding("durability", State.BAD, f"{setting} is off", mend)
    if encoding != "UTF8":
        yield Finding(
            "encoding", State.BAD, f"the database is in {encoding}", "Make one in UTF8: what senders say cannot be stored in this."
        )


def _minutes(span: timedelta) -> str:
    seconds = int(span.total_seconds())
    return f"{seconds} s" if seconds < 120 else f"{seconds // 60} min"
