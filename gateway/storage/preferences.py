"""What a person wants to hear, and when. Nothing stored means the defaults."""

from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any, Final

from sqlalchemy import Connection, bindparam, exists, not_, or_, select, update

from gateway.domain.rhythm import Rhythm
from gateway.storage.database import insert_for
from gateway.storage.tables import deliveries, delivery_items, memberships, notifications, subscriptions, users

_DIGEST: Final = "digest"


def of_user(connection: Connection, user_id: int) -> Mapping[str, Any]:
    """The person's own row."""
    return dict(connection.execute(select(users).where(users.c.id == user_id)).one()._mapping)


def hold_user(connection: Connection, user_id: int) -> Mapping[str, Any]:
    """The same; until the transaction ends nobody else changes it. Who refers to the person by a foreign key does not wait."""
    return dict(connection.execute(select(users).where(users.c.id == user_id).with_for_update(key_share=True)).one()._mapping)


def zone_of(user: Mapping[str, Any]) -> str:
    """The person's time zone."""
    zone: str = user["settings"].get("timezone", "UTC")
    return zone


def rhythm_of(user: Mapping[str, Any]) -> Rhythm:
    """The person's quiet hours and digest in their own zone."""
    return Rhythm.of(user["rhythm"]) if user["rhythm"] else Rhythm(zone_of(user))


def subscriptions_of(connection: Connection, *, user_id: int, team_id: int) -> dict[str, Mapping[str, Any]]:
    """What is stored for the person in a team, by category; absent categories have the defaults."""
    rows = connection.execute(select(subscriptions).where(subscriptions.c.user_id == user_id, subscriptions.c.team_id == team_id))
    return {row.category: dict(row._mapping) for row in rows}


def change_user(connection: Connection, *, user_id: int, columns: Mapping[str, Any], settings: Mapping[str, Any]) -> None:
    """Changes the given columns and settings; what is absent stays."""
    values = dict(columns)
    if settings:
        values["settings"] = {**hold_user(connection, user_id)["settings"], **settings}
    if values:
        connection.execute(update(users).where(users.c.id == user_id).values(**values))


def choose(connection: Connection, *, user_id: int, team_ids: Sequence[int], category: str, values: Mapping[str, Any]) -> None:
    """Changes the given parts of a subscription in these teams and marks it as the person's own choice."""
    insert = insert_for(connection)(subscriptions)
    rows = [
        {
            "in_app": True,
            "email": True,
            "in_app_weight": None,
            "email_weight": None,
            "scope": "all",
            **values,
            "user_id": user_id,
            "team_id": team_id,
            "category": category,
            "chosen": True,
        }
        for team_id in team_ids
    ]
    if rows:
        connection.execute(
            insert.on_conflict_do_update(index_elements=["user_id", "team_id", "category"], set_={**values, "chosen": True}), rows
        )


def undisturbed_until(connection: Connection, *, user_id: int) -> dict[int, datetime | None]:
    """Until when the person is not to be disturbed in each of their teams: team id → time. Apart from what holds in every team."""
    mine = select(memberships.c.team_id, memberships.c.do_not_disturb_until).where(memberships.c.user_id == user_id)
    return {team_id: until for team_id, until in connection.execute(mine)}


def do_not_disturb(connection: Connection, *, user_id: int, team_id: int | None, until: datetime | None) -> None:
    """Holds the person's mail of this team, or of every team, until then; None: not any longer."""
    in_team = update(memberships).where(memberships.c.team_id == team_id, memberships.c.user_id == user_id)
    everywhere = update(users).where(users.c.id == user_id)
    connection.execute((everywhere if team_id is None else in_team).values(do_not_disturb_until=until))


def hold_anew(connection: Connection, *, user_id: int, now: datetime) -> None:
    """Gives what waits to be mailed to the person, and was not tried yet, the moment at which it may leave by now.

    Do-not-disturb holds all of it; quiet hours do not hold what is urgent, unless the person says so; a digest is collected
    until its time. Nothing is taken away.
    """
    user, teams = of_user(connection, user_id), undisturbed_until(connection, user_id=user_id)
    rhythm = rhythm_of(user)
    changed: list[dict[str, Any]] = []
    for row in connection.execute(_UNTRIED, {"user": user_id}):
        held_until = max(now, user["do_not_disturb_until"] or now, teams.get(row.team_id) or now)
        if row.urgent and user["urgent_breaks_through"]:
            due_at = held_until
        elif row.kind == _DIGEST and row.due_at > now:
            due_at = rhythm.free_at(now, held_until)
        else:
            due_at = rhythm.after_quiet(held_until)
        if due_at > now or row.due_at > now:  # what is due already keeps its place in the queue
            changed.append({"b_id": row.id, "b_due_at": due_at})
    if changed:
        connection.execute(_HOLD, changed)


_IS_URGENT: Final = exists().where(
    delivery_items.c.delivery_id == deliveries.c.id,
    not_(delivery_items.c.cancelled),
    notifications.c.id == delivery_items.c.notification_id,
    notifications.c.urgent,
    or_(deliveries.c.kind != _DIGEST, notifications.c.status == "open"),  # what it only tells the end of can wait
)
_UNTRIED: Final = (
    select(deliveries.c.id, deliveries.c.team_id, deliveries.c.kind, deliveries.c.due_at, _IS_URGENT.label("urgent"))
    .where(
        deliveries.c.user_id == bindparam("user"),
        deliveries.c.status == "waiting",
        deliveries.c.attempts == 0,
        deliveries.c.lease.is_(None),
    )
    .order_by(deliveries.c.id)
    .with_for_update(of=deliveries, key_share=True)
)
_HOLD: Final = update(deliveries).where(deliveries.c.id == bindparam("b_id")).values(due_at=bindparam("b_due_at"))
