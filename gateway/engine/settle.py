"""What time alone, or a person, does to threads: holds and flapping end, reminders fall due, threads close."""

from collections.abc import Mapping
from datetime import datetime
from typing import Any

from gateway.domain.identity import conversation_identity
from gateway.domain.judge import Alert, Reason, due
from gateway.domain.thread import Occurrence
from gateway.engine.ledger import Ledger
from gateway.engine.record import flush
from gateway.storage import scheduled, teams, threads
from gateway.storage.database import Transaction
from gateway.storage.threads import Stored
from mappers.contract import Level, State


def release_due(transaction: Transaction, *, now: datetime, limit: int) -> int:
    """Shows what outlived its hold, and how things stand after flapping; gives how many threads were looked at."""
    ledgers = _open(transaction, threads.lock_due(transaction, now=now, limit=limit))
    for ledger in ledgers:
        verdict = due(ledger.thread, now)
        if verdict is None:
            ledger.settle(Reason.HELD, now, now)
            continue
        verdict = ledger.seen(verdict)
        for key, member in verdict.thread.firing.items():
            if member != ledger.thread.firing.get(key):
                threads.release_member(transaction, ledger.id, key)
        ledger.thread = verdict.thread
        ledger.settle(verdict.reason, now, ledger.row["last_at"] or now)
        ledger.conversation = _conversation(ledger.row) if verdict.thread.is_open else None
        ledger.tell(verdict.reason, verdict.alert, f"due/{ledger.id}/{verdict.thread.episode}/{now.isoformat()}", stale=False)
    flush(transaction, ledgers, now)
    return len(ledgers)


def remind(transaction: Transaction, *, now: datetime, limit: int) -> int:
    """Reminds those who hear by mail of what is still open; gives how many threads were looked at."""
    ledgers = _open(transaction, threads.lock_to_remind(transaction, now=now, limit=limit))
    for ledger in ledgers:
        if ledger.reminder_at is not None and ledger.reminder_at <= now:
            ledger.tell(Reason.REMINDER, Alert.REMINDED, f"reminder/{now.isoformat()}", stale=False)
        ledger.touched = True
    flush(transaction, ledgers, now)
    return len(ledgers)


def close_silent(transaction: Transaction, *, now: datetime, limit: int) -> int:
    """Closes open threads that nothing can resolve and that had no news for long enough; gives how many."""
    ledgers = _open(transaction, threads.lock_silent(transaction, now=now, limit=limit))
    for ledger in ledgers:
        _close(ledger, "silence", "Closed by itself: no news for a long time, and its sender cannot say that it recovered.", now)
    flush(transaction, ledgers, now)
    return len(ledgers)


def close_by_hand(transaction: Transaction, *, notification_id: int, who: str, now: datetime) -> bool:
    """Ends the open episode of a thread because a person says so; False where none is open."""
    stored = threads.lock_one(transaction, notification_id)
    if stored is None or not (stored.thread.is_open or stored.thread.firing):
        return False
    ledgers = _open(transaction, [stored])
    _close(ledgers[0], "hand", f"Resolved by {who}.", now)
    flush(transaction, ledgers, now)
    return True


def next_due(transaction: Transaction) -> datetime | None:
    """When time alone will change a thread, or make a notification that was scheduled."""
    return min((moment for moment in (threads.next_due(transaction), scheduled.next_due(transaction)) if moment), default=None)


def _close(ledger: Ledger, how: str, message: str, now: datetime) -> None:
    at = max(now, ledger.thread.last[0]) if ledger.thread.last else now
    members = dict.fromkeys(ledger.thread.firing, Level.SUCCESS)
    closing = Occurrence(key=f"{how}/{now.isoformat()}", at=at, state=State.RESOLVED, members=members, final=True)
    was_open = ledger.thread.is_open
    ledger.close(closing, message, now)
    if was_open:
        ledger.tell(Reason.RESOLVED, Alert.TOLD, f"{how}/{ledger.id}/{ledger.thread.episode}", stale=False)


def _open(transaction: Transaction, stored: list[Stored]) -> list[Ledger]:
    rules = teams.rules(transaction, {one.row["team_id"] for one in stored})
    return [Ledger.open(one, rules) for one in stored]


def _conversation(row: Mapping[str, Any]) -> str:
    return conversation_identity(row["team_id"], row["source_id"], row["environment"], row["pipeline"], row["identity"])
