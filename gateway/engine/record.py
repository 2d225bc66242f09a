"""Writing down what happened: every happening is judged against its thread, then all is saved and told, set by set."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Final

from gateway.domain.episode import episodes as every_episode
from gateway.domain.judge import STALE_AFTER, Reason, judge
from gateway.domain.thread import Occurrence
from gateway.engine import reading
from gateway.engine.happening import Happening
from gateway.engine.ledger import Ledger
from gateway.engine.tell import tell
from gateway.storage import audience, changes, episodes, teams, threads
from gateway.storage.database import Transaction
from mappers.contract import Category

CATEGORY_LABELS: Final = {
    Category.INCIDENT: "incident",
    Category.SCHEMA_CHANGE: "schema change",
    Category.JOB_FAILURE: "job failure",
    Category.LATE_RUN: "late run",
    Category.DBT_TEST_FAILURE: "dbt test failure",
    Category.SYSTEM: "system",
}
_SUBJECT_LIMIT: Final = 74  # 78 with "Re: "


@dataclass(frozen=True, slots=True)
class Recorded:
    """What came of some happenings."""

    reasons: list[Reason]
    """Of each, in order."""
    told: int
    """How many people heard; of a large team nobody has yet, and it counts as one."""


def record(transaction: Transaction, happenings: Sequence[Happening], now: datetime) -> Recorded:
    """Judges and records these happenings in order."""
    stored = threads.lock(transaction, [one.place for one in happenings])
    rules = teams.rules(transaction, {one.place.team_id for one in happenings})
    ledgers = {identity: Ledger.open(thread, rules) for identity, thread in stored.items()}
    same = threads.known_occurrences(transaction, [(ledgers[one.place.identity].id, one.occurrence.key) for one in happenings])
    reasons: list[Reason] = []
    told = 0
    for happening in happenings:
        ledger = ledgers[happening.place.identity]
        known = ledger.known.get(happening.occurrence.key) or same.get((ledger.id, happening.occurrence.key))
        verdict = judge(ledger.thread, happening.occurrence, known, lambda ledger=ledger: _history(transaction, ledger), now)  # type: ignore[misc]
        verdict = ledger.seen(verdict)
        stale = now - _known_since(happening) > STALE_AFTER
        if ledger.conflicts_with(verdict.alert, stale=stale):
            told += flush(transaction, list(ledgers.values()), now)
        ledger.apply(verdict, happening, known, now)
        ledger.tell(verdict.reason, verdict.alert, happening.news, stale=stale)
        reasons.append(verdict.reason)
    return Recorded(reasons, told + flush(transaction, list(ledgers.values()), now))


def _known_since(happening: Happening) -> datetime:
    """When we could first have told of it; what no webhook told of, when it happened."""
    return happening.occurrence.at if happening.origin.is_fetched else happening.origin.received_at


def _history(transaction: Transaction, ledger: Ledger) -> list[Occurrence]:
    stored = {one.key: one for one in threads.history(transaction, ledger.id)}
    return list((stored | ledger.known).values())


def flush(transaction: Transaction, ledgers: Sequence[Ledger], now: datetime) -> int:
    """Saves every ledger that has news, then tells people, set by set; gives how many were told."""
    ledgers = [ledger for ledger in ledgers if ledger.touched]
    if not ledgers:
        return 0
    _attach(transaction, ledgers, now)
    for ledger in ledgers:
        ledger.plan_reminder(now)
    _save(transaction, ledgers, now)
    told = tell(transaction, ledgers, now)
    reading.ask(transaction, ledgers, now)
    threads.close_conversations(
        transaction,
        sorted({ledger.row["conversation_id"] for ledger in ledgers if not ledger.thread.is_open and ledger.row["conversation_id"]}),
        now,
    )
    changes.note_threads(transaction, [ledger.id for ledger in ledgers])
    for ledger in ledgers:
        ledger.written()
    return told


def _save(transaction: Transaction, ledgers: Sequence[Ledger], now: datetime) -> None:
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
    episodes.put(transaction, [row for ledger in ledgers for row in ledger.episode_rows])
    for ledger in ledgers:
        if ledger.is_out_of_order:
            episodes.put_anew(transaction, ledger.id, every_episode(threads.history(transaction, ledger.id), now))
    threads.forget_audience(transaction, [ledger.id for ledger in ledgers if ledger.audience_anew])
    threads.add_owners(transaction, {ledger.id: ledger.owners for ledger in ledgers})
    threads.add_permissions(transaction, {ledger.id: ledger.permissions for ledger in ledgers})


def _attach(transaction: Transaction, ledgers: Sequence[Ledger], now: datetime) -> None:
    worst_last = sorted((one for one in ledgers if one.conversation), key=lambda one: (one.row["weight"], -one.id))
    wanted = {ledger.conversation: ledger for ledger in worst_last if ledger.conversation}
    subjects = {identity: {"team_id": ledger.team_id, "subject": _subject(ledger)} for identity, ledger in wanted.items()}
    found = threads.open_conversations(transaction, subjects, now)
    for ledger in ledgers:
        if ledger.conversation:
            ledger.row["conversation_id"] = found[ledger.conversation]


def _subject(ledger: Ledger) -> str:
    """The subject of the conversation's mails: `[acme/prod] nightly-orders: job failure`. No time, no run: it never changes."""
    row, team = ledger.row, ledger.team.slug
    place = f"[{team}/{row['environment']}]" if row["environment"] else f"[{team}]"
    label = CATEGORY_LABELS[Category(row["category"])]
    room = _SUBJECT_LIMIT - len(place) - len(label) - 3
    topic = row["pipeline"] or row["title"]
    return f"{place} {topic if len(topic) <= room else topic[: max(room - 1, 8)] + '…'}: {label}"
