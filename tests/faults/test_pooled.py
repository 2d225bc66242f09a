"""PgBouncer in transaction mode stands before PostgreSQL: no statement may count on the connection of the one before."""

from collections.abc import Iterator

import pytest

from tests.acceptance.conftest import Mailbox
from tests.faults.conftest import on_database
from tests.faults.record import check, settle
from tests.faults.running import Gateway
from tests.faults.senders import Load
from tests.faults.servers import Postgresql, pgbouncer

pytestmark = pytest.mark.faults


@pytest.fixture
def pooler(postgresql: Postgresql) -> Iterator[str]:
    with pgbouncer(postgresql, connections=5) as url:
        yield url


@pytest.mark.req("R93")
@pytest.mark.parametrize("listens", [True, False], ids=["listens-beside-the-pooler", "polls"])
def test_behind_a_pooler_in_transaction_mode_all_is_taken_and_told(
    pooler: str, on_postgresql: Gateway, mails: Mailbox, listens: bool
) -> None:
    direct = on_postgresql.database_url
    on_postgresql.environment = on_database(f"{pooler}/{direct.rpartition('/')[2]}")
    if listens:
        on_postgresql.environment["TOCSIN_DATABASE_LISTEN_URL"] = direct
    on_postgresql.arguments = ("--processes", "2")
    on_postgresql.start()
    load = Load((on_postgresql.port,), most=300)
    with load.sending():
        pass
    settle(direct)
    check(direct, load, mails)
    assert {one.status for one in load.noted} == {202}
    assert "prepared statement" not in on_postgresql.log
