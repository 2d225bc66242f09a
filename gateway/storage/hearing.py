"""Who hears, as conditions of a query that starts from news and reaches people: made once, for making them is what costs.

All of them take `now`, the range of people asked for (`after`, `upto`: user ids), and the news as one JSON value.
"""

from collections.abc import Sequence
from typing import Any, Final

from sqlalchemy import (
    CTE,
    ColumnElement,
    Integer,
    Select,
    String,
    and_,
    bindparam,
    case,
    cast,
    column,
    exists,
    func,
    literal,
    not_,
    or_,
    select,
)
from sqlalchemy.dialects.postgresql import JSONB

from gateway.domain.judge import CLEARS_PUT_ASIDE
from gateway.storage.latest import latest
from gateway.storage.permitted import holds_permissions
from gateway.storage.tables import (
    deliveries,
    delivery_items,
    inbox_entries,
    memberships,
    notification_owners,
    notifications,
    recipients,
    subscriptions,
    user_owns,
    users,
)  # fmt: skip
from gateway.storage.types import Id, Time

IN_APP: Final = "in_app"
EMAIL: Final = "email"
WAITING: Final = "waiting"
DIGEST: Final = "digest"
FAILING: Final = ("failing", "reminder")
"""Kinds of deliveries that say that something fails."""
KINDS: Final = (*FAILING, "resolved", DIGEST)
"""Every kind."""
EVERYONE: Final = 2**62
NOW: Final = bindparam("now", type_=Time)
CLEARS: Final = sorted(reason.value for reason in CLEARS_PUT_ASIDE)
_UNDISTURBED: Final[ColumnElement[Any]] = latest(NOW, *(func.coalesce(table.c.do_not_disturb_until, NOW) for table in (users, memberships)))
"""From when on the person may be disturbed: now, or later."""
_AFTER, _UPTO = bindparam("after", type_=Id), bindparam("upto", type_=Id)


def news(dialect: str) -> CTE:
    """The news as a table: notification_id, episode, reason, news, and the conversation of the team's digests."""
    kinds = {"notification_id": Id, "episode": Integer, "reason": String, "news": String, "digest": Id}
    return _table(dialect, "news", kinds).cte("told")


def calendar(dialect: str) -> CTE:
    """Until when mail is held, as a table: rhythm, until when one is not to be disturbed either, until."""
    return _table(dialect, "calendar", {"rhythm": String, "undisturbed": Time, "until": Time}).cte("calendar")


def _table(dialect: str, parameter: str, columns: dict[str, Any]) -> Select[Any]:
    """A JSON array of rows as a table."""
    rows = bindparam(parameter, type_=String)
    if dialect == "postgresql":
        row = func.jsonb_array_elements(cast(rows, JSONB)).table_valued(column("value", JSONB), name="row").c.value
        return select(*(cast(row[place].as_string(), kind).label(name) for place, (name, kind) in enumerate(columns.items())))
    value = func.json_each(rows).table_valued("value", name="row").c.value
    return select(*(func.json_extract(value, f"$[{place}]", type_=kind).label(name) for place, (name, kind) in enumerate(columns.items())))


def crowd(told: CTE, hears: ColumnElement[bool], columns: Sequence[Any], held: CTE | None = None) -> Select[Any]:
    """These columns for each of the people whom the condition names."""
    people = (
        select(*columns)
        .select_from(told)
        .join(notifications, notifications.c.id == told.c.notification_id)
        .join(
            memberships,
            and_(memberships.c.team_id == notifications.c.team_id, memberships.c.user_id > _AFTER, memberships.c.user_id <= _UPTO),
        )
        .join(users, and_(users.c.id == memberships.c.user_id, in_range(users.c.id)))
        .outerjoin(
            subscriptions,
            and_(
                subscriptions.c.user_id == users.c.id,
                subscriptions.c.team_id == notifications.c.team_id,
                subscriptions.c.category == notifications.c.category,
            ),
        )
    )
    if held is not None:
        people = people.outerjoin(held, and_(held.c.rhythm == users.c.rhythm, held.c.undisturbed == _UNDISTURBED))
    return people.where(hears)


def in_range(user_id: ColumnElement[Any]) -> ColumnElement[bool]:
    """Whether this person is among those asked for."""
    return and_(user_id > _AFTER, user_id <= _UPTO)


def hears(channel: str, told: CTE) -> ColumnElement[bool]:
    """Whether the person hears of it over this channel."""
    enabled, weight = (users.c[f"{channel}_{name}"] for name in ("enabled", "weight"))
    subscribed, own_weight = subscriptions.c[channel], subscriptions.c[f"{channel}_weight"]
    return and_(
        users.c.enabled,
        enabled,
        *((takes_mail(),) if channel == EMAIL else ()),
        func.coalesce(subscribed, literal(True)),
        notifications.c.weight >= func.coalesce(own_weight, weight),
        _may_know(),
        or_(func.coalesce(subscriptions.c.scope, "all") == "all", _owns()),
        not_(_put_aside(_is_muted(told), *((_is_asleep(told),) if channel == EMAIL else ()))),
    )


def takes_mail() -> ColumnElement[bool]:
    """Whether there is an address, and no mail server said that it takes no mail."""
    return and_(users.c.mailable, users.c.refused_at.is_(None))


def mailed(kind: str, told: CTE) -> ColumnElement[bool]:
    """Whether the person gets mail of this kind: `failing`, `reminder`, `repeated` or `resolved`."""
    if kind == "resolved":
        reachable = and_(users.c.enabled, users.c.email_enabled, takes_mail())
        return and_(reachable, _may_know(), not_(_put_aside(_is_muted(told))), _was_mailed(told))
    if kind == "repeated":
        return and_(hears(EMAIL, told), _put_aside(inbox_entries.c.read_at.is_not(None)))
    return hears(EMAIL, told)


def held_until(held: CTE) -> ColumnElement[Any]:
    """When mail about it may leave to the person: now, or later. Do-not-disturb holds all of it, a rhythm what is not urgent."""
    breaks_through = and_(notifications.c.urgent, users.c.urgent_breaks_through)
    return case((breaks_through, _UNDISTURBED), else_=func.coalesce(held.c.until, _UNDISTURBED))


def not_muted(episode: ColumnElement[Any]) -> ColumnElement[bool]:
    """Whether the entry in the enclosing query is not muted by its person in this episode."""
    return and_(
        or_(inbox_entries.c.muted_until.is_(None), inbox_entries.c.muted_until <= NOW),
        or_(inbox_entries.c.muted_episode.is_(None), inbox_entries.c.muted_episode != episode),
    )


def open_digest() -> ColumnElement[bool]:
    """Whether the delivery is a digest that still collects."""
    return and_(deliveries.c.kind == DIGEST, deliveries.c.status == WAITING, deliveries.c.attempts == 0)


def _may_know() -> ColumnElement[bool]:
    named = exists().where(recipients.c.notification_id == notifications.c.id, recipients.c.user_id == users.c.id)
    return and_(holds_permissions(users.c.id), or_(not_(notifications.c.addressed), named))


def _put_aside(*ways: ColumnElement[bool]) -> ColumnElement[bool]:
    """Whether the person has an entry of which one of these holds."""
    return exists().where(inbox_entries.c.user_id == users.c.id, inbox_entries.c.notification_id == notifications.c.id, or_(*ways))


def _is_muted(told: CTE) -> ColumnElement[bool]:
    return or_(inbox_entries.c.muted_until > NOW, inbox_entries.c.muted_episode == told.c.episode)


def _is_asleep(told: CTE) -> ColumnElement[bool]:
    """Snoozed, by what does not wake it."""
    snoozed = or_(inbox_entries.c.snoozed_until > NOW, inbox_entries.c.snoozed_episode == told.c.episode)
    return and_(snoozed, told.c.reason.not_in(CLEARS))


def _was_mailed(told: CTE) -> ColumnElement[bool]:
    """Whether a failure of the episode went, or is going, to the person by mail; not one that a digest still holds."""
    earlier, part = deliveries.alias("earlier"), delivery_items.alias("part")
    still_held = and_(earlier.c.kind == DIGEST, earlier.c.status == WAITING, earlier.c.attempts == 0)
    return exists().where(
        part.c.notification_id == notifications.c.id,
        part.c.episode == told.c.episode,
        not_(part.c.cancelled),
        part.c.user_id == users.c.id,
        earlier.c.id == part.c.delivery_id,
        earlier.c.kind.in_([*FAILING, DIGEST]),
        earlier.c.status != "cancelled",
        not_(still_held),
    )


def _owns() -> ColumnElement[bool]:
    return exists().where(
        notification_owners.c.notification_id == notifications.c.id,
        user_owns.c.user_id == users.c.id,
        user_owns.c.owner == notification_owners.c.owner,
    )
