"""What a mail shows of each part: bounded, cleaned plain values that a template only has to lay out."""

from collections.abc import Iterable
from dataclasses import dataclass
from itertools import islice
from typing import Final
from urllib.parse import urlsplit

from gateway.channels.email.clock import Clock
from gateway.channels.email.wording import Tone, end_of_mail, headline, lead, recovered, runs, sentence, tone, why
from gateway.channels.message import IN_FULL, Kind, MemberLine, Message, Part
from mappers.contract import Category
from mappers.contract.draft import safe_link
from mappers.contract.text import clean, clip, one_line


@dataclass(frozen=True, slots=True)
class Limits:
    """How much of each thing is shown."""

    parts: int
    members: int
    lines: int
    facts: int
    impact: int
    links: int
    rows: int


TIERS: Final = (
    Limits(parts=10, members=20, lines=15, facts=14, impact=12, links=4, rows=50),
    Limits(parts=10, members=6, lines=6, facts=6, impact=6, links=2, rows=30),
    Limits(parts=5, members=3, lines=4, facts=4, impact=3, links=0, rows=15),
    Limits(parts=1, members=3, lines=3, facts=4, impact=3, links=0, rows=5),
)
"""Tried in turn until the mail is small enough. The last one always is."""


UNSUBSCRIBE: Final = "@@UNSUBSCRIBE@@"
"""Stands for the reader's own address: all else of a mail is the same for everyone who is told the same."""
_SAID: Final = 3
_HAVE_ERRORS: Final = frozenset({Category.INCIDENT, Category.JOB_FAILURE, Category.DBT_TEST_FAILURE})


@dataclass(frozen=True, slots=True)
class Link:
    """A button or a link."""

    label: str
    url: str


@dataclass(frozen=True, slots=True)
class Excerpt:
    """What the sender said, and how many lines of it are not shown."""

    label: str
    lines: tuple[str, ...]
    head: tuple[str, ...] = ()
    """The sender's own message, where `lines` are from a log that does not hold it."""
    above: int = 0
    """Left out before `lines`, or among them where they are frames of libraries."""
    below: int = 0


@dataclass(frozen=True, slots=True)
class Summed:
    """What went wrong, in short, and who says so."""

    label: str
    headline: str
    cause: str
    evidence: tuple[str, ...]
    next_steps: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Section:
    """One part of a mail."""

    tone: Tone
    headline: str
    title: str
    sentence: str
    place: str
    """`1 of 3` where the mail has several parts, else empty."""
    primary: Link | None
    tocsin: Link
    act: Link | None
    """To where the reader acts on it, signed in: following a link changes nothing."""
    more_links: tuple[Link, ...]
    excerpt: Excerpt | None
    summary: Summed | None
    members_label: str
    members: tuple[MemberLine, ...]
    members_left_out: int
    impact_label: str
    impact: tuple[str, ...]
    impact_left_out: int
    facts: tuple[tuple[str, str], ...]


@dataclass(frozen=True, slots=True)
class Row:
    """One part of a digest in a line."""

    tone: Tone
    headline: str
    title: str
    url: str


@dataclass(frozen=True, slots=True)
class Page:
    """A whole mail."""

    subject: str
    lead: str
    """What a digest holds, in a line; empty for any other mail."""
    sections: tuple[Section, ...]
    rows: tuple[Row, ...]
    """Of a digest: what is not worth a section."""
    parts_left_out: int
    why: tuple[str, ...]
    preferences: str
    tocsin: str
    origin: str
    """`acme/prod`."""
    unsubscribe: str
    """What the link behind `UNSUBSCRIBE` says; empty where there is none."""


def page(message: Message, subject: str, limits: Limits) -> Page:
    """The mail within `limits`."""
    clock = Clock.of(message.zone, message.written_at)
    team, environment = _line(message.team, 80), _line(message.environment, 80)
    is_digest = message.kind is Kind.DIGEST and len(message.parts) > IN_FULL
    shown = message.parts[: min(limits.parts, IN_FULL) if is_digest else limits.parts]
    rest = message.parts[len(shown) : len(shown) + limits.rows] if is_digest else ()
    count = len(message.parts)
    return Page(
        subject=subject,
        lead=lead(message),
        sections=tuple(
            _section(part, f"{number} of {count}" if count > 1 else "", message, clock, environment, limits)
            for number, part in enumerate(shown, 1)
        ),
        rows=tuple(_row(part, message, clock) for part in rest),
        parts_left_out=count - len(shown) - len(rest),
        why=tuple(dict.fromkeys(why(part, message, team) for part in shown))[:3],
        preferences=f"{message.public_url}/preferences",
        tocsin=message.public_url,
        origin="/".join(word for word in (team, environment) if word),
        unsubscribe=end_of_mail(message, team) if message.unsubscribe else "",
    )


def _row(part: Part, message: Message, clock: Clock) -> Row:
    place = f"{_line(part.environment, 40)} · " if part.environment else ""
    return Row(
        tone=tone(part, message.kind),
        headline=headline(part, message.kind, clock),
        title=f"{place}{_line(part.title, 140)}",
        url=f"{message.public_url}/notifications/{part.notification_id}",
    )


def _section(part: Part, place: str, message: Message, clock: Clock, environment: str, limits: Limits) -> Section:
    over = recovered(part, message.kind)
    links = _links(part)
    several = bool(part.members) and not over
    members = part.members[: limits.members] if several else ()
    impact = () if over else tuple(filter(None, part.impact))
    return Section(
        tone=tone(part, message.kind),
        headline=headline(part, message.kind, clock),
        title=_line(part.title, 200),
        sentence=sentence(part, message, clock, environment),
        place=place,
        primary=links[0] if links else None,
        tocsin=Link("Open in Tocsin", f"{message.public_url}/notifications/{part.notification_id}"),
        act=_act(part, message),
        more_links=links[1 : 1 + limits.links],
        excerpt=_excerpt(part, limits.lines, over=over),
        summary=_summed(part, limits),
        members_label=f"Failing now: {part.firing}" + (f" of {part.members_total}" if part.members_total > part.firing else ""),
        members=tuple(MemberLine(_called(member), member.level, _line(member.message, 160)) for member in members),
        members_left_out=max(part.firing, len(part.members)) - len(members) if several else 0,
        impact_label=f"Impact: {len(impact)}",
        impact=tuple(_line(item, 100) for item in impact[: limits.impact]),
        impact_left_out=max(len(impact) - limits.impact, 0),
        facts=_facts(part, environment, clock, limits.facts, over=over),
    )


def _called(member: MemberLine) -> str:
    return f"{_line(member.label, 120)}{' (new)' if member.is_new else ''}"


def _act(part: Part, message: Message) -> Link | None:
    if not part.is_open or part.level.weight == 1:
        return None
    return Link("Acknowledge or snooze", f"{message.public_url}/notifications/{part.notification_id}#act")


def _links(part: Part) -> tuple[Link, ...]:
    """The links a mail may hold: absolute, and nothing but http and https."""
    return tuple(
        Link(_line(label, 40) or _host(url), url)
        for label, url in islice(part.links.items(), 20)
        if safe_link(url) and not url.startswith("/")
    )


def _host(url: str) -> str:
    return clip(urlsplit(url).hostname or "", 40)


def _excerpt(part: Part, limit: int, *, over: bool) -> Excerpt | None:
    """The error, or whatever else the sender said; of an error the end is kept, where a traceback says what went wrong."""
    text = part.message if over else part.excerpt or part.message
    if not text or (text == part.message and any(member.message == text for member in part.members)):
        return None
    lines = _lines(text)
    if not lines:
        return None
    if over:
        return Excerpt("Last message", tuple(lines[: min(limit, 4)]), below=max(len(lines) - min(limit, 4), 0))
    said = _lines(part.message)[:_SAID] if part.message not in text else []
    head, room = (*said, "") if said else (), max(limit - len(said) - 1, 1) if said else limit
    if part.is_open and part.level.weight > 1 and part.category in _HAVE_ERRORS:
        kept = (lines if len(lines) <= room else _own_frames(lines))[-room:]
        label = f"Error of {_line(part.told_by, 120)}" if part.told_by and part.members else "Error"
        return Excerpt(label, tuple(kept), head=head, above=len(lines) - len(kept))
    return Excerpt("Details", tuple(lines[:room]), head=head, below=max(len(lines) - room, 0))


def _summed(part: Part, limits: Limits) -> Summed | None:
    """Labelled with its writer: whoever reads it at night must know how far to trust it."""
    said = part.summary
    if said is None or not limits.links:
        return None
    by = f"Summary by AI ({_line(said.model, 40)}), checked against the log; it may be wrong" if said.model else "In short, by rules"
    return Summed(
        label=by,
        headline=_line(said.headline, 200),
        cause=_line(said.cause, 400) if said.cause != said.headline else "",
        evidence=tuple(_line(quote, 240) for quote in said.evidence[:3]),
        next_steps=tuple(_line(step, 200) for step in said.next_steps[:3]),
    )


def _lines(text: str) -> list[str]:
    """Clean lines of bearable length, never two empty ones in a row."""
    lines = [clip(line.rstrip(), 240) for line in clean(text).expandtabs(4).strip("\n").split("\n")]
    kept = [line for at, line in enumerate(lines) if line or (at and lines[at - 1])]
    return kept if any(kept) else []


def _own_frames(lines: list[str]) -> list[str]:
    """A Python traceback without the frames of libraries: the reader's own code is what they can mend."""
    kept: list[str] = []
    library = False
    for line in lines:
        if line.startswith('  File "'):
            library = "/site-packages/" in line or "/lib/python" in line
        elif not line.startswith("    "):
            library = False
        if not library:
            kept.append(line)
    return kept


def _facts(part: Part, environment: str, clock: Clock, limit: int, *, over: bool) -> tuple[tuple[str, str], ...]:
    """(label, value), the part's own after the ones every mail has; a label is said once."""
    known: list[tuple[str, str]] = [("Environment", environment)]
    if part.opened_at:
        known.append(("Began" if part.is_open or over else "When", clock.full(part.opened_at)))
    if over and part.resolved_at:
        known.append(("Closed" if part.is_closed else "Recovered", clock.full(part.resolved_at)))
    known += runs(part, clock)
    known.append(("Owners", _joined(part.owners)))
    own = ((_line(label, 60), _line(value, 200)) for label, value in islice(part.facts.items(), limit))
    facts: dict[str, tuple[str, str]] = {}
    for label, value in (*known, *own):
        if label and value:
            facts.setdefault(label.casefold(), (label, value))
    return tuple(facts.values())[:limit]


def _joined(names: Iterable[str]) -> str:
    return clip(", ".join(_line(name, 80) for name in names), 200)


def _line(text: str, limit: int) -> str:
    """`text` on one line of at most `limit` characters; of a huge one only the beginning is looked at."""
    return one_line(text[: 8 * limit], limit)
