"""What the database holds afterwards, compared with what the senders were told and the mail server took."""

from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from sqlalchemy import func, or_, select

from gateway.storage.database import Database, StorageUnavailable
from gateway.storage.tables import deliveries, events, notifications, processing
from tests.acceptance.conftest import Mailbox, eventually
from tests.faults.senders import Load, event_id, flow


@contextmanager
def _opened(url: str) -> Iterator[Database]:
    database = Database(url)
    try:
        yield database
    finally:
        database.close()


def rows(url: str, query: Any) -> list[Any]:
    """The rows of a query."""
    with _opened(url) as database, database.reading() as transaction:
        return list(transaction.execute(query))


def _unfinished(url: str) -> "dict[str, int] | None":
    unprocessed = select(func.count()).select_from(events.outerjoin(processing, processing.c.event_id == events.c.id))
    try:
        ((waiting,),) = rows(url, unprocessed.where(or_(processing.c.status.is_(None), processing.c.status == "waiting")))
        ((unsent,),) = rows(url, select(func.count()).select_from(deliveries).where(deliveries.c.status == "waiting"))
    except StorageUnavailable:
        return None
    return {"events": waiting, "deliveries": unsent}


def settle(url: str, within: float = 60) -> None:
    """Returns once nothing waits any more."""
    try:
        eventually(lambda: _unfinished(url) == {"events": 0, "deliveries": 0}, within)
    except AssertionError:
        raise AssertionError(f"stuck: {_unfinished(url)}") from None


def check(url: str, load: Load, mails: Mailbox) -> None:
    """Nothing answered 2xx is lost, nothing was done twice. `load` insisted, so that all it sent is there."""
    accepted = load.accepted
    assert accepted
    stored = {row.request_key: row for row in rows(url, select(events))}
    lost = [number for number, its_id in accepted.items() if event_id(number) not in stored or stored[event_id(number)].id != its_id]
    assert lost == [], "answered 2xx and not in events"
    ((total,),) = rows(url, select(func.count()).select_from(events))
    assert total == len(stored), "a request key was stored twice"
    assert {row.status for row in rows(url, select(processing))} == {"mapped"}
    expected = Counter(flow(number) for number in range(max(one.number for one in load.noted) + 1) if event_id(number) in stored)
    threads = rows(url, select(notifications).where(notifications.c.status != "unseen"))
    assert Counter({row.pipeline: row.count for row in threads}) == expected
    assert len(threads) == len(expected), "one failing flow, one notification"
    sent = rows(url, select(deliveries))
    assert [row.status for row in sent if row.status != "sent"] == []
    failures = [row for row in sent if row.kind != "reminder"]  # a clock that steps ahead reminds of what is open
    assert len(failures) == len(expected), "one mail for each failing flow"
    left = Counter(str(mail["Message-ID"]) for mail in mails.all())
    assert set(left) == {row.message_id for row in sent}
    assert [name for name, times in left.items() if times > 2] == [], "left more than twice"
