"""Writing down what happened: every happening is judged against its thread, then all is saved and told, set by set."""

from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any, Final

from gateway.domain.identity import conversation_identity
from gateway.domain.judge import CLEARS_PUT_ASIDE, STALE_AFTER, Alert, Reason, due, judge
from gateway.domain.thread import Occurrence
from gateway.engine.happening import Happening
from gateway.engine.ledger import Ledger
from gateway.storage import audience, threads
from gateway.storage.database import Transaction
from mappers.contract import Category, Level, State

CATEGORY_LABELS: Final = {
    Category.INCIDENT: "incident",
    Category.SCHEMA_CHANGE: "schema change",
    Category.JOB_FAILURE: "job failure",
    Category.LATE_RUN: "late run",
    Category.DBT_TEST_FAILURE: "dbt test failure",
    Category.SYSTEM: "system",
}
_SUBJECT_LIMIT: Final = 74  # 78 with "Re: "
_CLEARS: Final = frozenset(reason.value for reason in CLEARS_PUT_ASIDE)


def record(transaction: Transaction, happenings: Sequence[Happening], teams: dict[int, str], now: datetime) -> list[Reason]:
    """Judges and records these happenings in order; gives the reason of each. `teams` names the teams, id → slug."""
    stored = threads.lock(transaction, [one.place for one in happenings])
    ledgers = {identity: Ledger.open(thread) for identity, thread in stored.items()}
    same = threads.known_occurrences(transaction, [(ledgers[one.place.identity].id, one.occurrence.key) for one in happenings])
    reasons: list[Reason] = []
    for happening in happenings:
        ledger = ledgers[happening.place.identity]
        known = ledger.known.get(happening.occurrence.key) or same.get((ledger.id, happening.occurrence.key))
        verdict = judge(ledger.thread, happening.occurrence, known, lambda ledger=ledger: _history(transaction, ledger), now)  # type: ignore[misc]
        stale = now - happening.origin.received_at > STALE_AFTER
        if ledger.conflicts_with(verdict.alert, stale=stale):
            _flush(transaction, list(ledgers.values()), teams, now)
        ledger.apply(verdict, happening, known, now)
        ledger.tell(verdict.reason, verdict.alert, happening.news, stale=stale)
        reasons.append(verdict.reason)
    _flush(transaction, list(ledgers.values()), teams, now)
    return reasons


def release_due(transaction: Transaction, teams: dict[int, str], *, now: datetime, limit: int) -> int:
    """Shows what is still failing now that its hold is over; gives how many threads were looked at."""
    ledgers = [Ledger.open(stored) for stored in threads.lock_due(transaction, now=now, limit=limit)]
    for ledger in ledgers:
        verdict = due(ledger.thread, now)
        if verdict is None:
            ledger.settle(Reason.HELD, now, now)
            continue
        for key, member in verdict.thread.firing.items():
            if member != ledger.thread.firing.get(key):
                threads.release_member(transaction, ledger.id, key)
        ledger.thread = verdict.thread
        ledger.settle(verdict.reason, now, ledger.row["last_at"] or now)
        ledger.conversation = _conversation(ledger.row)
        ledger.tell(verdict.reason, verdict.alert, f"due/{ledger.id}/{verdict.thread.episode}/{verdict.thread.weight()}", stale=False)
    _flush(transaction, ledgers, teams, now)
    return len(ledgers)


def close_silent(transaction: Transaction, teams: dict[int, str], *, now: datetime, limit: int) -> int:
    """Closes open threads that nothing can resolve and that had no news for long enough; gives how many."""
    ledgers = [Ledger.open(stored) for stored in threads.lock_silent(transaction, now=now, limit=limit)]
    for ledger in ledgers:
        closing = Occurrence(
            key=f"silence/{now.isoformat()}", at=now, state=State.RESOLVED, members=dict.fromkeys(ledger.thread.firing, Level.SUCCESS)
        )
        ledger.close(closing, "Closed by itself: no news for a long time, and its sender cannot say that it recovered.", now)
        ledger.tell(Reason.RESOLVED, Alert.TOLD, f"silence/{ledger.id}/{ledger.thread.episode}", stale=False)
    _flush(transaction, ledgers, teams, now)
    return len(ledgers)


def _conversation(row: Mapping[str, Any]) -> str:
    return conversation_identity(row["team_id"], row["source_id"], row["environment"], row["pipeline"], row["identity"])


def _history(transaction: Transaction, ledger: Ledger) -> list[Occurrence]:
    stored = {one.key: one for one in threads.history(transaction, ledger.id)}
    return list((stored | ledger.known).values())


def _flush(transaction: Transaction, ledgers: Sequence[Ledger], teams: dict[int, str], now: datetime) -> None:
    """Saves every ledger that has news, then tells people, set by set."""
    ledgers = [ledger for ledger in ledgers if ledger.touched]
    if not ledgers:
        return
    _attach(transaction, ledgers, teams, now)
    threads.end_members(transaction, [(ledger.id, key) for ledger in ledgers for key in sorted(ledger.ended)])
    threads.save_members(transaction, [row for ledger in ledgers for row in ledger.member_rows.values()])
    threads.move_members(transaction, {(ledger.id, key): state for ledger in ledgers for key, state in ledger.moved.items()})
    worst = threads.worst_members(transaction, [ledger.id for ledger in ledgers if ledger.shrank])
    for ledger in ledgers:
        if ledger.id in worst:
            ledger.speak_for(*worst[ledger.id])
    threads.save(transaction, {ledger.id: ledger.changes for ledger in ledgers})
    for ledger in ledgers:
        if ledger.was_episode is not None:
            audience.renumber(transaction, ledger.id, old=ledger.was_episode, new=ledger.row["episode"])
    threads.count_members(transaction, [ledger.id for ledger in ledgers if ledger.member_rows or ledger.moved])
    threads.record(transaction, [row for ledger in ledgers for row in ledger.occurrence_rows.values()])
    threads.forget_audience(transaction, [ledger.id for ledger in ledgers if ledger.audience_anew])
    threads.add_owners(transaction, {ledger.id: ledger.owners for ledger in ledgers})
    threads.add_permissions(transaction, {ledger.id: ledger.permissions for ledger in ledgers})
    _tell(transaction, ledgers, now)
    threads.close_conversations(
        transaction,
        sorted({ledger.row["conversation_id"] for ledger in ledgers if not ledger.thread.is_open and ledger.row["conversation_id"]}),
        now,
    )
    for ledger in ledgers:
        ledger.written()


def _attach(transaction: Transaction, ledgers: Sequence[Ledger], teams: dict[int, str], now: datetime) -> None:
    worst_last = sorted((one for one in ledgers if one.conversation), key=lambda one: (one.row["weight"], -one.id))
    wanted = {ledger.conversation: ledger for ledger in worst_last if ledger.conversation}
    subjects = {
        identity: {"team_id": ledger.row["team_id"], "subject": _subject(ledger, teams[ledger.row["team_id"]])}
        for identity, ledger in wanted.items()
    }
    found = threads.open_conversations(transaction, subjects, now)
    for ledger in ledgers:
        if ledger.conversation:
            ledger.row["conversation_id"] = found[ledger.conversation]


def _subject(ledger: Ledger, team: str) -> str:
    """The subject of the conversation's mails: `[acme/prod] nightly-orders: job failure`. No time, no run: it never changes."""
    row = ledger.row
    place = f"[{team}/{row['environment']}]" if row["environment"] else f"[{team}]"
    label = CATEGORY_LABELS[Category(row["category"])]
    room = _SUBJECT_LIMIT - len(place) - len(label) - 3
    topic = row["pipeline"] or row["title"]
    return f"{place} {topic if len(topic) <= room else topic[: max(room - 1, 8)] + '…'}: {label}"


def _tell(transaction: Transaction, ledgers: Sequence[Ledger], now: datetime) -> None:
    for stale in (False, True):
        by_alert: dict[Alert, list[audience.News]] = {}
        for ledger in ledgers:
            if ledger.stale is stale:
                by_alert.setdefault(ledger.alert, []).append(audience.News(ledger.id, ledger.reason.value, ledger.news))
        audience.tell_audience(transaction, by_alert.get(Alert.AUDIENCE, []), now=now, by_mail=not stale, clears=_CLEARS)
        audience.tell_audience(transaction, by_alert.get(Alert.QUIETLY, []), now=now, by_mail=False, clears=_CLEARS)
        audience.tell_readers(transaction, by_alert.get(Alert.READERS, []), now=now, by_mail=not stale)
        audience.tell_told(transaction, by_alert.get(Alert.TOLD, []), now=now, by_mail=not stale)
