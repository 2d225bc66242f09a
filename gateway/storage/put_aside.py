"""What one person puts aside for a while: a thread muted, an entry snoozed. Both end by themselves."""

from datetime import datetime
from typing import Final

from sqlalchemy import Connection, and_, bindparam, exists, not_, or_, select, update

from gateway.storage.among import among
from gateway.storage.tables import deliveries, delivery_items, inbox_entries
from gateway.storage.types import Id


def mute(connection: Connection, *, user_id: int, notification_id: int, until: datetime | None, episode: int | None, now: datetime) -> None:
    """No alert and no place in a list until then, or while this episode lasts; mail about it that has not left is taken back."""
    change = _OF_ONE.values(muted_until=until, muted_episode=episode)
    connection.execute(change, {"user": user_id, "notification": notification_id})
    take_out_of_mail(connection, user_id=user_id, notification_id=notification_id, now=now)


def unmute(connection: Connection, *, user_id: int, notification_id: int) -> None:
    """Ends a mute."""
    connection.execute(_OF_ONE.values(muted_until=None, muted_episode=None), {"user": user_id, "notification": notification_id})


def snooze(connection: Connection, *, user_id: int, notification_id: int, until: datetime | None, episode: int | None) -> None:
    """Out of list, counts and bar until then, or while this episode is open; then it is in the inbox, unread and on top."""
    on_top = {"last_at": until} if until else {}
    change = _OF_ONE.values(snoozed_until=until, snoozed_episode=episode, read_at=None, archived_at=None, **on_top)
    connection.execute(change, {"user": user_id, "notification": notification_id})


def unsnooze(connection: Connection, *, user_id: int, notification_id: int, now: datetime) -> None:
    """Ends a snooze: the entry is on top now."""
    change = _OF_ONE.values(snoozed_until=None, snoozed_episode=None, last_at=now)
    connection.execute(change, {"user": user_id, "notification": notification_id})


def take_out_of_mail(connection: Connection, *, user_id: int, notification_id: int, now: datetime) -> None:
    """Takes a thread out of the person's mails that have not left; an emptied mail is cancelled, another one composed anew.

    A frozen mail without an answer may have left: its worker sends it, or died while it did.
    """
    touched = connection.scalars(_UNSENT, {"user": user_id, "notification": notification_id}).all()
    if not touched:
        return
    connection.execute(_TAKE_OUT, {"notification": notification_id, "deliveries": touched})
    connection.execute(_COMPOSE_ANEW, {"deliveries": touched})
    connection.execute(_CANCEL_EMPTY, {"deliveries": touched, "now": now})


_USER, _NOTIFICATION = bindparam("user", type_=Id), bindparam("notification", type_=Id)
_OF_ONE: Final = update(inbox_entries).where(inbox_entries.c.user_id == _USER, inbox_entries.c.notification_id == _NOTIFICATION)
_PART: Final = and_(delivery_items.c.notification_id == _NOTIFICATION, not_(delivery_items.c.cancelled))
_UNSENT: Final = (
    select(deliveries.c.id)
    .where(
        deliveries.c.user_id == _USER,
        deliveries.c.status == "waiting",
        deliveries.c.lease.is_(None),
        or_(deliveries.c.mail.is_(None), deliveries.c.last_answer.is_not(None)),
        exists().where(delivery_items.c.delivery_id == deliveries.c.id, _PART),
    )
    .order_by(deliveries.c.id)
    .with_for_update(of=deliveries)
)
_TAKE_OUT: Final = update(delivery_items).where(_PART, among(delivery_items.c.delivery_id, "deliveries")).values(cancelled=True)
_COMPOSE_ANEW: Final = update(deliveries).where(among(deliveries.c.id, "deliveries")).values(mail=None)
_CANCEL_EMPTY: Final = (
    update(deliveries)
    .where(
        among(deliveries.c.id, "deliveries"),
        not_(exists().where(delivery_items.c.delivery_id == deliveries.c.id, not_(delivery_items.c.cancelled))),
    )
    .values(status="cancelled", finished_at=bindparam("now"), last_answer="muted before it was sent")
)
