"""Which threads are read for what went wrong, and the mail that waits for it: a moment, never longer."""

from collections.abc import Sequence
from datetime import datetime
from typing import Final

from gateway.domain.judge import Alert, Reason
from gateway.engine.follow_up import MAIL_WAITS
from gateway.engine.ledger import Ledger
from gateway.storage import deliveries, follow_ups, readings
from gateway.storage.database import Transaction
from gateway.storage.readings import Wanted
from mappers.contract import Category

_READ: Final = frozenset({Reason.FIRST, Reason.REOPENED, Reason.ESCALATED, Reason.GREW, Reason.REPEAT})
_FAILURES: Final = frozenset({Category.INCIDENT.value, Category.JOB_FAILURE.value, Category.DBT_TEST_FAILURE.value})


def ask(transaction: Transaction, ledgers: Sequence[Ledger], now: datetime) -> None:
    """Puts on the list what is told just now and is a failure; its mail waits for what is read."""
    wanted = [one for one in ledgers if _is_read(one)]
    readings.ask(transaction, [Wanted(one.id, one.row["episode"], one.row["run"], one.logs) for one in wanted], now)
    conversations = sorted({one.row["conversation_id"] for one in wanted if one.row["conversation_id"]})
    if conversations:
        deliveries.hold_for_reading(transaction, conversations, until=now + MAIL_WAITS, now=now)


def let_go(transaction: Transaction, conversation: str, source_id: int | None, now: datetime) -> None:
    """Mail of this conversation waits for nothing that is read any more; for a document it may."""
    if readings.waiting_in(transaction, [conversation]):
        return
    awaited = follow_ups.awaited(transaction, source_id, since=now - MAIL_WAITS) if source_id is not None else set()
    if conversation not in awaited:
        deliveries.release(transaction, [conversation])


def _is_read(ledger: Ledger) -> bool:
    row = ledger.row
    is_told = ledger.alert in (Alert.AUDIENCE, Alert.READERS) and ledger.reason in _READ and not ledger.stale
    is_failure = ledger.thread.is_open and row["weight"] > 1 and row["category"] in _FAILURES
    return is_told and is_failure and bool(row["excerpt"] or row["message"] or ledger.logs)
