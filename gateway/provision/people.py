"""The people of `tocsin.toml`, their memberships and tokens; those made by the API are left alone."""

from collections.abc import Mapping
from datetime import datetime
from typing import NamedTuple

from gateway.config.document import Configuration
from gateway.storage import audit, credentials, members, people
from gateway.storage.database import Transaction
from mappers.contract.signature import digest


class _Shape(NamedTuple):
    role: str
    permissions: tuple[str, ...]


def put_people(transaction: Transaction, configuration: Configuration, teams: Mapping[str, int], now: datetime) -> dict[str, int]:
    """Brings people, memberships and tokens to what the configuration says; gives address → id."""
    users = {}
    for user in configuration.user:
        name = user.name or user.email.partition("@")[0]
        user_id = users[user.email] = people.put_user(transaction, email=user.email, name=name, now=now)
        people.put_owns(transaction, user_id=user_id, owns=user.owns)
    _keep_members(transaction, configuration, teams, users, now)
    _keep_tokens(transaction, configuration, users, now)
    return users


def _keep_members(
    transaction: Transaction, configuration: Configuration, teams: Mapping[str, int], users: Mapping[str, int], now: datetime
) -> None:
    wanted = {
        (teams[slug], users[user.email]): _Shape(one.role, tuple(sorted(set(one.permissions))))
        for user in configuration.user
        for slug, one in user.teams.items()
    }
    known = {place: _Shape(one.role, one.permissions) for place, one in members.managed(transaction).items()}
    for (team_id, user_id), shape in wanted.items():
        people.put_membership(transaction, team_id=team_id, user_id=user_id, role=shape.role, permissions=shape.permissions, managed=True)
    for team_id, user_id in known.keys() - wanted.keys():
        people.end_membership(transaction, team_id=team_id, user_id=user_id)
    for (team_id, user_id), action in _changes(known, wanted):
        shape = wanted.get((team_id, user_id)) or known[team_id, user_id]
        audit.note(
            transaction, by=audit.CONFIGURATION, team_id=team_id, action=action, target=audit.who(transaction, user_id), now=now,
            details={"role": shape.role, "permissions": list(shape.permissions)},
        )  # fmt: skip


def _changes(known: Mapping[tuple[int, int], _Shape], wanted: Mapping[tuple[int, int], _Shape]) -> list[tuple[tuple[int, int], str]]:
    changes = [(place, "member.added") for place in wanted.keys() - known.keys()]
    changes += [(place, "member.changed") for place in wanted.keys() & known.keys() if wanted[place] != known[place]]
    changes += [(place, "member.removed") for place in known.keys() - wanted.keys()]
    return sorted(changes)


def _keep_tokens(transaction: Transaction, configuration: Configuration, users: Mapping[str, int], now: datetime) -> None:
    known, wanted = credentials.managed(transaction), {}
    for user in configuration.user:
        if user.token:
            wanted[digest(user.token)] = users[user.email]
            credentials.put(
                transaction, user_id=users[user.email], kind="token", digest=digest(user.token), name="tocsin.toml", now=now,
                expires_at=None, scopes=user.scopes, managed=True,
            )  # fmt: skip
    for gone in known.keys() - wanted.keys():
        credentials.forget(transaction, gone)
    changes = [(wanted[one], "token.created") for one in wanted.keys() - known.keys()]
    changes += [(known[one], "token.revoked") for one in known.keys() - wanted.keys()]
    for user_id, action in sorted(changes):
        for team_id in sorted(members.teams_of(transaction, user_id=user_id)):
            target = f"token of {audit.who(transaction, user_id)}"
            audit.note(transaction, by=audit.CONFIGURATION, team_id=team_id, action=action, target=target, now=now)
