"""What a person wants to hear. Nothing stored means the defaults."""

from collections.abc import Mapping, Sequence
from typing import Any

from sqlalchemy import Connection, select, update

from gateway.storage.database import insert_for
from gateway.storage.tables import subscriptions, users


def of_user(connection: Connection, user_id: int) -> Mapping[str, Any]:
    """The person's own row."""
    return dict(connection.execute(select(users).where(users.c.id == user_id)).one()._mapping)


def subscriptions_of(connection: Connection, *, user_id: int, team_id: int) -> dict[str, Mapping[str, Any]]:
    """What is stored for the person in a team, by category; absent categories have the defaults."""
    rows = connection.execute(select(subscriptions).where(subscriptions.c.user_id == user_id, subscriptions.c.team_id == team_id))
    return {row.category: dict(row._mapping) for row in rows}


def change_user(connection: Connection, *, user_id: int, columns: Mapping[str, Any], settings: Mapping[str, Any]) -> None:
    """Changes the given columns and settings; what is absent stays."""
    values = dict(columns)
    if settings:
        row = connection.execute(select(users.c.settings).where(users.c.id == user_id).with_for_update()).one()
        values["settings"] = {**row.settings, **settings}
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
