"""Watches the gateway itself: what is wrong is told to the admins of the team it concerns, and taken back when it is over."""

import os
from collections.abc import Callable, Mapping
from dataclasses import asdict, replace
from datetime import datetime, timedelta
from typing import Any, Final

from gateway.domain.self_watch import OVER_AFTER, Figures, Trouble, troubles
from gateway.storage import locks, self_watch, sources
from gateway.storage.database import Database, Transaction
from gateway.storage.self_watch import Told
from gateway.watchers.notice import notice
from gateway.workers.cadence import Cadence
from gateway.workers.loop import Worker

EVERY: Final = timedelta(minutes=1)
_WATCHER: Final = "gateway"
_WEIGHT: Final = {"warning": 1, "error": 2}


class SelfWatcher(Worker):
    """Once a minute. Several processes come to the same; whoever is first tells."""

    name = "self_watch"

    def __init__(self, database: Database, clock: Callable[[], datetime], on_noticed: Callable[[], None]) -> None:
        """`on_noticed` is called when there is something to enter in the journal."""
        super().__init__(clock)
        self._database, self._on_noticed = database, on_noticed
        self._cadence = Cadence(EVERY, clock())

    async def step(self) -> int:
        """One look at everything."""
        now = self.clock()
        if not self._cadence.comes_round(now):
            return 0
        free, size = _disk(self._database)
        await self._database.write(self_watch.listen, now)
        counted = await self._database.read(self_watch.figures, now)
        figures = {team_id: replace(one, disk_free=free, disk_size=size) for team_id, one in counted.items()}
        if await self._database.write(_looked, figures, now):
            self._on_noticed()
        return 0

    async def next_due(self) -> datetime:
        """When it looks again."""
        return self._cadence.next_at


def _looked(transaction: Transaction, figures: Mapping[int, Figures], now: datetime) -> bool:
    """Tells what is new, worse or over; gives whether there is something to enter."""
    locks.one_at_a_time(transaction, "self-watch")
    known: dict[int, dict[str, Told]] = {}
    for one in self_watch.told(transaction):
        known.setdefault(one.team_id, {})[one.name] = one
    count = 0
    for team_id, team in figures.items():
        mine = known.pop(team_id, {})
        wrong = {one.name: one for one in troubles(team, now, frozenset(mine))}
        for trouble in wrong.values():
            count += _wrong(transaction, team_id, trouble, mine.get(trouble.name), now)
        for name, one in mine.items():
            if name not in wrong:
                count += _gone(transaction, one, now)
    return count > 0


def _wrong(transaction: Transaction, team_id: int, trouble: Trouble, known: Told | None, now: datetime) -> bool:
    """What got less bad stays as it was told, until it is over."""
    details = _details(trouble)
    if known is None:
        is_news = self_watch.open_trouble(transaction, team_id=team_id, name=trouble.name, level=trouble.level, details=details, now=now)
    elif _WEIGHT[trouble.level] > _WEIGHT[known.level]:
        is_news = self_watch.change_trouble(transaction, known, level=trouble.level, details=details)
    else:
        if known.clear_since is not None:
            self_watch.change_trouble(transaction, known, level=known.level, details=known.details)
        return False
    if is_news:
        since = known.since if known else now
        _say(transaction, team_id, "open", trouble.name, trouble.level, details, since, now)
    return is_news


def _gone(transaction: Transaction, known: Told, now: datetime) -> bool:
    if known.clear_since is None:
        self_watch.seems_over(transaction, known, now)
        return False
    if now - known.clear_since < OVER_AFTER or not self_watch.close_trouble(transaction, known):
        return False
    _say(transaction, known.team_id, "over", known.name, known.level, known.details, known.since, now)
    return True


def _say(
    transaction: Transaction, team_id: int, state: str, name: str, level: str, details: Mapping[str, Any], since: datetime, now: datetime
) -> None:
    document = {"state": state, "name": name, "level": level, **details, "since": since.isoformat(), "at": now.isoformat()}
    source_id = sources.own(transaction, team_id=team_id, now=now)
    key = f"{name}/{state}/{level}/{since.isoformat()}"
    notice(transaction, source_id=source_id, watcher=_WATCHER, key=key, document=document, now=now)


def _details(trouble: Trouble) -> dict[str, Any]:
    return {name: value for name, value in asdict(trouble).items() if name not in ("name", "level")}


def _disk(database: Database) -> tuple[int | None, int | None]:
    """(free, all) bytes where the database is a file; of PostgreSQL's disk nothing is known here."""
    if database.file is None:
        return None, None
    try:
        found = os.statvfs(database.file.parent)
    except OSError:
        return None, None
    return found.f_bavail * found.f_frsize, found.f_blocks * found.f_frsize
