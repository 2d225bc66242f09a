"""Teams of many, put into the database by sets."""

from datetime import datetime

from sqlalchemy import bindparam, text

from gateway.storage.database import Database
from gateway.storage.types import Id, Time


def join(database: Database, team_id: int, number: int, *, now: datetime, rhythm: str | None = None) -> list[int]:
    """Makes so many new people members of the team; gives their ids in order."""
    document = "'{}'" if database.is_sqlite else "'{}'::jsonb"
    numbers = f"WITH RECURSIVE s(n) AS (SELECT 1 UNION ALL SELECT n + 1 FROM s WHERE n < {number})"
    with database.writing() as transaction:
        first = transaction.execute(text("SELECT coalesce(max(id), 0) FROM users")).scalar_one()
        given = {"first": first, "team": team_id, "now": now, "rhythm": rhythm}
        kinds = (bindparam("first", type_=Id), bindparam("team", type_=Id))
        people = text(
            f"INSERT INTO users (id, email, name, settings, rhythm, created_at) {numbers}"
            f" SELECT :first + n, 'p' || (:first + n) || '@acme.test', 'P', {document}, :rhythm, :now FROM s"
        ).bindparams(*kinds[:1], bindparam("now", type_=Time))
        transaction.execute(people, {name: given[name] for name in ("first", "now", "rhythm")})
        if not database.is_sqlite:
            transaction.execute(text("SELECT setval(pg_get_serial_sequence('users', 'id'), (SELECT max(id) FROM users))"))
        for place in (
            "memberships (team_id, user_id, role) SELECT :team, id, 'member' FROM users WHERE id > :first",
            "membership_permissions (team_id, user_id, permission) SELECT :team, id, 'role:member' FROM users WHERE id > :first",
        ):
            transaction.execute(text(f"INSERT INTO {place}").bindparams(*kinds), {name: given[name] for name in ("first", "team")})
    return list(range(first + 1, first + number + 1))
