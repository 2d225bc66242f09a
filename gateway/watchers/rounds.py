"""The shape of a watcher that looks at many things, each when it is due: a few at once, none of them in another's way."""

import asyncio
import logging
from abc import abstractmethod
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any, Final

from gateway.domain.standing import Turn, next_look
from gateway.domain.timetable import Timetable
from gateway.storage import checks, sources
from gateway.storage.checks import Check
from gateway.storage.database import Database, StorageUnavailable, Transaction
from gateway.watchers.notice import notice
from gateway.workers.lease import LEASE, Time, new_lease
from gateway.workers.loop import Worker

_AFTER_A_BUG: Final = timedelta(minutes=5)
_log = logging.getLogger("tocsin.watchers")


@dataclass(frozen=True)
class Look:
    """What one look at something came to."""

    trouble: str | None = None
    """Why it could not be looked at, or is not well."""
    seen: dict[str, Any] = field(default_factory=dict)
    """What is kept beside how it stands."""
    news: tuple[tuple[str, dict[str, Any]], ...] = ()
    """(key, document) of what is worth telling beside that it is down or up."""
    also: Callable[[Transaction], None] | None = None
    """What is written down with it."""
    again_in: timedelta | None = None
    """How soon it is looked at again, where that is sooner than its schedule says."""


class Rounds(Worker):
    """Claims what is due and looks at it, up to `at_once` at the same time; what takes long holds up nothing but itself."""

    kind: str

    def __init__(
        self, database: Database, clock: Callable[[], datetime], on_noticed: Callable[[], None], *, at_once: int, within: timedelta,
        time: Time | None = None,
    ) -> None:  # fmt: skip
        """`within`: how long one look may take. `time` measures leases; default: `clock`."""
        super().__init__(clock)
        self._database, self._on_noticed, self._at_once, self._within = database, on_noticed, at_once, within
        self._time: Time = time or (lambda _: clock())
        self._stepped_at: datetime | None = None
        self._under_way: set[asyncio.Task[None]] = set()
        self._held: dict[int, str] = {}
        """check → the lease it is held under."""

    @abstractmethod
    async def look(self, check: Check) -> Look:
        """Looks at it. What it raises is a bug of ours, and nobody is told that it is down."""

    async def step(self) -> int:
        """Begins as many looks as there is room for."""
        room, now = self._at_once - len(self._under_way), self.clock()
        if self._stepped_at is None or now < self._stepped_at - checks.SKEW:
            await self._database.write(checks.pull_forward, self.kind, now=now)
        self._stepped_at = now
        due = await self._database.read(checks.next_due, self.kind) if room > 0 else None
        if due is None or due > now:
            return 0
        lease = new_lease()

        def claim(transaction: Transaction) -> list[Check]:
            at = self._time(transaction)
            return checks.claim(transaction, self.kind, now=at, lease=lease, lease_for=self._within + LEASE, limit=room)

        claimed = await self._database.write(claim)
        for one in claimed:
            self._held[one.id] = lease
            task = asyncio.create_task(self._one(one, lease))
            self._under_way.add(task)
            task.add_done_callback(self._ended)
        if self.stopping:
            self.stop()
        return len(claimed)

    async def next_due(self) -> datetime | None:
        """When the next is due; where there is no room, not before one has ended."""
        if len(self._under_way) >= self._at_once:
            return None
        return await self._database.read(checks.next_due, self.kind)

    def stop(self) -> None:
        """Does not wait for strangers."""
        super().stop()
        for task in self._under_way:
            task.cancel()

    async def finish(self) -> None:
        """Puts back what was being looked at, and what nobody began to look at."""
        await asyncio.gather(*self._under_way, return_exceptions=True)
        for check_id, lease in self._held.items():
            await self._database.write(checks.put_back, check_id, lease=lease, due_at=self.clock())

    async def settled(self) -> None:
        """Waits for the looks that were begun."""
        while self._under_way:
            await asyncio.wait(self._under_way)

    def _ended(self, task: "asyncio.Task[None]") -> None:
        self._under_way.discard(task)
        if not task.cancelled() and task.exception() is not None:
            _log.error("%s: a look could not be recorded: %s", self.name, task.exception())  # due again when the lease ends
        self.wake()

    async def _one(self, check: Check, lease: str) -> None:
        try:
            look = await self.look(check)
        except StorageUnavailable:
            raise
        except Exception:
            _log.exception("%s: looking at %s failed", self.name, check.slug)
            await self._database.write(checks.put_back, check.id, lease=lease, due_at=self.clock() + _AFTER_A_BUG)
        else:
            if await self._database.write(self._record, check, lease, look, self.clock()):
                self._on_noticed()
        self._held.pop(check.id, None)

    def _record(self, transaction: Transaction, check: Check, lease: str, look: Look, now: datetime) -> bool:
        """Everything or nothing; gives whether there is something to tell."""
        standing, turn = check.standing.after(look.trouble is not None, at=now, tries=check.tries)
        due_at = next_time(check, now)
        held = checks.finish(
            transaction, check.id, lease=lease, standing=standing, trouble=look.trouble, seen={**check.seen, **look.seen},
            checked_at=now, due_at=min(due_at, now + look.again_in) if look.again_in else due_at,
        )  # fmt: skip
        if not held:
            return False
        if look.also is not None:
            look.also(transaction)
        news = [(key, {**document, **about(check), "at": now.isoformat()}) for key, document in look.news]
        if turn is not None:
            since = standing.since if turn is Turn.DOWN else check.since
            told = {"since": (since or now).isoformat(), "failures": standing.failures, "trouble": look.trouble or ""}
            news.append((f"{check.id}/{turn}/{told['since']}", {"state": turn.value, **told, **about(check), "at": now.isoformat()}))
        for key, document in news:
            source_id = sources.own(transaction, team_id=check.team_id, now=now)
            notice(transaction, source_id=source_id, watcher=_WATCHERS[self.kind], key=key, document=document, now=now)
        return bool(news)


def about(check: Check) -> dict[str, Any]:
    """What every document about it says."""
    return {"slug": check.slug, "environment": check.environment, "owners": check.owners, "address": check.address}


def unwatched(transaction: Transaction, check: Check, now: datetime) -> None:
    """Ends what was told of something that nobody looks at any more."""
    if check.is_down:
        since = (check.since or now).isoformat()
        document = {"state": "unwatched", "since": since, **about(check), "at": now.isoformat()}
        source_id = sources.own(transaction, team_id=check.team_id, now=now)
        watcher = _WATCHERS[check.kind]
        notice(transaction, source_id=source_id, watcher=watcher, key=f"{check.id}/unwatched/{since}", document=document, now=now)


_WATCHERS: Final = {checks.DATABASE: "schemas", checks.PROBE: "probes"}


def next_time(check: Check, now: datetime) -> datetime:
    """When it is due next."""
    if check.cron:
        return Timetable(check.cron, None, check.timezone).after(now)
    return next_look(check.due_at, timedelta(seconds=check.interval_seconds), now)
