"""What is wrong with the gateway itself, of counted figures: each trouble with what to do about it, for the admins of a team."""

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Final

from gateway.domain.pauses import Pauses
from mappers.contract import Level, duration

EVENTS_LATE: Final = timedelta(minutes=5)
EVENTS_FAR_TOO_LATE: Final = timedelta(minutes=30)
MAIL_REFUSED: Final = timedelta(minutes=10)
MAIL_REFUSED_LONG: Final = timedelta(hours=1)
MAIL_LATE: Final = timedelta(minutes=10)
PUT_ASIDE_AT_LEAST: Final = 5
API_FAILURES: Final = 5
"""In a row."""
_GIB: Final = 1024**3
OVER_AFTER: Final = timedelta(minutes=2)
"""How long a trouble must be gone until it is said to be over."""


@dataclass(frozen=True, slots=True)
class Sender:
    """One source of the team."""

    id: int
    slug: str
    read: int = 0
    """Of its newest events of the last day, how many were looked at: fifty at most."""
    put_aside: int = 0
    """How many of those could not be understood or recorded."""
    api_failures: int = 0
    api_trouble: str = ""
    pauses: Pauses | None = None
    """None: whether it falls silent is nobody's concern."""


@dataclass(frozen=True, slots=True)
class Figures:
    """How one team's part of the gateway is doing."""

    events_waiting: int = 0
    oldest_event: timedelta | None = None
    mails_waiting: int = 0
    """Due, and not taken by anybody."""
    oldest_mail: timedelta | None = None
    mails_put_off: int = 0
    """Tried, and to be tried again."""
    put_off_for: timedelta | None = None
    """The age of the oldest of them."""
    put_off_because: str = ""
    since_last_sent: timedelta | None = None
    """Since any mail was taken by the server; None: not lately."""
    disk_free: int | None = None
    """Bytes, where the database is a file of this machine."""
    disk_size: int | None = None
    senders: tuple[Sender, ...] = ()


@dataclass(frozen=True, slots=True)
class Trouble:
    """One thing that is wrong."""

    name: str
    """The same for the same trouble: `mail`, `source/7/silent`."""
    level: Level
    title: str
    """What it is, without figures."""
    message: str
    mend: str
    urgent: bool = False
    source: str = ""
    """The slug of the source it is about."""


def troubles(figures: Figures, now: datetime, open_ones: frozenset[str] = frozenset()) -> Iterator[Trouble]:
    """Everything that is wrong. What is in `open_ones` already is left only once it is clearly better."""
    yield from _backlog(figures, "processing" in open_ones)
    yield from _mail(figures)
    yield from _late_mail(figures, "delivery" in open_ones)
    yield from _storage(figures, "storage" in open_ones)
    for sender in figures.senders:
        yield from _unread(sender, f"source/{sender.id}/unmapped" in open_ones)
        yield from _api(sender)
        yield from _silent(sender, now)


def _backlog(figures: Figures, is_open: bool) -> Iterator[Trouble]:
    limit = EVENTS_LATE / 2 if is_open else EVENTS_LATE
    if figures.oldest_event is None or figures.oldest_event <= limit:
        return
    far = figures.oldest_event > EVENTS_FAR_TOO_LATE
    yield Trouble(
        "processing",
        Level.ERROR if far else Level.WARNING,
        "What arrives is worked off too late",
        f"{figures.events_waiting} events wait, the oldest for {duration(figures.oldest_event)}: people hear that much later.",
        "Is a worker running, and is the database fast enough? Look at the log of tocsin serve; more workers help on PostgreSQL.",
        urgent=far,
    )


def _mail(figures: Figures) -> Iterator[Trouble]:
    """One address that is refused is not a server that refuses: nothing at all may have left meanwhile."""
    if figures.put_off_for is None or figures.put_off_for <= MAIL_REFUSED:
        return
    if figures.since_last_sent is not None and figures.since_last_sent <= MAIL_REFUSED:
        return
    long = figures.put_off_for > MAIL_REFUSED_LONG
    yield Trouble(
        "mail",
        Level.ERROR if long else Level.WARNING,
        "Mail does not leave",
        f"{figures.mails_put_off} mails wait, the oldest for {duration(figures.put_off_for)}. The mail server said: "
        f"{figures.put_off_because or 'nothing'}\n"
        "Nobody hears of this by mail: it stands here alone. Nothing is lost until mail leaves again.",
        "tocsin doctor says what is wrong with TOCSIN_SMTP_URL. Each mail is tried for a day.",
        urgent=long,
    )


def _late_mail(figures: Figures, is_open: bool) -> Iterator[Trouble]:
    limit = MAIL_LATE / 2 if is_open else MAIL_LATE
    if figures.oldest_mail is not None and figures.oldest_mail > limit:
        yield Trouble(
            "delivery",
            Level.ERROR,
            "Nobody sends the mail that is due",
            f"{figures.mails_waiting} mails are due, the oldest for {duration(figures.oldest_mail)}, and no worker took them.",
            "Is tocsin serve (or --role work) running? Look at its log.",
            urgent=True,
        )


def _storage(figures: Figures, is_open: bool) -> Iterator[Trouble]:
    if figures.disk_free is None or not figures.disk_size:
        return
    share, slack = figures.disk_free / figures.disk_size, 1.5 if is_open else 1.0
    full = share < 0.03 or figures.disk_free < _GIB // 4
    if not full and not (share < 0.1 * slack and figures.disk_free < 5 * _GIB * slack):
        return
    yield Trouble(
        "storage",
        Level.ERROR if full else Level.WARNING,
        "The disk of the database is nearly full",
        f"{figures.disk_free / _GIB:.1f} GiB of {figures.disk_size / _GIB:.1f} GiB are free. "
        "When it is full, senders are told to come back later.",
        "Make room, or let less be kept: tocsin cleanup --max-age-days 30.",
        urgent=full,
    )


def _unread(sender: Sender, is_open: bool) -> Iterator[Trouble]:
    share = sender.put_aside / sender.read if sender.read else 0.0
    if sender.put_aside < PUT_ASIDE_AT_LEAST or share < (0.25 if is_open else 0.5):
        return
    yield Trouble(
        f"source/{sender.id}/unmapped",
        Level.ERROR if share > 0.9 else Level.WARNING,
        f"Most of what {sender.slug} sends is not understood",
        f"Of its last {sender.read} events {sender.put_aside} could not be read, and nobody was told of what they say. They are kept.",
        "Look at them under Events, mend the sender's payload or the mapper, then replay them.",
        source=sender.slug,
    )


def _api(sender: Sender) -> Iterator[Trouble]:
    if sender.api_failures >= API_FAILURES:
        yield Trouble(
            f"source/{sender.id}/api",
            Level.WARNING,
            f"The API of {sender.slug} cannot be asked",
            f"{sender.api_trouble}\nAsked {sender.api_failures} times in a row. "
            "What its webhooks do not tell is not known until then: missed runs, names, logs.",
            "Correct api_url and key in the source's settings, or see whether it is down.",
            source=sender.slug,
        )


def _silent(sender: Sender, now: datetime) -> Iterator[Trouble]:
    pauses = sender.pauses
    if pauses is None or not pauses.is_silent(now) or pauses.limit is None:
        return
    yield Trouble(
        f"source/{sender.id}/silent",
        Level.WARNING,
        f"{sender.slug} has fallen silent",
        f"Nothing came since {pauses.last_at:%Y-%m-%d %H:%M} UTC. By its habit it is heard of at least every {duration(pauses.usual)}; "
        f"its longest pause lately was {duration(pauses.longest)}.",
        "Does it run, does it still know the address and the credential, is it switched off at the sender? "
        "Where its silence means nothing: settings = { silence_alert = false }.",
        source=sender.slug,
    )
