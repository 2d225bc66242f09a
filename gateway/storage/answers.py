"""What a model said of failures: one question for each, whoever asks and however often it comes again."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from sqlalchemy import Connection, func, select, update

from gateway.storage.database import insert_for
from gateway.storage.locks import one_at_a_time
from gateway.storage.tables import answers

ASKED = "asked"
ANSWERED = "answered"
FAILED = "failed"


@dataclass(frozen=True, slots=True)
class Kept:
    """What is known of a question: its answer, that somebody asks it now, or why there is no answer."""

    status: str
    summary: dict[str, Any] | None
    why_not: str | None
    until: datetime


def take(connection: Connection, *, team_id: int, key: str, model: str, daily: int, patience: timedelta, now: datetime) -> Kept | bool:
    """What is kept of this question. True: it is ours to ask, within `patience`. False: the team has asked enough today."""
    kept = _kept(connection, team_id, key)
    if kept is not None and (kept.status == ANSWERED or kept.until > now):
        return kept
    one_at_a_time(connection, f"answers of team {team_id}")  # or several would each find the last question of the day free
    if asked_today(connection, team_id=team_id, now=now) >= daily:
        return False
    mine = {"status": ASKED, "summary": None, "why_not": None, "asked_at": now, "until": now + patience, "model": model}
    statement = insert_for(connection)(answers).values(team_id=team_id, key=key, **mine)
    over = (answers.c.status != ANSWERED) & (answers.c.until <= now)
    taken = connection.execute(
        statement.on_conflict_do_update(index_elements=["team_id", "key"], set_=mine, where=over).returning(answers.c.id)
    ).first()
    return True if taken is not None else _kept(connection, team_id, key) or False


def keep(
    connection: Connection, *, team_id: int, key: str, summary: Mapping[str, Any] | None, why_not: str | None, tokens: tuple[int, int],
    until: datetime,
) -> None:  # fmt: skip
    """The answer, or why there is none: then it is not asked again before `until`."""
    connection.execute(
        update(answers)
        .where(answers.c.team_id == team_id, answers.c.key == key)
        .values(
            status=ANSWERED if summary else FAILED, summary=dict(summary) if summary else None, why_not=why_not, until=until,
            tokens_in=tokens[0], tokens_out=tokens[1],
        )
    )  # fmt: skip


def asked_today(connection: Connection, *, team_id: int, now: datetime) -> int:
    """How many questions the team asked since midnight UTC."""
    midnight = now.replace(hour=0, minute=0, second=0, microsecond=0)
    asked: int = connection.scalar(select(func.count()).where(answers.c.team_id == team_id, answers.c.asked_at >= midnight)) or 0
    return asked


def _kept(connection: Connection, team_id: int, key: str) -> Kept | None:
    columns = (answers.c.status, answers.c.summary, answers.c.why_not, answers.c.until)
    row = connection.execute(select(*columns).where(answers.c.team_id == team_id, answers.c.key == key)).one_or_none()
    return Kept(*row) if row else None
