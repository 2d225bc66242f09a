"""People whom a notification names."""

from collections.abc import Collection, Mapping

from sqlalchemy import Connection, func, or_, select

from gateway.storage.tables import memberships, recipients, users


def of_team(connection: Connection, team_id: int, *, emails: Collection[str], ids: Collection[int]) -> Mapping[str | int, int]:
    """Those of these people who are members of the team, by lower-case address and by id: → id."""
    named = or_(func.lower(users.c.email).in_(list(emails)), users.c.id.in_(list(ids)))
    rows = connection.execute(
        select(users.c.id, func.lower(users.c.email))
        .join(memberships, memberships.c.user_id == users.c.id)
        .where(memberships.c.team_id == team_id, named)
    )
    found: dict[str | int, int] = {}
    for user_id, email in rows:
        found |= {user_id: user_id, email: user_id}
    return found


def span(connection: Connection, notification_id: int) -> tuple[int, int]:
    """The range of ids that those whom a notification names are in: above the first, up to the second."""
    named = recipients.c.notification_id == notification_id
    first, last = connection.execute(select(func.min(recipients.c.user_id), func.max(recipients.c.user_id)).where(named)).one()
    return (first - 1, last) if first is not None else (0, 0)


def any_enabled(connection: Connection, user_ids: Collection[int]) -> bool:
    """Whether one of these people wants to hear of anything at all."""
    return connection.scalar(select(users.c.id).where(users.c.id.in_(list(user_ids)), users.c.enabled).limit(1)) is not None
