"""Figures are counted from the index of the team, or of its members and the time: what others have, and what is older, is not read."""

from datetime import timedelta

import pytest
from sqlalchemy import text

from gateway.domain.figures import Stretch
from gateway.storage import figures
from gateway.storage.database import Database
from gateway.storage.figures import Wanted
from tests.conftest import NOW
from tests.storage.test_storage_plans import large, plans

__all__ = ["large"]
pytestmark = pytest.mark.req("R94")
WANTED = Wanted([1], NOW - timedelta(days=1), NOW + timedelta(days=1), NOW)
CLOCK = [Stretch(NOW + timedelta(days=1), timedelta(0))]


def many_episodes(database: Database) -> None:
    """Of fifty teams, so that one is few of them."""
    moment = "1772442000000000" if database.is_sqlite else "timestamptz '2026-03-02 09:00Z'"
    false = "0" if database.is_sqlite else "false"
    numbers = "WITH RECURSIVE s(n) AS (SELECT 1 UNION ALL SELECT n + 1 FROM s WHERE n < 3000)"
    with database.writing() as transaction:
        transaction.execute(
            text(
                "INSERT INTO episodes (notification_id, team_id, category, environment, opened_at, happenings, alerts, flapped) "
                f"{numbers} SELECT n, 1 + n % 50, 'system', '', {moment}, 1, 1, {false} FROM s"
            )
        )
    if not database.is_sqlite:
        with database.engine.connect().execution_options(isolation_level="AUTOCOMMIT") as connection:
            connection.execute(text("ANALYZE episodes"))


@pytest.mark.parametrize("by", ["all", "category", "source", "environment", "team", "pipeline", "day"])
def test_episodes_are_found_by_team_and_time(large: Database, by: str) -> None:
    many_episodes(large)
    for verb in (figures.counts, figures.spans):
        for statement, plan in plans(large, lambda one, verb=verb: verb(one, WANTED, by, CLOCK)):
            assert "ix_episodes_team_id_opened_at" in plan, (statement, plan)


def test_entries_are_counted_by_whose_they_are_and_when(large: Database) -> None:
    ((_, plan),) = plans(large, lambda one: figures.entries(one, WANTED))
    lines = [line.strip() for line in plan.splitlines() if "inbox_entries" in line and "Cond" not in line]
    if large.is_sqlite:
        assert any("USING INDEX ix_inbox_entries_list (user_id=? AND last_at>? AND last_at<?)" in line for line in lines), plan
        assert any("ix_inbox_entries_archived (user_id=? AND last_at>? AND last_at<?)" in line for line in lines), plan
    else:
        assert any("Index Only Scan using ix_inbox_entries_list" in line for line in lines), plan
    assert not any("Seq Scan" in line or line.startswith("SCAN") for line in lines), plan


def test_mails_are_found_by_whom_they_went_to_and_when(large: Database) -> None:
    for verb in (lambda one: figures.mails(one, WANTED, CLOCK), lambda one: figures.told_by_mail(one, WANTED)):
        ((statement, plan),) = plans(large, verb)
        assert "Seq Scan on deliveries" not in plan, (statement, plan)
        if large.is_sqlite:  # the other has no rows to choose an index by
            assert "ix_deliveries_user_id_finished_at (user_id=? AND finished_at>? AND finished_at<?)" in plan, (statement, plan)
