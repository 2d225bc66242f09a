"""What the database holds afterwards, compared with what the senders were told and the mail server took."""

from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from sqlalchemy import and_, func, not_, or_, select

from gateway.storage import floods
from gateway.storage.database import Database, StorageUnavailable
from gateway.storage.tables import deliveries, delivery_items, events, notifications, processing, sources
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
        collects = and_(deliveries.c.kind == "digest", deliveries.c.attempts == 0)  # the one mail of a storm has its own time
        unsent_mails = select(func.count()).select_from(deliveries).where(deliveries.c.status == "waiting", not_(collects))
        ((unsent,),) = rows(url, unsent_mails)
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
    own = {row.id for row in rows(url, select(sources).where(sources.c.kind == "tocsin"))}  # it says itself that its disk is full
    shown = rows(url, select(notifications).where(notifications.c.status != "unseen"))
    threads = [row for row in shown if row.source_id not in own]
    ours = {row.id for row in shown} - {row.id for row in threads}
    assert Counter({row.pipeline: row.count for row in threads}) == expected
    assert len(threads) == len(expected), "one failing flow, one notification"
    ends = rows(url, select(deliveries))
    of_ours = {row.delivery_id for row in rows(url, select(delivery_items).where(delivery_items.c.notification_id.in_(ours)))}
    of_load = [row for row in ends if row.id not in of_ours]
    assert {row.status for row in of_load if row.kind != "digest"} <= {"sent", "cancelled"}
    assert {row.last_answer for row in of_load if row.status == "cancelled"} <= {floods.WHY}
    told = rows(
        url,
        select(delivery_items.c.notification_id, deliveries.c.kind)
        .join(deliveries, deliveries.c.id == delivery_items.c.delivery_id)
        .where(deliveries.c.status != "cancelled", deliveries.c.kind != "reminder")  # a clock that steps ahead reminds of what is open
        .where(delivery_items.c.notification_id.not_in(ours)),
    )
    singly = Counter(row.notification_id for row in told if row.kind != "digest")  # a storm's one mail tells of reminders too
    assert set(singly.values()) <= {1}, "each failing flow in one mail"
    assert {row.notification_id for row in told} == {row.id for row in threads}, "each failing flow in some mail"
    left = Counter(str(mail["Message-ID"]) for mail in mails.all())
    assert set(left) == {row.message_id for row in ends if row.status == "sent"}
    assert [name for name, times in left.items() if times > 2] == [], "left more than twice"
