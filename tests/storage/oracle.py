"""Who hears, and how, by a plain reading of the rules: one person and one thread at a time, no database."""

from collections.abc import Mapping
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from enum import StrEnum

from gateway.domain.judge import Alert
from gateway.domain.rhythm import Rhythm
from gateway.storage.people import ROLES
from tests.domain.test_rhythm import oracle as free_at

EPISODE = 2
"""The current one of every thread."""
TAKES_BACK = ("first", "reopened", "escalated")


class Earlier(StrEnum):
    """What a person was mailed of a thread before."""

    NOTHING = "nothing"
    SENT = "sent"
    REMINDED = "reminded"
    WAITING = "waiting"
    REFUSED = "refused for now"
    CLAIMED = "claimed"
    FROZEN = "frozen"
    LAST_EPISODE = "last episode"
    TAKEN_OUT = "taken out"
    CANCELLED = "cancelled"
    RECOVERY = "recovery"
    OPEN_DIGEST = "open digest"
    TRIED_DIGEST = "tried digest"
    SENT_DIGEST = "sent digest"


TOLD_BY = {Earlier.SENT, Earlier.REMINDED, Earlier.CLAIMED, Earlier.FROZEN, Earlier.TRIED_DIGEST, Earlier.SENT_DIGEST}
"""A failure of this episode that left, or may have."""
UNSENT = {Earlier.WAITING, Earlier.REFUSED}


@dataclass(frozen=True)
class Choice:
    """A subscription. None: the person's own minimum."""

    in_app: bool
    email: bool
    in_app_weight: int | None
    email_weight: int | None
    scope: str


@dataclass(frozen=True)
class Membership:
    role: str
    permissions: frozenset[str]
    disturb: timedelta | None
    """How long from now the person is not to be disturbed by this team."""


@dataclass(frozen=True)
class Entry:
    """A person's view of a thread so far. Spans are from now."""

    listed: bool
    read: bool
    archived: bool
    dismissed: bool
    episode: int
    muted: timedelta | None
    muted_episode: int | None
    snoozed: timedelta | None
    snoozed_episode: int | None


@dataclass(frozen=True)
class Someone:
    memberships: Mapping[str, Membership]
    owns: frozenset[str]
    enabled: bool
    mailable: bool
    in_app_enabled: bool
    email_enabled: bool
    in_app_weight: int
    email_weight: int
    choices: Mapping[tuple[str, str], Choice]
    """By team and category."""
    rhythm: Rhythm
    breaks_through: bool
    disturb: timedelta | None
    views: tuple[tuple[Entry | None, Earlier], ...]
    """Of each thread."""
    collecting: timedelta | None
    """How long from now an open digest of the person is due."""


@dataclass(frozen=True)
class Happened:
    category: str
    weight: int
    urgent: bool
    permissions: frozenset[str]
    owners: frozenset[tuple[str, bool]]
    addressed: frozenset[int] | None
    """The places of the people it goes to; None: the whole team."""


@dataclass(frozen=True)
class Seen:
    """An entry afterwards."""

    listed: bool
    read: bool
    archived: bool
    dismissed: bool
    episode: int
    asleep: bool
    """Whether anything is left of a snooze."""
    reason: str
    last: timedelta
    """From now."""


@dataclass(frozen=True)
class Outcome:
    """What one person has of one thread afterwards."""

    entry: Seen | None
    mail: datetime | None
    """When mail of this telling leaves: `now`, or as part of a digest that is due then at the latest."""


BEFORE = timedelta(days=-1)
"""When entries of before were last changed."""


def outcome(place: int, one: Someone, number: int, what: Happened, alert: Alert, reason: str, now: datetime, *, by_mail: bool) -> Outcome:
    """What comes of telling `one`, the person at `place`, of the thread `what` of this number."""
    view, earlier = one.views[number]
    seen = Seen(view.listed, view.read, view.archived, view.dismissed, view.episode, _has_snooze(view), "old", BEFORE) if view else None
    if alert is Alert.READERS and view and seen and view.read and not is_muted(view):
        seen = replace(seen, read=False, last=top(view))
    if alert is Alert.TOLD:
        seen = over(view, seen)
    if "mine" not in one.memberships:  # an entry of theirs may change; they do not see it
        return Outcome(seen, None)
    mail = by_mail and alert is not Alert.QUIETLY and gets_mail(place, one, view, earlier, what, alert, reason)
    if alert in (Alert.AUDIENCE, Alert.QUIETLY):
        if hears(place, one, view, what, "in_app"):
            seen = fresh(view, reason)
        elif view is None and mail:
            seen = Seen(False, False, False, False, EPISODE, False, reason, timedelta(0))
    return Outcome(seen, leaves(one, what, now) if mail else None)


def hears(place: int, one: Someone, view: Entry | None, what: Happened, channel: str) -> bool:
    """The rules of the audience, as they are written."""
    enabled, weight = (one.in_app_enabled, one.in_app_weight) if channel == "in_app" else (one.email_enabled, one.email_weight)
    choice = one.choices.get(("mine", what.category))
    subscribed, own_weight, scope = True, None, "all"
    if choice:
        subscribed, own_weight = (choice.in_app, choice.in_app_weight) if channel == "in_app" else (choice.email, choice.email_weight)
        scope = choice.scope
    return (
        one.enabled
        and enabled
        and (channel == "in_app" or one.mailable)
        and subscribed
        and what.weight >= (weight if own_weight is None else own_weight)
        and may_know(place, one, what)
        and (scope == "all" or bool(one.owns & {word for word, _ in what.owners}))
        and not is_muted(view)
    )


def gets_mail(place: int, one: Someone, view: Entry | None, earlier: Earlier, what: Happened, alert: Alert, reason: str) -> bool:
    if alert is Alert.TOLD:
        reachable = one.enabled and one.email_enabled and one.mailable and may_know(place, one, what)
        return reachable and not is_muted(view) and earlier in TOLD_BY
    if alert is Alert.READERS and not (view and view.read):
        return False
    return hears(place, one, view, what, "email") and (reason in TAKES_BACK or not is_asleep(view))


def may_know(place: int, one: Someone, what: Happened) -> bool:
    mine = one.memberships["mine"]
    floors = {f"role:{role}" for role in ROLES[: ROLES.index(mine.role) + 1]}
    return what.permissions <= mine.permissions | floors and (what.addressed is None or place in what.addressed)


def leaves(one: Someone, what: Happened, now: datetime) -> datetime:
    """When mail to the person may leave: not while they are not to be disturbed, then by their rhythm, which what is urgent breaks."""
    spans = [span for span in (one.disturb, one.memberships["mine"].disturb) if span is not None]
    undisturbed = max([now, *(now + span for span in spans)])
    return undisturbed if what.urgent and one.breaks_through else free_at(one.rhythm, now, undisturbed)


def is_muted(view: Entry | None) -> bool:
    return view is not None and ((view.muted is not None and view.muted > timedelta(0)) or view.muted_episode == EPISODE)


def is_asleep(view: Entry | None) -> bool:
    return view is not None and ((view.snoozed is not None and view.snoozed > timedelta(0)) or view.snoozed_episode == EPISODE)


def fresh(view: Entry | None, reason: str) -> Seen:
    """Unread; a new episode and an escalation take back what was put aside."""
    if view is None or reason in TAKES_BACK:
        return Seen(True, False, False, False, EPISODE, False, reason, timedelta(0))
    return Seen(True, False, view.archived, view.dismissed, EPISODE, _has_snooze(view), reason, top(view))


def over(view: Entry | None, seen: Seen | None) -> Seen | None:
    """Who was told of this episode is told that it is over."""
    if view is None or seen is None or view.episode != EPISODE or is_muted(view):
        return seen
    return replace(seen, read=False, reason="resolved", last=top(view))


def top(view: Entry) -> timedelta:
    """Where it stands in the list: on top, once it is awake."""
    return max(timedelta(0), view.snoozed or timedelta(0))


def _has_snooze(view: Entry) -> bool:
    return view.snoozed is not None or view.snoozed_episode is not None
