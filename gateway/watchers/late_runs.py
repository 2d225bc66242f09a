"""The watcher of late runs: what was expected and did not come, what does not end, and that it is well again."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any, Final

from gateway.domain import expectation
from gateway.domain.expectation import Came, Expectation, Lateness, Reason, Standing, Verdict
from gateway.domain.timetable import Timetable
from gateway.metrics import LATENESS, MONITORS, SCAN_LAG
from gateway.storage import monitors, silences
from gateway.storage.database import Database, Transaction
from gateway.storage.silences import Gap, Held
from gateway.watchers.notice import notice
from gateway.workers.cadence import Cadence
from gateway.workers.lease import Time
from gateway.workers.loop import Worker

NAME: Final = "late_runs"
BATCH: Final = 100
SETTLING: Final = timedelta(minutes=1)
"""After a time at which nobody looked, senders are given this long to say again what they said to nobody."""
BEAT_EVERY: Final = timedelta(seconds=10)
COUNT_EVERY: Final = timedelta(seconds=15)
_AT_REST: Final = {"expected_at": None, "awaited_from": None, "due_at": None, "held_since": None}
_NOT_LATE: Final = {"lateness": Lateness.NONE.value}
_NOT_OVERRUN: Final = {"overrun": None, "overrun_from": None}


class LateRunWatcher(Worker):
    """Looks at every monitor when its time comes, and at those that people were told of when a run does."""

    name = NAME

    def __init__(self, database: Database, clock: Callable[[], datetime], on_noticed: Callable[[], None], time: Time | None = None) -> None:
        """`on_noticed` is called after something was noticed. `time`: the one clock of all machines; default: `clock`."""
        super().__init__(clock)
        self._database, self._on_noticed = database, on_noticed
        self._time: Time = time or (lambda _: clock())
        self._gap: Gap | None = None
        self._beaten_at: datetime | None = None
        self._counts = Cadence(COUNT_EVERY, clock())

    async def step(self) -> int:
        """Up to a hundred monitors; gives about how many something came of."""
        now = await self._database.read(self._time)
        if self._beaten_at is None or abs(now - self._beaten_at) >= BEAT_EVERY:
            self._gap, self._beaten_at = await self._database.write(silences.beat, NAME, now), now
        if self._counts.comes_round(now):
            await self._count(now)
        ids = await self._database.read(silences.wanting, now=now, limit=BATCH)
        if not ids:
            return 0
        said, moved = await self._database.write(_look, ids, now, self._gap)
        if said:
            self._on_noticed()
        return moved

    async def next_due(self) -> datetime | None:
        """When time alone makes something of a monitor."""
        return await self._database.read(silences.next_due)

    async def _count(self, now: datetime) -> None:
        counted, due = await self._database.read(monitors.by_lateness), await self._database.read(silences.next_due)
        for name in ("none", "late", "missing", "paused"):
            MONITORS.labels(_STATES[name]).set(counted.get(name, 0))
        SCAN_LAG.set(max((now - due).total_seconds(), 0.0) if due else 0.0)


_STATES: Final = {"none": "on-time", "late": "late", "missing": "missing", "paused": "paused"}


@dataclass(frozen=True, slots=True)
class _Known:
    """What is certain about what came."""

    now: datetime
    gap: Gap | None
    unread_since: datetime | None
    asked_upto: Mapping[int, datetime]

    def all_until(self, moment: datetime, source_id: int) -> bool:
        """Whether everything of a source that came until then was read."""
        if self.gap is not None and self.now < self.gap.until + SETTLING:
            return False
        if self.unread_since is not None and self.unread_since <= moment:
            return False
        asked = self.asked_upto.get(source_id)
        return asked is None or asked >= moment

    def unheard(self, since: datetime, until: datetime) -> Gap | None:
        """The time within these at which nobody looked."""
        return self.gap if self.gap is not None and self.gap.since < until and self.gap.until > since else None


def _look(transaction: Transaction, ids: Sequence[int], now: datetime, gap: Gap | None) -> tuple[int, int]:
    """Decides about these monitors; gives how much was said, and how many stand otherwise than before.

    Whoever holds a row decides about it alone, and what is said is written with it: two scanners never say it twice.
    """
    held = silences.hold(transaction, ids)
    mine = [one.id for one in held]
    if not mine:
        return 0, 0
    came = silences.came(transaction, mine)
    known = _Known(now, gap, silences.unread_since(transaction), silences.asked_upto(transaction, [one.source_id for one in held]))
    told_already = silences.called_late(transaction, mine)
    running = silences.running(transaction, [one.id for one in held if one.max_duration_seconds])
    ended = silences.ended(transaction, [one.id for one in held if one.overrun])
    said, changes = 0, {}
    for one in held:
        desk = _Desk(transaction, one, now)
        values = desk.let_go() if desk.rests or one.expected_at is None else desk.time_limit(running.get(one.id), ended.get(one.id))
        if not desk.rests or desk.wakes:
            values |= desk.judge(came.get(one.id), known, told_already=one.id in told_already)
        changes[one.id] = values
        said += desk.said
    silences.save(transaction, {number: values for number, values in changes.items() if values})
    return said, sum(bool(values) for values in changes.values())


class _Desk:
    """One monitor while it is looked at."""

    def __init__(self, transaction: Transaction, one: Held, now: datetime) -> None:
        self._transaction, self._one, self._now = transaction, one, now
        self._expected = Expectation(
            Timetable(one.cron, timedelta(seconds=one.interval_seconds) if one.interval_seconds else None, one.timezone),
            timedelta(seconds=one.grace_seconds),
            timedelta(seconds=one.max_duration_seconds) if one.max_duration_seconds else None,
        )
        self.said = 0
        is_gone = bool(one.disabled_at or one.source_disabled)
        self.rests = is_gone or one.paused_at is not None
        self.wakes = not is_gone and one.paused_until is not None and one.paused_until <= now

    def judge(self, came: tuple[datetime, datetime] | None, known: _Known, *, told_already: bool) -> dict[str, Any]:
        """What became of the run it waits for, and what is to be written down of that.

        `told_already`: the sender itself calls the run late, and people hear of that.
        """
        one, expected = self._one, self._expected
        before = Standing(one.expected_at, Lateness(one.lateness), one.held_since)
        if one.paused_at is not None:
            before = Standing()
        certain = before.expected_at is None or known.all_until(expectation.late_at(expected, before.expected_at), one.source_id)
        verdict = expectation.decide(expected, before, Came(*came) if came else None, self._now, certain=certain)
        if before.expected_at is not None and not (told_already and verdict.reason is Reason.LATE):
            self._tell(verdict, before.expected_at, came, known)
        LATENESS.labels(verdict.reason.value).inc()
        standing = verdict.standing
        assert standing.expected_at is not None
        return {
            "expected_at": standing.expected_at,
            "awaited_from": expectation.awaited_from(expected.timetable, standing.expected_at),
            "lateness": standing.lateness.value,
            "held_since": standing.held_since,
            "due_at": verdict.due_at,
            **({"paused_at": None, "paused_until": None} if one.paused_at else {}),
        }

    def _tell(self, verdict: Verdict, expected_at: datetime, came: tuple[datetime, datetime] | None, known: _Known) -> None:
        match verdict.reason:
            case Reason.LATE | Reason.MISSING:
                gap = known.unheard(expectation.awaited_from(self._expected.timetable, expected_at), verdict.at)
                unheard: dict[str, Any] = {"unheard_from": gap.since, "unheard_until": gap.until} if gap else {}
                self._say(verdict.reason.value, expected_at, verdict.at, last_run_at=self._one.last_run_at, **unheard)
            case Reason.ARRIVED if came is not None:
                run = silences.run_at(self._transaction, self._one.id, came[0])
                which = {"run": run.run, "url": run.url} if run else {}
                self._say("arrived", expected_at, verdict.at, ran_at=came[0], missed=verdict.missed, **which)

    def time_limit(self, running: silences.Running | None, ended: datetime | None) -> dict[str, Any]:
        """What became of the run that was to end by now."""
        one, limit = self._one, self._expected.max_duration
        if one.overrun is not None and one.overrun_from is not None:
            if ended is None or limit is None:
                return {}
            by = one.overrun_from + limit
            self._say("ended", by, max(ended, by), about="end", run=one.overrun, ran_at=ended, started_at=one.overrun_from)
            return dict(_NOT_OVERRUN)
        if limit is None or running is None or running.started_at + limit > self._now:
            return {}
        by = running.started_at + limit
        self._say("overrun", by, by, about="end", run=running.run, url=running.url, started_at=running.started_at)
        return {"overrun": running.run, "overrun_from": running.started_at}

    def let_go(self) -> dict[str, Any]:
        """What people were told of is not waited for any more: it is over, whatever became of it."""
        one = self._one
        reason = (
            "Its monitor was removed." if one.disabled_at
            else "Its source was removed." if one.source_disabled
            else "Its monitor is paused." if one.paused_at
            else "Its monitor was changed."
        )  # fmt: skip
        if one.lateness != Lateness.NONE.value:
            self._say("unwatched", self._now, self._now, reason=reason)
        if one.overrun is not None:
            self._say("unwatched", self._now, self._now, about="end", reason=reason)
        rests = {} if one.paused_at and not one.disabled_at else _AT_REST
        return {**rests, **_NOT_LATE, **_NOT_OVERRUN}

    def _say(self, state: str, expected_at: datetime, at: datetime, *, about: str = "start", **more: Any) -> None:
        one = self._one
        self.said += 1
        key = f"{one.id}/{state}/{about}/{expected_at.isoformat()}"
        document = {
            "state": state, "about": about, "pipeline": one.pipeline, "environment": one.environment, "at": at,
            "schedule": str(self._expected.timetable), "timezone": one.timezone, "expected_at": expected_at,
            "grace_seconds": one.grace_seconds, **more,
        }  # fmt: skip
        notice(self._transaction, source_id=one.source_id, watcher=NAME, key=key, document=document, now=self._now)
