"""Teams as the engine needs them: how they are called, and by which rules they are told."""

from collections.abc import Collection
from dataclasses import dataclass
from typing import Final

from sqlalchemy import Connection, bindparam, select

from gateway.domain.policy import Policy
from gateway.storage.among import among
from gateway.storage.tables import memberships, teams

LARGE: Final = 2_000
"""Members from which on a team is told in ranges of its people and not within the transaction that records."""


@dataclass(frozen=True, slots=True)
class Team:
    """One team."""

    slug: str
    policy: Policy


def rules(connection: Connection, ids: Collection[int]) -> dict[int, Team]:
    """These teams: id → name and policy."""
    rows = connection.execute(_RULES, {"ids": sorted(ids)})
    return {team_id: Team(slug, Policy.of(policy)) for team_id, slug, policy in rows}


def is_large(connection: Connection, team_id: int) -> bool:
    """Whether the team has more than `LARGE` members; looks at no more of them than that."""
    return connection.scalar(_BEYOND, {"team": team_id}) is not None


_RULES: Final = select(teams.c.id, teams.c.slug, teams.c.policy).where(among(teams.c.id, "ids"))
_BEYOND: Final = (
    select(memberships.c.user_id).where(memberships.c.team_id == bindparam("team")).order_by(memberships.c.user_id).offset(LARGE).limit(1)
)
